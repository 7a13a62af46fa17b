"""The data plane: sockets towards clients and origins, and everything that moves bytes between them.

A `Downstream` is one client connection, an `Upstream` one origin connection; both are asyncio protocols that call each
other directly, without tasks, queues or locks. What the connections of a worker share stands in `services`. Framing is
decided in `trafficguard.http`, the verdict in `trafficguard.guard`; here it is only carried out (`act`).

Where another proxy, a front, keeps the connections and only asks what to do with each request, `forward_auth` answers
it. It is built on aiohttp, for it moves no bodies and sees no connection of a visitor. `subrequest` puts together what
is asked about, `turning` and `handover` what the visitor gets, `recent` and `outcomes` what is learnt later.
"""
