"""Recorded requests: which ones, and what of them.

Promises: blocked, refused and failed requests are always recorded, of the others an even share by counting,
without chance; what waits to be taken away is bounded, and the oldest goes first. An event holds only str,
int, float, list and dict, every text of a client is cut to a stated length, and it holds no cookie, no
authorization and no body. Never: writes anywhere, or keeps a request waiting.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypedDict

from trafficguard.actions import PASS, PassAction
from trafficguard.exchange import Exchange, Verdict
from trafficguard.http.head import RequestHead
from trafficguard.telemetry.meters import Meters

LONGEST_TARGET: Final = 2048
LONGEST_USER_AGENT: Final = 512
LONGEST_HOST: Final = 256

RING_CAPACITY: Final = 1024
"""Exchanges that wait at most. Each keeps its head alive: with heads of 32 KiB, some 70 MiB at worst."""


class Event(TypedDict):
    """One recorded request."""

    t: int
    """When its head was complete, nanoseconds since the Unix epoch."""
    id: str
    """Request id; empty, like all that follows but the client, where the head could not be read."""
    site: str
    client: str
    method: str
    host: str
    """As sent, with port."""
    target: str
    """As sent, cut to 2 KiB."""
    user_agent: str
    status: int
    """0 when the client left before one was sent."""
    action: str
    """Empty without a verdict, like score and the five below."""
    score: float
    reasons: list[str]
    """Sentences, strongest first."""
    signals: dict[str, float]
    """Evidence in nats by signal."""
    labels: list[str]
    rule: str
    shadow: list[str]
    """What rules in shadow would have done, each as `rule: action`."""
    us: int
    """Microseconds from the complete head to the answer's end."""
    origin: str
    bytes_in: int
    bytes_out: int
    error: str
    challenge: str
    """What happened with a challenge, if anything: `issued pow rule`, `solved pow rule`, `failed pow cause`."""


def event_of(exchange: Exchange) -> Event:
    """The record of a finished exchange."""
    request, verdict = exchange.request, exchange.verdict or _NO_VERDICT
    head = request.head if request else None
    return {
        "t": exchange.started,
        "id": request.request_id if request else "",
        "site": request.site if request else "",
        "client": request.client if request else exchange.peer,
        "method": head.method.decode("latin-1") if head else "",
        "host": _host(head) if head else "",
        "target": _text(head.line.split(b" ", 2)[1], LONGEST_TARGET) if head else "",
        "user_agent": _text(head.value(b"user-agent"), LONGEST_USER_AGENT) if head else "",
        "status": exchange.status,
        "action": verdict.action.word if exchange.verdict else "",
        "score": round(float(verdict.score), 2),
        "reasons": [reason.text for reason in verdict.reasons],
        "signals": {reason.signal: round(float(reason.evidence), 4) for reason in verdict.reasons},
        "labels": list(verdict.labels),
        "rule": verdict.rule,
        "shadow": list(verdict.shadow),
        "us": (exchange.ended - exchange.started) // 1000,
        "origin": exchange.origin,
        "bytes_in": exchange.bytes_in,
        "bytes_out": exchange.bytes_out,
        "error": exchange.error,
        "challenge": exchange.desk,
    }


_NO_VERDICT: Final = Verdict(PASS, 0.0, (), (), "")


def _host(head: RequestHead) -> str:
    return _text(head.target.authority or head.value(b"host"), LONGEST_HOST)


def _text(raw: bytes | None, longest: int) -> str:
    return raw[:longest].decode("latin-1") if raw else ""


class EventRing:
    """Exchanges that are to be recorded, until somebody takes them away."""

    __slots__ = ("_capacity", "_credit", "_meters", "_records", "_ring", "_share")

    def __init__(self, meters: Meters, sample: float | None, capacity: int = RING_CAPACITY) -> None:
        """`sample`: share, 0 to 1, of requests that passed without trouble; None records nothing."""
        self._ring: deque[Exchange] = deque(maxlen=capacity)
        self._capacity = capacity
        self._records = sample is not None
        self._share = sample or 0.0
        self._credit = 0.0
        self._meters = meters

    def __len__(self) -> int:
        return len(self._ring)

    def offer(self, exchange: Exchange) -> None:
        """Keeps a finished exchange if it is one to record."""
        verdict = exchange.verdict
        if exchange.status < 500 and not exchange.error and (verdict is None or type(verdict.action) is PassAction):
            credit = self._credit + self._share
            if credit < 1.0:
                self._credit = credit
                return
            self._credit = credit - 1.0
        if not self._records:
            return
        if len(self._ring) == self._capacity:
            self._meters.events_dropped += 1
        self._ring.append(exchange)

    def drain(self, limit: int) -> list[Exchange]:
        """Takes away the oldest, at most `limit`."""
        ring = self._ring
        return [ring.popleft() for _ in range(min(limit, len(ring)))]

