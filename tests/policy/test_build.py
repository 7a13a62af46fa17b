"""A policy out of a file and its lists."""

from __future__ import annotations

from typing import Any

import pytest

from trafficguard.actions import BlockAction, ChallengeAction, PassAction
from trafficguard.policy.build import PolicyError, build, condition_problems
from trafficguard.policy.engine import Policy, plain_facts
from trafficguard.policy.lists import Source
from trafficguard.policy.model import PolicyFile


def built(file: dict[str, Any], **more: Any) -> Policy:
    return build(PolicyFile.model_validate(file), **more)


def rule(name: str, when: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "action": "block"} | more


def decided(policy: Policy, **facts: Any) -> str:
    return policy.decide(plain_facts(**facts), policy.new_errors()).rule


def test_an_empty_policy_passes_everything() -> None:
    policy = built({})
    assert policy.decide(plain_facts(), [])[:2] == (PassAction(), "default")


def test_lists_come_from_the_file_and_from_what_it_names() -> None:
    lists = {"office": {"entries": ["192.0.2.0/24"], "file": "more.txt"}}
    file = {"lists": lists, "rules": [rule("a", 'address in list("office")')]}
    policy = built(file, sources={"office": Source("more.txt", "10.0.0.0/8\n")})
    assert [decided(policy, address=a) for a in ("192.0.2.9", "10.1.1.1", "11.1.1.1")] == ["a", "a", "default"]


def test_only_the_first_entry_that_fits_counts() -> None:
    steps = [{"score": 50, "action": "block"}]
    entries = [
        {"name": "quiet", "routes": ["api"], "steps": [{"score": 90, "action": "block"}]},
        {"name": "ours", "sites": ["shop.example"], "when": "load.host > 0.5", "steps": steps},
        {"name": "rest", "steps": [{"score": 70, "action": "challenge"}, {"score": 90, "action": {"block": {"status": 429}}}]},
    ]
    policy = built({"thresholds": entries})
    assert decided(policy, score=60, route="api") == "default"
    assert decided(policy, score=90, route="api") == "quiet-90"
    assert policy.decide(plain_facts(score=89.9), policy.new_errors())[:2] == (ChallengeAction(), "rest-70")
    assert policy.decide(plain_facts(score=90.0), policy.new_errors())[:2] == (BlockAction(status=429), "rest-90")
    busy = plain_facts(score=60)
    busy.load = 0.6
    assert policy.decide(busy, policy.new_errors()).rule == "ours-50"


def test_what_is_off_is_checked_and_left_out() -> None:
    policy = built({"rules": [rule("a", "secure", mode="off"), rule("b", "score > 90")]})
    assert policy.names == ("b",)
    with pytest.raises(PolicyError, match="no field 'scor'"):
        built({"rules": [rule("a", "scor > 1", mode="off")]})


def test_errors_are_counted_for_the_rule_that_failed() -> None:
    policy = built({"rules": [rule("a", 'int(headers["x"]) > 1'), rule("b", "secure")]})
    errors = policy.new_errors()
    assert policy.decide(plain_facts(headers={"x": "?"}), errors).rule == "b"
    assert (errors, policy.names) == ([1, 0], ("a", "b"))


def test_all_problems_are_told_together() -> None:
    file = {
        "signals": {"agent.librari": {"mode": "off"}},
        "lists": {"office": {"entries": ["10.0.0.0/33"]}},
        "rules": [rule("a", "scor > 1"), rule("b", 'path == "x" && method == "get"')],
        "thresholds": [{"steps": [{"score": 50, "action": "block"}], "when": "load > 1"}],
    }
    with pytest.raises(PolicyError) as caught:
        built(file)
    steps = [one.steps[:2] for one in caught.value.problems]
    assert steps == [
        ("lists", "office"), ("rules", 0), ("rules", 1), ("rules", 1), ("thresholds", 0), ("signals", "agent.librari"),
    ]  # fmt: skip
    assert "did you mean 'agent.library'?" in caught.value.problems[-1].remedy


def test_a_site_that_nobody_has_is_told_where_sites_are_known() -> None:
    file = {
        "sites": {"shop.exampel": {"mode": "shadow"}},
        "thresholds": [{"sites": ["shop.example", "other"], "steps": [{"score": 50, "action": "block"}]}],
    }
    assert built(file)
    with pytest.raises(PolicyError) as caught:
        built(file, sites=["shop.example"])
    assert [(one.steps, one.of_key) for one in caught.value.problems] == [
        (("sites", "shop.exampel"), True), (("thresholds", 0, "sites", 1), False),
    ]  # fmt: skip


def test_conditions_alone_are_checked_whatever_the_lists_hold() -> None:
    file = PolicyFile.model_validate(
        {"lists": {"office": {"file": "gone.txt"}}, "rules": [rule("a", 'address in list("office") && scor > 1')]}
    )
    assert [one.message for one in condition_problems(file)] == ["there is no field 'scor'"]
