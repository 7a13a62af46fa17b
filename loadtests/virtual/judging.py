"""`python -m loadtests judging`: what one verdict costs, with everything on.

The people and crawlers of the virtual hour go by once and are recorded; then all of it is asked again of a guard that
knows nobody. Each head is read right before it is judged, as in the proxy, and each call of `Guard.judge` and
`Guard.observe` is timed.
That is done several times over, and of each call the fastest counts: a call does the same each time, so that what it
took longer elsewhen is the machine's own.
Promises: nothing but the calls is timed; the collector does not run in between. Never: judges its own figures.
"""

from __future__ import annotations

import gc
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import click
import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.actors.catalogue import Catalogue
from loadtests.virtual.command import chosen
from loadtests.virtual.guards import make_guard
from loadtests.virtual.runner import Runner
from loadtests.virtual.scenario import Scenario, cast
from trafficguard.exchange import Conditions, Outcome, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.http.head import RequestHead, RequestReader

REPLAYS: Final = 5
"""How often the hour is asked again."""
LIMIT_P99_US: Final = 30.0
"""Most that scoring one request may take at the 99th percentile."""


class Heard(NamedTuple):
    """One request of the hour, and the moment it came."""

    raw: bytes
    request: Request
    now: int


class Ended(NamedTuple):
    """What became of the request that came as that `number`."""

    number: int
    outcome: Outcome
    now: int


class Recorder:
    """A guard whose calls are written down; it stands in for the guard in a run."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._index: dict[int, int] = {}
        self._count = 0
        self.calls: list[Heard | Ended] = []
        """All calls in their order."""

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        """As the guard's."""
        self._index[id(request)] = self._count
        self._count += 1
        self.calls.append(Heard(request.head.raw, request, now))
        return self._guard.judge(request, now, conditions)

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """As the guard's."""
        self.calls.append(Ended(self._index[id(request)], outcome, now))
        self._guard.observe(request, outcome, now)

    @property
    def errors(self) -> int:
        """Requests that could not be judged."""
        return self._guard.errors

    @property
    def last_error(self) -> str:
        """What the latest of them ran into."""
        return self._guard.last_error


def replay(calls: list[Heard | Ended], guard: Guard) -> tuple[list[int], list[int]]:
    """Nanoseconds of each call of `judge` and of `observe`."""
    reader, conditions, clock = RequestReader(), Conditions(), time.perf_counter_ns
    judging: list[int] = []
    observing: list[int] = []
    asked: dict[int, Request] = {}
    for call in calls:
        if isinstance(call, Heard):
            head = reader.read(call.raw)
            if not isinstance(head, RequestHead):
                raise TypeError(f"the proxy refuses a head of the hour: {head}")
            old = call.request
            request = Request(head, old.client, old.secure, old.site, old.id_bytes, old.handshake, old.account)
            asked[len(judging)] = request
            began = clock()
            guard.judge(request, call.now, conditions)
            judging.append(clock() - began)
        else:
            request = asked.pop(call.number)
            began = clock()
            guard.observe(request, call.outcome, call.now)
            observing.append(clock() - began)
    return judging, observing


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs, in microseconds."""

    call: str
    calls: int
    mean: float
    p50: float
    p99: float
    p999: float


def cost_of(call: str, nanoseconds: npt.NDArray[np.int64]) -> Cost:
    """The figures of many calls."""
    microseconds = nanoseconds / 1000.0
    p50, p99, p999 = np.percentile(microseconds, [50, 99, 99.9])
    return Cost(call, len(nanoseconds), float(microseconds.mean()), float(p50), float(p99), float(p999))


def measure(scenario: Scenario, rules: int = 0) -> list[Cost]:
    """The costs of both calls over a whole scenario, with as many rules of an operator."""
    catalogue = Catalogue(scenario.items)
    with make_guard() as guard:
        recorder = Recorder(guard)
        Runner(cast(scenario, catalogue), catalogue, recorder).run(scenario.minutes)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        runs = [replay_anew(recorder.calls, rules) for _ in range(REPLAYS)]
    finally:
        gc.enable()
        gc.unfreeze()
    judging, observing = (np.min(calls, axis=0) for calls in zip(*runs, strict=True))
    return [cost_of("judge", judging), cost_of("observe", observing)]


def replay_anew(calls: list[Heard | Ended], rules: int) -> tuple[list[int], list[int]]:
    """`replay` for a guard that knows nobody, but whose memory the system has handed out, as it has in operation."""
    with make_guard(populated=True, rules=rules) as guard:
        return replay(calls, guard)


@click.command()
@click.option("--minutes", default=45.0, show_default=True, type=click.FloatRange(1, 600), help="Virtual length.")
@click.option("--rules", default=0, show_default=True, type=click.IntRange(0, 2000), help="Of an operator.")
@click.option("--check", is_flag=True, help=f"Exit with 1 when a verdict's p99 is above {LIMIT_P99_US:.0f} µs.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(minutes: float, rules: int, check: bool, json_file: Path | None) -> None:
    """Time every verdict of the virtual hour."""
    costs = measure(chosen(1, minutes, (), None), rules)
    table = Table(box=SIMPLE_HEAD)
    for column in ("call", "calls", "mean µs", "p50 µs", "p99 µs", "p99.9 µs"):
        table.add_column(column, justify="left" if column == "call" else "right")
    for cost in costs:
        figures = (f"{value:.1f}" for value in (cost.mean, cost.p50, cost.p99, cost.p999))
        table.add_row(cost.call, f"{cost.calls:,}", *figures)
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", encoding="utf-8")
    if check and costs[0].p99 > LIMIT_P99_US:
        raise SystemExit(1)
