"""Sets of patterns against one pattern at a time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.policy.patterns import LONGEST_KEPT, MOST_KEPT, PatternSet, escaped, fault_of, found_in

POOL = ("a", "^a", "b$", "(?i)AB", "[0-9]+", "^$", "a.b", "", "é", r"\bx\b")


@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=6), st.text(st.sampled_from("abAB09x é\n"), max_size=8))
def test_a_set_finds_what_its_patterns_find_one_by_one(patterns: list[str], text: str) -> None:
    found = PatternSet(patterns)(text)
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
    assert not PatternSet(["^(a+)+$", "^(a|aa)+$"])(text)
    assert time.process_time() - start < 1


def test_what_is_known_by_heart_is_what_was_found_and_bounded() -> None:
    found = PatternSet(["^a", "b$", "7"])
    for number in range(MOST_KEPT + 10):
        found(f"a{number}")
    assert 0 < len(found.known) <= MOST_KEPT
    fresh = PatternSet(["^a", "b$", "7"])
    assert all(hits == fresh(text) for text, hits in found.known.items())


def test_long_texts_are_searched_and_not_kept() -> None:
    found = PatternSet(["b$"])
    text = "a" * LONGEST_KEPT + "b"
    assert found(text) == (0,)
    assert found.known == {}


def test_a_text_that_is_no_utf8_is_searched_all_the_same() -> None:
    assert PatternSet(["^a", "z"])("a\udcff") == (0,)
