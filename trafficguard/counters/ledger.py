"""The Python face of the request kernels: what is asked goes in as bytes, what is known comes out as numbers.

Promises: one compiled call a request, with arrays that are made once. A ledger belongs to one thread of one process;
any number of them may share a memory. Never: reads a clock, counts by itself, or keeps a request.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import numpy.typing as npt

from trafficguard.counters import slot
from trafficguard.counters.intake import feed_back, take_in
from trafficguard.counters.jit import Words

KIND_WORDS: Final = ("address", "network", "session", "fingerprint", "cluster", "account")
"""Kinds of key as people read them, in the order of `layout`."""
_NO_ACCOUNT: Final = bytes(16)
_LOGIN_WORDS: Final = {0: 0, 1: 1, -1: 2}


class Ledger:
    """What one worker asks the shared counters."""

    __slots__ = ("_ask", "_ask_bytes", "_firsts", "_found", "_memory", "_out", "_outcome", "result")

    def __init__(self, memory: Words) -> None:
        """`memory` is that of a `Table`."""
        self._memory = memory
        scratch = bytearray(8 * slot.ASK_WORDS)
        self._ask_bytes = memoryview(scratch)
        self._ask = np.frombuffer(scratch, np.uint64)
        self._firsts = np.zeros(slot.KINDS, np.uint64)
        self._outcome = np.zeros(slot.OUTCOME_WORDS, np.uint64)
        self._out = np.zeros(slot.OUT_WORDS)
        self._found = self._out[slot.FOUND : slot.FOUND + slot.MOST_RAMPS]
        self.result = cast("memoryview[float]", self._out.data)
        """What the latest `take_in` found, laid out as `slot` says."""

    def take_in(self, asked: bytes, static: float, ramps: npt.NDArray[np.float64]) -> None:
        """Counts a request and weighs what is then known; `static` is the evidence of its head in nats."""
        self._ask_bytes[:] = asked
        take_in(self._memory, self._ask, static, ramps, self._firsts, self._out)

    def feed_back(self, asked: bytes, status_class: int, login: int, account: bytes, now: int) -> None:
        """Counts what became of a request: status class (0: no answer), login result (-1, 0, 1), the shop's account."""
        self._ask_bytes[:] = asked
        self._ask[slot.NOW] = now
        outcome = self._outcome
        outcome[slot.STATUS_CLASS] = status_class
        outcome[slot.LOGIN_RESULT] = _LOGIN_WORDS[login]
        outcome[slot.SHOP_ACCOUNT_LOW :] = np.frombuffer(account or _NO_ACCOUNT, np.uint64)
        feed_back(self._memory, self._ask, outcome)

    def found(self, least: float) -> list[tuple[int, float]]:
        """The ramps (from 0) that found more than `least` nats in the latest `take_in`, with what they found."""
        evidences = self._found
        return [(at, float(evidences[at])) for at in (evidences > least).nonzero()[0].tolist()]

    def features(self) -> dict[str, dict[str, float]]:
        """What the latest `take_in` read, by kind of key and feature; keys without a slot are not there."""
        rows = self._out[slot.TRAITS :].reshape(slot.KINDS, len(slot.FEATURES))
        return {
            KIND_WORDS[kind]: dict(zip(slot.FEATURES, map(float, rows[kind]), strict=True))
            for kind in range(slot.KINDS)
            if self._firsts[kind]
        }
