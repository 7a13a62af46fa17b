"""The Python face of the request kernels: what is asked goes in as bytes, what is known comes out as numbers.

Promises: one compiled call a request, with arrays that are made once. A ledger belongs to one thread of one process;
any number of them may share a memory. Never: reads a clock, counts by itself, or keeps a request.
"""

from __future__ import annotations

import struct
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from trafficguard.counters import slot
from trafficguard.counters.intake import feed_back, take_in
from trafficguard.counters.jit import Words

KIND_WORDS: Final = ("address", "network", "session", "fingerprint", "cluster", "account")
"""Kinds of key as people read them, in the order of `layout`."""
_OUTCOME: Final = struct.Struct("<QQ16sQ")
_NOW: Final = struct.Struct("<Q")
_NOW_AT: Final = 8 * slot.NOW
_NO_ACCOUNT: Final = bytes(16)
_RESULT_WORDS: Final = {0: 0, 1: 1, -1: 2}
_CHALLENGED: Final = 3


class Ledger:
    """What one worker asks the shared counters."""

    __slots__ = ("_ask", "_ask_bytes", "_firsts", "_memory", "_out", "_outcome", "_outcome_bytes", "_told", "result")

    def __init__(self, memory: Words) -> None:
        """`memory` is that of a `Table`."""
        self._memory = memory
        scratch = bytearray(8 * slot.ASK_WORDS)
        self._ask_bytes = memoryview(scratch)
        self._ask = np.frombuffer(scratch, np.uint64)
        self._firsts = np.zeros(slot.KINDS, np.uint64)
        self._outcome_bytes = bytearray(8 * slot.OUTCOME_WORDS)
        self._outcome = np.frombuffer(self._outcome_bytes, np.uint64)
        self._out = np.zeros(slot.OUT_WORDS)
        self.result = cast("memoryview[float]", self._out.data)
        """What the latest `take_in` found, laid out as `slot` says."""
        self._told = self.result[slot.TOLD : slot.END_OF_TOLD]

    def take_in(self, asked: bytes, static: float, ramps: npt.NDArray[np.float64]) -> None:
        """Counts a request and weighs what is then known; `static` is the evidence of its head in nats."""
        self._ask_bytes[:] = asked
        take_in(self._memory, self._ask, static, ramps, self._firsts, self._out)

    def feed_back(
        self,
        asked: bytes,
        status_class: int,
        login: int,
        account: bytes,
        now: int,
        challenge: int = 0,
        challenged: bool = False,
    ) -> None:
        """Counts what became of a request.

        That is its status class (0: no answer of the shop's), how a login ended (-1, 0, 1), the shop's account, how an
        attempt at a challenge ended (the same), and whether it was answered with a challenge.
        """
        self._ask_bytes[:] = asked
        _NOW.pack_into(self._ask_bytes, _NOW_AT, now)
        result = _CHALLENGED if challenged and not challenge else _RESULT_WORDS[challenge]
        _OUTCOME.pack_into(
            self._outcome_bytes, 0, status_class, _RESULT_WORDS[login], account or _NO_ACCOUNT, result
        )
        feed_back(self._memory, self._ask, self._outcome)

    def told(self) -> bytes:
        """All that a verdict on the latest `take_in` tells, as a key to remember it by."""
        return self._told.tobytes()

    def strongest(self) -> list[tuple[int, float]]:
        """The few ramps (from 0) that found most of what counts in the latest `take_in`, strongest first."""
        told = cast("list[float]", self.result[slot.STRONGEST : slot.END_OF_TOLD].tolist())
        strongest: list[tuple[int, float]] = []
        at = 0
        while (row := told[at]) >= 0.0:
            strongest.append((int(row), told[at + 1]))
            at += 2
        return strongest

    def found(self) -> list[tuple[int, float]]:
        """All ramps that found anything in the latest `take_in`, those in shadow too, in their own order."""
        evidences = self._out[slot.FOUND : slot.FOUND + slot.MOST_RAMPS]
        return [(at, float(evidences[at])) for at in evidences.nonzero()[0].tolist()]

    def features(self) -> dict[str, dict[str, float]]:
        """What the latest `take_in` read, by kind of key and feature; keys without a slot are not there."""
        rows = self._out[slot.TRAITS :].reshape(slot.KINDS, len(slot.FEATURES))
        return {
            KIND_WORDS[kind]: dict(zip(slot.FEATURES, map(float, rows[kind]), strict=True))
            for kind in range(slot.KINDS)
            if self._firsts[kind]
        }
