"""Figures from rows: medians, ratios, and whether the ratios hold that TrafficGuard promises.

Promises: arithmetic only. A ratio is formed inside each round, where both sides saw the same machine. A promise that is
known not to hold is expected to fail: should it hold, that is as wrong as another one that breaks.
Never: uses a row that has an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from loadtests.bench.measure import Row, Sample
from loadtests.bench.plan import Cell, Plan, Style, Workload


@dataclass(frozen=True)
class Spread:
    """A median with the least and the greatest of the rounds."""

    median: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread | None:
    """None of no values."""
    return Spread(median(values), min(values), max(values)) if values else None


def figure(row: Row, of: Callable[[Sample], float]) -> Spread | None:
    """One figure of a row over its rounds; None when the row does not count."""
    return None if row.error else spread([of(sample) for sample in row.samples])


def ratio(row: Row, base: Row) -> Spread | None:
    """CPU per request relative to another row, round by round; None when either does not count."""
    if row.error or base.error:
        return None
    bases = {sample.turn: sample.cpu_us for sample in base.samples if sample.cpu_us > 0}
    return spread([sample.cpu_us / bases[sample.turn] for sample in row.samples if sample.turn in bases])


class Rows:
    """Rows by table and target."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.all = list(rows)
        self._by_place = {(row.cell, row.target): row for row in self.all}

    def at(self, cell: Cell, target: str) -> Row | None:
        """The row of a target in a table, if it was asked for."""
        return self._by_place.get((cell, target))

    def ratio(self, cell: Cell, target: str, base: str) -> Spread | None:
        """CPU of one target relative to another in one table; None when one of them has no figures."""
        row, other = self.at(cell, target), self.at(cell, base)
        return ratio(row, other) if row and other else None


@dataclass(frozen=True)
class Must:
    """A promise: TrafficGuard's CPU per request is at most `limit` times that of `base`."""

    style: Style
    base: str
    limit: float


MUSTS = (
    Must(Style.KEEPALIVE, "nginx", 1.6),
    Must(Style.KEEPALIVE, "aiohttp", 1 / 4),
    Must(Style.KEEPALIVE, "caddy", 1 / 3),
    Must(Style.CLOSE, "nginx", 2.5),
)
"""For both workloads."""


@dataclass(frozen=True)
class Gap:
    """A promise that is known not to hold."""

    measured: float
    """The ratio in loadtests/results/bench.json."""
    reason: str


GAPS: Final[dict[tuple[Cell, str], Gap]] = {
    (Cell(Workload.HOT, Style.KEEPALIVE), "nginx"): Gap(1.65, "what is left is the interpreter's own share"),
}
"""By table and base. The README names each under its known gaps; whoever closes one strikes it in both places."""


@dataclass(frozen=True)
class Check:
    """A promise beside what was measured."""

    cell: Cell
    must: Must
    measured: float | None
    """Median ratio; None when one of the two has no figures."""
    gap: Gap | None
    """Set where it is known not to hold."""

    @property
    def holds(self) -> bool:
        """Measured, and within the limit."""
        return self.measured is not None and self.measured <= self.must.limit

    @property
    def is_as_known(self) -> bool:
        """Whether it holds, or else was measured and is a known gap."""
        return self.measured is not None and self.holds is (self.gap is None)


def promises(plan: Plan) -> list[tuple[Cell, Must]]:
    """The promises that a plan can show: those about its tables and between its targets."""
    if "trafficguard" not in plan.targets:
        return []
    asked = [must for must in MUSTS if must.base in plan.targets]
    return [(cell, must) for cell in plan.cells() for must in asked if must.style is cell.style]


def checks(rows: Rows, plan: Plan) -> list[Check]:
    """Every promise of the plan beside its figure."""
    found = []
    for cell, must in promises(plan):
        measured = rows.ratio(cell, "trafficguard", must.base)
        found.append(Check(cell, must, measured.median if measured else None, GAPS.get((cell, must.base))))
    return found
