"""Tests of loadtests/bench/compare.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtests.bench import compare
from loadtests.bench.__main__ import SAVED
from loadtests.bench.compare import GAPS, MUSTS, Gap, Rows, Spread, checks, figure, promises, ratio, spread
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


@pytest.mark.parametrize(("cost", "as_known"), [(31.9, False), (33.0, True)])
def test_a_known_gap_is_as_known_only_while_it_is_one(
    cost: float, as_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "GAPS", {(HOT, "nginx"): Gap(1.65, "a reason")})
    found = {check.must.base: check for check in checks(one_table(cost), plan(*PEERS)) if check.cell == HOT}
    assert {base: check.is_as_known for base, check in found.items()} == {
        "nginx": as_known,
        "caddy": True,
        "aiohttp": True,
    }


def test_a_known_gap_that_was_not_measured_is_not_as_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "GAPS", {(HOT, "nginx"): Gap(1.65, "a reason")})
    invalid = row("trafficguard", 40.0)
    invalid.fail("no request was answered")
    found = checks(Rows([row("nginx", 20.0), invalid]), plan("nginx", "trafficguard"))
    assert [check.is_as_known for check in found] == [False, False]


def test_the_known_gaps_are_those_of_the_recorded_run_and_of_the_readme() -> None:
    recorded = json.loads(SAVED.read_text())["checks"]
    found = {(one["workload"], one["style"], one["base"]): one["measured"] for one in recorded if not one["holds"]}
    assert {(cell.workload, cell.style, base): gap.measured for (cell, base), gap in GAPS.items()} == {
        place: pytest.approx(measured, abs=0.005) for place, measured in found.items()
    }
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    gaps = readme.partition("## Known gaps")[2].partition("\n## ")[0]
    assert all(f"{gap.measured:.2f}" in gaps for gap in GAPS.values())


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
