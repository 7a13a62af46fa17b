"""Puts recorded sessions in front of a guard.

Promises: a guard of its own for every session; calls `judge` and `observe` and nothing else. Never: tells the guard
what the client is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from loadtests.evaluate.recordings import Session
from loadtests.virtual.guards import make_guard
from trafficguard.counters.layout import Sizes
from trafficguard.exchange import UNKNOWN_HANDSHAKE, Conditions, Outcome, Request
from trafficguard.guard import Guard
from trafficguard.http.refusal import Refusal

MIDDLE: Final = 50.0
"""Score at which somebody is suspected."""
CAUGHT: Final = 75.0
"""Score at which somebody is stopped."""

_ADDRESS: Final = "192.0.2.1"
_SITE: Final = "shop.test"
_SIZES: Final = Sizes(64, 64, 64, 64, 64, 64, 1 << 16, 1, 16, 1)
_IN_BETWEEN: Final = 1_000_000
"""Nanoseconds between a request and its answer; recordings do not tell."""


class Given(NamedTuple):
    """What the guard is told besides the bytes."""

    tls: bool = True
    """JA4 and HTTP/2 fingerprint of the connection, as by a trusted peer."""
    telemetry: bool = True
    """The posts of the shop's own script."""


@dataclass(slots=True)
class Figures:
    """What became of one session."""

    session: Session
    requests: int = 0
    """Without telemetry."""
    refused: int = 0
    """Of them, refused for their form before anyone judged."""
    max_score: float = 0.0
    first_at_50: int | None = None
    """Number of the request at which the score first was 50 or more, from 1."""
    first_at_75: int | None = None
    strongest: dict[str, float] = field(default_factory=dict)
    """Highest evidence of each signal in one request."""
    errors: str = ""
    """What the guard could not judge."""


def judge(session: Session, given: Given) -> Figures:
    """The figures of a session."""
    figures = Figures(session)
    with make_guard(site=_SITE, sizes=_SIZES) as guard:
        _judge_all(guard, session, given, figures)
    return figures


def _judge_all(guard: Guard, session: Session, given: Given, figures: Figures) -> None:
    conditions = Conditions()
    for number, recorded in enumerate(session.requests):
        if recorded.telemetry and not given.telemetry:
            continue
        figures.requests += not recorded.telemetry
        if isinstance(recorded.head, Refusal):
            figures.refused += 1
            continue
        handshake = recorded.handshake if given.tls else UNKNOWN_HANDSHAKE
        request = Request(recorded.head, _ADDRESS, recorded.secure, _SITE, b"%d" % number, handshake)
        verdict = guard.judge(request, recorded.at, conditions)
        guard.observe(request, Outcome(recorded.status), recorded.at + _IN_BETWEEN)
        _take_in(figures, verdict.score)
        for reason in verdict.reasons:
            before = figures.strongest.get(reason.signal, 0.0)
            figures.strongest[reason.signal] = max(before, reason.evidence)
    figures.errors = guard.last_error


def _take_in(figures: Figures, score: float) -> None:
    number = max(figures.requests, 1)
    figures.max_score = max(figures.max_score, score)
    if score >= MIDDLE and figures.first_at_50 is None:
        figures.first_at_50 = number
    if score >= CAUGHT and figures.first_at_75 is None:
        figures.first_at_75 = number
