"""The heart: `Guard.judge(request, now, conditions) -> Verdict`.

What the shape of a head says is worked out once per shape (`scoring.shapes`). What the sender has done is counted under
its keys and weighed, in one compiled call (`scoring.asking` says what is asked, `counters.intake` answers). Both make
the bot score, and the policy in force turns score, labels and whatever else it asks for into an action. `Guard.observe`
takes in what became of the request; `Guard.follow` takes other orders, between two requests and at once.

Promises: the verdict is a function of the guard's orders, the shared memory, the request and the conditions; the clock
is an argument. Judging is total: an error inside becomes the `on_error` action with the rule `on-error`, counted in
`errors` and kept as text in `last_error` for an alarm. What was counted and remembered outlives new orders. Never: does
I/O, reads a clock, or waits.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from trafficguard.actions import BLOCK, PASS, ActionValue, ChallengeAction
from trafficguard.counters import slot
from trafficguard.counters.jit import Words
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.timers import Timers
from trafficguard.exchange import Conditions, Outcome, Reason, Request, Verdict
from trafficguard.policy.engine import Shadow
from trafficguard.policy.escalation import Ladder
from trafficguard.policy.gather import CHEAP, Gatherer
from trafficguard.policy.networks import number_of
from trafficguard.policy.orders import HandTable, Orders
from trafficguard.policy.overrides import behaviours_of, heads_of
from trafficguard.scoring.asking import Asker
from trafficguard.scoring.score import score_of
from trafficguard.scoring.shapes import Assessment, Shapes
from trafficguard.scoring.terms import Terms, terms_of
from trafficguard.signals.behaviour import Behaviour
from trafficguard.signals.catalog import DIRECT, Need, Signal
from trafficguard.signals.facts import SiteFacts
from trafficguard.signals.memory import Memory
from trafficguard.signals.places import Place
from trafficguard.signals.row import Row

REMEMBERED: Final = "visit.remembered"
_REMEMBERED_TEXT: Final = "Earlier in its visit it behaved like a program"
BY_HAND: Final = "by-hand"
PASSED: Final = "+passed"
"""Ends the rule of a verdict that would have challenged who has a valid pass."""

_Told = tuple[Assessment, int, bytes]
"""What a score and its reasons depend on: the head, the route class, what the counters told."""


class Finding:
    """Score and reasons for what is told again and again, and the verdict on it while conditions last."""

    __slots__ = ("conditions", "evidence", "labels", "reasons", "score", "set_of_labels", "verdict", "verdicts")

    def __init__(self, evidence: float, reasons: tuple[Reason, ...], labels: tuple[str, ...]) -> None:
        self.evidence = evidence
        self.score = score_of(evidence)
        self.reasons = reasons
        self.labels = labels
        self.set_of_labels = frozenset(labels)
        self.conditions: Conditions | None = None
        """Those under which `verdict` was formed."""
        self.verdict: Verdict
        self.verdicts: dict[str, Verdict] = {}
        """By the rule that decides, where no other rule has a say."""


class Regime:
    """All that follows from orders, made ready."""

    __slots__ = ("errors", "findings", "gatherer", "hand", "is_plain", "ladder", "orders", "policy", "shapes", "terms")

    def __init__(self, orders: Orders, intact: frozenset[Need], timers: Timers, before: Regime | None) -> None:
        """`before`: whose memory of heads and table of keys go on where signals and decisions are the same."""
        self.orders = orders
        self.policy = orders.policy
        is_same = before is not None and before.policy.file.signals == orders.policy.file.signals
        self.shapes: Shapes = before.shapes if before and is_same else Shapes(intact, heads_of(orders.policy.file))
        self.terms: Terms = before.terms if before and is_same else terms_of(behaviours_of(orders.policy.file))
        self.is_plain = self.policy.fields <= CHEAP
        """Whether a decision follows from what is found and the conditions, so that it can be remembered."""
        self.gatherer = Gatherer(self.policy)
        self.ladder = Ladder(orders.policy.file, timers) if orders.policy.file.escalations else None
        is_decided = before is not None and before.orders.by_hand == orders.by_hand
        self.hand: HandTable | None = before.hand if before and is_decided else None
        if orders.by_hand and self.hand is None:
            self.hand = HandTable(orders.by_hand)
        self.findings: Memory[_Told, Finding] = Memory()
        self.errors = self.policy.new_errors()


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
        "_asker", "_intact", "_ledger", "_on_error", "_out", "_regime", "_rule_errors", "_sees_answers", "_timers",
        "errors", "last_error",
    )  # fmt: skip

    def __init__(
        self,
        orders: Orders,
        memory: Words,
        sites: Mapping[str, SiteFacts],
        *,
        on_error: ActionValue = PASS,
        intact: frozenset[Need] = DIRECT,
        sees_answers: bool = True,
    ) -> None:
        """`memory`: the counters that all workers share. `intact`: what a proxy in front leaves as clients sent it.

        `sees_answers`: whether the shop's answers come through us, so that visitors can be given a session.
        """
        self._intact = intact
        self._sees_answers = sees_answers
        self._asker = Asker(sites)
        self._ledger = Ledger(memory)
        self._out = self._ledger.result
        self._timers = Timers(memory)
        self._on_error = Verdict(on_error, 0.0, (), (), "on-error")
        self._rule_errors: dict[str, int] = {}
        self.errors = 0
        """Requests that could not be judged."""
        self.last_error = ""
        """What the latest of them ran into."""
        self._regime: Regime = Regime(orders, intact, self._timers, None)
        self._give_sessions()

    def follow(self, orders: Orders) -> None:
        """Judges by `orders` from now on."""
        regime = Regime(orders, self._intact, self._timers, self._regime)
        self._rule_errors = self.rule_errors
        self._regime = regime
        self._give_sessions()

    def _give_sessions(self) -> None:
        enforced = self.orders.enforced(self._asker.sites)
        self._asker.give_sessions(enforced if self._sees_answers else ())

    @property
    def orders(self) -> Orders:
        """What is in force."""
        return self._regime.orders

    @property
    def rule_errors(self) -> dict[str, int]:
        """How often each rule has failed, under all orders so far; those that never did are not there."""
        regime = self._regime
        total = dict(self._rule_errors)
        for name, count in zip(regime.policy.names, regime.errors, strict=True):
            if count:
                total[name] = total.get(name, 0) + count
        return total

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        """The verdict on a request at `now` (nanoseconds since the epoch) under `conditions`; never raises."""
        try:
            return self._judge(request, now, conditions)
        except Exception:  # noqa: BLE001 - judging is total: whatever fails here must not fail the shop
            self._note_error()
            return self._on_error

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """Takes in what became of a request at `now`; never raises.

        Of one that was not judged only an attempt at a challenge counts, and no visit.
        """
        asked = request.asked
        if not asked and outcome.challenge:
            asked = self._row_of(request, now)
        if asked:
            self.feed_back(asked, outcome, now)

    def _row_of(self, request: Request, now: int) -> bytes:
        try:
            return self._asker.row(request, self._assessment(request), self._asker.place(request), now)
        except Exception:  # noqa: BLE001 - as in judge
            self._note_error()
            return b""

    def _note_error(self) -> None:
        self.errors += 1
        self.last_error = traceback.format_exc(limit=-2)

    def feed_back(self, asked: bytes, outcome: Outcome, now: int) -> None:
        """As `observe`, of a request of which only is left what counting was told of it; never raises."""
        try:
            self._ledger.feed_back(
                asked, outcome.status // 100, outcome.login, outcome.account, now, outcome.challenge, outcome.challenged
            )
        except Exception:  # noqa: BLE001 - as in judge
            self._note_error()

    def explain(self, request: Request, now: int, conditions: Conditions) -> Explanation:
        """How `judge` comes to its verdict on a request, which is counted; raises what `judge` counts as an error."""
        verdict, regime = self._judge(request, now, conditions, slot.READS_ALL), self._regime
        row, known = regime.shapes.read(request), self._assessment(request)
        found = tuple(sorted(self._found(), key=lambda one: -one.evidence))
        features = self._ledger.features()
        speaking = {share.signal.name for share in known.shares} | {one.signal.name for one in found}
        kinds = frozenset(features)
        heads = [signal for signal in regime.shapes.catalog.values() if signal.name not in speaking]
        behaviours = [signal for signal in regime.terms.rows if signal.name not in speaking]
        unmet: list[Signal | Behaviour] = [
            signal for signal in heads if signal.mode == "off" or not signal.needs <= row.met
        ]
        unmet += [signal for signal in behaviours if signal.key not in kinds or self._misses_answers(signal)]
        rest: list[Signal | Behaviour] = [*heads, *behaviours]
        silent = [signal for signal in rest if signal not in unmet]
        out = self._out
        return Explanation(
            row, known, self._asker.place(request), found, features, out[slot.INDIVIDUAL], out[slot.GROUP],
            out[slot.TOTAL], verdict, tuple(silent), tuple(unmet),
        )  # fmt: skip

    def _misses_answers(self, signal: Behaviour) -> bool:
        return signal.needs_answer and not self._sees_answers

    def _judge(self, request: Request, now: int, conditions: Conditions, more: int = 0) -> Verdict:
        regime = self._regime
        known = self._assessment(request)
        place = self._asker.place(request)
        request.asked = self._asker.row(request, known, place, now, more)
        self._ledger.take_in(request.asked, known.evidence, regime.terms.ramps)
        evidence = self._out[slot.TOTAL]
        told = known, place.route, self._ledger.told() if evidence > known.evidence else b""
        findings = regime.findings
        finding = findings.young.get(told) or findings.recall(told) or self._find(told, evidence)
        if regime.is_plain and finding.conditions is conditions:
            verdict = finding.verdict
        else:
            verdict = self._decide(regime, finding, request, known, place.route, now, conditions)
        if regime.ladder is not None:
            verdict = regime.ladder.climb(verdict, request, now)
        if regime.hand is not None:
            verdict = _by_hand(regime.hand, verdict, request, known, now)
        if request.proof and isinstance(verdict.action, ChallengeAction) and request.proof >= verdict.action.rank:
            verdict = verdict._replace(action=PASS, rule=verdict.rule + PASSED)
        return verdict

    def _assessment(self, request: Request) -> Assessment:
        head, shapes = request.head, self._regime.shapes
        shape: tuple[object, ...] = (head.block.shape, head.method, head.minor, request.secure, request.handshake)
        if request.told or request.reuse:
            shape += (request.told, request.reuse)
        return shapes.young.get(shape) or shapes.recall(shape, request)

    def _find(self, told: _Told, evidence: float) -> Finding:
        """What the counters and the head say, put into words and remembered."""
        known, route, by_counters = told
        if not by_counters:
            finding = Finding(known.evidence, known.reasons, known.labels_at[route])
        else:
            rows = self._regime.terms.rows
            reasons = [Reason(rows[at].name, nats, rows[at].text) for at, nats in self._ledger.strongest()]
            remembered = self._out[slot.REMEMBERED]
            if remembered > 0.0:
                reasons.append(Reason(REMEMBERED, remembered, _REMEMBERED_TEXT))
            reasons += known.reasons
            reasons.sort(key=_strength, reverse=True)
            finding = Finding(evidence, tuple(reasons), known.labels_at[route])
        self._regime.findings.keep(told, finding)
        return finding

    def _decide(
        self,
        regime: Regime,
        finding: Finding,
        request: Request,
        known: Assessment,
        route: int,
        now: int,
        conditions: Conditions,
    ) -> Verdict:
        facts = regime.gatherer.gather(
            request, now, conditions, finding.score, finding.evidence, finding.set_of_labels, route,
            known.fingerprint, self._out[slot.KNOWN] > 0.0,
        )  # fmt: skip
        decision = regime.policy.decide(facts, regime.errors)
        is_bare = not (decision.weighed or decision.labels or decision.shadow)
        if is_bare and (verdict := finding.verdicts.get(decision.rule)) is not None:
            return verdict
        reasons, labels = finding.reasons, finding.labels
        if decision.weighed:
            weighed = [Reason(f"rule.{rule}", nats, f"The rule {rule} adds to it") for rule, nats in decision.weighed]
            reasons = tuple(sorted((*reasons, *weighed), key=_strength, reverse=True))
        if decision.labels:
            labels += decision.labels
        shadow = tuple(map(_in_shadow, decision.shadow)) if decision.shadow else ()
        verdict = Verdict(decision.action, decision.score, reasons, labels, decision.rule, shadow)
        if is_bare:
            finding.verdicts[decision.rule] = verdict
        if regime.is_plain:
            finding.verdict, finding.conditions = verdict, conditions
        return verdict

    def _found(self) -> list[Found]:
        """What signals of behaviour found in the latest request, in the order of the catalog."""
        terms = self._regime.terms
        return [Found(terms.rows[at], evidence, terms.counts[at]) for at, evidence in self._ledger.found()]


def _by_hand(hand: HandTable, verdict: Verdict, request: Request, known: Assessment, now: int) -> Verdict:
    found = hand.find(number_of(request.client), known.fingerprint, now)
    if found is None:
        return verdict
    return verdict._replace(action=PASS if found.action == "allow" else BLOCK, rule=BY_HAND)


def _in_shadow(one: Shadow) -> str:
    return f"{one.rule}: {one.action.word if one.action is not None else f'weigh {one.nats:g}'}"


def _strength(reason: Reason) -> float:
    return reason.evidence
