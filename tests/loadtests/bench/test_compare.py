"""Tests of loadtests/bench/compare.py."""

from __future__ import annotations

import pytest

from loadtests.bench.compare import MUSTS, Rows, Spread, checks, figure, promises, ratio, spread
from loadtests.bench.measure import Row
from loadtests.bench.plan import Cell, Style, Workload
from tests.loadtests.bench.samples import HOT, plan, row, sample

PEERS = ("nginx", "caddy", "aiohttp", "trafficguard")


def test_a_spread_is_median_least_and_greatest() -> None:
    assert spread([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0)
    assert spread([]) is None


def test_a_ratio_is_formed_inside_each_round() -> None:
    # The machine was twice as slow in the second round for both: the medians alone would say 40 / 16.
    assert ratio(row("a", 32.0, 64.0, 40.0), row("nginx", 16.0, 32.0, 10.0)) == Spread(2.0, 2.0, 4.0)


def test_rounds_that_only_one_side_has_do_not_count() -> None:
    late = Row(HOT, "a", [sample(1, 50.0), sample(2, 90.0)])
    assert ratio(late, row("nginx", 10.0, 25.0)) == Spread(2.0, 2.0, 2.0)


def test_an_invalid_row_has_no_figures_on_either_side() -> None:
    broken = row("a", 30.0)
    broken.fail("3 of 9 requests failed")
    good = row("nginx", 20.0)
    assert ratio(broken, good) is None
    assert ratio(good, broken) is None
    assert figure(broken, lambda one: one.cpu_us) is None


def test_the_first_reason_of_a_failure_is_kept() -> None:
    broken = row("a", 30.0)
    broken.fail("first")
    broken.fail("second")
    assert broken.error == "first"


def one_table(trafficguard: float) -> Rows:
    """nginx 20, Caddy 150, aiohttp 180 microseconds."""
    return Rows(
        [row("nginx", 20.0), row("caddy", 150.0), row("aiohttp", 180.0), row("trafficguard", trafficguard)]
    )


@pytest.mark.parametrize(
    ("cost", "broken"), [(31.9, set()), (33.0, {"nginx"}), (51.0, {"nginx", "caddy", "aiohttp"})]
)
def test_a_promise_holds_up_to_its_limit(cost: float, broken: set[str]) -> None:
    found = [check for check in checks(one_table(cost), plan(*PEERS)) if check.cell == HOT]
    assert {check.must.base for check in found} == {"nginx", "caddy", "aiohttp"}
    assert {check.must.base for check in found if not check.holds} == broken


def test_a_promise_without_figures_does_not_hold() -> None:
    closing = Cell(Workload.HOT, Style.CLOSE)
    [check] = [check for check in checks(one_table(20.0), plan(*PEERS)) if check.cell == closing]
    assert check.measured is None
    assert not check.holds


def test_only_promises_between_planned_targets_are_checked() -> None:
    assert promises(plan("nginx", "caddy")) == []
    assert {must.base for _, must in promises(plan("nginx", "trafficguard"))} == {"nginx"}


def test_the_promises_are_those_of_the_budget() -> None:
    assert {(must.style, must.base): must.limit for must in MUSTS} == {
        (Style.KEEPALIVE, "nginx"): 1.6,
        (Style.KEEPALIVE, "aiohttp"): pytest.approx(0.25),
        (Style.KEEPALIVE, "caddy"): pytest.approx(1 / 3),
        (Style.CLOSE, "nginx"): 2.5,
    }
