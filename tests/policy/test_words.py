"""Conditions, actions and rules in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.policy.policies import conditions
from trafficguard.policy.differ import explain
from trafficguard.policy.model import RuleSettings
from trafficguard.policy.reading import Listed, read_condition
from trafficguard.policy.words import condition_in_words, effect_in_words, seconds_in_words
from trafficguard.sources.policy_file import read_policy_text
from trafficguard.values import parse_network

LISTS = {"office": Listed("networks", frozenset({parse_network("192.0.2.0/24")}))}


def words(text: str) -> str:
    node, flaws = read_condition(text, LISTS)
    assert flaws == []
    assert node is not None
    return condition_in_words(node)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("true", "always"),
        ("secure", "the client spoke https"),
        ("!secure", "not: the client spoke https"),
        ('path == "/cart"', "path is '/cart'"),
        ('path != "/cart"', "path is not '/cart'"),
        ('path in ["/b", "/a"]', "path is one of '/a' or '/b'"),
        ('!path.startsWith("/a")', "path does not begin with '/a'"),
        ('headers["x"].matches("^a")', "the header x matches the pattern '^a'"),
        ('headers["x"].lowerAscii().contains("a")', "the header x in lower case contains 'a'"),
        ('has(headers["X"])', "there is a header x"),
        ('!("odd" in labels)', "the label odd is not there"),
        ('address in list("office")', "the address is in the list office (1 entries)"),
        ('address == "10.0.0.1"', "the address is in 10.0.0.1/32"),
        ("score >= 50 && !(score > 90)", "score is at least 50 and score is at most 90"),
        ('secure && (score > 5 || path == "/")', "the client spoke https and (score is above 5 or path is '/')"),
        ('!(secure || path == "/")', "not: the client spoke https and path is not '/'"),
        ("size(query) > 10 + 2", "the size of query is above (10 + 2)"),
        ('int(headers["x"]) < -3', "the number in the header x is below -3"),
    ],
)
def test_a_condition_is_said_in_words(text: str, said: str) -> None:
    assert words(text) == said


@given(conditions)
def test_every_condition_has_words(text: str) -> None:
    node, _ = read_condition(text, {})
    if node is not None:
        assert condition_in_words(node)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"action": "pass"}, "pass"),
        ({"action": "throttle"}, "throttle each address to 1/s (burst 10): wait up to 5s, then 429"),
        (
            {"action": {"throttle": {"rate": 0.5, "key": "cluster", "delay": "250ms", "reveal": True}}},
            ("throttle each crowd of alike senders to 0.5/s (burst 10): wait up to 250ms, then 429, and everybody is "
            "told the pace"),
        ),
        ({"action": "challenge"}, "challenge with some work for the browser"),
        (
            {"action": {"block": {"status": 410, "body": "gone", "close": True}}},
            "block with 410, the text 'gone' and a closed connection",
        ),
        ({"action": {"tarpit": {"hold": "2m", "size": 512}}}, "tarpit: 512B of answer over 2m"),
        ({"weigh": 2, "label": "odd"}, "adds 2 nats of evidence; adds the label odd"),
        ({"weigh": -1}, "takes away 1 nats of evidence"),
        ({"weigh": 0, "label": "odd"}, "adds the label odd"),
    ],
)
def test_what_a_rule_does_is_said_with_its_parameters(more: dict[str, Any], said: str) -> None:
    assert effect_in_words(RuleSettings.model_validate({"name": "a", "when": "secure"} | more)) == said


def test_durations_are_said_as_people_write_them() -> None:
    assert [seconds_in_words(one) for one in (0.25, 1.5, 90, 120, 3600)] == ["250ms", "1.5s", "90s", "2m", "1h"]


POLICY = """
lists: {office: {entries: [192.0.2.0/24]}}
rules:
  - name: a
    when: secure && (path == "/x" || "ua.library" in labels)
    weigh: 2
  - {name: b, when: 'int(headers["x"]) > 3', action: block, mode: shadow}
  - {name: c, when: 'address in list("office")', action: pass}
thresholds:
  - {name: t, routes: [api], sites: [s], when: load.host > 1, steps: [{score: 50, action: block}]}
"""


def explained(name: str) -> dict[str, str]:
    policy = read_policy_text(POLICY).policy
    assert policy is not None
    told = explain(policy, name)
    assert told is not None
    return dict(told)


def test_a_rule_is_explained_case_by_case_with_what_it_needs() -> None:
    told = explained("a")
    assert told["rule"] == "a, 1 of 3"
    assert told["case 1"] == "the client spoke https and path is '/x'"
    assert told["case 2"] == "the client spoke https and the label ua.library is there"
    assert told["needs"].startswith("labels (labels of signals and of rules above); path (path, with escapes")
    assert told["then"] == "adds 2 nats of evidence"


def test_a_rule_that_can_fail_is_explained_with_a_note() -> None:
    told = explained("b")
    assert "does not match" in told["note"]
    assert told["needs"] == 'headers["x"]'
    assert told["mode"] == "shadow"
    assert "case 1" not in told


def test_a_threshold_is_explained_with_its_scope_and_steps() -> None:
    told = explained("t")
    assert told["for"] == "routes api of sites s while load.host > 1"
    assert told["from 50"] == "block with 403"


def test_a_name_that_is_not_there_has_no_explanation() -> None:
    policy = read_policy_text(POLICY).policy
    assert policy is not None
    assert explain(policy, "z") is None
