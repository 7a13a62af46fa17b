"""Keys are hashed as Python hashes bytes, under a secret."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.naive import siphash13
from trafficguard.counters.hashing import keyed_hash


def test_the_naive_hash_is_the_one_python_uses() -> None:
    if sys.hash_info.algorithm != "siphash13":
        pytest.skip("this Python hashes bytes otherwise")
    data = b"0123456789abcdef"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    printed = subprocess.check_output([sys.executable, "-c", f"print(hash({data!r}))"], env=environment)
    assert siphash13(data, bytes(16)) == int(printed) % 2**64


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_keys_are_hashed_with_siphash(who: bytes, secret: bytes) -> None:
    parts = (who[:8], who[8:], secret[:8], secret[8:])
    halves = [np.uint64(int.from_bytes(part, "little")) for part in parts]
    assert int(keyed_hash(*halves)) == siphash13(who, secret)
