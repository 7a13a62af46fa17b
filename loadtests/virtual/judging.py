"""`python -m loadtests judging`: what one verdict costs, with everything on.

The people and crawlers of the virtual hour go by, and each call of `Guard.judge` and `Guard.observe` is timed.
Promises: nothing but the calls is timed; heads are read before. Never: judges its own figures.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
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

LIMIT_P99_US: Final = 30.0
"""Most that scoring one request may take at the 99th percentile."""


class Stopwatch:
    """A guard whose calls are timed; it stands in for the guard in a run."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.judging: list[int] = []
        """Nanoseconds of each call of `judge`."""
        self.observing: list[int] = []

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        """As the guard's, timed."""
        began = time.perf_counter_ns()
        verdict = self._guard.judge(request, now, conditions)
        self.judging.append(time.perf_counter_ns() - began)
        return verdict

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """As the guard's, timed."""
        began = time.perf_counter_ns()
        self._guard.observe(request, outcome, now)
        self.observing.append(time.perf_counter_ns() - began)

    @property
    def errors(self) -> int:
        """Requests that could not be judged."""
        return self._guard.errors

    @property
    def last_error(self) -> str:
        """What the latest of them ran into."""
        return self._guard.last_error


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs, in microseconds."""

    call: str
    calls: int
    mean: float
    p50: float
    p99: float
    p999: float


def cost_of(call: str, nanoseconds: list[int]) -> Cost:
    """The figures of many calls."""
    microseconds = np.asarray(nanoseconds) / 1000.0
    p50, p99, p999 = np.percentile(microseconds, [50, 99, 99.9])
    return Cost(call, len(nanoseconds), float(microseconds.mean()), float(p50), float(p99), float(p999))


def measure(scenario: Scenario) -> list[Cost]:
    """The costs of both calls over a whole scenario."""
    catalogue = Catalogue(scenario.items)
    with make_guard() as guard:
        watch = Stopwatch(guard)
        Runner(cast(scenario, catalogue), catalogue, watch).run(scenario.minutes)
    return [cost_of("judge", watch.judging), cost_of("observe", watch.observing)]


@click.command()
@click.option("--minutes", default=45.0, show_default=True, type=click.FloatRange(1, 600), help="Virtual length.")
@click.option("--check", is_flag=True, help=f"Exit with 1 when a verdict's p99 is above {LIMIT_P99_US:.0f} µs.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(minutes: float, check: bool, json_file: Path | None) -> None:
    """Time every verdict of the virtual hour."""
    costs = measure(chosen(1, minutes, (), None))
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
