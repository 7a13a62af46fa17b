"""What visitors who are challenged see and send: the desk's side of HTTP.

    GET  /.trafficguard/go?c=TICKET&to=PATH   where `cookie`, `refresh` and `resource` lead: 303 back to the path
    GET  /.trafficguard/part?c=TICKET         what the page of `resource` has to load: 204
    POST /.trafficguard/solve                 `pow`, as JSON: 204 and the pass, or 403 with the cause; a question's
                                              answer, as a form: 303 back to the path, or the next question
    GET  /.trafficguard/pass                  204 for who has a pass, else 403
    POST /.trafficguard/lend                  the receipt of a solved challenge whose pass was not kept: 204, or 403
    GET  /.trafficguard/challenge             a `pow` challenge as JSON, for apps

Visitors who go to a page get a page; everything else gets problem details (RFC 9457) that say how to solve it, so that
apps can.

Promises: no answer has status 200 or may be kept; nobody is sent anywhere but to a path of the same site; what is sent
here is small, and counts only in the form that is stated. Never: asks the shop, or waits.
"""

from __future__ import annotations

import json
import secrets
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

from trafficguard.actions import ChallengeAction, ChallengeKind
from trafficguard.challenge.desk import ASKING, Challenge, Desk, Solved
from trafficguard.challenge.page.render import PREFIX as PREFIX_TEXT
from trafficguard.challenge.page.render import Page, Renderer, Widget, policy_lines
from trafficguard.challenge.providers import LONGEST_TOKEN, Provider
from trafficguard.challenge.redirects import safe_path
from trafficguard.challenge.tickets import CAUSES, Cause
from trafficguard.challenge.work import ALGORITHM
from trafficguard.counters import slot
from trafficguard.exchange import ChallengeResult, Exchange, Request
from trafficguard.http.problem import HTML, JSON
from trafficguard.net.act import Reply
from trafficguard.net.visiting import navigates
from trafficguard.telemetry.meters import DeskEvent, Meters

PREFIX: Final = PREFIX_TEXT.encode()
LARGEST_BODY: Final = 8 * 1024
"""Bytes of what is sent to the desk."""
_HOME: Final = "/"
_MOST_FIELDS: Final = 8
_TITLE: Final = "One moment"
_DETAIL: Final = "This shop checks who asks. Solve the challenge, keep the cookie that it earns, and ask again."
_PREFETCH: Final = "Pages are not fetched ahead here."
_STEP_KINDS: Final[frozenset[ChallengeKind]] = frozenset(("cookie", "refresh", "resource"))

NOTHING: Final = Reply(404, "There is nothing here.", title="Not Found")
_WORK_ONLY: Final[frozenset[ChallengeKind]] = frozenset(("pow",))
_HONEST: Final[frozenset[Cause]] = frozenset(("expired", "foreign", "spent", "unsure", "full"))
"""Why an honest page fails as well: nothing to hold against anybody."""
_ROUTE: Final = slice(8 * slot.ROUTE, 8 * slot.ROUTE + 8)


class Note(NamedTuple):
    """What happened at the desk, for the record."""

    event: DeskEvent
    kind: ChallengeKind
    route: int = 0
    rule: str = ""
    cause: Cause | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        return " ".join(filter(None, (self.event, self.kind, self.rule, self.cause)))


class Said(NamedTuple):
    """An answer, and what it means."""

    reply: Reply
    note: Note | None = None

    @property
    def result(self) -> ChallengeResult:
        """Whether it was an attempt, and how it ended."""
        if self.note is None or self.note.event == "issued" or self.note.cause in _HONEST:
            return 0
        return 1 if self.note.event == "solved" else -1

    def record(self, exchange: Exchange, meters: Meters) -> Reply:
        """Notes what it means; the answer."""
        note = self.note
        if note is not None:
            exchange.challenge, exchange.desk = self.result, str(note)
            meters.note_challenge(note.event, note.kind, note.route, note.cause, note.seconds)
        exchange.turned_away = True
        return self.reply


class Pending(NamedTuple):
    """An attempt of which somebody else has to say whether it is good."""

    ticket: bytes
    token: str
    target: bytes
    """Path to go on to."""


