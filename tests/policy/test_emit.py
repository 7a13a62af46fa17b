"""The emitted function against the plain walk, and what it does at its edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy import naive, policies
from trafficguard.actions import BlockAction, ChallengeAction, PassAction
from trafficguard.policy import emit as emitting
from trafficguard.policy.emit import Entry, Rule, emit
from trafficguard.policy.engine import Shadow, plain_facts
from trafficguard.policy.facts import Facts, Kind
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.nodes import Constant, Node
from trafficguard.policy.reading import read_condition

ALWAYS = Constant(True, Kind.BOOL)


def condition(text: str) -> Node:
    node, flaws = read_condition(text, {})
    assert node is not None, (text, flaws)
    return node


def rules_of(given: list[dict[str, Any]]) -> list[Rule]:
    file = PolicyFile.model_validate({"rules": given, "thresholds": []})
    return [
        Rule(
            one.name, condition(one.when), one.action.value if one.action else None, one.weigh or 0.0,
            one.label or "", one.mode == "shadow",
        )
        for one in file.rules
    ]  # fmt: skip


ENTRIES = [
    Entry("watched", ALWAYS, ((20.0, ChallengeAction()), (60.0, BlockAction())), True),
    Entry("odd", condition("int(headers[\"x-test\"]) > 5"), ((10.0, BlockAction(status=429)),), False),
    Entry("rest", condition("route in [\"page\", \"item\"]"), ((50.0, ChallengeAction()), (91.0, BlockAction())), False),
]  # fmt: skip


@pytest.mark.parametrize("few", [1, 12])
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_function_decides_as_a_plain_walk_does(few: int, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emitting, "FEW_TESTS", few)
        rules = rules_of(data.draw(policies.rule_lists(24)))
        decide = emit(rules, ENTRIES)
    for facts in data.draw(st.lists(policies.facts(), min_size=1, max_size=10)):
        errors, expected_errors = [0] * 40, [0] * 40
        expected = naive.decide(rules, ENTRIES, facts, expected_errors)
        assert decide(facts, errors) == expected
        assert errors == expected_errors


def decide(given: list[dict[str, Any]], facts: Facts) -> tuple[Any, list[int]]:
    rules = rules_of(given)
    errors = [0] * len(rules)
    return emit(rules, [])(facts, errors), errors


def test_a_rule_that_weighs_is_seen_by_the_rules_below_it() -> None:
    rules = [
        {"name": "a", "when": "score > 50", "action": "block"},
        {"name": "b", "when": "true", "weigh": 7},
        {"name": "c", "when": "score > 50", "action": "challenge"},
    ]
    decision, _ = decide(rules, plain_facts())
    assert (decision.action, decision.rule, decision.evidence) == (ChallengeAction(), "c", 7.0)
    assert decision.score > 90


def test_evidence_never_leaves_its_bounds() -> None:
    up, _ = decide([{"name": f"a{n}", "when": "true", "weigh": 10} for n in range(3)], plain_facts())
    assert (up.evidence, len(up.weighed)) == (16.0, 3)
    down, _ = decide([{"name": "a", "when": "true", "weigh": -10}], plain_facts(evidence=2.0))
    assert down.evidence == 0.0


def test_a_rule_that_fails_does_not_match_and_is_counted_and_the_next_is_asked() -> None:
    rules = [
        {"name": "a", "when": "int(headers[\"n\"]) > 0", "action": "block"},
        {"name": "b", "when": "1 / size(headers[\"n\"]) > 0", "action": "block"},
        {"name": "c", "when": "true", "action": "challenge"},
    ]
    decision, errors = decide(rules, plain_facts())
    assert (decision.rule, errors) == ("c", [1, 1, 0])


def test_a_rule_in_shadow_is_noted_and_changes_nothing() -> None:
    rules = [
        {"name": "a", "when": "true", "action": "block", "mode": "shadow"},
        {"name": "b", "when": "true", "weigh": 9, "label": "odd", "mode": "shadow"},
        {"name": "c", "when": "\"odd\" in labels || score > 50", "action": "block"},
    ]
    decision, _ = decide(rules, plain_facts())
    assert (decision.action, decision.rule, decision.weighed, decision.labels) == (PassAction(), "default", (), ())
    assert decision.shadow == (Shadow("a", BlockAction(), 0.0), Shadow("b", None, 9.0))


def test_a_label_of_a_rule_is_seen_below_it_only() -> None:
    asks = {"when": "\"odd\" in labels", "action": "block"}
    rules = [{"name": "a", **asks}, {"name": "b", "when": "true", "weigh": 0, "label": "odd"}, {"name": "c", **asks}]
    decision, _ = decide(rules, plain_facts())
    assert (decision.rule, decision.labels) == ("c", ("odd",))


def test_a_text_of_a_policy_never_becomes_code() -> None:
    odd = "/x\"); import os #\\n{}"
    decision, _ = decide([{"name": "a", "when": f"path == {policies.quoted(odd)}", "action": "block"}], plain_facts(path=odd))
    assert decision.rule == "a"


def test_ipv4_mapped_ipv6_addresses_count_as_the_ipv4_addresses_that_they_are() -> None:
    rules = [{"name": "a", "when": "address in [\"10.0.0.0/8\"]", "action": "block"}]
    assert decide(rules, plain_facts(address="::ffff:10.0.0.1"))[0].rule == "a"
    assert decide(rules, plain_facts(address="unix"))[0].rule == "default"
