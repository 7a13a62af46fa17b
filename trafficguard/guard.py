"""The heart: `Guard.judge(request, now, conditions) -> Verdict`.

A head becomes a row of facts (`signals.row`), signals find in it (`signals.measures`), findings are weighed
and scored (`scoring`), and policy turns score and labels into an action. All of that depends on the shape of
the head alone, so it is done once per shape and remembered in two generations of bounded size.

Promises: the verdict is a pure function of the guard's settings and the request; it is total: an error inside
becomes the `on_error` action with the rule `on-error`, counted in `errors` and kept as text in `last_error`
for an alarm. Never: does I/O, reads a clock, waits, or looks at a request's address, path or personal values.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from trafficguard.exchange import Action, Conditions, Outcome, Reason, Request, Verdict
from trafficguard.http.fields import Field
from trafficguard.policy.decide import Policy
from trafficguard.scoring.score import score_of
from trafficguard.scoring.weigh import Share, total, weigh
from trafficguard.settings import PolicySettings
from trafficguard.signals.catalog import CATALOG, DIRECT, Need, Signal
from trafficguard.signals.fingerprint import fingerprint
from trafficguard.signals.labels import labels_of
from trafficguard.signals.measures import find
from trafficguard.signals.row import READ, Row, read_row

MOST_SHAPES: Final = 4096
"""Shapes in one generation; two are kept."""
LONGEST_SHAPE: Final = 4096
"""Bytes of a shape that is remembered; longer ones are judged anew (2 x 4096 x 4 KiB: at most 32 MiB)."""


class Assessment(NamedTuple):
    """All that the shape of a head says."""

    shares: tuple[Share, ...]
    """What signals found, strongest first."""
    evidence: float
    """Their capped sum in nats."""
    fingerprint: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a verdict came about, for people."""

    row: Row
    """The facts that signals looked at."""
    assessment: Assessment
    silent: tuple[Signal, ...]
    """Signals that looked and found nothing."""
    unmet: tuple[Signal, ...]
    """Signals that were not asked: a need of theirs is not met, or they are off."""


class Guard:
    """Judges requests, one worker's worth."""

    __slots__ = ("_intact", "_old", "_on_error", "_policy", "_young", "errors", "last_error")

    def __init__(
        self, policy: PolicySettings, *, on_error: Action = Action.PASS, intact: frozenset[Need] = DIRECT
    ) -> None:
        """`intact`: what a proxy in front leaves as clients sent it; signals that need more stay silent."""
        self._policy = Policy(policy)
        self._intact = intact
        self._on_error = Verdict(on_error, 0.0, (), (), "on-error")
        self._young: dict[tuple[object, ...], Assessment] = {}
        self._old: dict[tuple[object, ...], Assessment] = {}
        self.errors = 0
        """Requests that could not be judged."""
        self.last_error = ""
        """What the latest of them ran into."""

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:  # noqa: ARG002
        """The verdict on a request at `now` (nanoseconds since the epoch) under `conditions`; never raises.

        What a head says depends on neither; both belong to the contract that every caller keeps.
        """
        try:
            head = request.head
            shape = (head.block.shape, head.method, head.minor, request.secure, request.handshake)
            known = self._young.get(shape)
            if known is None:
                known = self._recall(shape, request)
            return known.verdict
        except Exception:  # noqa: BLE001 - judging is total: whatever fails here must not fail the shop
            self.errors += 1
            self.last_error = traceback.format_exc(limit=-2)
            return self._on_error

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """Takes in what became of a request that was judged, at `now`; never raises."""

    def explain(self, request: Request, now: int, conditions: Conditions) -> Explanation:  # noqa: ARG002
        """How `judge` comes to its verdict; raises what `judge` would count as an error."""
        row = self._read(request)
        assessment = self._assess(row)
        found = {share.signal.name for share in assessment.shares}
        rest = [signal for signal in CATALOG.values() if signal.name not in found]
        unmet = [signal for signal in rest if signal.mode == "off" or not signal.needs <= row.met]
        silent = [signal for signal in rest if signal not in unmet]
        return Explanation(row, assessment, tuple(silent), tuple(unmet))

    def _recall(self, shape: tuple[object, ...], request: Request) -> Assessment:
        """The assessment of a shape that the young generation lacks; now it is there, if it may be."""
        known = self._old.get(shape) or self._assess(self._read(request))
        if _may_be_remembered(request.head.shape.fields):
            if len(self._young) >= MOST_SHAPES:
                self._old, self._young = self._young, {}
            self._young[shape] = known
        return known

    def _read(self, request: Request) -> Row:
        return read_row(request.head, request.secure, self._intact, *request.handshake)

    def _assess(self, row: Row) -> Assessment:
        shares = weigh(find(row))
        evidence, labels = total(shares), labels_of(row)
        score = score_of(evidence)
        action, rule = self._policy.decide(score, labels)
        reasons = tuple(
            Reason(share.signal.name, share.evidence, share.text) for share in shares if share.counts
        )
        return Assessment(shares, evidence, fingerprint(row), Verdict(action, score, reasons, labels, rule))


def _may_be_remembered(fields: Sequence[Field]) -> bool:
    """Whether a shape of these fields is short and says all that signals read.

    Of very long lines a shape has the name only: two heads that differ there must be judged one by one.
    """
    if any(field.name in READ and field.token == field.raw_name for field in fields):
        return False
    return sum(len(field.token) for field in fields) <= LONGEST_SHAPE
