"""One client connection: reads requests one at a time, has them judged, and carries their answers back in order.

Promises: every request that is read ends in `_finish`, exactly once; the next one is not looked at before. What comes
early is held (at most one read, and reading pauses), what comes late is cut by the deadline wheel. An answer of which
a byte has been sent is never followed by another one. Never: awaits, but for a new origin connection.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trafficguard.exchange import Exchange, Request
from trafficguard.http.fields import Kind
from trafficguard.http.framing import (
    BODY_TOO_LARGE,
    CHUNKED,
    HEAD_TOO_LARGE,
    UNTIL_CLOSE,
    AnswerFraming,
    Framing,
    framing_of,
    refuse_early,
)
from trafficguard.http.head import AnswerHead, RequestHead
from trafficguard.http.problem import render
from trafficguard.http.refusal import Refusal
from trafficguard.http.wire import CLOSE, KEEP_ALIVE, UPGRADE, answer_head, own_answer, request_head
from trafficguard.net.act import Reply, act
from trafficguard.net.connection import BODY, BUSY, CLOSED, HEAD, LINGER, PROXY, TUNNEL, Connection, Hold
from trafficguard.net.handshake import accepts
from trafficguard.net.peer import Peer
from trafficguard.net.pool import Origin
from trafficguard.net.proxy_header import Unread, read_proxy_header
from trafficguard.net.sites import Route, Site
from trafficguard.net.upload import Upload
from trafficguard.net.upstream import Upstream
from trafficguard.net.wheel import NEVER

IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""RFC 9110 section 9.2.2."""

NO_SITE: Final = Reply(421, "This host is not served here.", "no-site")
NO_ROUTE: Final = Reply(404, "Nothing is served under this path.", "no-route")
NO_ORIGIN: Final = Reply(503, "The shop is not available at the moment.", "no-origin")
CANNOT_CONNECT: Final = Reply(502, "The shop could not be reached.", "connect")
CONNECT_TIMEOUT: Final = Reply(504, "The shop could not be reached in time.", "connect-timeout")
ORIGIN_LEFT: Final = Reply(502, "The shop ended the connection without an answer.", "origin-left")
BAD_ANSWER: Final = Reply(502, "The shop sent an answer that is not valid.", "bad-answer")
FIRST_BYTE: Final = Reply(504, "The shop did not answer in time.", "first-byte")
SLOW_HEAD: Final = Refusal(408, "slow-head", "The request did not arrive in time.")
SLOW_BODY: Final = Reply(408, "The request body did not arrive in time.", "slow-body")

_ORIGIN_HOLDS: Final = Hold.UPLOAD | Hold.CONNECT


