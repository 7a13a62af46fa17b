"""What a policy file may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trafficguard.actions import ActionWord, BlockAction, ChallengeAction, PassAction, TarpitAction, ThrottleAction
from trafficguard.policy import model
from trafficguard.policy.model import PolicyFile, RuleSettings, StepSettings
from trafficguard.signals.places import RouteClass


def action(value: object) -> object:
    return StepSettings.model_validate({"score": 50, "action": value}).action.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pass", PassAction()),
        ("block", BlockAction(status=403, body="", close=False)),
        ({"block": None}, BlockAction()),
        ({"block": {"status": 429, "close": True}}, BlockAction(status=429, close=True)),
        ({"throttle": {"rate": 0.5, "burst": 3, "key": "network", "delay": "250ms"}},
         ThrottleAction(rate=0.5, burst=3, key="network", delay=0.25)),
        ({"challenge": {"kind": "cookie"}}, ChallengeAction(kind="cookie")),
        ("tarpit", TarpitAction()),
    ],
)  # fmt: skip
def test_an_action_is_a_word_or_a_word_with_parameters(value: object, expected: object) -> None:
    assert action(value) == expected


@pytest.mark.parametrize(
    "value", ["drop", 5, [], {}, {"block": {}, "pass": {}}, {"block": {"status": 200}}, {"pass": {"rate": 1}}, {"drop": {}}]
)
def test_what_is_no_action_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        action(value)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"action": "block", "weigh": 1},
        {"weigh": 0},
        {"weigh": 17},
        {"weigh": 1, "label": "bot.verified.mine"},
        {"action": "pass", "label": "Not A Label"},
        {"action": "pass", "mode": "on"},
        {"action": "pass", "where": "true"},
    ],
)
def test_a_rule_that_says_too_little_too_much_or_nonsense_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RuleSettings.model_validate({"name": "a", "when": "true"} | more)


def test_a_rule_may_only_label() -> None:
    assert RuleSettings.model_validate({"name": "a", "when": True, "weigh": 0, "label": "odd"}).when == "true"


def test_names_of_rules_and_of_thresholds_are_there_once() -> None:
    twice = [{"name": "a", "when": "true", "action": "pass"}] * 2
    with pytest.raises(ValidationError, match="twice"):
        PolicyFile.model_validate({"rules": twice})
    with pytest.raises(ValidationError, match="twice"):
        PolicyFile.model_validate({"thresholds": [{"steps": [{"score": 50, "action": "block"}]}] * 2})


def test_routes_are_the_words_of_the_route_classes() -> None:
    assert set(model.Route.__args__) == {route.word for route in RouteClass}


def test_every_word_for_an_action_has_its_action() -> None:
    words = {one.word for one in (PassAction, ThrottleAction, ChallengeAction, BlockAction, TarpitAction)}
    assert words == set(ActionWord.__args__)
