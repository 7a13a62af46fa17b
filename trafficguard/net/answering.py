"""The client's side of an answer: what is sent, when it is over, and what comes after it.

Promises: an answer of which a byte has been sent is never followed by another one; every exchange ends in `finish`,
exactly once; the next request is not looked at before. Never: reads a request (`downstream`).
"""

from __future__ import annotations

import asyncio
from typing import Final

from trafficguard.exchange import Exchange
from trafficguard.http.framing import CHUNKED, UNTIL_CLOSE, AnswerFraming, Framing
from trafficguard.http.head import AnswerHead, RequestHead
from trafficguard.http.wire import CLOSE, KEEP_ALIVE, UPGRADE, answer_head, own_answer
from trafficguard.net.act import Reply, content_of
from trafficguard.net.connection import BODY, BUSY, CLOSED, HEAD, TUNNEL, Connection, Hold
from trafficguard.net.handshake import accepts
from trafficguard.net.upload import Upload
from trafficguard.net.upstream import Upstream
from trafficguard.net.visiting import TELL, settle
from trafficguard.signals.facts import SiteFacts

ORIGIN_LEFT: Final = Reply(502, "The shop ended the connection without an answer.", "origin-left")
BAD_ANSWER: Final = Reply(502, "The shop sent an answer that is not valid.", "bad-answer")

_ORIGIN_HOLDS: Final = Hold.UPLOAD | Hold.CONNECT


