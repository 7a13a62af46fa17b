"""Real clients in front of the sample shop: libraries, crawlers, impersonators, driven browsers, and one person.

    tools      where the programs are, and how those that can be installed get there
    catalogue  which clients there are, and how each is started
    gate       gives each client an address of its own
    person     a browser with a window, moved by mouse and keyboard
    fates      what became of each, read off the proxy's decision log
    meeting    sets all of them on one shop, beside the person
    command    `python -m loadtests clients`

Promises: the proxy is one as users start it, with the policy `balanced` and in force; all clients meet the same one, so
that they and the person are there at the same time. Never: goes anywhere but to loopback.
"""
