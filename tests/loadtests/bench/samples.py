"""Makes rows and plans for the tests of this folder."""

from __future__ import annotations

from loadtests.bench.drive import Run
from loadtests.bench.measure import Row, Sample
from loadtests.bench.plan import Cell, Plan, Style, Workload

HOT = Cell(Workload.HOT, Style.KEEPALIVE)


def sample(turn: int, cpu_us: float, requests: int = 1000, errors: int = 0) -> Sample:
    """A measurement that cost `cpu_us` microseconds a request."""
    run = Run(requests, 1.0, requests * 1400, errors, p50_us=1500, p99_us=6000)
    return Sample(turn, run, cpu_us * requests / 1e6)


def row(target: str, *cpu_us: float, cell: Cell = HOT) -> Row:
    """A row with one round per figure."""
    return Row(cell, target, [sample(turn, one) for turn, one in enumerate(cpu_us)])


def plan(*targets: str) -> Plan:
    """The two kinds of connections, one head."""
    return Plan((Workload.HOT,), tuple(Style), targets, rounds=3, seconds=2, warmup=1, connections=8)
