"""What a connection makes of the bytes a client sends, with `trafficguard.http` alone.

Promises: the order of steps of a real connection: empty lines, early refusal, head, framing, body.
Never: opens a socket, or keeps more than the unread part of one head.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trafficguard.http.body import ChunkedBody, Emit, LengthBody
from trafficguard.http.framing import (
    BAD_CHUNK,
    BODY_TOO_LARGE,
    CHUNKED,
    HEAD_TOO_LARGE,
    Framing,
    frame,
    refuse_early,
)
from trafficguard.http.head import RequestReader
from trafficguard.http.refusal import Refusal
from trafficguard.settings import LimitSettings

LIMITS = LimitSettings()


@dataclass
class Connection:
    """One client connection; `reader` is shared with others, as in a worker."""

    reader: RequestReader
    bodies: list[bytes] = field(default_factory=list)
    """Content of the requests taken whole."""
    refusal: Refusal | None = None
    closed: bool = False
    """Whether nothing further is read."""
    _head: bytes = b""
    _body: ChunkedBody | LengthBody | None = None
    _content: bytes = b""
    _keep_alive: bool = True

    def feed(self, data: bytes) -> None:
        while data and not self.closed:
            data = self._take_body(data) if self._body is not None else self._take_head(data)

    def _refuse(self, refusal: Refusal) -> bytes:
        self.refusal = refusal
        self.closed = True
        return b""

    def _take_head(self, data: bytes) -> bytes:
        arrived = self._head + data
        while arrived.startswith(b"\r\n"):
            arrived = arrived[2:]
        end = arrived.find(b"\r\n\r\n") + 4
        if end < 4 or end > LIMITS.head:
            early = HEAD_TOO_LARGE if len(arrived) >= LIMITS.head else refuse_early(arrived)
            self._head = arrived
            return self._refuse(early) if early is not None else b""
        self._head = b""
        framing = self._read(arrived[:end])
        if isinstance(framing, Refusal):
            return self._refuse(framing)
        self._keep_alive = framing.keep_alive
        self._body = ChunkedBody(Emit.PAYLOAD) if framing.length == CHUNKED else LengthBody(framing.length)
        self._end_if_done()
        return arrived[end:]

    def _read(self, raw: bytes) -> Framing | Refusal:
        head = self.reader.read(raw)
        if isinstance(head, Refusal):
            return head
        framing = frame(head)
        if isinstance(framing, Framing) and framing.length > LIMITS.body:
            return BODY_TOO_LARGE
        return framing

    def _take_body(self, data: bytes) -> bytes:
        assert self._body is not None
        piece, used = self._body.feed(data)
        if self._body.fault:
            return self._refuse(BAD_CHUNK)
        self._content += piece
        self._end_if_done()
        return data[used:]

    def _end_if_done(self) -> None:
        if self._body is not None and self._body.done:
            self.bodies.append(self._content)
            self._content, self._body = b"", None
            self.closed = not self._keep_alive
