"""What is in force, in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.commands.test_operate import STATE
from trafficguard.clock import SECOND
from trafficguard.commands.standing import by_hand_in_words, falls_short, for_people, modes_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"), (0.4, "0 s"), (1, "1 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"),
        (3_601, "1 h"), (3_660, "1 h 1 min"), (90_061, "1 d 1 h"), (86_400 * 30, "30 d"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert for_people(int(seconds * SECOND)) == words


@pytest.mark.parametrize(
    ("mode", "site_modes", "modes", "lines"),
    [
        ("shadow", {}, {"a": "shadow", "b": "shadow"}, ["shadow: judged and recorded, but nothing is acted on"]),
        ("enforce", {}, {"*": "off"}, ["off (the policy says so; ordered is enforce): nothing is judged"]),
        (
            "enforce", {"a": "shadow"}, {"a": "shadow", "b": "enforce"},
            [
                "a: shadow (ordered for this site): judged and recorded, but nothing is acted on",
                "b: enforce: verdicts are carried out",
            ],
        ),
        ("off", {"a": "shadow"}, {"a": "off"}, ["off: nothing is judged"]),
        (
            "enforce", {"a": "shadow"}, {"a": "off"},
            ["off (the policy says so; ordered is shadow): nothing is judged"],
        ),
    ],
)  # fmt: skip
def test_it_is_said_who_holds_a_site_below_what_was_ordered(
    mode: str, site_modes: dict[str, str], modes: dict[str, str], lines: list[str]
) -> None:
    state: dict[str, Any] = STATE | {"mode": mode, "site_modes": site_modes, "modes": modes}
    assert modes_in_words(state) == lines


def test_sites_fall_short_of_a_mode_that_is_not_theirs() -> None:
    state: dict[str, Any] = STATE | {"modes": {"a": "shadow", "b": "enforce"}}
    assert falls_short(state, "enforce", None) == ["a"]
    assert falls_short(state, "enforce", "b") == []
    assert falls_short(state, "off", None) == ["a", "b"]


def test_a_decision_by_hand_is_told_with_what_is_left_of_it() -> None:
    one = {"action": "block", "key": "192.0.2.7", "until": 100 * SECOND, "reason": "prices"}
    assert by_hand_in_words(one, 10 * SECOND).startswith("192.0.2.7 is blocked for another 1 min 30 s, until ")
    assert by_hand_in_words(one, 10 * SECOND).endswith(" (prices)")
    assert not by_hand_in_words(one | {"reason": ""}, 0).endswith(")")
