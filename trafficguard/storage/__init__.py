"""Where recorded requests go: from a worker's ring through a channel to the supervisor, and from there to
sinks.

`pump` runs in a worker on a timer: it packs what `telemetry.EventRing` holds into messages and sends them
without ever waiting. `sinks` runs in the supervisor: `read_events` unpacks the messages and `JsonLines`
appends them to the decision log. The channel is one pair of SOCK_SEQPACKET Unix sockets made before the
fork: a message arrives whole or not at all, so a dying worker cannot leave half of one and several workers
may share the channel. Whoever is too slow loses events, counted on the side that lost them; nobody on the
way of a request ever waits for a log.
"""
