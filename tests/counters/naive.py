"""The counters once more in plain dicts and lists, obviously right and slow.

Promises: agrees with the kernels whenever no key is evicted and time does not run backwards. Never: imports
them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

SECOND = 1_000_000_000
WINDOWS_S = (10, 60, 600, 3600)
MASK = (1 << 64) - 1


class NaiveTable:
    """Remembers every request of every key for ever."""

    def __init__(self) -> None:
        self._log: dict[bytes, list[int]] = defaultdict(list)
        self._buckets: dict[tuple[bytes, int], Counter[int]] = defaultdict(Counter)

    def observe(self, key: bytes, now: int) -> list[float]:
        """The row that a table should give: four two-bucket estimates and the seconds since last seen."""
        seen = self._log[key]
        gap = (now - seen[-1]) / SECOND if seen else math.inf
        seen.append(now)
        return [self._estimate(key, seconds, now) for seconds in WINDOWS_S] + [gap]

    def exact(self, key: bytes, seconds: int, now: int) -> int:
        """How many requests truly came in the last `seconds`."""
        return sum(1 for moment in self._log[key] if now - seconds * SECOND < moment <= now)

    def previous(self, key: bytes, seconds: int, now: int) -> int:
        """How many came in the epoch before the current one."""
        return self._buckets[key, seconds][now // (seconds * SECOND) - 1]

    def _estimate(self, key: bytes, seconds: int, now: int) -> float:
        width = seconds * SECOND
        buckets = self._buckets[key, seconds]
        buckets[now // width] += 1
        return buckets[now // width] + buckets[now // width - 1] * (1 - now % width / width)


def siphash13(data: bytes, secret: bytes) -> int:
    """SipHash-1-3 as its paper writes it, for any length."""
    key = [int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:], "little")]
    initial = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [word ^ key[index % 2] for index, word in enumerate(initial)]
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    for start in range(0, len(padded), 8):
        block = int.from_bytes(padded[start : start + 8], "little")
        state[3] ^= block
        state = _sip_round(*state)
        state[0] ^= block
    state[2] ^= 0xFF
    for _ in range(3):
        state = _sip_round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(a: int, b: int, c: int, d: int) -> list[int]:
    a = (a + b) & MASK
    b = _rotate(b, 13) ^ a
    a = _rotate(a, 32)
    c = (c + d) & MASK
    d = _rotate(d, 16) ^ c
    a = (a + d) & MASK
    d = _rotate(d, 21) ^ a
    c = (c + b) & MASK
    b = _rotate(b, 17) ^ c
    c = _rotate(c, 32)
    return [a, b, c, d]


def _rotate(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & MASK
