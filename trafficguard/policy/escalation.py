"""Escalation: who has earned too many hard verdicts gets a harder one for a while.

Verdicts are counted per key by a gate that lets `count` of them through `within` its time (GCRA), and a second gate's
time is for how long the key is escalated; both are in the shared memory, so that it does not matter which worker a
request reaches, and both run out by themselves.

Promises: a verdict only ever becomes harder; what a rule lets pass is left alone, and so is who has solved the
challenge; the reason says until when it lasts. No room in memory: not escalated. Never: reads a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Protocol

from trafficguard.actions import PASS, ActionValue, ActionWord
from trafficguard.clock import SECOND
from trafficguard.exchange import Reason, Request, Verdict
from trafficguard.policy.keys import gate_key
from trafficguard.policy.model import EscalationSettings, PolicyFile

HARDNESS: Final[dict[ActionWord, int]] = {"pass": 0, "throttle": 1, "challenge": 2, "block": 3, "tarpit": 3}
LABEL: Final = "escalated"


class Times(Protocol):
    """Times by key that all workers share (`counters.timers.Timers`), in ns."""

    def reserve(self, key: bytes, interval: int, tolerance: int, now: int, most_wait: int) -> int:
        """Reserves the next arrival; -1 when denied."""

    def start(self, key: bytes, span: int, now: int) -> bool:
        """Lets a time begin; whether it began."""

    def left(self, key: bytes, now: int, longest: int) -> int:
        """What is left of it."""


class Rung:
    """One escalation, in the units of the guard."""

    __slots__ = ("_counts", "_interval", "_is_shadow", "_key", "_name", "_span", "_text", "_tolerance", "action")

    def __init__(self, settings: EscalationSettings) -> None:
        self.action: ActionValue = settings.action.value
        self._name = settings.name
        self._counts = frozenset[str](settings.verdicts)
        self._key = settings.key
        self._interval = int(settings.within * SECOND / settings.count)
        self._tolerance = (settings.count - 1) * self._interval
        self._span = int(settings.for_ * SECOND)
        self._is_shadow = settings.mode == "shadow"
        self._text = f"More than {settings.count} hard verdicts in {settings.within:g} s: {self.action.word} until "

    def left(self, counted: str, request: Request, now: int, times: Times) -> int:
        """For how many ns the key of a request is escalated, once its verdict has been counted."""
        held = gate_key(request, self._key, f"escalated {self._name}")
        left = times.left(held, now, self._span)
        if left or counted not in self._counts:
            return left
        key = gate_key(request, self._key, f"counted {self._name}")
        if times.reserve(key, self._interval, self._tolerance, now, 0) >= 0:
            return 0
        return self._span if times.start(held, self._span, now) else 0

    def on(self, verdict: Verdict, until: int) -> Verdict:
        """A verdict as it is while this lasts."""
        if self._is_shadow:
            return verdict._replace(shadow=(*verdict.shadow, f"{self._name}: {self.action.word}"))
        end = datetime.fromtimestamp(until // SECOND, UTC)
        reason = Reason(f"escalation.{self._name}", 0.0, f"{self._text}{end:%Y-%m-%d %H:%M:%S} UTC")
        labels = verdict.labels if LABEL in verdict.labels else (*verdict.labels, LABEL)
        return verdict._replace(
            action=self.action, rule=self._name, reasons=(reason, *verdict.reasons), labels=labels
        )


class Ladder:
    """All escalations of a policy."""

    __slots__ = ("_passing", "_rungs", "_times")

    def __init__(self, file: PolicyFile, times: Times) -> None:
        self._rungs = [Rung(one) for one in file.escalations if one.mode != "off"]
        self._passing = frozenset(rule.name for rule in file.rules if rule.action and rule.action.value == PASS)
        self._times = times

    def climb(self, verdict: Verdict, request: Request, now: int) -> Verdict:
        """The verdict on a request, escalated where its key has earned it."""
        word = verdict.action.word
        if word == "pass" and verdict.rule in self._passing:
            return verdict
        counted = "" if word == "challenge" and request.passed else word
        for rung in self._rungs:
            left = rung.left(counted, request, now, self._times)
            if left and HARDNESS[rung.action.word] > HARDNESS[verdict.action.word]:
                verdict = rung.on(verdict, now + left)
        return verdict
