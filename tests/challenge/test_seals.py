"""Seals: what we hand out comes back as we handed it out, or not at all."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.challenge.seals import MAC_SIZE, OVERHEAD, Seals, canonical

SECRET, OTHER = b"s" * 32, b"t" * 32
SEALS = Seals(SECRET, (), b"test")
TEXT = SEALS.seal(b"the body", b"bound")


@given(st.binary(max_size=200), st.lists(st.binary(max_size=40), max_size=4))
def test_what_is_sealed_opens_for_what_it_is_bound_to(body: bytes, bound: list[bytes]) -> None:
    assert SEALS.open(SEALS.seal(body, *bound), *bound) == body
    assert SEALS.open(SEALS.seal(body, *bound), *bound, b"more") is None


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_different_fields_are_never_the_same_text(one: list[bytes], other: list[bytes]) -> None:
    assert (canonical(*one) == canonical(*other)) == (one == other)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_another_byte_anywhere_opens_nothing(at: int, byte: int) -> None:
    changed = TEXT[:at] + bytes([byte]) + TEXT[at + 1 :]
    assert (SEALS.open(changed, b"bound") is not None) == (changed == TEXT)


@given(st.binary(max_size=120))
def test_nothing_whatever_makes_opening_fail(text: bytes) -> None:
    assert SEALS.open(text) is None
    assert SEALS.open(urlsafe_b64encode(text).rstrip(b"=")) is None


@pytest.mark.parametrize("twist", [b"=", b"==", b"\n", b" "])
def test_another_spelling_of_the_same_bytes_opens_nothing(twist: bytes) -> None:
    assert SEALS.open(TEXT + twist, b"bound") is None
    assert SEALS.open(twist + TEXT, b"bound") is None


def test_the_last_letter_has_one_spelling() -> None:
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for length in range(3):
        text = SEALS.seal(b"x" * length)
        opens = [letter for letter in letters if SEALS.open(text[:-1] + bytes([letter])) is not None]
        assert opens == [text[-1]]


def test_purposes_and_secrets_are_kept_apart() -> None:
    assert Seals(SECRET, (), b"other").open(TEXT, b"bound") is None
    assert Seals(OTHER, (), b"test").open(TEXT, b"bound") is None


def test_a_secret_that_was_replaced_still_opens_and_seals_nothing_new() -> None:
    both = Seals(OTHER, (SECRET,), b"test")
    assert both.open(TEXT, b"bound") == b"the body"
    assert SEALS.open(both.seal(b"new")) is None
    assert Seals(OTHER, (), b"test").open(both.seal(b"new")) == b"new"


def test_sealing_adds_what_it_says() -> None:
    raw = urlsafe_b64decode(TEXT + b"=" * (-len(TEXT) % 4))
    assert len(raw) == len(b"the body") + OVERHEAD
    assert raw[1:-MAC_SIZE] == b"the body"
