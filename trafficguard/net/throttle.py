"""Paces: when a throttled request may go on, exact over all workers, and how many are held back meanwhile.

A pace is a gate in the shared memory (GCRA, `counters.gates`): the arrival of a request is reserved at once, so that it
does not matter which worker it reaches. What a page brings along (pictures, scripts) is counted apart, under a pace
`PARTS` times as quick: a page that was let through never lacks its parts.

Promises: what is held back is bounded for each key and in all, and where that is full nobody's turn is spent on who
cannot wait for it; without room in memory a request is refused, never let through. Never: waits; who holds a request
back sets one timer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from trafficguard.actions import ThrottleAction
from trafficguard.clock import SECOND
from trafficguard.counters import slot
from trafficguard.exchange import Request
from trafficguard.policy.keys import gate_key
from trafficguard.telemetry.meters import Meters

PARTS: Final = 40
"""How many parts a page may bring for itself."""
MOST_HELD: Final = 4096
"""Requests that one worker holds back at a time."""
MOST_HELD_OF_ONE: Final = 64
"""Requests that one worker holds back for one key."""
MOST_HELD_BYTES: Final = 64 << 20
"""Bytes of requests that one worker holds back at a time, all together: with its head, as much of a body as one read
gives may have come."""
MOST_NAMED: Final = 32
"""Letters of a rule's name in RateLimit fields."""

Reserve = Callable[[bytes, int, int, int, int], int]
"""`Table.reserve`: key, interval, tolerance, now and longest wait; how long to wait, or -1."""

_FLAGS: Final = 8 * slot.FLAGS


class Turn(NamedTuple):
    """When a request may go on."""

    key: bytes
    """Under which it is held back."""
    wait: int
    """Nanoseconds; 0 at once, -1 never."""
    is_part: bool
    """Whether it is counted as part of a page."""


class Pacer:
    """One worker's paces."""

    __slots__ = ("_held", "_held_bytes", "_held_in_all", "_meters", "_reserve")

    def __init__(self, reserve: Reserve, meters: Meters) -> None:
        self._reserve = reserve
        self._meters = meters
        self._held: dict[bytes, int] = {}
        self._held_in_all = 0
        self._held_bytes = 0

    def turn(self, request: Request, action: ThrottleAction, rule: str, now: int) -> Turn:
        """Reserves the turn of a request that `rule` throttles, at `now`."""
        asked = request.asked
        is_part = bool(asked) and int.from_bytes(asked[_FLAGS : _FLAGS + 8], "little") & slot.IS_ASSET != 0
        factor = PARTS if is_part else 1
        interval = int(SECOND / (action.rate * factor))
        key = gate_key(request, action.key, rule, is_part)
        # A gate bears a turn that is 60 s further ahead than it may be (`LONGEST_DELAY_S`).
        longest = int(action.delay * SECOND) if self._has_room(key) else 0
        wait = self._reserve(key, interval, (action.burst * factor - 1) * interval, now, longest)
        return Turn(key, wait, is_part)

    def _has_room(self, key: bytes) -> bool:
        in_all = self._held_in_all < MOST_HELD and self._held_bytes < MOST_HELD_BYTES
        return in_all and self._held.get(key, 0) < MOST_HELD_OF_ONE

    def hold(self, key: bytes, size: int) -> None:
        """Takes the room of a request of `size` bytes that is held back, for which `turn` has found there is some."""
        self._held[key] = self._held.get(key, 0) + 1
        self._held_in_all += 1
        self._held_bytes += size
        self._meters.paced = self._held_in_all

    def release(self, key: bytes, size: int) -> None:
        """Gives the room of one request back."""
        count = self._held[key] - 1
        if count:
            self._held[key] = count
        else:
            del self._held[key]
        self._held_in_all -= 1
        self._held_bytes -= size
        self._meters.paced = self._held_in_all


def retry_after(action: ThrottleAction) -> int:
    """Whole seconds after which a request that would have waited too long may come again."""
    return math.ceil(action.delay + 1.0 / action.rate)


def revealed(action: ThrottleAction, rule: str, wait: int) -> bytes:
    """The RateLimit fields of a pace (draft-ietf-httpapi-ratelimit-headers-10), each with its CRLF.

    What is left is told where it is known: nothing, to a request that has to wait or comes too often.
    """
    name = rule[:MOST_NAMED].encode()
    window = max(1, math.ceil(action.burst / action.rate))
    lines = b'RateLimit-Policy: "%b";q=%d;w=%d\r\n' % (name, action.burst, window)
    if wait == 0:
        return lines
    again = retry_after(action) if wait < 0 else math.ceil(wait / SECOND)
    return lines + b'RateLimit: "%b";r=0;t=%d\r\n' % (name, again)
