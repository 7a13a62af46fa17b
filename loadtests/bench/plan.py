"""What will be run: workloads, connection styles, targets, rounds.

Promises: values only; the duration told up front is computed here from the same numbers that the run uses.
Never: starts or measures anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

START_SECONDS = 3
"""Rough time to start, verify and stop one target in one workload; only for the estimate."""


class Workload(StrEnum):
    """Which requests are sent."""

    HOT = "hot"
    MIXED = "mixed"


class Style(StrEnum):
    """What happens to wrk's connections."""

    KEEPALIVE = "keep-alive"
    CLOSE = "new-connection"


@dataclass(frozen=True)
class Cell:
    """One table of the report."""

    workload: Workload
    style: Style

    def __str__(self) -> str:
        return f"{self.workload}, {self.style}"


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    workloads: tuple[Workload, ...]
    styles: tuple[Style, ...]
    targets: tuple[str, ...]
    rounds: int
    """How often each target is measured in each cell."""
    seconds: int
    """Length of one measurement."""
    warmup: int
    """Length of the unmeasured run before the first round, per target and style; 0 for none."""
    connections: int
    """Connections that wrk holds open."""

    def cells(self) -> list[Cell]:
        """The tables, in the order they are measured."""
        return [Cell(workload, style) for workload in self.workloads for style in self.styles]

    def order(self, turn: int) -> tuple[str, ...]:
        """The targets of one round: turned by one from round to round."""
        shift = turn % len(self.targets)
        return self.targets[shift:] + self.targets[:shift]

    def duration(self) -> int:
        """Expected length of the run in seconds."""
        driven = len(self.cells()) * (self.warmup + self.rounds * self.seconds)
        return len(self.targets) * (driven + len(self.workloads) * START_SECONDS)