class Reception:
    """Answers for one worker."""

    __slots__ = ("_provider", "_renderer", "desk")

    def __init__(self, desk: Desk, renderer: Renderer, provider: Provider | None = None) -> None:
        """`provider`: somebody else's check, in the place of the question of `interactive`."""
        self.desk = desk
        self._renderer = renderer
        self._provider = provider

    # Those who are challenged

    def challenge(
        self, request: Request, action: ChallengeAction, score: float, load: float, rule: str, now: int
    ) -> Said:
        """The answer to a request that is challenged."""
        head = request.head
        if not navigates(head):
            return self._problem(request, score, load, rule, now)
        if head.value(b"sec-purpose") is not None:
            return Said(Reply(403, _PREFETCH, title=_TITLE))  # the visit itself gets a challenge, if it comes
        target = safe_path(_origin_form(request)) or _HOME.encode()
        is_get = head.method in (b"GET", b"HEAD")
        kind = action.kind
        if kind in _STEP_KINDS and not is_get:
            kind = "pow"  # a way over other addresses would lose what was sent
        route = route_of(request)
        issued = self.desk.issue(request, kind, now, score=score, load=load, rule=rule, route=route)
        note = Note("issued", kind, route, rule)
        if kind == "cookie":
            place = b"%bgo?c=%b&to=%b" % (PREFIX, issued.ticket.encode(), _quoted(target))
            lines = b"Location: %b\r\n%b" % (place, self.desk.try_cookie(request))
            return Said(Reply(303, _DETAIL, title=_TITLE, lines=lines), note)
        return Said(self._page(request, issued, target, now, rule=rule), note)

    def _page(
        self, request: Request, issued: Challenge, target: bytes, now: int, *, rule: str = "", note: str = ""
    ) -> Reply:
        head, asks = request.head, None
        if issued.puzzle is not None:
            asks = self.desk.issue(request, "pow", now, rule=rule, route=route_of(request), asks=True)
        page = Page(
            challenge=issued, fallback=asks, target=target.decode("ascii"), method=head.method.decode("latin-1"),
            request_id=request.request_id, accept_language=head.value(b"accept-language"),
            nonce=secrets.token_urlsafe(16), note=note, widget=self._widget(issued),
        )  # fmt: skip
        lines = policy_lines(page) + self.desk.try_cookie(request)
        return Reply(403, _DETAIL, title=_TITLE, lines=lines, page=self._renderer.render(page), media_type=HTML)

    def _widget(self, issued: Challenge) -> Widget | None:
        provider = self._provider
        if provider is None or issued.kind != "interactive":
            return None
        return Widget(provider.script, provider.origins, provider.markup(issued.nonce), not provider.verify)

    def _problem(self, request: Request, score: float, load: float, rule: str, now: int) -> Said:
        route = route_of(request)
        issued = self.desk.issue(request, "pow", now, score=score, load=load, rule=rule, route=route)
        return Said(_problem(request, _DETAIL, challenge=_as_data(issued)), Note("issued", "pow", route, rule))

    # What they send

    def answer(self, request: Request, body: bytes, now: int) -> Said | Pending:
        """The answer to a request for a path under PREFIX."""
        target, method = request.head.target, request.head.method
        name = target.path[len(PREFIX) :]
        is_read = method in (b"GET", b"HEAD")
        if name == b"go" and is_read:
            return self._go(request, target.query, now)
        if name == b"solve" and method == b"POST":
            return self._solve(request, body, now)
        if name == b"pass" and is_read:
            return Said(_done() if request.proof or self.desk.lent(request, now) else _problem(request, _DETAIL))
        if name == b"lend" and method == b"POST":
            cause = self.desk.lend(request, body, now)
            return Said(_done() if cause is None else _problem(request, _DETAIL, cause=cause))
        if name == b"part" and is_read:
            self.desk.take_part(request, _query(target.query, b"c"), now)
            return Said(_done())
        if name == b"challenge" and is_read:
            return self._problem(request, 0.0, 0.0, "", now)
        return Said(NOTHING)

    def _go(self, request: Request, query: bytes, now: int) -> Said:
        target = safe_path(unquote_to_bytes(_query(query, b"to")))
        if target is None:
            return Said(Reply(400, "This address is not one of this shop.", title="Bad Request"))
        done = self.desk.take_step(request, _query(query, b"c"), now)
        if isinstance(done, Solved):
            return self._back(request, done, target, now)
        if request.proof:
            return Said(_redirect(target, b""))  # another tab was quicker
        reply = self._page(request, self.desk.issue(request, "pow", now), target, now)
        return Said(reply, Note("failed", "cookie", cause=done))

    def _solve(self, request: Request, body: bytes, now: int) -> Said | Pending:
        media_type = (request.head.value(b"content-type") or b"").partition(b";")[0].strip().lower()
        if media_type == b"application/json":
            return self._solve_work(request, body, now)
        if media_type == b"application/x-www-form-urlencoded":
            return self._solve_form(request, body, now)
        reply = _problem(request, "Send JSON or a form.", cause="malformed")
        return Said(reply, Note("failed", "pow", cause="malformed"))

    def _solve_work(self, request: Request, body: bytes, now: int) -> Said:
        sent = _read_json(body)
        text, answers = sent.get("challenge"), sent.get("answers")
        done: Solved | Cause = "malformed"
        if isinstance(text, str) and isinstance(answers, list):
            took = sent.get("took")
            done = self.desk.take_work(
                request, text.encode("ascii", "replace"), answers,
                float(took) if isinstance(took, int | float) and abs(took) < 1e9 else 0.0,
                sent.get("probes"), sent.get("motion"), now,
            )  # fmt: skip
        if not isinstance(done, Solved):
            page = _FAILED[done] % request.id_bytes
            reply = Reply(403, _FAILED_DETAIL, title=_TITLE, page=page, media_type=JSON)
            return Said(reply, Note("failed", "pow", cause=done))
        lines = done.cookies + b"X-Pass-Receipt: %b\r\n" % done.receipt
        return Said(_done(lines), _solved(done))

    def _solve_form(self, request: Request, body: bytes, now: int) -> Said | Pending:
        fields, provider = _read_form(body), self._provider
        target = safe_path(fields.get("to", "").encode("utf-8", "replace")) or _HOME.encode()
        text = fields.get("challenge", "").encode("utf-8", "replace")
        if provider is not None and provider.field in fields:
            pending = Pending(text, fields[provider.field], target)
            is_asked = bool(provider.verify) and 0 < len(pending.token) <= LONGEST_TOKEN
            return pending if is_asked else self.decided(request, pending, None, now)
        # Where somebody else checks, a question must not be the easier way.
        kinds = ASKING if provider is None else _WORK_ONLY
        done = self.desk.take_answer(request, text, fields.get("answer", ""), now, kinds=kinds)
        if isinstance(done, Solved):
            return self._back(request, done, target, now)
        reply = self._page(request, self.desk.issue(request, "pow", now, asks=True), target, now, note="wrong")
        return Said(reply, Note("failed", "interactive", cause=done))

    def decided(self, request: Request, pending: Pending, good: bool | None, now: int) -> Said:
        """The answer to an attempt, once it is known whether it is `good`; None: it is not."""
        provider = self._provider
        done: Solved | Cause = "unsure"
        if provider is not None:
            done = self.desk.take_token(request, pending.ticket, pending.token, provider, good, now)
        if isinstance(done, Solved):
            return self._back(request, done, pending.target, now)
        reply = self._page(request, self.desk.issue(request, "interactive", now), pending.target, now, note="wrong")
        return Said(reply, Note("failed", "interactive", cause=done))

    def _back(self, request: Request, done: Solved, target: bytes, now: int) -> Said:
        """Sends a visitor back; whose browser keeps no cookies, has its pass here for a while."""
        if not self.desk.keeps_cookies(request):
            self.desk.lend(request, done.receipt, now)
        return Said(_redirect(target, done.cookies), _solved(done))


