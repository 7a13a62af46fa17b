"""Tests of loadtests/bench/plan.py."""

from __future__ import annotations

from loadtests.bench.plan import START_SECONDS, Cell, Style, Workload
from tests.loadtests.bench.samples import plan


def test_every_target_comes_first_once() -> None:
    orders = [plan("a", "b", "c").order(turn) for turn in range(4)]
    assert orders == [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b"), ("a", "b", "c")]


def test_there_is_a_table_per_workload_and_style() -> None:
    assert plan("a").cells() == [Cell(Workload.HOT, Style.KEEPALIVE), Cell(Workload.HOT, Style.CLOSE)]


def test_the_duration_counts_warm_up_rounds_and_starts_of_every_target() -> None:
    assert plan("a", "b").duration() == 2 * (2 * (1 + 3 * 2) + START_SECONDS)
