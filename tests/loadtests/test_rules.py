"""The measurement of what rules cost: that it measures what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests import rules
from trafficguard.policy.build import build
from trafficguard.policy.engine import plain_facts
from trafficguard.policy.model import PolicyFile


def test_every_rule_of_the_operator_is_asked_and_each_kind_can_match() -> None:
    policy = build(PolicyFile.model_validate({"rules": rules.operator_rules(200)}))
    assert len(policy.names) == 200
    matching = {
        "rule-11": {"headers": {"user-agent": "Grabber-11/1"}},
        "rule-12": {"path": "/old-shop/12/x"},
        "rule-13": {"path": "/hidden/13", "method": "POST"},
        "rule-14": {"address": "10.14.14.9"},
        "rule-16": {"headers": {"x-partner": "partner-16"}},
        "rule-17": {"host": "www.shop-17.example"},
    }
    for name, facts in matching.items():
        assert policy.decide(plain_facts(**facts), policy.new_errors()).rule == name  # type: ignore[arg-type]


def test_requests_are_the_same_each_time_and_half_of_their_pages_are_new() -> None:
    first, again = rules.crowd_of_facts(200), rules.crowd_of_facts(200)
    assert [one.path for one in first] == [one.path for one in again]
    assert len({one.path for one in first}) > 100


def test_what_the_rules_add_is_the_difference() -> None:
    base, full, added = rules.measure(20, 200, 1)
    assert added.mean == pytest.approx(full.mean - base.mean)
    assert added.p99 == pytest.approx(full.p99 - base.mean)


@pytest.mark.parametrize(("mean", "p99", "code"), [(4.9, 9.9, 0), (5.1, 9.0, 1), (4.0, 10.1, 1)])
def test_check_fails_beyond_the_limits(mean: float, p99: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "measure", lambda *_: [rules.Cost("the rules add", mean, 1.0, p99)])
    assert CliRunner().invoke(rules.main, ["--check"]).exit_code == code
    assert CliRunner().invoke(rules.main, []).exit_code == 0


def test_figures_are_written_for_machines(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    result = CliRunner().invoke(rules.main, ["--rules", "10", "--requests", "100", "--rounds", "1", "--json", str(file)])
    assert result.exit_code == 0
    assert [one["policy"] for one in json.loads(file.read_text())] == ["balanced", "balanced and 10 rules", "the rules add"]
