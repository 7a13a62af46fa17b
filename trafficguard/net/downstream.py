"""One client connection: reads requests one at a time, has them judged, and finds each a way to its origin.

Promises: every request that is read is answered (`answering`). What comes early is held (at most one read, and reading
pauses), what comes late is cut by the deadline wheel. Never: awaits, but for a new origin connection.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trafficguard.exchange import UNKNOWN_HANDSHAKE, Exchange, Request
from trafficguard.http.framing import BODY_TOO_LARGE, HEAD_TOO_LARGE, framing_of, refuse_early
from trafficguard.http.head import RequestHead
from trafficguard.http.refusal import Refusal
from trafficguard.http.wire import request_head
from trafficguard.net.act import Reply
from trafficguard.net.acting import Acting
from trafficguard.net.connection import BODY, BUSY, CLOSED, HEAD, LINGER, PROXY, TUNNEL, Hold
from trafficguard.net.peer import Peer, request_id_of
from trafficguard.net.pool import Origin
from trafficguard.net.proxy_header import Unread, read_proxy_header
from trafficguard.net.reception import LARGEST_BODY, PREFIX, Pending
from trafficguard.net.sites import Route, Site
from trafficguard.net.upload import Upload
from trafficguard.net.upstream import Upstream
from trafficguard.net.visiting import LOGIN, due_of
from trafficguard.net.wheel import NEVER
from trafficguard.signals.accounts import LARGEST_LOGIN

IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""RFC 9110 section 9.2.2."""

NO_SITE: Final = Reply(421, "This host is not served here.", "no-site")
NO_ROUTE: Final = Reply(404, "Nothing is served under this path.", "no-route")
NO_ORIGIN: Final = Reply(503, "The shop is not available at the moment.", "no-origin")
CANNOT_CONNECT: Final = Reply(502, "The shop could not be reached.", "connect")
CONNECT_TIMEOUT: Final = Reply(504, "The shop could not be reached in time.", "connect-timeout")
FIRST_BYTE: Final = Reply(504, "The shop did not answer in time.", "first-byte")
SLOW_HEAD: Final = Refusal(408, "slow-head", "The request did not arrive in time.")
SLOW_BODY: Final = Reply(408, "The request body did not arrive in time.", "slow-body")


