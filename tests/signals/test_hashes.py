"""Hashes that are the same in every process, open ones and keyed ones."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.signals.hashes import LONGEST_KEY, Keyed, hash64

SECRET = b"a secret of at least 32 bytes ....."


def test_an_open_hash_is_the_same_after_every_restart() -> None:
    code = (
        "from trafficguard.signals.hashes import hash64, Keyed; print(hash64(b'a'), Keyed(b'k', b'p').hash(b'a').hex())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{hash64(b'a')} {Keyed(b'k', b'p').hash(b'a').hex()}\n".encode()}


@given(st.binary())
def test_hashes_fit_their_words(text: bytes) -> None:
    assert 0 <= hash64(text) < 1 << 64
    assert len(Keyed(SECRET, b"test").hash(text)) == 16


@given(st.binary(), st.binary())
def test_a_keyed_hash_does_not_depend_on_what_was_hashed_before(first: bytes, second: bytes) -> None:
    keyed = Keyed(SECRET, b"test")
    before = keyed.hash(first)
    keyed.hash(second)
    assert keyed.hash(first) == before
    assert (keyed.hash(second) == before) == (first == second)


def test_secret_and_purpose_both_matter() -> None:
    hashes = {Keyed(key, use).hash(b"a") for key in (SECRET, SECRET[::-1]) for use in (b"one", b"two")}
    assert len(hashes) == 4


@pytest.mark.parametrize("size", [1, LONGEST_KEY, LONGEST_KEY + 1, 4096])
def test_a_secret_of_any_length_counts_in_all_its_bytes(size: int) -> None:
    long = bytes(size - 1)
    assert Keyed(long + b"a", b"test").hash(b"x") != Keyed(long + b"b", b"test").hash(b"x")


def test_a_purpose_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="person"):
        Keyed(SECRET, b"a purpose that is too long")
