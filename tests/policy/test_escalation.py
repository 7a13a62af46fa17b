"""Escalation: who earns hard verdicts again and again gets harder ones for a while, and then no longer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.guards import CALM, NOON, Visitor, make_guard
from tests.signals.heads import CHROME
from trafficguard.actions import BLOCK
from trafficguard.clock import SECOND
from trafficguard.exchange import Verdict
from trafficguard.guard import Guard
from trafficguard.policy.build import build
from trafficguard.policy.differ import differences, explain
from trafficguard.policy.model import PolicyFile
from trafficguard.settings import Mode

MINUTE = 60 * SECOND
REPEATERS = {
    "name": "repeaters", "verdicts": ["challenge"], "count": 3, "within": "1m", "action": "block", "for": "10m",
}  # fmt: skip
RULES = [
    {"name": "webhook", "when": 'path == "/webhook"', "action": "pass"},
    {"name": "checked", "when": 'path == "/checked"', "action": "challenge"},
    {"name": "trap", "when": 'path == "/trap"', "action": "tarpit"},
]


def policy(*escalations: dict[str, Any]) -> PolicyFile:
    return PolicyFile.model_validate({"rules": RULES, "escalations": list(escalations)})


def visitor(*escalations: dict[str, Any], mode: Mode = "enforce", guard: Guard | None = None) -> Visitor:
    return Visitor(guard or make_guard(policy(*escalations), mode=mode), CHROME)


def climbed(*escalations: dict[str, Any], mode: Mode = "enforce") -> Visitor:
    """A visitor who has just been challenged once too often."""
    one = visitor(*escalations, mode=mode)
    words = [one.ask("/checked").action.word for _ in range(3)]
    assert words == ["challenge"] * 3
    one.ask("/checked")
    return one


def test_the_verdict_that_is_one_too_many_is_escalated_and_says_until_when() -> None:
    one = visitor(REPEATERS)
    for _ in range(3):
        assert one.ask("/checked").action.word == "challenge"
    verdict = one.ask("/checked")
    assert (verdict.action, verdict.rule) == (BLOCK, "repeaters")
    assert "escalated" in verdict.labels
    assert verdict.reasons[0].signal == "escalation.repeaters"
    # NOON is 22:13:20 on 14 November 2023.
    assert verdict.reasons[0].text == "More than 3 hard verdicts in 60 s: block until 2023-11-14 22:23:20 UTC"


def test_all_that_the_key_asks_for_is_escalated_while_it_lasts_and_nothing_after_it() -> None:
    one = climbed(REPEATERS)
    assert one.ask("/").rule == "repeaters"
    assert one.ask("/", wait=599).rule == "repeaters"
    assert one.ask("/", wait=2).rule == "default"
    assert one.ask("/checked").action.word == "challenge"


def test_what_a_rule_lets_pass_passes() -> None:
    assert climbed(REPEATERS).ask("/webhook").rule == "webhook"


def test_a_harder_verdict_stays() -> None:
    assert climbed(REPEATERS).ask("/trap").rule == "trap"


def test_others_are_judged_as_before() -> None:
    one = climbed(REPEATERS)
    assert Visitor(one.guard, CHROME, address="192.0.2.2", now=one.now).ask("/").rule == "default"


def test_a_network_is_escalated_where_networks_are_counted() -> None:
    one = climbed(REPEATERS | {"key": "network"})
    assert Visitor(one.guard, CHROME, address="192.0.2.2", now=one.now).ask("/").rule == "repeaters"
    assert Visitor(one.guard, CHROME, address="198.51.100.2", now=one.now).ask("/").rule == "default"


def test_verdicts_that_come_slowly_do_not_escalate() -> None:
    one = visitor(REPEATERS)
    assert {one.ask("/checked", wait=21).rule for _ in range(30)} == {"checked"}


def test_who_has_solved_the_challenge_is_not_counted() -> None:
    one = visitor(REPEATERS)
    for _ in range(20):
        request = one.request("/checked")
        request.proof = 4
        verdict = one.guard.judge(request, NOON, CALM)
        assert (verdict.action.word, verdict.rule) == ("pass", "checked+passed")


def test_of_several_the_hardest_counts_and_ends_first() -> None:
    slow = REPEATERS | {"name": "slow", "count": 2, "action": "throttle", "for": "1h"}
    one = visitor(slow, REPEATERS)
    words = [one.ask("/").action.word for _ in range(1)] + [one.ask("/checked").action.word for _ in range(4)]
    assert words == ["pass", *["challenge"] * 3, "block"]
    assert one.ask("/", wait=601).rule == "slow"
    assert one.ask("/", wait=3600).rule == "default"


def test_in_shadow_it_only_notes() -> None:
    one = climbed(REPEATERS | {"mode": "shadow"})
    verdict = one.ask("/")
    assert (verdict.rule, verdict.shadow) == ("default", ("repeaters: block",))
    assert climbed(REPEATERS, mode="shadow").ask("/").rule == "repeaters"  # the verdict, which is not carried out


def test_new_orders_leave_it_as_it_is() -> None:
    one = climbed(REPEATERS)
    before = one.guard.orders
    one.guard.follow(type(before)(2, build(policy(REPEATERS)), "enforce"))
    assert one.ask("/").rule == "repeaters"


def test_without_room_in_memory_nobody_is_escalated() -> None:
    one = visitor(REPEATERS)
    for number in range(7):
        one.guard._timers.start(bytes([number]) * 16, 3600 * SECOND, NOON)
    verdicts: list[Verdict] = [one.ask("/checked") for _ in range(20)]
    assert {verdict.rule for verdict in verdicts} == {"checked"}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"action": "pass"}, "does nothing"),
        ({"within": "100ms"}, "out of bounds"),
        ({"for": "25h"}, "out of bounds"),
        ({"verdicts": []}, "at least 1"),
        ({"verdicts": ["pass"]}, "throttle"),
        ({"count": 0}, "greater than or equal to 1"),
    ],
)
def test_one_that_means_nothing_is_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        policy(REPEATERS | change)


def test_changes_are_told() -> None:
    def changes(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[str]:
        return differences(build(policy(*one)), build(policy(*other)))

    said = "after more than 3 verdicts of challenge in 60 s, for 600 s for that address: block with 403"
    assert changes([], [REPEATERS]) == [f"escalation repeaters: is new: {said}"]
    assert changes([REPEATERS], []) == [f"escalation repeaters: is gone (it was: {said})"]
    assert changes([REPEATERS], [REPEATERS | {"for": "20m", "mode": "off"}]) == [
        f"escalation repeaters: was {said}; is {said.replace('600 s for', '1200 s for')}",
        "escalation repeaters: mode was enforce, is off",
    ]
    assert explain(build(policy(REPEATERS)), "repeaters") == [
        ("escalation", "repeaters, 1 of 1"), ("then", said), ("mode", "enforce"),
    ]  # fmt: skip
