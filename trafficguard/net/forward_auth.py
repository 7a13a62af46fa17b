"""The place where a front asks what to do with each of its requests, and where it is told what became of them.

    /auth           what to do with the request that the header lines describe: 204 with the verdict in X-Bot-* lines,
                    or the answer that the visitor is to get. nginx takes 403 alone for a no: 403 with X-Bot-Answer
    /answer         for nginx: that answer, for the same header lines and the X-Bot-Answer that came with the 403
    /.trafficguard/ what visitors send who are challenged (`reception`); the front passes it on as it is
    POST /outcomes  what became of a request that went on (`outcomes`)

Promises: only trusted peers are answered; each question is judged once, by a guard whose signals know what such a
front spoils, and counted and recorded like a request of our own. Modes hold as on our own connections: with shadow
and off every request gets 204 and nothing is said but its id; what is no request is refused in every mode. A request
that is held back has one timer and gives its room back when the front leaves; told to go, or when verdicts are
carried out no longer, it goes on at once. Never: looks at a body, asks an origin, or gives a session (whether others
may be given the shop's answer, too, is not seen here).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from trafficguard.actions import BLOCK, ChallengeAction, ThrottleAction
from trafficguard.clock import SECOND
from trafficguard.exchange import Exchange, LoginResult, Outcome, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.http.framing import HEAD_TOO_LARGE, framing_of
from trafficguard.http.refusal import Refusal
from trafficguard.net.act import Forward, Reply, act, forward
from trafficguard.net.acting import LENT
from trafficguard.net.downstream import NO_SITE
from trafficguard.net.handover import Handover
from trafficguard.net.outcomes import LARGEST, read_report
from trafficguard.net.peer import UNIX, Peer, Trust
from trafficguard.net.recent import Recent
from trafficguard.net.reception import LARGEST_BODY, NOTHING, PREFIX, Pending
from trafficguard.net.services import Services
from trafficguard.net.sites import Site
from trafficguard.net.subrequest import PLACES, UNTOLD, Lines, Untold, rebuild
from trafficguard.net.turning import answer_of, headers_of, pace_of, reply_of, status_of
from trafficguard.settings import ForwardAuthSettings, TrustedSettings

_log: Final = logging.getLogger(__name__)

ANSWER: Final = "X-Bot-Answer"
_GOODBYE_SECONDS: Final = 1.0
_LAST_QUESTIONS: Final = 0.05
"""Seconds in which questions that are under way when a worker goes are still read."""
_MORE: Final = 4096
"""Bytes of a header line beyond the largest head, so that it is us who refuse it."""
_LOGINS: Final[dict[str | None, LoginResult]] = {None: 0, "ok": 1, "failed": -1}
_WARN_EVERY: Final = 60 * SECOND
_UNJUDGED: Final = Verdict(BLOCK, 0.0, (), (), "")
"""Goes with a no that no verdict has said."""


class Asked(NamedTuple):
    """A question of a front, as far as it could be read."""

    request: Request | None
    site: Site | None
    refusal: Reply | None
    """What is answered without judging."""
    is_form: bool = False
    """Whether that is for the form of the request."""


class ForwardAuth:
    """One worker's end of one such place."""

    def __init__(
        self,
        settings: ForwardAuthSettings,
        trusted: TrustedSettings,
        services: Services,
        guard: Guard,
        recent: Recent,
        secret: bytes,
    ) -> None:
        """`trusted`: who may stand between visitors and the front. `guard`: knows what such a front leaves intact."""
        self._front = settings.front
        self._askers = Trust(TrustedSettings(peers=settings.peers))
        hops = {"peers": [*settings.peers, *trusted.peers], "header": "x-forwarded-for", "proxy_protocol": "off"}
        self._trust = Trust(trusted.model_copy(update=hops))
        self._services = services
        self._guard = guard
        self._recent = recent
        self._handover = Handover(secret)
        self._sites = {site.name: index for index, site in enumerate(services.sites.all)}
        self._leaving = False
        self._changed = asyncio.Event()
        """Set when what is held back has to look whether it still is; then there is another one."""
        self._warned = 0
        """When it was last said that the front does not tell what has to be known."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.on_response_prepare.append(_sign)
        app.add_routes(
            [web.route("*", "/auth", self._auth), web.route("*", "/answer", self._answer),
             web.post("/outcomes", self._learn), web.route("*", f"{PREFIX.decode()}{{name}}", self._desk)]
        )  # fmt: skip
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE_SECONDS,
            max_field_size=services.head_limit + _MORE,
        )  # fmt: skip

    async def start(self) -> None:
        """Makes ready for connections."""
        await self._runner.setup()

    def connection(self) -> asyncio.Protocol:
        """The protocol of a new connection of the front's."""
        server = self._runner.server
        assert server is not None, "not started"  # noqa: S101
        return server()

    def follow(self) -> None:
        """To be called when sites may have another mode: where verdicts are carried out no longer, nobody waits."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def close(self) -> None:
        """Lets go what is held back, and ends all connections after their answers."""
        self._leaving = True
        self.follow()
        await asyncio.sleep(_LAST_QUESTIONS)
        await self._runner.cleanup()

    # Questions

    async def _auth(self, question: web.Request) -> web.Response:
        peer = self._peer(question)
        if peer is None:
            return _stranger()
        started = self._services.clock.now()
        try:
            asked = self._read(question.raw_headers, peer)
        except Untold as error:
            return self._complain(peer, str(error), started)
        exchange = Exchange(asked.request, started)
        exchange.peer = peer.address
        if asked.refusal is not None:
            exchange.error, exchange.framing_refusal = asked.refusal.error, asked.is_form
            return self._refuse(exchange, asked.refusal, _accept(question))
        request, site = asked.request, asked.site
        if request is None or site is None or not site.judges:
            return self._let_through(exchange, b"")
        if site.enforces and request.head.target.path.startswith(PREFIX):
            return self._let_through(exchange, b"")
        self._gather(request, site, started)
        verdict = exchange.verdict = self._guard.judge(request, started, self._services.conditions)
        if not site.enforces:
            return self._let_through(exchange, b"")
        step = act(verdict)
        if isinstance(step, ChallengeAction) and self._services.reception.desk.lent(request, started) >= step.rank:
            step, verdict = LENT, verdict._replace(action=LENT)
        if isinstance(step, Forward):
            return self._let_through(exchange, step.lines)
        if isinstance(step, ThrottleAction):
            lines = await self._throttle(exchange, site, request, verdict, step)
            if lines is not None:
                return self._let_through(exchange, lines)
        return self._turn_away(exchange, request, verdict)

    async def _answer(self, question: web.Request) -> web.Response:
        """What the visitor gets to whom /auth has said no: again a refusal for the form, or what the verdict says."""
        peer = self._peer(question)
        if peer is None:
            return _stranger()
        try:
            asked = self._read(question.raw_headers, peer)
        except Untold as error:
            return web.Response(status=400, text=self._complaint(str(error)))
        accept = _accept(question)
        handed = self._handover.open(question.headers.get(ANSWER, ""))
        if handed is None:
            return web.Response(status=400, text=f"{ANSWER} is not what /auth has given for a request\n")
        if asked.refusal is not None or asked.request is None or asked.site is None:
            return answer_of(asked.refusal or NO_SITE, handed.id_bytes, accept)
        now = self._services.clock.now()
        self._gather(asked.request, asked.site, now)
        asked.request.id_bytes = handed.id_bytes
        reply = reply_of(self._services, Exchange(asked.request, now), asked.request, handed.verdict)
        return answer_of(reply, handed.id_bytes, accept)

    async def _desk(self, question: web.Request) -> web.Response:
        """What a visitor sends to the desk, which the front passes on as it is; for sites whose verdicts count."""
        peer = self._peer(question)
        if peer is None:
            return _stranger()
        services = self._services
        started = services.clock.now()
        place = PLACES[self._front]
        told = [(name, value) for name, value in question.raw_headers if name.lower() not in place]
        target = question.raw_path.encode("utf-8", "surrogateescape")
        told += zip(place, (question.method.encode("ascii"), target), strict=True)
        try:
            asked = self._read(told, peer)
        except Untold as error:
            return self._complain(peer, str(error), started)
        exchange = Exchange(asked.request, started)
        exchange.peer = peer.address
        request, site = asked.request, asked.site
        if asked.refusal is not None or request is None or site is None or not site.enforces:
            return self._send(exchange, answer_of(asked.refusal or NOTHING, b"-", _accept(question)))
        self._gather(request, site, started)
        said = services.reception.answer(request, await question.read(), services.clock.now())
        if isinstance(said, Pending):
            good = await services.verify(said.token, request.site)
            said = services.reception.decided(request, said, good, services.clock.now())
        reply = said.record(exchange, services.meters)
        return self._send(exchange, answer_of(reply, request.id_bytes, request.head.value(b"accept")))

    def _peer(self, question: web.Request) -> Peer | None:
        """Who asks; None when that is nobody we answer."""
        name = question.get_extra_info("peername")
        if name is None:  # gone already: nobody knows who it was, so it must not pass for a Unix peer
            return None
        address = name[0] if isinstance(name, tuple) else UNIX
        return self._trust.peer(address) if self._askers.peer(address).trusted else None

    def _read(self, lines: Lines, peer: Peer) -> Asked:
        """What is asked; Untold when the front does not say."""
        services = self._services
        raw = rebuild(lines, self._front)
        if isinstance(raw, Refusal):
            return _refused(raw)
        if len(raw) > services.head_limit:
            return _refused(HEAD_TOO_LARGE)
        head = services.reader.read(raw, cuts_chain=True)
        if isinstance(head, Refusal):
            return _refused(head)
        framing = framing_of(head)
        client, _, secure = self._trust.client_of(peer, head)
        site = services.sites.find(framing.host) if not isinstance(framing, Refusal) else None
        name = site.name if site is not None else ""
        handshake = self._trust.handshake_of(head)
        request = Request(head, client, secure, name, self._recent.new_id(), handshake)
        if isinstance(framing, Refusal):
            return _refused(framing, request)
        return Asked(request, site, NO_SITE if site is None else None)

    def _gather(self, request: Request, site: Site, now: int) -> None:
        """What judging wants to know beside the head."""
        if site.facts.accounts.is_in_heads:
            request.account = site.facts.accounts.of_head(request.head)
        self._services.reception.desk.admit(request, now)

    async def _throttle(
        self, exchange: Exchange, site: Site, request: Request, verdict: Verdict, action: ThrottleAction
    ) -> bytes | None:
        """Waits for a request's turn; the lines that go with it then, None where it has none."""
        services = self._services
        key, wait, is_part = services.pacer.turn(request, action, verdict.rule, services.clock.now())
        if wait < 0:
            return None
        if wait > 0:
            size = len(request.head.raw)
            services.pacer.hold(key, size)
            try:
                await self._hold(site, wait / SECOND)
            except asyncio.CancelledError:
                exchange.error = "client-left"
                self._finish(exchange)
                raise
            finally:
                services.pacer.release(key, size)
            exchange.sent_on = services.clock.now()
        told = b"" if is_part else pace_of(request, verdict, action, wait)
        return forward(verdict).lines + told if site.enforces else b""

    async def _hold(self, site: Site, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while site.enforces and not self._leaving:
                    await self._changed.wait()

    # Answers to questions

    def _let_through(self, exchange: Exchange, lines: bytes) -> web.Response:
        request, headers = exchange.request, headers_of(lines)
        if request is not None:
            headers.append(("X-Request-Id", request.request_id))
            if exchange.verdict is not None and request.asked:
                now = self._services.clock.now()
                self._recent.keep(request.id_bytes, self._sites[request.site], request.asked, now)
        exchange.status = 204
        self._finish(exchange)
        return web.Response(status=204, headers=headers)

    def _turn_away(self, exchange: Exchange, request: Request, verdict: Verdict) -> web.Response:
        exchange.turned_away = True
        if self._front == "nginx":
            exchange.status = status_of(verdict)
            self._finish(exchange)
            return self._no(request.id_bytes, verdict)
        reply = reply_of(self._services, exchange, request, verdict)
        return self._send(exchange, answer_of(reply, request.id_bytes, request.head.value(b"accept")))

    def _refuse(self, exchange: Exchange, reply: Reply, accept: bytes | None) -> web.Response:
        id_bytes = exchange.request.id_bytes if exchange.request is not None else self._recent.new_id()
        answer = self._send(exchange, answer_of(reply, id_bytes, accept))
        return self._no(id_bytes, _UNJUDGED) if self._front == "nginx" else answer

    def _no(self, id_bytes: bytes, verdict: Verdict) -> web.Response:
        """A no as nginx understands it, with what it has to bring back for the answer."""
        lines = {ANSWER: self._handover.seal(id_bytes, verdict), "X-Request-Id": id_bytes.decode("ascii")}
        return web.Response(status=403, headers=lines)

    def _send(self, exchange: Exchange, answer: web.Response) -> web.Response:
        exchange.status = answer.status
        exchange.bytes_out = answer.content_length or 0
        self._finish(exchange)
        return answer

    def _complain(self, peer: Peer, header: str, started: int) -> web.Response:
        """The front is not set up as it should be: whatever we said of a visitor would be about somebody else."""
        exchange = Exchange(None, started)
        exchange.peer, exchange.error, exchange.framing_refusal = peer.address, UNTOLD.reason, True
        exchange.status = UNTOLD.status
        self._finish(exchange)
        complaint = self._complaint(header)
        if started - self._warned >= _WARN_EVERY:
            self._warned = started
            _log.warning("forward auth, asked from %s: %s", peer.address, complaint.strip())
        return web.Response(status=UNTOLD.status, text=complaint)

    def _complaint(self, header: str) -> str:
        return f"{self._front} has to send {header} once, and with a value of use; see config/forward_auth\n"

    def _finish(self, exchange: Exchange) -> None:
        """As on our own connections; what became of a request that went on is told later."""
        services = self._services
        exchange.ended = services.clock.now()
        services.meters.finish(exchange)
        services.ring.offer(exchange)
        if exchange.request is not None and (exchange.turned_away or exchange.challenge):
            self._guard.observe(exchange.request, exchange.outcome, exchange.ended)

    # What became of them

    async def _learn(self, message: web.Request) -> web.Response:
        if self._peer(message) is None:
            return _stranger()
        if message.content_type != "application/json":
            return web.Response(status=415, text="send a JSON object as application/json\n")
        if (message.content_length or 0) > LARGEST or len(body := await message.read()) > LARGEST:
            return web.Response(status=413, text=f"a report has at most {LARGEST} bytes\n")
        report = read_report(body)
        if isinstance(report, str):
            return web.Response(status=400, text=f"{report}\n")
        now = self._services.clock.now()
        kept = self._recent.take(report.id.encode("ascii"), now)
        if kept is None:
            return web.Response(status=404, text="no request of this id is waiting for it, or no longer\n")
        accounts = self._services.sites.all[kept.site].facts.accounts
        account = accounts.hash(report.account.encode()) if report.account is not None else b""
        self._guard.feed_back(kept.asked, Outcome(report.status, _LOGINS[report.login], account), now)
        return web.Response(status=204)


def _refused(refusal: Refusal, request: Request | None = None) -> Asked:
    return Asked(request, None, Reply(refusal.status, refusal.detail, refusal.reason), is_form=True)


def _accept(question: web.Request) -> bytes | None:
    accept = question.headers.get(hdrs.ACCEPT)
    return accept.encode("utf-8", "surrogateescape") if accept is not None else None


def _stranger() -> web.Response:
    return web.Response(status=403, text="only the front may ask here, see forward_auth.peers\n")


async def _sign(question: web.Request, answer: web.StreamResponse) -> None:
    """What all answers have in common: they are for one request only, and do not say what program gave them."""
    answer.headers[hdrs.CACHE_CONTROL] = "no-store"
    answer.headers.popall(hdrs.SERVER, None)
    if hdrs.UPGRADE in question.headers:
        answer.force_close()  # what comes after a handshake is not for us
