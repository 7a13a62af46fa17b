"""TrafficGuard: an anti-crawling reverse proxy that stands in front of an online shop's web tier.

For every request it forms a bot score with reasons, and passes or blocks it before the shop spends a cycle.

The house has floors; a lower one never imports an upper one, and a contract in `pyproject.toml` holds that:

    WORDS      errors, clock, values, settings, http/      values only: no I/O, no numba
    FACTS      counters/ | signals/                        what is measured
    JUDGEMENT  exchange, scoring/, policy/, guard          pure and synchronous
    RECORDS    telemetry/                                  in-process only
    DOORS      net/ | storage/ | control/                  sockets, files, the operators' door
    HOUSE      load, nursery, worker, supervisor, demo/, cli

A request travels like this. `net.connection` accepts it and `net.downstream` collects its head; `http.head` reads it
and `http.framing` refuses whatever could be understood in two ways; `guard.Guard.judge` turns it into a `Verdict`, in
one pure call; `net.act` says what that means; `net.pool` finds a connection to the origin and `net.upstream` cuts its
answer out of the stream, back to the client. `Answering.finish` is the last moment of every exchange: it is counted,
and offered to the decision log. Requests that do not come through here but are asked about by another proxy enter at
`net.forward_auth` and meet the same guard, policy and records.

Where the code differs from the way such proxies are usually built, the package docstring of the place says why. Two
choices are worth knowing at once. llhttp judges the grammar of request heads and nothing else, because it cannot stop
at the end of a message and knows no HEAD (`http`). And what follows from header lines alone is worked out once and
shared (`http.blocks`): all that a verdict says of a head is remembered under its `Shape`. What the sender has done is
counted and weighed in one compiled call on memory that all workers share (`counters.intake`).
"""

__version__ = "0.1.0"
