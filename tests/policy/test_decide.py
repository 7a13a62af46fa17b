"""From score and labels to an action."""

from __future__ import annotations

import pytest

from trafficguard.exchange import Action
from trafficguard.policy.decide import Policy
from trafficguard.settings import PolicySettings


@pytest.mark.parametrize(
    ("score", "labels", "action", "rule"),
    [
        (1.0, ("ua.browser",), Action.PASS, "default"),
        (74.9, (), Action.PASS, "default"),
        (75.0, (), Action.BLOCK, "block-score"),
        (99.9, ("ua.library",), Action.BLOCK, "block-score"),
        (99.9, ("bot.ai",), Action.BLOCK, "block-score"),
        (99.9, ("bot.search",), Action.PASS, "pass-label:bot.search"),
        (1.0, ("bot.search",), Action.PASS, "pass-label:bot.search"),
        (99.9, ("x", "bot.feed"), Action.PASS, "pass-label:bot.feed"),
    ],
)
def test_labels_that_pass_come_before_the_threshold(
    score: float, labels: tuple[str, ...], action: Action, rule: str
) -> None:
    assert Policy(PolicySettings()).decide(score, labels) == (action, rule)


def test_a_threshold_above_the_scale_never_blocks() -> None:
    assert Policy(PolicySettings(block=101)).decide(100.0, ())[0] is Action.PASS


def test_no_label_passes_where_none_is_configured() -> None:
    assert Policy(PolicySettings(pass_labels=[])).decide(92.0, ("bot.search",))[0] is Action.BLOCK
