"""`python -m loadtests`: says which load tests there are.

Never: starts one.
"""

from __future__ import annotations

HELP = """\
Load tests of TrafficGuard. Each is a command of its own with a --help:

  python -m loadtests.bench    CPU per proxied request beside nginx, HAProxy, Caddy and aiohttp
"""

if __name__ == "__main__":
    print(HELP, end="")
