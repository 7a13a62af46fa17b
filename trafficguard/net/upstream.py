"""One connection to an origin: sends a request's head and body, cuts the answers out of what comes back.

Promises: an answer ends exactly where its framing says (HEAD, 204, 304 and 1xx at the head); a byte beyond it, or any
byte while the connection is idle, closes the connection and never reaches a client. After HEAD the connection is not
kept, for an origin that sends a body all the same may send it late. Never: retries, and never touches a client's
socket but through its `Downstream`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trafficguard.http.body import Body, ChunkedBody, Emit, LengthBody, UntilClose
from trafficguard.http.framing import CHUNKED, UNTIL_CLOSE, AnswerFraming, answer_framing_of
from trafficguard.http.head import AnswerHead
from trafficguard.net.services import LONGEST_ANSWER_HEAD, Services

if TYPE_CHECKING:
    from trafficguard.net.downstream import Downstream
    from trafficguard.net.pool import Origin

SWITCHING: Final = 101


class Upstream(asyncio.Protocol):
    """An origin connection, idle or serving one request."""

    transport: asyncio.Transport

    # Per connection
    idle_since = 0
    """Tick since which it is kept in the pool."""
    used = False
    """Whether it has served a request before."""
    lost = False

    # Per request
    _client: Downstream | None = None
    _is_head = False
    _arrived = b""
    _body: Body | None = None
    _keeps_alive = False
    _tunnels = False

    def __init__(self, origin: Origin, services: Services) -> None:
        self.origin = origin
        self._services = services

    # Towards the pool and the downstream

    def begin(self, client: Downstream, method: bytes, head: bytes) -> None:
        """Sends a request's head; the answer goes to `client`."""
        self._client = client
        self._is_head = method == b"HEAD"
        self._arrived = b""
        self._body = None
        self.transport.write(head)

    def abandon(self) -> None:
        """The answer is no longer wanted; what the origin makes of the request is unknown, so the connection goes."""
        self._client = None
        self.transport.abort()

    def close(self) -> None:
        """Closes an idle connection."""
        self._client = None
        self.transport.close()

    # Transport side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        client, body = self._client, self._body
        if client is None:
            self._leave_pool()
            self.close()
        elif body is None and not self._tunnels:
            self._read_head(client, self._arrived + data if self._arrived else data)
        elif body is None:
            client.tunnel_back(data)
        else:
            piece, used = body.feed(data)
            if body.fault:
                self._break(client, "bad-answer")
                return
            client.continue_answer(piece)
            if body.done:
                self._finish(client, used == len(data))

    def eof_received(self) -> None:
        """Half-closed by the origin: nothing more will come, and only a tunnel still has use for what we sent."""
        if self._client is None:
            self._leave_pool()
        if not self._tunnels:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        client, self._client = self._client, None
        if client is None:
            self._leave_pool()
        elif isinstance(self._body, UntilClose) and exc is None:
            client.end_answer()
        elif self._tunnels:
            client.end_tunnel()
        else:
            client.lose_upstream(self, untouched=self._body is None and not self._arrived)

    def _leave_pool(self) -> None:
        """At once, not when the loop tells that the connection is lost: until then a request could take it."""
        if self in self.origin.idle:
            self.origin.idle.remove(self)

    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.pause_upload()

    def resume_writing(self) -> None:
        if self._client is not None:
            self._client.resume_upload()

    # Answer side

    def _read_head(self, client: Downstream, data: bytes) -> None:
        """Reads heads, interim ones too, until the final one is complete."""
        while True:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                self._arrived = data
                if len(data) > LONGEST_ANSWER_HEAD:
                    self._break(client, "bad-answer")
                elif data:
                    client.begin_answer()
                return
            head = self._services.answers.read(data[:end])
            framing = answer_framing_of(head, self._is_head) if head is not None else None
            if head is None or framing is None:
                self._break(client, "bad-answer")
                return
            if head.block.status >= 200:
                self._start(client, head, framing, data)
                return
            if head.status == SWITCHING:
                self._switch(client, head, framing, data[end:])
                return
            client.send_interim(head, framing)
            data = data[end:]

    def _start(self, client: Downstream, head: AnswerHead, framing: AnswerFraming, data: bytes) -> None:
        self._keeps_alive = framing.keep_alive
        start, size = len(head.raw), len(data)
        if framing.length == size - start:
            # Nearly all answers: complete in one read.
            self._client = None
            if framing.keep_alive and client.is_settled and not client.is_unread and not self._is_head:
                self.used = True
                self.origin.keep(self)
            else:
                self.transport.abort()
            client.send_whole_answer(head, framing, data)
            return
        decoded = framing.length == CHUNKED and client.speaks_old
        body = self._body = _reader(framing.length, decoded)
        piece, used = body.feed(data[start:]) if size > start else (b"", 0)
        if body.fault:
            self._break(client, "bad-answer")
            return
        if decoded or start + used < size:
            client.send_answer(head, framing, None, piece)
        else:
            client.send_answer(head, framing, data, None)
        if body.done:
            self._finish(client, start + used == size)

    def _switch(self, client: Downstream, head: AnswerHead, framing: AnswerFraming, rest: bytes) -> None:
        if not client.accepts_switch(head, framing):
            self._break(client, "bad-answer")
            return
        self._tunnels = True
        client.begin_tunnel(head, framing, rest)

    def _finish(self, client: Downstream, clean: bool) -> None:
        """The answer is complete; keeps the connection if nothing came beyond it and the request is all sent."""
        self._client = None
        if clean and self._keeps_alive and client.is_settled and not self.lost:
            self.used = True
            self.transport.resume_reading()  # it may be paused for a client that is slower than we are
            self.origin.keep(self)
        else:
            # Not `close`, which would wait for an origin that does not read the rest of its request.
            self.transport.abort()
        client.end_answer()

    def _break(self, client: Downstream, error: str) -> None:
        self.abandon()
        client.break_answer(error)


def _reader(length: int, decoded: bool) -> Body:
    if length == CHUNKED:
        return ChunkedBody(Emit.PAYLOAD if decoded else Emit.RAW)
    if length == UNTIL_CLOSE:
        return UntilClose()
    return LengthBody(length)
