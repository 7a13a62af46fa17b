"""Load tests: what TrafficGuard costs, measured beside its peers in the same run.

Promises: every figure comes from this machine, in this run, with the command line beside it.
Never: sends a byte beyond 127.0.0.1, and never imports TrafficGuard: it measures the program as users start
it.
"""