class Answering(Connection):
    """A client connection and the answer that is being sent on it."""

    _queued = b""
    """What came while a request was being answered."""

    # Per request
    _exchange: Exchange | None = None
    _head: RequestHead
    _framing: Framing
    _upload: Upload | None = None
    _upstream: Upstream | None = None
    _connecting: asyncio.Task[None] | None = None
    _stays = False
    """Whether the connection goes on after this answer."""
    _answered = False
    """Whether the head of the answer has been sent."""
    _due = 0
    """What the answer has to tell or to carry (`visiting`)."""
    _told = b""
    """The lines about the request's pace, where they are due."""
    _facts: SiteFacts

    @property
    def is_settled(self) -> bool:
        """Whether the origin has been sent all of the request, and has read it."""
        upload = self._upload
        return upload is None or (upload.done and not self._holds & Hold.UPLOAD)

    @property
    def speaks_old(self) -> bool:
        """Whether the client speaks HTTP/1.0 and so knows no chunks."""
        return self._head.minor == 0

    # Answer side

    def begin_answer(self) -> None:
        """The first bytes of an answer have come, but not all of its head."""
        if not self._answered and self.stage is BUSY:
            limit = self.services.wheel.now + self.services.ticks.answer_head
            self.due = min(self.due, limit)

    def send_interim(self, head: AnswerHead, framing: AnswerFraming) -> None:
        """Sends a 1xx answer on, to those who know what it is."""
        if not self.speaks_old and not self._answered:
            self.transport.write(answer_head(head, framing, b"", decoded=False))

    def send_answer(self, head: AnswerHead, framing: AnswerFraming, whole: bytes | None, piece: bytes | None) -> None:
        """Sends the head of an answer and what has come of its body: the `whole` read, or a `piece` cut out of it."""
        exchange, services = self._exchange, self.services
        if exchange is None:
            return
        if framing.length == UNTIL_CLOSE or self.stage is BODY or services.draining:
            self._stays = False
        lines = self._settle(exchange, head) if self._due else b""
        if self._stays and whole is not None and not framing.rewrite and not lines and self._head.minor:
            out = whole
        else:
            rest = piece if piece is not None else whole[len(head.raw) :] if whole is not None else b""
            out = self._answer_head(head, framing, lines) + rest
        exchange.status = head.status
        exchange.answered = services.clock.now()
        exchange.bytes_out += len(out)
        self._answered = True
        self.due = services.wheel.now + services.ticks.idle
        self.transport.write(out)

    def send_whole_answer(self, head: AnswerHead, framing: AnswerFraming, whole: bytes) -> None:
        """Sends an answer that came in one read and ends with it, and goes on to the next request."""
        exchange = self._exchange
        if exchange is None:
            return
        if self.stage is not BUSY or self.services.draining:
            self._stays = False
        lines = self._settle(exchange, head) if self._due else b""
        if self._stays and not framing.rewrite and not lines and self._head.minor:
            out = whole
        else:
            out = self._answer_head(head, framing, lines) + whole[len(head.raw) :]
        exchange.status = head.block.status
        exchange.bytes_out += len(out)
        self._answered = True
        self._upstream = None
        self.transport.write(out)
        self.finish()
        self._go_on()

    def _settle(self, exchange: Exchange, head: AnswerHead) -> bytes:
        """Lines to add to the answer."""
        lines = settle(self._due, exchange, head, self._facts)
        return lines + self._told if self._due & TELL else lines

    def _answer_head(self, head: AnswerHead, framing: AnswerFraming, lines: bytes) -> bytes:
        old = self.speaks_old
        decoded = old and framing.length == CHUNKED
        if decoded:
            self._stays = False  # without chunks, only the end of the connection tells where the body ends
        connection = (KEEP_ALIVE if old else b"") if self._stays else CLOSE
        return answer_head(head, framing, connection + lines, decoded)

    def continue_answer(self, piece: bytes) -> None:
        """Sends the next piece of the answer's body."""
        exchange = self._exchange
        if exchange is not None and piece:
            exchange.bytes_out += len(piece)
            self.due = self.services.wheel.now + self.services.ticks.idle
            self.transport.write(piece)

    def end_answer(self) -> None:
        """The answer is complete."""
        self._upstream = None
        self.finish()
        self._go_on()

    def reply(self, reply: Reply) -> None:
        """Answers here, giving up whatever the origin was doing."""
        exchange = self._exchange
        if exchange is None or exchange.request is None:
            return
        self._let_go()
        if self.stage is BODY or reply.closes:
            self._stays = False
        self._write_reply(reply, exchange, self._head.value(b"accept"), exchange.request.id_bytes)

    def _write_reply(self, reply: Reply, exchange: Exchange, accept: bytes | None, request_id: bytes) -> None:
        media_type, body = content_of(reply, request_id, accept)
        connection = CLOSE if not self._stays else KEEP_ALIVE if self.speaks_old else b""
        extra = b"X-Request-Id: %b\r\n%b%b" % (request_id, reply.lines, connection)
        out = own_answer(reply.status, media_type, body, self.services.date(), extra)
        if body and exchange.request is not None and exchange.request.head.method == b"HEAD":
            out = out[: -len(body)]
        exchange.status = reply.status
        exchange.error = reply.error
        exchange.bytes_out += len(out)
        self._answered = True
        self.transport.write(out)
        self.finish()
        self._go_on()

    def _let_go(self) -> None:
        """Gives up the origin's side of this request."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    def finish(self) -> None:
        """The last moment of every exchange: counted, offered to the decision log, and learnt from if it was judged."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        services = self.services
        exchange.ended = services.clock.now()
        services.meters.finish(exchange)
        services.ring.offer(exchange)
        is_whole = self._upload is None or self._upload.done
        # Who left before an answer, or never sent all of a request, says nothing about the origin.
        if exchange.origin and exchange.status and is_whole:
            asked = exchange.sent_on or exchange.started
            services.strain.add((exchange.answered or exchange.ended) - asked, exchange.status)
        if exchange.request is not None and (exchange.verdict is not None or exchange.challenge):
            services.guard.observe(exchange.request, exchange.outcome, exchange.ended)

    def _go_on(self) -> None:
        """After an answer: to the next request, or to the end of the connection."""
        if self.stage is CLOSED:
            return
        if not self._stays or self.half_closed:
            if self.stage is BODY or self._queued:
                self.linger()
            else:
                self.close()
            return
        self._upload = None
        self.stage = HEAD
        if self._holds:
            self._read_again(_ORIGIN_HOLDS)  # whatever the origin made us wait for is over
        if self.is_unread:
            # Nobody gets a second answer into our memory before the first is read.
            self.due = self.services.wheel.now + self.services.ticks.idle
            self.hold(Hold.UNREAD)
        else:
            self._await_next()

    def _await_next(self) -> None:
        self.due = self.services.wheel.now + self.services.ticks.keepalive
        if self._queued:
            # From the loop, not from here: a read may hold hundreds of requests that end at once.
            asyncio.get_running_loop().call_soon(self._take_queued)
        elif not self._stays:
            self.close()  # told to drain while the client was still reading

    def break_answer(self, error: str) -> None:
        """The answer cannot be completed."""
        self._upstream = None
        if not self._answered:
            self.reply(ORIGIN_LEFT if error == "origin-left" else BAD_ANSWER)
            return
        if self._exchange is not None:
            self._exchange.error = error
        self.transport.abort()

    def _take_queued(self) -> None:
        """Reads what came while the last request was being answered."""
        raise NotImplementedError

    # Tunnels

    def accepts_switch(self, head: AnswerHead, framing: AnswerFraming) -> bool:
        """Whether a 101 is the answer to the WebSocket handshake that the client began."""
        return self._framing.websocket and not self._answered and accepts(self._head, head, framing)

    def begin_tunnel(self, head: AnswerHead, framing: AnswerFraming, rest: bytes) -> None:
        """The origin agreed: from now on bytes pass unread in both directions."""
        exchange, services = self._exchange, self.services
        if exchange is None or self._upstream is None:
            return
        exchange.status = head.status
        exchange.answered = services.clock.now()
        self._answered = True
        self.stage = TUNNEL
        services.meters.tunnels_open += 1
        self.tunnel_back(answer_head(head, framing, UPGRADE, decoded=False) + rest)
        queued, self._queued = self._queued, b""
        if queued:
            self._tunnel_on(queued)
        self._read_again(Hold.QUEUE)
        if self.half_closed:
            self._close_tunnel_half(self._upstream)

    def _close_tunnel_half(self, upstream: Upstream) -> None:
        """The client has said all it had to say: so have we to the origin, once it has read it."""
        upstream.transport.write_eof()
        self.due = self.services.wheel.now + self.services.ticks.idle

    def _tunnel_on(self, data: bytes) -> None:
        if self._upstream is not None and self._exchange is not None:
            self._exchange.bytes_in += len(data)
            self.due = self.services.wheel.now + self.services.ticks.tunnel
            self._upstream.transport.write(data)

    def tunnel_back(self, data: bytes) -> None:
        """Bytes from the origin through an open tunnel."""
        if self._exchange is not None:
            self._exchange.bytes_out += len(data)
            self.due = self.services.wheel.now + self.services.ticks.tunnel
            self.transport.write(data)

    def end_tunnel(self) -> None:
        """The origin closed its end."""
        self._upstream = None
        self.services.meters.tunnels_open -= 1
        self.finish()
        self.close()

    # Reading

    def _queue(self, data: bytes) -> None:
        """Holds what belongs to the next request until this one is answered."""
        self._queued = data
        self.hold(Hold.QUEUE)

    def _read_again(self, why: int) -> None:
        ticks = self.release(why)
        if ticks and self._upload is not None and self.stage is BODY:
            self._upload.postpone(ticks)
            self.due = self._upload.due(self.services.wheel.now)
