"""A guard that follows a script, for tests of what happens around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from trafficguard.actions import BLOCK, PASS
from trafficguard.exchange import Conditions, Outcome, Reason, Request, Verdict
from trafficguard.guard import Guard

Scoring = Callable[[Request], float]


class ScriptedGuard:
    """Scores as told, blocks from 75 on, and remembers what it saw."""

    def __init__(self, scoring: Scoring = lambda _request: 1.0) -> None:
        self._scoring = scoring
        self.judged: list[tuple[int, Request]] = []
        self.observed: list[tuple[int, Outcome]] = []
        self.errors = 0
        self.last_error = ""

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        score = self._scoring(request)
        self.judged.append((now, request))
        action = BLOCK if score >= 75 else PASS
        return Verdict(action, score, (Reason("test.signal", score, "It was told to"),), (), "test")

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        self.observed.append((now, outcome))

    @property
    def guard(self) -> Guard:
        return cast("Guard", self)
