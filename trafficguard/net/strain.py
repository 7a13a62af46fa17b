"""How origins bear what is asked of them, for policies that are stricter only under pressure.

Promises: two additions for each answer; figures fade with a time constant of ten seconds, and without answers they go
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

    __slots__ = ("_answers", "_errors", "_latency", "answers", "errors", "latency_ns")

    def __init__(self) -> None:
        self.answers = 0
        """Answers since the last look."""
        self.errors = 0
        """Of them, those with a status from 500."""
        self.latency_ns = 0
        """Their times together, each from the request's end to the answer's."""
        self._answers = self._errors = self._latency = 0.0

    def look(self) -> tuple[float, float]:
        """Latency in seconds and share of errors of late; to be called every second."""
        self._answers = self._answers * FADING + self.answers
        self._errors = self._errors * FADING + self.errors
        self._latency = self._latency * FADING + self.latency_ns / SECOND
        self.answers = self.errors = self.latency_ns = 0
        if self._answers < _LEAST:
            return 0.0, 0.0
        return self._latency / self._answers, self._errors / self._answers
