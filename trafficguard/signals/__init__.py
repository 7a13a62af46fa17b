"""Facts about one request, and what each of them says about who sent it.

`row` reads a head into facts, `agents` tells what the sender claims to be, and `declared`, `headers`, `hints`
and `fetch` hold one small function per signal. `measures` lists the functions, `catalog` says in plain words
what each signal means, what it weighs and where that weight comes from; a test keeps the two lists equal.
`fingerprint` names a head's order and stable values.

Promises: everything here is a pure function of a head, the connection's https-ness and what a front leaves
intact. Unknown browsers, unknown versions and unmet needs give no evidence. Never: counts over time, adds
evidence up (`scoring`), or knows an action (`policy`).
"""