def route_of(request: Request) -> int:
    """The route class of a request that has been judged."""
    return int.from_bytes(request.asked[_ROUTE], "little")


def _solved(done: Solved) -> Note:
    ticket = done.ticket
    return Note("solved", ticket.kind, ticket.route, ticket.rule, seconds=done.seconds)


def _redirect(target: bytes, lines: bytes) -> Reply:
    return Reply(303, "Go on.", title="See Other", lines=b"Location: %b\r\n%b" % (target, lines))


def _done(lines: bytes = b"") -> Reply:
    return Reply(204, "", lines=lines)


def _as_data(issued: Challenge) -> dict[str, object]:
    """A challenge as apps get it."""
    bits, parts = issued.puzzle or (0, 0)
    return {
        "kind": issued.kind, "challenge": issued.ticket, "algorithm": ALGORITHM, "bits": bits, "parts": parts,
        "solve": f"{PREFIX_TEXT}solve", "expires": issued.expires,
    }  # fmt: skip


def _problem(request: Request, detail: str, **members: object) -> Reply:
    problem = {
        "type": "about:blank", "title": _TITLE, "status": 403, "detail": detail, "request_id": request.request_id,
    } | members  # fmt: skip
    return Reply(403, detail, title=_TITLE, page=json.dumps(problem).encode(), media_type=JSON)


_FAILED_DETAIL: Final = "This did not solve the challenge."
_FAILED: Final = {
    cause: json.dumps({
        "type": "about:blank", "title": _TITLE, "status": 403, "detail": _FAILED_DETAIL, "request_id": "%b",
        "cause": cause,
    }).encode()
    for cause in CAUSES
}  # fmt: skip
"""Problem details of failed attempts, but for the request's id: a flood of them has to be cheap."""


def _origin_form(request: Request) -> bytes:
    target = request.head.target
    return target.path + (b"?" + target.query if target.query else b"")


def _quoted(target: bytes) -> bytes:
    """A path as the value of a query."""
    for byte in b"%&+?=":
        target = target.replace(b"%c" % byte, b"%%%02X" % byte)
    return target


def _query(query: bytes, name: bytes) -> bytes:
    """The first value of a name in a query, as it was sent."""
    for pair in query.split(b"&", _MOST_FIELDS):
        key, _, value = pair.partition(b"=")
        if key == name:
            return value
    return b""


def _read_json(body: bytes) -> dict[str, object]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return sent if isinstance(sent, dict) else {}


def _read_form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}
