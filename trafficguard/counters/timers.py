"""The Python face of throttle gates, for one thread of one process; all of them share the memory.

Promises: exact over all processes (`gates`). Never: reads a clock, or waits.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters.jit import Words
from trafficguard.counters.kernels import gate_left, reserve_gate

KEY_BYTES: Final = 16
"""Bytes of a key."""


class Timers:
    """Arrival times by key. All times in ns. Keys have 16 bytes; ValueError for others."""

    __slots__ = ("_key", "_key_bytes", "_memory")

    def __init__(self, memory: Words) -> None:
        """`memory` is that of a `Table`."""
        self._memory = memory
        self._key_bytes = memoryview(bytearray(KEY_BYTES))
        self._key = np.frombuffer(self._key_bytes, np.uint64)

    def reserve(self, key: bytes, interval: int, tolerance: int, now: int, most_wait: int) -> int:
        """Reserves the next arrival at the key's gate.

        One arrival every `interval`, `tolerance` of them at once. Returns how long to wait for it, or -1 if that
        is longer than `most_wait` or there is no room for the gate; nothing is reserved then.
        """
        self._set_key(key)
        return int(reserve_gate(self._memory, self._key, interval, tolerance, now, most_wait))

    def start(self, key: bytes, span: int, now: int) -> bool:
        """Lets a time of `span` begin for a key, unless one runs already or there is no room; whether it began."""
        return self.reserve(key, span, 0, now, 0) == 0

    def left(self, key: bytes, now: int, longest: int) -> int:
        """How much is left of a time that `start` began, which was no longer than `longest`; 0 when it is over."""
        self._set_key(key)
        return int(gate_left(self._memory, self._key, now, longest))

    def _set_key(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._key_bytes[:] = key