class Downstream(Acting):
    """A client connection and its requests."""

    # Per connection
    _arrived = b""
    """A head, or PROXY header, of which not all has come."""

    # Per request
    _site: Site
    _waits = False
    """Whether the request is judged only once its body, a login's, is here."""
    _is_ours = False
    """Whether it is for the desk, not for the shop."""

    # Transport side

    def data_received(self, data: bytes) -> None:
        stage = self.stage
        if stage is HEAD:
            self._take_head(data)
        elif stage is BODY:
            self._take_body(data)
            if self._waits:
                self._end_wait()
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

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        exchange = self._exchange
        if exchange is not None:
            if self.stage is TUNNEL:
                self.services.meters.tunnels_open -= 1
            elif not exchange.error and self._drops is None:
                exchange.error = "client-left"
            self._let_go()
        self._leave_all()
        self.leave()
        self.finish()

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
            self.reply(SLOW_BODY)
        else:
            self.reply(FIRST_BYTE if self._upstream is not None else CONNECT_TIMEOUT)

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
        self._hurry()
        if self._exchange is None and self.stage in (HEAD, PROXY) and not self._arrived and not self.is_unread:
            self.due = min(self.due, self.services.wheel.now + self.services.ticks.linger)

    def follow(self) -> None:
        """Orders have changed: where verdicts are no longer carried out, nobody is held any more."""
        if (self._turn_key or self._drops is not None) and not self._site.enforces:
            self._hurry()

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
        """A head is complete: frames it, routes it, and has it judged."""
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
        self._answered = self._waits = self._is_ours = False
        self._due = 0
        site = services.sites.find(framing.host)
        route = (site.only or site.route(head.target)) if site is not None else None
        request = self._request(head, site)
        exchange = self._exchange = Exchange(request, services.clock.now())
        if site is not None and site.judges:
            self._is_ours = site.enforces and PREFIX in head.line and head.target.path.startswith(PREFIX)
            if not self._is_ours:
                self._gather(site, request, exchange.started)
        if framing.length:
            self.stage = BODY
            limit = site.body_limit(head.target) if site is not None and route is not None else None
            if self._is_ours:
                limit, self._waits = LARGEST_BODY, True
            if limit is not None and not self._start_upload(exchange, framing.length, limit, rest):
                return
        else:
            self.stage = BUSY
            if rest:
                self._queue(rest)
        if site is None or route is None:
            self.reply(NO_SITE if site is None else NO_ROUTE)
            return
        self._site, self._route = site, route
        if self._is_ours:
            self._receive(exchange, request)
        elif self._waits:
            self._end_wait()
        else:
            self._judge(exchange, request)

    def _gather(self, site: Site, request: Request, now: int) -> None:
        """What judging wants to know beside the head, and what is due with the answer."""
        head, facts = request.head, site.facts
        self._facts = facts
        if facts.accounts.is_in_heads:
            request.account = facts.accounts.of_head(head)
        self._due = due = due_of(head, facts, site.enforces, now)
        self.services.reception.desk.admit(request, now)
        if due & LOGIN:
            self._waits = facts.accounts.reads(head, self._framing.length)

    def _end_wait(self) -> None:
        """Has a login judged once its body has come, or so much of it that the account will not be looked for."""
        exchange, upload = self._exchange, self._upload
        if exchange is None or exchange.request is None or upload is None:
            self._waits = False  # it is answered already
            return
        if self._is_ours:
            self._receive(exchange, exchange.request)
            return
        if not upload.done and len(upload.held) <= LARGEST_LOGIN:
            return
        self._waits = False
        if upload.done:
            request, accounts = exchange.request, self._facts.accounts
            request.account = accounts.of_body(request.head, upload.content()) or request.account
        else:
            self.hold(Hold.CONNECT)
        exchange.started = self.services.clock.now()
        self._judge(exchange, exchange.request)

    def _receive(self, exchange: Exchange, request: Request) -> None:
        """Answers what is sent to the desk, once all of it has come."""
        upload = self._upload
        if upload is not None and not upload.done:
            self._waits = True
            return
        self._waits = False
        body = upload.content() if upload is not None else b""
        self.services.reception.desk.admit(request, exchange.started)
        said = self.services.reception.answer(request, body, self.services.clock.now())
        if isinstance(said, Pending):
            # As for an origin that is being connected to: whoever leaves takes the question along.
            self._connecting = asyncio.get_running_loop().create_task(self._ask_provider(exchange, request, said))
        else:
            self.reply(said.record(exchange, self.services.meters))

    async def _ask_provider(self, exchange: Exchange, request: Request, pending: Pending) -> None:
        services = self.services
        good = await services.verify(pending.token, request.site)
        self._connecting = None
        said = services.reception.decided(request, pending, good, services.clock.now())
        self.reply(said.record(exchange, services.meters))

    def _judge(self, exchange: Exchange, request: Request) -> None:
        """Has a request judged, and sends it on or answers it."""
        services, site = self.services, self._site
        if site.judges:
            verdict = exchange.verdict = services.guard.judge(request, exchange.started, services.conditions)
            if site.enforces:
                self._carry_out(exchange, request, verdict)
                return
        self._forward(self._route)

    def _request(self, head: RequestHead, site: Site | None) -> Request:
        """Who asks, under which id; and what the origin is told about that."""
        services, peer = self.services, self.peer
        request_id = services.new_request_id()
        handshake = UNKNOWN_HANDSHAKE
        if peer.trusted:
            if head.block.claims:
                request_id = request_id_of(head) or request_id
            client, forwarding, secure = services.trust.client_of(peer, head)
            if services.trust.handshake_kinds and head.block.claims:
                handshake = services.trust.handshake_of(head)
        else:
            client, forwarding, secure = peer.address, peer.forwarding, peer.secure
        self._lines = b"%bX-Request-Id: %b\r\n" % (forwarding, request_id)
        return Request(head, client, secure, site.name if site is not None else "", request_id, handshake)

    def _start_upload(self, exchange: Exchange, length: int, limit: int, rest: bytes) -> bool:
        """Prepares for a body and takes what has come of it; False when that ended the request."""
        services = self.services
        if length > limit:
            exchange.framing_refusal = True
            self.reply(Reply(413, BODY_TOO_LARGE.detail, BODY_TOO_LARGE.reason))
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
            if not self._waits:
                self.hold(Hold.CONNECT)
        if upload.done:
            self._end_upload(data[used:])
        elif not self._holds:  # else it is not the client that we wait for
            self.due = upload.due(self.services.wheel.now)

    def _end_upload(self, rest: bytes) -> None:
        services = self.services
        if self._exchange is not None:
            self._exchange.sent_on = services.clock.now()
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
            self.reply(reply)

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
            self.reply(NO_ORIGIN)

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
        self.reply(reply)

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

    def pause_upload(self) -> None:
        """The origin does not read what we send."""
        self.hold(Hold.UPLOAD)
        if self.stage is BODY:
            self.due = self.services.wheel.now + self.services.ticks.idle

    def resume_upload(self) -> None:
        """The origin reads again."""
        self._read_again(Hold.UPLOAD)

    def _take_queued(self) -> None:
        data, self._queued = self._queued, b""
        if self.stage is HEAD and data:
            self._take_head(data)
        if not self._queued:
            self._read_again(Hold.QUEUE)


def _without_empty_lines(data: bytes) -> bytes:
    """RFC 9112 section 2.2: empty lines before a request line are passed over."""
    at = 0
    while data.startswith(b"\r\n", at):
        at += 2
    return data[at:]
