"""How origins bear what is asked of them, for policies that are stricter only under pressure.

Promises: a few additions for each answer; figures fade with a time constant of ten seconds, and without answers they go
back to nothing. Never: reads a clock.
"""

from __future__ import annotations

from typing import Final

from trafficguard.clock import SECOND

FADING: Final = 0.905
"""What is left after a second of what was: exp(-1/10)."""
_LEAST: Final = 0.05
"""Answers below which nothing is known any more."""


class Strain:
    """Latency and errors of all origins, as one worker sees them."""

    __slots__ = ("_answers", "_errors", "_fresh", "_fresh_errors", "_fresh_ns", "_latency")

    def __init__(self) -> None:
        self._fresh = self._fresh_errors = self._fresh_ns = 0
        """Since the last look."""
        self._answers = self._errors = self._latency = 0.0

    def add(self, took: int, status: int) -> None:
        """Takes in an answer: nanoseconds from the request's end to its head, or to its end where it came at once."""
        self._fresh += 1
        self._fresh_ns += max(took, 0)  # some answers come before the request's end
        if status >= 500:
            self._fresh_errors += 1

    def look(self) -> tuple[float, float]:
        """Latency in seconds and share of errors of late; to be called every second."""
        self._answers = self._answers * FADING + self._fresh
        self._errors = self._errors * FADING + self._fresh_errors
        self._latency = self._latency * FADING + self._fresh_ns / SECOND
        self._fresh = self._fresh_errors = self._fresh_ns = 0
        if self._answers < _LEAST:
            return 0.0, 0.0
        return self._latency / self._answers, self._errors / self._answers
