"""What can never matter in a policy: found where it is sure, and never claimed where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.policy import naive, policies
from tests.policy.naive import State
from trafficguard.policy.atoms import cases_of
from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.emit import Rule
from trafficguard.policy.facts import Facts
from trafficguard.policy.inert import find_inert
from trafficguard.policy.lists import Problem
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.nodes import Node
from trafficguard.policy.reading import read_condition


def problems(given_file: dict[str, Any]) -> list[Problem]:
    try:
        build(PolicyFile.model_validate(given_file))
    except PolicyError as error:
        return error.problems
    return []


def rule(name: str, when: str, action: str | None = "block", **more: Any) -> dict[str, Any]:
    return {"name": name, "when": when} | ({} if action is None else {"action": action}) | more


def pair(above: str, below: str) -> list[Problem]:
    return problems({"rules": [rule("above", above), rule("below", below, "pass")]})


# ---- rules behind rules that end

WITHIN = [
    ('path == "/a"', 'path == "/a"'),
    ('path in ["/a", "/b"]', 'path == "/a"'),
    ('path.startsWith("/a")', 'path == "/ab"'),
    ('path.startsWith("/a")', 'path.startsWith("/ab")'),
    ('path.endsWith(".js")', 'path.endsWith("x.js")'),
    ('path.contains("b")', 'path.startsWith("/abc")'),
    ('path.matches("^/a")', 'path in ["/a", "/ab"]'),
    ('address in ["10.0.0.0/8"]', 'address in ["10.1.0.0/16", "10.2.3.4"]'),
    ('address in ["10.0.0.0/9", "10.128.0.0/9"]', 'address in ["10.0.0.0/8"]'),
    ("score > 50", "score >= 51"),
    ("score >= 50", "score > 50"),
    ("score > 50", "score == 60"),
    ("score > 50", 'score > 60 && method == "GET"'),
    ("load.host > 0.5 || secure", "secure"),
    ('route in ["page", "item"]', 'route == "page"'),
    ('route != "page"', 'route == "item"'),
    ('!(route in ["page"])', 'route in ["item", "api"]'),
    ('"x" in headers', 'headers["x"] == "1"'),
    ('!(headers["x"] == "1")', 'headers["x"] == "2"'),
    ("time.hour >= 0", "secure"),
    ("true", 'path == "/a"'),
    ("secure == true", "secure"),
    ('"ua.automation" in labels', '"ua.automation" in labels && secure'),
    ('path == host', 'path == host && secure'),
]  # fmt: skip


@pytest.mark.parametrize(("above", "below"), WITHIN)
def test_a_rule_within_one_that_ends_above_never_fires(above: str, below: str) -> None:
    found = pair(above, below)
    assert [(one.steps, "'above' above ends" in one.message) for one in found][-1:] == [(("rules", 1, "when"), True)]


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ('path == "/a"', 'path in ["/a", "/b"]'),
        ('path.startsWith("/ab")', 'path.startsWith("/a")'),
        ('path.startsWith("/a")', 'headers["x"].startsWith("/ab")'),
        ('path.matches("^/a")', 'path.startsWith("/a")'),
        ('path.lowerAscii() == "/a"', 'path == "/A"'),
        ('address in ["10.0.0.0/16"]', 'address in ["10.0.0.0/8"]'),
        ('address in ["0.0.0.0/0"]', 'address == "2001:db8::1"'),
        ("score > 50", "score >= 50"),
        ("score < 50", "score > 10"),
        ('route != "page"', 'route in ["page", "item"]'),
        ('"x" in headers', 'headers["x"] == ""'),
        ('headers["x"] == ""', '!("x" in headers) && secure && false == secure || secure'),
        ("secure", "!secure"),
        ('path == "/a" && secure', 'path == "/a"'),
        ('int(headers["x"]) > 1 || true', "secure"),
    ],
)
def test_a_rule_that_goes_beyond_those_above_is_left_alone(above: str, below: str) -> None:
    assert pair(above, below) == []


def test_several_rules_together_take_all_away() -> None:
    rules = [rule("a", 'path == "/a"'), rule("b", 'path == "/b"'), rule("c", 'path in ["/a", "/b"]')]
    assert "'a' and 'b' above end " in problems({"rules": rules})[0].message


def test_networks_of_several_rules_together_take_all_away() -> None:
    rules = [
        rule("a", 'address == "10.0.0.1"'), rule("b", 'address == "10.0.0.9"'),
        rule("c", 'address in ["10.0.0.1", "10.0.0.9"] && secure'), rule("d", 'address in ["10.0.0.1", "10.0.0.8"]'),
    ]  # fmt: skip
    assert [one.steps for one in problems({"rules": rules})] == [("rules", 2, "when")]


@pytest.mark.parametrize("above", [
    rule("above", "secure", mode="shadow"),
    rule("above", "secure", mode="off"),
    rule("above", "secure", None, weigh=2),
])  # fmt: skip
def test_a_rule_that_does_not_end_takes_nothing_away(above: dict[str, Any]) -> None:
    assert problems({"rules": [above, rule("below", "secure")]}) == []


def test_a_rule_that_weighs_in_between_may_change_the_score() -> None:
    rules = [rule("a", "score > 50"), rule("b", "secure", None, weigh=2), rule("c", "score > 60")]
    assert problems({"rules": rules}) == []


def test_a_rule_that_labels_in_between_may_give_the_label() -> None:
    asks = '"ua.automation" in labels'
    rules = [rule("a", asks), rule("b", "secure", None, weigh=1, label="ua.automation"), rule("c", asks)]
    assert problems({"rules": rules}) == []
    rules[1]["label"] = "even"
    assert [one.steps for one in problems({"rules": rules})] == [("rules", 2, "when")]


@pytest.mark.parametrize(
    "when",
    [
        "false",
        'path == "/a" && path == "/b"',
        'path.startsWith("/a") && path.startsWith("/b")',
        'path.startsWith("/a") && path == "/b"',
        "score > 50 && score < 50",
        "score > 100",
        "load.error_rate > 1",
        "time.hour == 24",
        'address in ["10.0.0.0/8"] && address in ["192.0.2.0/24"]',
        'headers["x"] == "1" && !("x" in headers)',
        '"ua.automation" in labels && !("ua.automation" in labels)',
        'route == "page" && route == "item"',
        "secure && !secure",
        "secure ? false : secure",
    ],
)
def test_a_condition_that_never_holds_is_told(when: str) -> None:
    assert [(one.steps, "never holds" in one.message) for one in problems({"rules": [rule("a", when)]})] == [
        (("rules", 0, "when"), True)
    ]


def test_a_condition_with_very_many_cases_is_not_taken_apart() -> None:
    when = " && ".join(f'(headers["a{n}"] == "1" || headers["b{n}"] == "1")' for n in range(12))
    assert pair(when, when) == []


# ---- the same, held against requests


def node_of(text: str) -> Node:
    node, _ = read_condition(text, {})
    assume(node is not None)
    assert node is not None
    return node


@given(policies.conditions, policies.facts())
def test_cases_never_claim_what_a_request_denies(text: str, facts: Facts) -> None:
    node = node_of(text)
    cases = cases_of(node, lambda _: 0)
    try:
        value = bool(naive.value_of(node, State(facts)))
    except (ValueError, ZeroDivisionError):
        return
    if cases == ():
        assert not value
    if cases == ((),):
        assert value


@given(policies.rule_lists(6), st.lists(policies.facts(), min_size=1, max_size=8))
def test_a_rule_that_is_called_inert_never_fires(given_rules: list[dict[str, Any]], requests: list[Facts]) -> None:
    file = PolicyFile.model_validate({"rules": given_rules})
    nodes = {index: node_of(one.when) for index, one in enumerate(file.rules)}
    inert = {file.rules[int(one.steps[1])].name for one in find_inert(file, nodes, {}) if one.steps[2] == "when"}
    rules = [
        Rule(r.name, nodes[i], r.action.value if r.action else None, r.weigh or 0.0, r.label or "", r.mode == "shadow")
        for i, r in enumerate(file.rules)
    ]
    for facts in requests:
        decision = naive.decide(rules, [], facts, [0] * len(rules))
        fired = {decision.rule, *(one.rule for one in decision.weighed), *(one.rule for one in decision.shadow)}
        assert not fired & inert


# ---- evidence for free


@pytest.mark.parametrize(
    ("when", "fair"),
    [
        ('headers["user-agent"].contains("Firefox")', False),
        ('address in ["192.0.2.0/24"]', True),
        ('address in ["192.0.2.0/24"] || secure', False),
        ('!(address in ["192.0.2.0/24"])', False),
        ("session.passed", True),
        ("!session.passed", False),
        ('"bot.verified.google" in labels', True),
        ('"bot.search" in labels', False),
        ('network == "192.0.2.0/24" && secure', True),
    ],
)
def test_evidence_is_only_taken_away_for_what_nobody_can_copy(when: str, fair: bool) -> None:
    found = problems({"rules": [rule("a", when, None, weigh=-1)]})
    assert [one.steps for one in found] == ([] if fair else [("rules", 0, "weigh")])


# ---- thresholds, signals, lists


def entry(*steps: tuple[float, str], **more: Any) -> dict[str, Any]:
    return {"steps": [{"score": score, "action": action} for score, action in steps]} | more


@pytest.mark.parametrize(
    ("entries", "steps", "message"),
    [
        ([entry((50, "block"), (40, "challenge"))], (0, "steps", 1, "score"), "not above the step before"),
        ([entry((50, "block"), (50, "challenge"))], (0, "steps", 1, "score"), "not above the step before"),
        ([entry((50, "block"), (60, "block"))], (0, "steps", 1, "action"), "does the same already"),
        ([entry((50, "pass"), (60, "block"))], (0, "steps", 0, "action"), "does the same already"),
        ([entry((99.9999, "block"))], (0, "steps", 0, "score"), "no request has a score"),
        ([entry((50, "block")), entry((50, "challenge"), name="b")], (1,), "'threshold' above fits"),
        ([entry((50, "block"), routes=["item", "page"]), entry((60, "block"), name="b", routes=["page"])], (1,), "fits"),
        ([entry((50, "block"), when="false")], (0, "when"), "never holds"),
    ],
)
def test_thresholds_without_effect_are_told(entries: list[dict[str, Any]], steps: tuple[Any, ...], message: str) -> None:
    found = problems({"thresholds": entries})
    assert [one.steps for one in found] == [("thresholds", *steps)]
    assert message in found[0].message


def test_thresholds_that_differ_in_sites_routes_or_condition_stand_side_by_side() -> None:
    entries = [
        entry((50, "block"), name="a", routes=["page"]),
        entry((50, "block"), name="b", sites=["shop.example"]),
        entry((50, "block"), name="c", when="load.host > 0.8"),
        entry((60, "block"), name="d"),
    ]
    assert problems({"thresholds": entries}) == []


def test_a_signal_that_is_set_to_what_it_is_changes_nothing() -> None:
    assert [one.steps for one in problems({"signals": {"agent.library": {"mode": "on"}}})] == [("signals", "agent.library")]
    assert problems({"signals": {"agent.library": {"mode": "shadow"}}}) == []


def test_a_list_that_nobody_asks_is_told() -> None:
    lists = {"office": {"entries": ["192.0.2.0/24"]}}
    assert [one.steps for one in problems({"lists": lists})] == [("lists", "office")]
    assert problems({"lists": lists, "rules": [rule("a", 'address in list("office")')]}) == []