class Downstream(Connection):
    """A client connection and its requests."""

    # Per connection
    _arrived = b""
    """A head, or PROXY header, of which not all has come."""
    _queued = b""
    """What came while a request was being answered."""

    # Per request
    _exchange: Exchange | None = None
    _head: RequestHead
    _framing: Framing
    _route: Route
    _lines = b""
    """Our own header lines for the origin."""
    _upload: Upload | None = None
    _upstream: Upstream | None = None
    _connecting: asyncio.Task[None] | None = None
    _stays = False
    """Whether the connection goes on after this answer."""
    _answered = False
    """Whether the head of the answer has been sent."""

    # Transport side

    def data_received(self, data: bytes) -> None:
        stage = self.stage
        if stage is HEAD:
            self._take_head(data)
        elif stage is BODY:
            self._take_body(data)
        elif stage is BUSY:
            self._queue(self._queued + data)
        elif stage is TUNNEL:
            self._tunnel_on(data)
        elif stage is PROXY:
            self._take_proxy_header(data)
        elif stage is LINGER:
            self.drop(data)

    def eof_received(self) -> bool:
        self.half_closed = True
        if self.stage is TUNNEL and self._upstream is not None:
            self._close_tunnel_half(self._upstream)
        return self.stage is BUSY or self.stage is TUNNEL

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self._exchange
        if exchange is not None:
            if self.stage is TUNNEL:
                self.services.meters.tunnels_open -= 1
            elif not exchange.error:
                exchange.error = "client-left"
            self._let_go()
        self.leave()
        self._finish()

    def pause_writing(self) -> None:
        self.is_unread = True
        self._owed = self.transport.get_write_buffer_size()
        if self._upstream is not None:
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        self.is_unread = False
        if self._upstream is not None:
            self._upstream.transport.resume_reading()
        elif self._holds & Hold.UNREAD:
            self._read_again(Hold.UNREAD)
            self._await_next()
    def on_deadline(self) -> None:
        """Cuts what takes too long; called by the wheel."""
        self.due = NEVER
        if (self.is_unread or self.stage is CLOSED) and self.reads_on():
            self.due = self.services.wheel.now + self.services.ticks.idle
            return
        exchange = self._exchange
        if exchange is None:
            self._end_pause()
            return
        self.services.meters.deadline_cuts += 1
        if self._answered:
            exchange.error = "client-slow" if self.is_unread else "idle"
            self.transport.abort()
        elif self.stage is BODY and not self._holds:
            self._reply(SLOW_BODY)
        else:
            self._reply(FIRST_BYTE if self._upstream is not None else CONNECT_TIMEOUT)

    def _end_pause(self) -> None:
        """No request is being answered and the time to begin one, or to take the last answer, is over."""
        if self.stage is HEAD and self._arrived:
            self.services.meters.deadline_cuts += 1
            self._refuse(SLOW_HEAD, None)
        elif self.stage is LINGER or (self.stage is HEAD and not self.is_unread):
            self.close()
        else:
            self.transport.abort()

    def drain(self) -> None:
        """The worker is going: ends after the answer in flight, or soon if no request is (one may be on its way)."""
        self._stays = False
        if self._exchange is None and self.stage in (HEAD, PROXY) and not self._arrived and not self.is_unread:
            self.due = min(self.due, self.services.wheel.now + self.services.ticks.linger)

    # Request side

    def _take_proxy_header(self, data: bytes) -> None:
        data = self._arrived + data
        protocol = self.services.trust.proxy_protocol
        header = read_proxy_header(data, protocol) if protocol != "off" else Unread.INVALID
        if header is Unread.MORE:
            self._arrived = data
        elif header is Unread.INVALID:
            self.transport.abort()
        else:
            self._arrived = b""
            self.stage = HEAD
            if header.client is not None:
                trusted = self.services.trust.peer(header.client).trusted
                self.peer = Peer(header.client, trusted, header.secure)
            if len(data) > header.size:
                self._take_head(data[header.size :])

    def _take_head(self, data: bytes) -> None:
        services = self.services
        if self._arrived:
            data = self._arrived + data
        if data[0] == 0x0D or data[0] == 0x0A:
            data = _without_empty_lines(data)
        end = data.find(b"\r\n\r\n") + 4
        if end >= 4 and end <= services.head_limit:
            self._arrived = b""
            self._start(data if end == len(data) else data[:end], data[end:])
            return
        if len(data) >= services.head_limit:
            self._refuse(HEAD_TOO_LARGE, None)
            return
        if not self._arrived and data and data[0] != 0x0D:  # empty lines win nobody time
            self.due = services.wheel.now + services.ticks.head
        self._arrived = data
        refusal = refuse_early(data)
        if refusal is not None:
            self._refuse(refusal, None)

    def _start(self, raw: bytes, rest: bytes) -> None:
        """A head is complete: frames it, routes it, has it judged, and sends it on or answers it."""
        services, peer = self.services, self.peer
        head = services.reader.read(raw, peer.trusted and services.trust.cuts_chain)
        if isinstance(head, Refusal):
            self._refuse(head, None)
            return
        self._head = head
        framing = framing_of(head)
        if isinstance(framing, Refusal):
            self._refuse(framing, head)
            return
        self._framing = framing
        self._stays = framing.keep_alive and not services.draining
        self._answered = False
        site = services.sites.find(framing.host)
        route = (site.only or site.route(head.target)) if site is not None else None
        request = self._request(head, site)
        exchange = self._exchange = Exchange(request, services.clock.now())
        if framing.length:
            self.stage = BODY
            if site is not None and route is not None:
                if not self._start_upload(framing.length, site.body_limit(head.target), rest):
                    return
        else:
            self.stage = BUSY
            if rest:
                self._queue(rest)
        if route is None:
            self._reply(NO_SITE if site is None else NO_ROUTE)
            return
        self._route = route
        if services.guard is not None:
            exchange.verdict = services.guard.judge(request, exchange.started, services.conditions)
        if services.enforcing:
            step = act(exchange.verdict)
            if isinstance(step, Reply):
                self._reply(step)
                return
            self._lines += step.lines
        self._forward(route)

    def _request(self, head: RequestHead, site: Site | None) -> Request:
        """Who asks, under which id; and what the origin is told about that."""
        services, peer = self.services, self.peer
        request_id = services.new_request_id()
        if peer.trusted:
            if head.block.claims:
                request_id = _request_id_of(head) or request_id
            client, forwarding, secure = services.trust.client_of(peer, head)
        else:
            client, forwarding, secure = peer.address, peer.forwarding, peer.secure
        self._lines = b"%bX-Request-Id: %b\r\n" % (forwarding, request_id)
        return Request(head, client, secure, site.name if site is not None else "", request_id)

    def _start_upload(self, length: int, limit: int, rest: bytes) -> bool:
        """Prepares for a body and takes what has come of it; False when that ended the request."""
        services = self.services
        if length > limit:
            self._reply(Reply(413, BODY_TOO_LARGE.detail, BODY_TOO_LARGE.reason))
            return False
        now = services.wheel.now
        self._upload = Upload(length, limit, services.body_rate, now, services.ticks.body)
        self.due = self._upload.due(now)
        if rest:
            self._take_body(rest)
        return self._exchange is not None

    def _take_body(self, data: bytes) -> None:
        upload, exchange = self._upload, self._exchange
        if upload is None or exchange is None:
            return
        step = upload.take(data)
        exchange.bytes_in = upload.received
        if isinstance(step, Refusal):
            exchange.framing_refusal = True
            self._break_upload(Reply(step.status, step.detail, step.reason))
            return
        piece, used = step
        if self._upstream is not None:
            self._upstream.transport.write(piece)
        else:
            upload.held += piece
            self.hold(Hold.CONNECT)
        if upload.done:
            self._end_upload(data[used:])
        else:
            self.due = upload.due(self.services.wheel.now)

    def _end_upload(self, rest: bytes) -> None:
        services = self.services
        self.stage = BUSY
        self.due = services.wheel.now + (services.ticks.idle if self._answered else services.ticks.first_byte)
        if rest:
            self._queue(rest)

    def _break_upload(self, reply: Reply) -> None:
        """The body turned out wrong: the origin must never see a whole request."""
        if self._answered:
            if self._exchange is not None:
                self._exchange.error = reply.error
            self.transport.abort()
        else:
            self._reply(reply)

    def _refuse(self, refusal: Refusal, head: RequestHead | None) -> None:
        """Ends a request that was never judged, and its connection."""
        services = self.services
        request_id = services.new_request_id()
        exchange = self._exchange = Exchange(
            Request(head, self.peer.address, self.peer.secure, "", request_id) if head is not None else None,
            services.clock.now(),
        )
        exchange.framing_refusal = True
        exchange.peer = self.peer.address
        self._arrived = b""
        self._answered = self._stays = False
        self.stage = BODY  # whatever still comes is not a new request
        accept = head.value(b"accept") if head is not None else None
        self._write_reply(Reply(refusal.status, refusal.detail, refusal.reason), exchange, accept, request_id)

    # Origin side

    def _forward(self, route: Route) -> None:
        services = self.services
        if self._upload is None:
            self.due = services.wheel.now + services.ticks.first_byte
        upstream = route.take()
        if upstream is not None:
            services.meters.upstream_reused += 1
            self._begin(upstream)
            return
        origins = route.in_turn()
        if origins:
            self._connect(origins)
        else:
            self._reply(NO_ORIGIN)

    def _connect(self, origins: list[Origin]) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._connect_in_turn(origins))

    async def _connect_in_turn(self, origins: list[Origin]) -> None:
        """The only await on the path of a request. A server that cannot be reached has processed nothing."""
        reply = CANNOT_CONNECT
        for origin in origins:
            try:
                upstream = await origin.connect()
            except TimeoutError:
                reply = CONNECT_TIMEOUT
            except OSError:
                reply = CANNOT_CONNECT
            else:
                self._connecting = None
                self._begin(upstream)
                return
        self._connecting = None
        self._reply(reply)

    def _begin(self, upstream: Upstream) -> None:
        """Sends the request on a connection that is ours now."""
        self._upstream = upstream
        exchange, upload, head = self._exchange, self._upload, self._head
        if exchange is not None:
            exchange.origin = upstream.origin.server
        upstream.begin(self, head.method, request_head(head, self._framing, self.peer.trusted, self._lines))
        if upload is None:
            return
        if upload.held:
            upstream.transport.write(upload.held)
            upload.held = b""
        self._read_again(Hold.CONNECT)
        if upload.done:
            self.due = self.services.wheel.now + self.services.ticks.first_byte

    @property
    def is_settled(self) -> bool:
        """Whether the origin has been sent all of the request, and nobody waits for anybody to read."""
        upload = self._upload
        return not self.is_unread and (upload is None or (upload.done and not self._holds & Hold.UPLOAD))

    @property
    def speaks_old(self) -> bool:
        """Whether the client speaks HTTP/1.0 and so knows no chunks."""
        return self._head.minor == 0

    def lose_upstream(self, upstream: Upstream, untouched: bool) -> None:
        """The origin connection is gone before the answer was complete; `untouched`: before its first byte."""
        self._upstream = None
        may_repeat = upstream.used and untouched and self._upload is None and self._head.method in IDEMPOTENT
        if may_repeat and self._exchange is not None:
            # A kept connection that the origin had closed: once more, on a new one, which cannot be stale.
            self.services.meters.retries += 1
            self._connect(self._route.in_turn())
        else:
            self.break_answer("origin-left")

    def break_answer(self, error: str) -> None:
        """The answer cannot be completed."""
        self._upstream = None
        if not self._answered:
            self._reply(ORIGIN_LEFT if error == "origin-left" else BAD_ANSWER)
            return
        if self._exchange is not None:
            self._exchange.error = error
        self.transport.abort()

    def pause_upload(self) -> None:
        """The origin does not read what we send."""
        self.hold(Hold.UPLOAD)
        if self.stage is BODY:
            self.due = self.services.wheel.now + self.services.ticks.idle

    def resume_upload(self) -> None:
        """The origin reads again."""
        self._read_again(Hold.UPLOAD)

    # Answer side

    def begin_answer(self) -> None:
        """The first bytes of an answer have come, but not all of its head."""
        if not self._answered and self.stage is BUSY:
            limit = self.services.wheel.now + self.services.ticks.answer_head
            self.due = min(self.due, limit)

    def send_interim(self, head: AnswerHead) -> None:
        """Sends a 1xx answer on, to those who know what it is."""
        if not self.speaks_old and not self._answered:
            self.transport.write(head.raw)

    def send_answer(self, head: AnswerHead, framing: AnswerFraming, whole: bytes | None, piece: bytes | None) -> None:
        """Sends the head of an answer and what has come of its body: the `whole` read, or a `piece` cut out of it."""
        exchange, services = self._exchange, self.services
        if exchange is None:
            return
        if self._stays and (framing.length == UNTIL_CLOSE or self.stage is BODY or services.draining):
            self._stays = False
        if self._stays and whole is not None and not framing.rewrite and self._head.minor:
            out = whole
        else:
            rest = piece if piece is not None else whole[len(head.raw) :] if whole is not None else b""
            out = self._answer_head(head, framing) + rest
        exchange.status = head.status
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
        if self._stays and not framing.rewrite and self._head.minor:
            out = whole
        else:
            out = self._answer_head(head, framing) + whole[len(head.raw) :]
        exchange.status = head.block.status
        exchange.bytes_out += len(out)
        self._answered = True
        self._upstream = None
        self.transport.write(out)
        self._finish()
        self._go_on()

    def _answer_head(self, head: AnswerHead, framing: AnswerFraming) -> bytes:
        old = self.speaks_old
        decoded = old and framing.length == CHUNKED
        if decoded:
            self._stays = False  # without chunks, only the end of the connection tells where the body ends
        connection = (KEEP_ALIVE if old else b"") if self._stays else CLOSE
        return answer_head(head, framing, connection, decoded)

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
        self._finish()
        self._go_on()

    def _reply(self, reply: Reply) -> None:
        """Answers here, giving up whatever the origin was doing."""
        exchange = self._exchange
        if exchange is None or exchange.request is None:
            return
        self._let_go()
        if self.stage is BODY:
            self._stays = False
        self._write_reply(reply, exchange, self._head.value(b"accept"), exchange.request.id_bytes)

    def _write_reply(self, reply: Reply, exchange: Exchange, accept: bytes | None, request_id: bytes) -> None:
        media_type, body = render(reply.status, reply.detail, request_id.decode("ascii"), accept)
        connection = CLOSE if not self._stays else KEEP_ALIVE if self.speaks_old else b""
        extra = b"X-Request-Id: %b\r\n%b" % (request_id, connection)
        out = own_answer(reply.status, media_type, body, self.services.date(), extra)
        if exchange.request is not None and exchange.request.head.method == b"HEAD":
            out = out[: -len(body)]
        exchange.status = reply.status
        exchange.error = reply.error
        exchange.bytes_out += len(out)
        self._answered = True
        self.transport.write(out)
        self._finish()
        self._go_on()

    def _let_go(self) -> None:
        """Gives up the origin's side of this request."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    def _finish(self) -> None:
        """The last moment of every exchange: counted, and offered to the decision log."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        services = self.services
        exchange.ended = services.clock.now()
        services.meters.finish(exchange)
        services.ring.offer(exchange)

    def _go_on(self) -> None:
        """After an answer: to the next request, or to the end of the connection."""
        if self.stage is CLOSED:
            return
        if not self._stays or self.half_closed:
            if (self.stage is BODY or self._queued) and not self.half_closed:
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

    def _take_queued(self) -> None:
        data, self._queued = self._queued, b""
        if self.stage is HEAD and data:
            self._take_head(data)
        if not self._queued:
            self._read_again(Hold.QUEUE)

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
        self._finish()
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


def _without_empty_lines(data: bytes) -> bytes:
    """RFC 9112 section 2.2: empty lines before a request line are passed over."""
    at = 0
    while data.startswith(b"\r\n", at):
        at += 2
    return data[at:]


def _request_id_of(head: RequestHead) -> bytes:
    """The request id a trusted peer gave, if it is one: up to 64 letters, digits, dots, dashes and underscores."""
    for field in head.claims:
        if field.kind is Kind.REQUEST_ID:
            text = field.value.decode("latin-1")
            if 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").isalnum():
                return field.value
    return b""
