"""Sets of patterns against one pattern at a time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.policy.patterns import escaped, fault_of, found_in, pattern_set

POOL = ("a", "^a", "b$", "(?i)AB", "[0-9]+", "^$", "a.b", "", "é", r"\bx\b")


@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=6), st.text(st.sampled_from("abAB09x é\n"), max_size=8))
def test_a_set_finds_what_its_patterns_find_one_by_one(patterns: list[str], text: str) -> None:
    found = pattern_set(patterns)(text) or []
    assert sorted(found) == [number for number, pattern in enumerate(patterns) if found_in(pattern, text)]


@given(st.text(max_size=10), st.text(max_size=5))
def test_an_escaped_text_finds_itself_and_nothing_else(text: str, around: str) -> None:
    if "\ud800" <= max(text + around, default="") <= "\udfff":
        return
    assert found_in(escaped(text), around + text + around)
    assert found_in(escaped(text), around) == (text in around)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "missing )"),
        ("a(?=b)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("[z-a]", "invalid character class range"),
        ("a{1001}", "invalid repetition size"),
        ("*", "no argument for repetition operator"),
    ],
)
def test_what_re2_refuses_is_refused_in_its_words(pattern: str, said: str) -> None:
    assert said in fault_of(pattern)
    assert not fault_of("a+b")


def test_a_pattern_that_takes_others_ages_is_done_at_once() -> None:
    text = "a" * 50_000 + "!"
    start = time.process_time()
    assert not pattern_set(["^(a+)+$", "^(a|aa)+$"])(text)
    assert time.process_time() - start < 1
