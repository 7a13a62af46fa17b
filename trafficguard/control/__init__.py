"""The operators' door, in the supervisor: is it alive, is it ready, what has it counted, are the origins
well.

`admin` serves `/healthz`, `/readyz` and `/metrics` with aiohttp on a loopback address or a Unix socket;
`metrics` turns the workers' planes of shared memory into Prometheus text; `health` asks the origins and
marks on a board in shared memory which of them are up. `state` is what the supervisor knows of itself and
its workers: it writes, these read. Nothing here is on the way of a request, and nothing here can change what
the workers do, but for the board.
"""
