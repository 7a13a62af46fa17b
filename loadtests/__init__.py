"""Load tests: what TrafficGuard costs and what it catches, measured by commands that anyone can repeat.

`bench` measures the program as users start it beside its peers, and never imports it. `actors` are people and crawlers;
`virtual` puts them in front of the guard in virtual time, to see scores; `run` plays scenarios, in virtual time or over
sockets, to see what a whole proxy makes of them.

Promises: every figure comes from this machine, in this run, with the command line beside it.
Never: sends a byte beyond 127.0.0.1.
"""
