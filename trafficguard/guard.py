"""The heart: `Guard.judge(request, now, conditions) -> Verdict`.

What the shape of a head says is worked out once per shape (`scoring.shapes`). What the sender has done is counted under
its keys and weighed, in one compiled call (`scoring.asking` says what is asked, `counters.intake` answers). Both make
the bot score, and policy turns score and labels into an action. `Guard.observe` takes in what became of the request.

Promises: the verdict is a function of the guard's settings, the shared memory and the request; the clock is an
argument. Judging is total: an error inside becomes the `on_error` action with the rule `on-error`, counted in `errors`
and kept as text in `last_error` for an alarm. Never: does I/O, reads a clock, or waits.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from trafficguard.counters import slot
from trafficguard.counters.jit import Words
from trafficguard.counters.ledger import Ledger
from trafficguard.exchange import Action, Conditions, Outcome, Reason, Request, Verdict
from trafficguard.policy.decide import Policy
from trafficguard.scoring.asking import Asker
from trafficguard.scoring.score import score_of
from trafficguard.scoring.shapes import Assessment, Shapes
from trafficguard.scoring.terms import Terms, terms_of
from trafficguard.settings import PolicySettings
from trafficguard.signals.behaviour import Behaviour
from trafficguard.signals.catalog import CATALOG, DIRECT, Need, Signal, SignalMode
from trafficguard.signals.facts import SiteFacts
from trafficguard.signals.places import Place
from trafficguard.signals.row import Row

LEAST_REASON: Final = 0.05
"""Nats below which a signal is not worth naming."""
REMEMBERED: Final = "visit.remembered"
_REMEMBERED_TEXT: Final = "Earlier in its visit it behaved like a program"


class Found(NamedTuple):
    """What one signal of behaviour found."""

    signal: Behaviour
    evidence: float
    """Nats that it adds, or in shadow would add."""
    counts: bool
    """Whether it is part of the sum."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a verdict came about, for people."""

    row: Row
    """The facts that signals of the head looked at."""
    assessment: Assessment
    """What the head says."""
    place: Place
    """Where the request goes."""
    found: tuple[Found, ...]
    """What behaviour says, strongest first."""
    features: Mapping[str, Mapping[str, float]]
    """What is known of each key that has a slot, by kind of key and feature."""
    individual: float
    """Evidence of the visitor, in nats."""
    group: float
    """Evidence of the group that it is one of, in nats."""
    evidence: float
    """Their sum, as the score has it."""
    verdict: Verdict
    silent: tuple[Signal | Behaviour, ...]
    """Signals that looked and found nothing."""
    unmet: tuple[Signal | Behaviour, ...]
    """Signals that were not asked: a need of theirs is not met, there is no such key yet, or they are off."""


