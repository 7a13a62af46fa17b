"""What changes between two policies."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from tests.policy.policies import facts, rule_lists
from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.differ import differences
from trafficguard.policy.facts import Facts
from trafficguard.policy.model import PolicyFile


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return differences(*(build(PolicyFile.model_validate(one)) for one in (old, new)))


def rule(name: str, when: str = "secure", **more: Any) -> dict[str, Any]:
    return {"name": name, "when": when} | ({"action": "block"} if "weigh" not in more else {}) | more


A, B = rule("a", "score > 50"), rule("b", 'path == "/x"', weigh=2)


def test_nothing_changes_when_only_blanks_and_order_of_keys_do() -> None:
    written = {"when": "score   >\n 50", "action": {"block": {}}, "name": "a"}
    assert changes({"rules": [A]}, {"rules": [written]}) == []


def test_rules_come_and_go_and_change() -> None:
    assert changes({"rules": [A]}, {"rules": [B]}) == [
        "rule a: is gone (it was: when score > 50, block with 403)",
        "rule b: is new: when path == \"/x\", adds 2 nats of evidence",
    ]  # fmt: skip
    changed = rule("a", "score > 60", action="challenge", mode="shadow")
    assert changes({"rules": [A]}, {"rules": [changed]}) == [
        "rule a: held when score > 50; holds when score > 60",
        "rule a: was block with 403; is challenge with some work for the browser",
        "rule a: mode was enforce, is shadow",
    ]


def test_a_rule_that_is_asked_elsewhere_is_told() -> None:
    c = rule("c", "secure")
    assert changes({"rules": [A, B, c]}, {"rules": [B, c, A]}) == ["rule a: is asked in another place now, right below c"]


def test_a_new_rule_moves_nobody() -> None:
    assert len(changes({"rules": [A, B]}, {"rules": [rule("c", "secure && score < 9"), A, B]})) == 1


def test_thresholds_are_compared_by_what_each_score_leads_to() -> None:
    def steps(*pairs: tuple[int, str]) -> dict[str, Any]:
        return {"thresholds": [{"name": "t", "steps": [{"score": s, "action": a} for s, a in pairs]}]}

    assert changes(steps((50, "block")), steps((50, "challenge"), (75, "block"))) == [
        "threshold t: from 50 on was block with 403; is challenge with some work for the browser",
    ]
    assert changes(steps((50, "block")), steps((75, "block"))) == ["threshold t: from 50 on was block with 403; is pass"]
    assert changes(steps((50, "block")), {})[0] == "threshold t: is gone (it was for all requests)"


def test_modes_sites_and_signals_are_compared_with_what_counts() -> None:
    old = {"mode": "enforce", "signals": {"agent.library": {"weight": 5}}}
    new = {"mode": "shadow", "name": "x", "sites": {"s": {"mode": "off"}}, "signals": {"accept.odd": {"mode": "off"}}}
    assert changes(old, new) == [
        "policy: name was balanced, is x",
        "policy: mode was enforce, is shadow",
        "site s: mode was that of the policy, is off",
        "signal accept.odd: mode was on, is off",
        "signal agent.library: weight was 5 nats, is 7 nats",
    ]


def test_lists_are_compared_entry_by_entry() -> None:
    def policy(*entries: str) -> dict[str, Any]:
        return {"lists": {"l": {"entries": entries}}, "rules": [rule("a", 'address in list("l")')]}

    assert changes(policy("10.0.0.0/8"), policy("10.0.0.0/8", "192.0.2.1")) == ["list l: 192.0.2.1/32 comes in"]
    assert changes(policy("10.0.0.1", "10.0.0.2"), policy("10.0.0.1")) == ["list l: 10.0.0.2/32 goes out"]


@given(rule_lists(3), rule_lists(3), facts())
def test_where_nothing_is_told_both_decide_the_same(old: Any, new: Any, request: Facts) -> None:
    try:
        one, other = (build(PolicyFile.model_validate({"rules": rules})) for rules in (old, new))
    except PolicyError:
        return
    if not differences(one, other):
        assert one.decide(request, one.new_errors()) == other.decide(request, other.new_errors())
