"""The figures that were kept, held to what was set out to be reached.

A target that is missed stays here as an expected failure, with the figure in its reason; it fails the run when it is
reached, so that the reason goes. Each file is written by the command that is named beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RESULTS = Path(__file__).parents[2] / "loadtests" / "results"


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def cost_of(name: str, call: str) -> dict[str, float]:
    costs = {one["call"]: one for one in result(name)}
    return costs[call]


def test_a_hundred_reloads_lose_nothing_and_leave_p99_within_twice_that_of_the_quiet_run() -> None:
    """`python -m loadtests reloading --write`"""
    kept = result("reloading")
    assert (kept["reloads"], kept["rules"], kept["share"]) == (100, 200, 0.6)
    assert [(one["lost"], one["failed"], one["halves"]) for one in kept["phases"]] == [(0, 0, 0)] * 3
    assert kept["p99_growth"] <= 2.0
    assert max(most for _, most in kept["applied_s"].values()) <= 1.0
    assert kept["broken_told_by"] == ["admin listener", "metrics", "log"]


def test_challenges_cost_this_side_little() -> None:
    """`python -m loadtests challenges --write`"""
    assert all(one["microseconds"] <= one["limit"] for one in result("challenges") if one["limit"] is not None)


def test_a_bogus_submission_costs_less_than_a_request_that_is_passed_on() -> None:
    """`python -m loadtests bogus --write`"""
    kept = result("bogus")
    assert kept["submissions"] >= 50_000
    assert kept["ratio"] < 1.0


def test_plain_drivers_of_browsers_are_known_once_they_have_solved_a_challenge() -> None:
    """`python -m loadtests drivers --python ... --node-home ... --write`, with a DISPLAY; others are reported only."""
    plain = [one for one in result("drivers") if one["client"].partition(",")[0] in ("Playwright", "Selenium", "Puppeteer")]
    assert len(plain) == 6
    assert all(one["solved"] and one["score"] >= 75.0 for one in plain)


def test_deciding_by_two_hundred_rules_more_adds_little() -> None:
    """`python -m loadtests rules --json loadtests/results/rules.json`"""
    added = result("rules")[-1]
    assert (added["mean"] <= 5.0, added["p99"] <= 10.0) == (True, True)


@pytest.mark.xfail(strict=True, reason="63 µs at p99: heads, addresses and sessions that were never seen before")
def test_a_verdict_takes_thirty_microseconds_at_most() -> None:
    """`python -m loadtests judging --minutes 4 --json loadtests/results/judging.json`"""
    assert cost_of("judging", "judge")["p99"] <= 30.0


@pytest.mark.xfail(strict=True, reason="7.6 µs in the mean: to describe a request to rules takes longer than to ask them")
def test_a_verdict_with_two_hundred_rules_takes_five_microseconds_more() -> None:
    """The same, and `... judging --minutes 4 --rules 200 --json loadtests/results/judging-200.json`"""
    assert cost_of("judging-200", "judge")["mean"] - cost_of("judging", "judge")["mean"] <= 5.0