class Guard:
    """Judges requests, one worker's worth."""

    __slots__ = (
        "_asker", "_ledger", "_on_error", "_out", "_policy", "_shapes", "_terms", "_young", "errors", "last_error",
    )  # fmt: skip

    def __init__(
        self,
        policy: PolicySettings,
        memory: Words,
        sites: Mapping[str, SiteFacts],
        *,
        gives_sessions: bool = False,
        on_error: Action = Action.PASS,
        intact: frozenset[Need] = DIRECT,
        modes: Mapping[str, SignalMode] | None = None,
    ) -> None:
        """`memory`: the counters that all workers share. `gives_sessions`: visitors without a session are given ours.
        `intact`: what a proxy in front leaves as clients sent it. `modes`: of signals that differ from the catalog.
        """
        self._policy = Policy(policy)
        self._shapes = Shapes(intact, _in_modes(modes or {}))
        self._young = self._shapes.young
        self._asker = Asker(sites, gives_sessions)
        self._ledger = Ledger(memory)
        self._terms: Terms = terms_of(modes)
        self._out = self._ledger.result
        self._on_error = Verdict(on_error, 0.0, (), (), "on-error")
        self.errors = 0
        """Requests that could not be judged."""
        self.last_error = ""
        """What the latest of them ran into."""

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:  # noqa: ARG002
        """The verdict on a request at `now` (nanoseconds since the epoch) under `conditions`; never raises.

        No verdict depends on conditions yet; they belong to the contract that every caller keeps.
        """
        try:
            return self._judge(request, now)
        except Exception:  # noqa: BLE001 - judging is total: whatever fails here must not fail the shop
            self.errors += 1
            self.last_error = traceback.format_exc(limit=-2)
            return self._on_error

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """Takes in what became of a request that was judged, at `now`; never raises."""
        try:
            if request.asked:
                self._ledger.feed_back(request.asked, outcome.status // 100, outcome.login, outcome.account, now)
        except Exception:  # noqa: BLE001 - as in judge
            self.errors += 1
            self.last_error = traceback.format_exc(limit=-2)

    def explain(self, request: Request, now: int, conditions: Conditions) -> Explanation:  # noqa: ARG002
        """How `judge` comes to its verdict on a request, which is counted; raises what `judge` counts as an error."""
        verdict = self._judge(request, now, slot.READS_ALL)
        row, known = self._shapes.read(request), self._assessment(request)
        found = tuple(sorted(self._found(0.0), key=lambda one: -one.evidence))
        features = self._ledger.features()
        speaking = {share.signal.name for share in known.shares} | {one.signal.name for one in found}
        kinds = frozenset(features)
        heads = [signal for signal in self._shapes.catalog.values() if signal.name not in speaking]
        behaviours = [signal for signal in self._terms.rows if signal.name not in speaking]
        unmet: list[Signal | Behaviour] = [
            signal for signal in heads if signal.mode == "off" or not signal.needs <= row.met
        ]
        unmet += [signal for signal in behaviours if signal.key not in kinds]
        rest: list[Signal | Behaviour] = [*heads, *behaviours]
        silent = [signal for signal in rest if signal not in unmet]
        out = self._out
        return Explanation(
            row, known, self._asker.place(request), found, features, out[slot.INDIVIDUAL], out[slot.GROUP],
            out[slot.TOTAL], verdict, tuple(silent), tuple(unmet),
        )  # fmt: skip

    def _judge(self, request: Request, now: int, more: int = 0) -> Verdict:
        known = self._assessment(request)
        place = self._asker.place(request)
        request.asked = self._asker.row(request, known, place, now, more)
        self._ledger.take_in(request.asked, known.evidence, self._terms.ramps)
        evidence = self._out[slot.TOTAL]
        if evidence <= known.evidence:
            return known.verdicts.get(place.route) or self._of_head(known, place)
        return self._verdict(known, place, evidence)

    def _assessment(self, request: Request) -> Assessment:
        head = request.head
        shape = (head.block.shape, head.method, head.minor, request.secure, request.handshake)
        return self._young.get(shape) or self._shapes.recall(shape, request)

    def _of_head(self, known: Assessment, place: Place) -> Verdict:
        """The verdict on a request of which only the head speaks, remembered for the next one."""
        verdict = self._decide(known.evidence, _reasons(known), known, place)
        known.verdicts[place.route] = verdict
        return verdict

    def _verdict(self, known: Assessment, place: Place, evidence: float) -> Verdict:
        reasons = [*_reasons(known), *[_reason(one) for one in self._found(LEAST_REASON) if one.counts]]
        held = self._out[slot.HELD]
        if held - sum(reason.evidence for reason in reasons) > LEAST_REASON:
            reasons.append(Reason(REMEMBERED, held, _REMEMBERED_TEXT))
        reasons.sort(key=_strength, reverse=True)
        return self._decide(evidence, tuple(reasons), known, place)

    def _decide(self, evidence: float, reasons: tuple[Reason, ...], known: Assessment, place: Place) -> Verdict:
        score = score_of(evidence)
        labels = (*known.labels, f"route.{place.route.word}")
        action, rule = self._policy.decide(score, labels)
        return Verdict(action, score, reasons, labels, rule)

    def _found(self, least: float) -> list[Found]:
        """What signals of behaviour found in the latest request, in the order of the catalog."""
        terms = self._terms
        return [Found(terms.rows[at], evidence, terms.counts[at]) for at, evidence in self._ledger.found(least)]


def _in_modes(modes: Mapping[str, SignalMode]) -> Mapping[str, Signal]:
    return {name: signal.in_mode(modes.get(name, signal.mode)) for name, signal in CATALOG.items()}


def _reasons(known: Assessment) -> tuple[Reason, ...]:
    return tuple(Reason(share.signal.name, share.evidence, share.text) for share in known.shares if share.counts)


def _strength(reason: Reason) -> float:
    return reason.evidence


def _reason(one: Found) -> Reason:
    return Reason(one.signal.name, one.evidence, one.signal.text)
