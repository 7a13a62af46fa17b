"""Time as the rest of the house sees it: integer nanoseconds since the Unix epoch, never backwards.

Promises: `now()` never returns less than it returned before, even when the wall clock is set back; a set-back is
worked off by standing still, a jump forward is taken at once. Never: sleeps, schedules or reads a clock elsewhere.
"""

from __future__ import annotations

import time
from typing import Protocol

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """Anything that tells the time in nanoseconds since the Unix epoch."""

    def now(self) -> int:
        """Nanoseconds since the Unix epoch, monotone."""


class SystemClock:
    """The wall clock, held still while it would run backwards."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Nanoseconds since the Unix epoch, monotone."""
        now = time.time_ns()
        if now < self._last:
            return self._last
        self._last = now
        return now


class ManualClock:
    """A clock that stands until it is told to move; for tests and for replay in virtual time."""

    __slots__ = ("_now",)

    def __init__(self, start: int = 1_700_000_000 * SECOND) -> None:
        self._now = start

    def now(self) -> int:
        """Nanoseconds since the Unix epoch, monotone."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves forward; negative steps are refused with ValueError because time never runs backwards here."""
        if seconds < 0:
            raise ValueError("a clock never runs backwards")
        self._now += int(seconds * SECOND)
