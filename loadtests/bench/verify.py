"""Makes sure, before anything is measured, that a target does the work it is measured for.

Promises: BenchError names the first thing that is wrong.
Never: compares headers beyond what the figures rest on.
"""

from __future__ import annotations

from loadtests.bench.crowd import addresses, targets
from loadtests.bench.drive import request_head
from loadtests.bench.errors import BenchError
from loadtests.bench.fetch import Answer, connection
from loadtests.bench.heads import HOT, load
from loadtests.bench.origin import BODY, SEEN
from loadtests.bench.plan import Style, Workload


def verify(port: int, workload: Workload) -> None:
    """Ask through the target as wrk will; for `mixed` with every head once, and for the client's address."""
    _styles(port)
    if workload is Workload.MIXED:
        _every_head(port)
        _client_address(port)


def _styles(port: int) -> None:
    for style in Style:
        with connection(port) as asked:
            answer = asked.ask(request_head(HOT, "/product/7", style))
        _expect_body(answer, f"the hot head, {style}")
        if answer.closes != (style is Style.CLOSE):
            raise BenchError(f"{style}: the connection {'closes' if answer.closes else 'stays open'}")


def _every_head(port: int) -> None:
    crowd = zip(load(), addresses(), targets() * 4, strict=False)
    with connection(port) as asked:
        for head, address, target in crowd:
            answer = asked.ask(request_head(head, target, Style.KEEPALIVE, address))
            _expect_body(answer, f"a recorded head of {head.client}")


def _client_address(port: int) -> None:
    address = addresses()[-1]
    with connection(port) as asked:
        answer = asked.ask(request_head(HOT, SEEN, Style.KEEPALIVE, address))
    seen = answer.body.decode("latin-1")
    if seen.partition(",")[0].strip() != address:
        raise BenchError(f"the origin is told {seen!r} as the client's address, not {address}")


def _expect_body(answer: Answer, asked: str) -> None:
    if answer.status != 200:
        raise BenchError(f"{asked}: status {answer.status} instead of 200")
    if answer.body != BODY:
        raise BenchError(f"{asked}: {len(answer.body)} bytes that are not the origin's {len(BODY)}")
