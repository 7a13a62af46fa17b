"""Lists: what they hold, and the guards against those that ran away or broke off."""

from __future__ import annotations

from typing import Any

import pytest

from trafficguard.errors import Place
from trafficguard.policy.lists import MOST_PROBLEMS, Problem, Source, read_list
from trafficguard.policy.model import ListSettings
from trafficguard.policy.reading import Listed
from trafficguard.values import parse_network


def read(text: str | None = None, **given: Any) -> tuple[Listed, list[Problem]]:
    settings = ListSettings.model_validate(({"file": "x.txt"} if text is not None else {}) | given)
    return read_list("office", settings, None if text is None else Source("x.txt", text))


def test_entries_of_the_policy_and_of_its_file_come_together() -> None:
    listed, problems = read("# ours\n10.1.0.0/16 # branch\n\n  2001:db8::/32\r\n", entries=["192.0.2.7"])
    assert problems == []
    assert listed.networks == {parse_network(t) for t in ("10.1.0.0/16", "2001:db8::/32", "192.0.2.7")}


def test_texts_are_taken_as_they_stand() -> None:
    listed, problems = read("/Cart\n/a b\n", kind="texts")
    assert (listed.texts, problems) == ({"/Cart", "/a b"}, [])


def test_a_bad_line_of_a_file_is_named_with_its_place() -> None:
    _, problems = read("10.0.0.0/8\n   10.0.0.0/33\n")
    assert [(one.place, one.steps) for one in problems] == [(Place("x.txt", 2, 4), ("lists", "office", "file"))]


def test_of_very_many_bad_lines_a_few_are_told_and_the_others_counted() -> None:
    _, problems = read("\n".join(f"bad{n}" for n in range(40)))
    assert len(problems) == MOST_PROBLEMS + 1
    assert "35 more entries" in problems[-1].message


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("10.0.0.1\n10.0.0.2\n10.0.0.3\n", {"max_entries": 2}, "3 entries, more than max_entries (2)"),
        ("10.0.0.1\n", {"min_entries": 2}, "1 entries, fewer than min_entries (2)"),
        ("", {}, "0 entries, fewer than min_entries (1)"),
        ("10.0.0.1\n" * 10, {}, "9 of 10 entries are there twice"),
    ],
)
def test_a_list_that_ran_away_or_broke_off_is_refused(text: str, given: dict[str, Any], message: str) -> None:
    _, problems = read(text, **given)
    assert [message in one.message for one in problems] == [True]
    assert "last good policy" in problems[0].remedy


def test_a_few_doubles_in_a_file_are_forgiven() -> None:
    assert read("10.0.0.1\n10.0.0.1\n10.0.0.2\n")[1] == []


def test_a_double_in_the_policy_itself_is_a_mistake() -> None:
    _, problems = read(entries=["10.0.0.1", "10.0.0.2", "10.0.0.1"])
    assert [(one.steps, one.message) for one in problems] == [(("lists", "office", "entries", 2), "'10.0.0.1' is there twice")]


def test_every_double_in_the_policy_itself_is_told() -> None:
    _, problems = read(entries=["a", "b", "a", "b"], kind="texts")
    assert [one.steps[-1] for one in problems] == [2, 3]
