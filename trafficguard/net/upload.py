"""A request body on its way from a client to an origin.

Promises: what is sent on is exactly the body, in framing of our own; it never exceeds its limit, and a sender that is
slower than the agreed rate runs out of time. Until there is an origin connection at most one read of it is held, of a
login 16 KiB and one read. Never: holds any other body whole.
"""

from __future__ import annotations

from trafficguard.http.body import ChunkedBody, Emit, LengthBody
from trafficguard.http.framing import BAD_CHUNK, BODY_TOO_LARGE, CHUNKED
from trafficguard.http.refusal import Refusal
from trafficguard.net.wheel import TICK


class Upload:
    """The body of one request."""

    __slots__ = ("_body", "_grace", "_is_chunked", "_limit", "_per_tick", "_started", "held", "received")

    def __init__(self, length: int, limit: int, rate: int, started: int, grace: int) -> None:
        self._is_chunked = length == CHUNKED
        self._body = ChunkedBody(Emit.REFRAMED) if self._is_chunked else LengthBody(length)
        self._limit = limit
        self._per_tick = max(1.0, rate * TICK)
        self._started = started
        self._grace = grace
        self.received = 0
        """Bytes taken from the client so far."""
        self.held = b""
        """What came before there was a connection to send it to."""

    @property
    def done(self) -> bool:
        """Whether the body is complete."""
        return self._body.done

    def content(self) -> bytes:
        """What is held, without chunks."""
        return ChunkedBody(Emit.PAYLOAD).feed(self.held)[0] if self._is_chunked else self.held

    def due(self, now: int) -> int:
        """Tick at which the slowest sender allowed would be here; no silence after `now` outlasts the grace."""
        return min(self._started + int(self.received / self._per_tick), now) + self._grace

    def postpone(self, ticks: int) -> None:
        """Leaves out of the reckoning the time in which we did not read."""
        self._started += ticks

    def take(self, data: bytes) -> tuple[bytes, int] | Refusal:
        """The bytes to send on and how many of `data` belong to the body, or why the request ends here."""
        piece, used = self._body.feed(data)
        self.received += used
        if self._body.fault:
            return BAD_CHUNK
        if self.received > self._limit:
            return BODY_TOO_LARGE
        return piece, used
