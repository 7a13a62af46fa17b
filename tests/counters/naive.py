"""The counters once more in plain dicts and lists, obviously right and slow.

Promises: agrees with the kernels whenever no keys collide, none is evicted and time does not run backwards. Never:
imports them.
"""

from __future__ import annotations

from collections import Counter

SECOND = 1_000_000_000
WINDOWS_S = (10, 60, 600, 3600)
MASK = (1 << 64) - 1
GENERATION_S = 1800


class NaiveWindow:
    """Remembers every arrival for ever."""

    def __init__(self, seconds: int) -> None:
        self._width = seconds * SECOND
        self._log: list[tuple[int, int]] = []

    def count(self, now: int, amount: int = 1) -> float:
        """The estimate that a window should give: two halves, and of a third what is still inside."""
        self._log.append((now, amount))
        return self.estimate(now)

    def estimate(self, now: int) -> float:
        """The same without counting."""
        half = self._width // 2
        halves: Counter[int] = Counter()
        for moment, amount in self._log:
            halves[moment // half] += amount
        current = now // half
        return halves[current] + halves[current - 1] + halves[current - 2] * (1 - now % half / half)

    def exact(self, share: float, now: int) -> int:
        """How much truly came in the last `share` of the window's width."""
        return sum(amount for moment, amount in self._log if now - share * self._width < moment <= now)

    def at_far_end(self, now: int) -> int:
        """How much came in the half that the window's far end cuts."""
        half = self._width // 2
        return sum(amount for moment, amount in self._log if moment // half == now // half - 2)


class NaiveVisits:
    """Visits of keys of which each has room: two generations in front, then a slot."""

    def __init__(self) -> None:
        self._began = -10 * GENERATION_S * SECOND
        self._current: Counter[int] = Counter()
        self._before: Counter[int] = Counter()
        self._slots: dict[int, int] = {}

    def visit(self, who: int, now: int) -> tuple[bool, int]:
        """Whether the key has a slot then, and how many visits are known."""
        if who in self._slots:
            self._slots[who] += 1
            return True, self._slots[who]
        self._turn(now)
        seen = min(self._current[who], 3) + min(self._before[who], 3) + 1
        self._current[who] += 1
        if seen >= 3:
            self._slots[who] = seen
        return who in self._slots, seen

    def _turn(self, now: int) -> None:
        age = now - self._began
        if age < GENERATION_S * SECOND:
            return
        self._before = self._current if age < 2 * GENERATION_S * SECOND else Counter()
        self._current = Counter()
        self._began = now


class NaiveGate:
    """The generic cell rate algorithm with one arrival time."""

    def __init__(self, interval: int, tolerance: int, most_wait: int) -> None:
        self._interval, self._tolerance, self._most_wait = interval, tolerance, most_wait
        self._arrival = 0

    def reserve(self, now: int) -> int:
        """How long to wait, or -1 if denied."""
        arrival = max(self._arrival, now)
        wait = max(arrival - self._tolerance - now, 0)
        if wait > self._most_wait:
            return -1
        self._arrival = arrival + self._interval
        return wait


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
