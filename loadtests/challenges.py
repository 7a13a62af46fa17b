"""`python -m loadtests challenges`: what challenges cost this side, in microseconds of processor time.

Issuing, refusing forged and foreign submissions, taking right ones, finding passes: each is timed in rounds of many,
and the best round counts, for what else the machine does only ever adds.

Promises: every submission that is timed is another one, as an attacker's would be. Never: times the page's own work.
"""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from trafficguard.actions import ChallengeAction
from trafficguard.challenge.desk import Desk, Solved
from trafficguard.challenge.pace import ClientClass, Pace, Puzzle
from trafficguard.challenge.page.render import Renderer
from trafficguard.challenge.work import solve
from trafficguard.clock import SECOND
from trafficguard.counters.table import Table as Counters
from trafficguard.exchange import Request
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.net.reception import Reception

RESULT: Final = Path(__file__).parent / "results" / "challenges.json"
LIMITS_US: Final = {"a page issued": 50.0, "a forged submission": 15.0, "a right submission": 100.0}
"""Most that each may cost, in microseconds."""
_NOW: Final = 1_700_000_000 * SECOND
_LATER: Final = _NOW + 5 * SECOND
_BITS: Final = 6
"""Fewer than people get: what checking costs depends on the parts only, and solutions are made here."""
_HEAD: Final = (
    "GET /product/7 HTTP/1.1\r\nHost: shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n{more}\r\n"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one thing costs."""

    what: str
    microseconds: float
    limit: float | None


class _EasyPace(Pace):
    """Puzzles with all their parts, but few bits."""

    __slots__ = ()

    def puzzle(self, _client: ClientClass, _score: float, _load: float) -> Puzzle:
        return Puzzle(_BITS, 16)


def _new_desk() -> Desk:
    counters = Counters.create()
    desk = Desk(b"a secret for the measurement ....", counters.timers, counters.burn)
    desk.pace = _EasyPace()
    return desk


def _sender(number: int, cookie: str = "") -> Request:
    more = f"Cookie: {cookie}\r\n" if cookie else ""
    head = _READER.read(_HEAD.format(more=more).encode())
    assert isinstance(head, RequestHead)
    return Request(head, f"192.0.{number % 250}.7", True, "shop.example", b"%020d" % number)


_READER: Final = RequestReader()


def _best(rounds: int, make: Callable[[], list[Callable[[], object]]]) -> float:
    """Microseconds of one call, in the best of some rounds; each round's calls are made anew."""
    best = float("inf")
    for _ in range(rounds):
        calls = make()
        began = time.process_time_ns()
        for call in calls:
            call()
        best = min(best, (time.process_time_ns() - began) / 1000 / len(calls))
    return best


def measure(rounds: int, count: int) -> list[Cost]:
    """All costs."""
    desk = _new_desk()
    reception, action = Reception(desk, Renderer()), ChallengeAction()
    numbers = range(count)

    def pages() -> list[Callable[[], object]]:
        senders = map(_sender, numbers)
        return [partial(reception.challenge, one, action, 60.0, 0.2, "rest-60", _NOW) for one in senders]

    def forged() -> list[Callable[[], object]]:
        texts = [urlsafe_b64encode(os.urandom(78)) for _ in numbers]
        return _attempts(desk, ((_sender(at), text, ["1"] * 16) for at, text in enumerate(texts)))

    def foreign() -> list[Callable[[], object]]:
        texts = [desk.issue(_sender(at), "pow", _NOW).ticket.encode() for at in numbers]
        return _attempts(desk, ((_sender(at + 1), text, ["1"] * 16) for at, text in enumerate(texts)))

    def right() -> list[Callable[[], object]]:
        texts = [desk.issue(_sender(at), "pow", _NOW).ticket.encode() for at in numbers]
        return _attempts(desk, ((_sender(at), text, _solved(text)) for at, text in enumerate(texts)))

    def passes() -> list[Request]:
        cookies = []
        for at in numbers:
            lines = desk.passes.give(_sender(at), "pow", 12, 0, None, _NOW)
            cookies.append(lines.decode().removeprefix("Set-Cookie: ").partition(";")[0])
        return [_sender(at, cookie) for at, cookie in enumerate(cookies)]

    def first_seen() -> list[Callable[[], object]]:
        return [partial(desk.admit, one, _LATER) for one in passes()]

    def known() -> list[Callable[[], object]]:
        calls = first_seen()
        for call in calls:
            call()
        return calls

    costs = {
        "a page issued": pages, "a forged submission": forged, "a foreign submission": foreign,
        "a right submission": right, "a pass first seen": first_seen, "a pass known": known,
    }  # fmt: skip
    return [Cost(what, _best(rounds, make), LIMITS_US.get(what)) for what, make in costs.items()]


def _solved(text: bytes) -> list[str]:
    return [one.decode() for one in solve(text, _BITS, 16)]


def _attempts(desk: Desk, sent: Iterable[tuple[Request, bytes, list[str]]]) -> list[Callable[[], object]]:
    told = {"ua": "Mozilla/5.0", "platform": "Linux x86_64", "languages": ["de"], "touch_points": 0, "timezone": -60}
    return [partial(desk.take_work, one, text, answers, 800.0, told, {}, _LATER) for one, text, answers in sent]


def prove() -> None:
    """What is timed is what it is called."""
    desk = _new_desk()
    sender = _sender(1)
    text = desk.issue(sender, "pow", _NOW).ticket.encode()
    assert isinstance(desk.take_work(sender, text, _solved(text), 800.0, {}, {}, _LATER), Solved)
    assert desk.take_work(sender, urlsafe_b64encode(os.urandom(78)), ["1"] * 16, 1.0, {}, {}, _LATER) == "malformed"


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="Rounds; the best counts.")
@click.option("--count", default=1000, show_default=True, type=click.IntRange(10, 100_000), help="Of each in a round.")
@click.option("--check", is_flag=True, help="Exit with 1 when something costs more than it may.")
@click.option("--write", is_flag=True, help=f"Keep the figures in {RESULT.parent.name}/{RESULT.name}.")
def main(rounds: int, count: int, *, check: bool, write: bool) -> None:
    """Time what challenges cost this side."""
    prove()
    costs = measure(rounds, count)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("what")
    for column in ("µs", "at most"):
        table.add_column(column, justify="right")
    for cost in costs:
        table.add_row(cost.what, f"{cost.microseconds:.1f}", f"{cost.limit:g}" if cost.limit is not None else "")
    Console().print(table)
    if write:
        RESULT.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", encoding="utf-8")
    if check and any(cost.limit is not None and cost.microseconds > cost.limit for cost in costs):
        raise SystemExit(1)
