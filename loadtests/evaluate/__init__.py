"""How well the guard tells recorded people from recorded programs.

`recordings` reads sessions, `judging` puts each in front of a guard of its own, `summary` counts per client, class
and family, `report` prints, `command` is `python -m loadtests eval`.

The rules. A session is one client on one leg, from a clean state, ordered by time, under one address, with the bytes
that it really sent: `judge` and then `observe` with the recorded status, nothing else. Requests are numbered without
the shop's own telemetry, which is judged all the same unless `--no-telemetry` says otherwise; what a telemetry post
brings to light counts for the request before it. A person's figure is the highest over the legs. A program counts as
caught only when it is caught on every leg with at least five requests (on every leg, where none is that long).

Families are split in two by a hash of their name. Rules and weights were chosen on one half, so that the other half
shows how they do on programs that nobody looked at.
"""
