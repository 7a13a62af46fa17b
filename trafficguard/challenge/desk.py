"""The desk: gives out challenges, takes what visitors bring back, and hands out passes; one for each worker.

It puts together what its neighbours promise one by one: tickets, proofs, passes, marks, paces. What is a page, a header
or a status is the door's.

Promises: an attempt is looked at in the order of what it costs: one MAC, then age and visitor, then the answer; last of
all the ticket is used up, and exactly one attempt over all workers wins. A failed attempt takes nothing away. Unknown
is a no. Never: does I/O, or reads a clock.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from trafficguard.actions import KINDS, ChallengeKind
from trafficguard.challenge import questions, work
from trafficguard.challenge.lent import Lender
from trafficguard.challenge.pace import ClientClass, Pace, Puzzle, class_of
from trafficguard.challenge.passes import LIFETIME_S as PASS_LIFETIME_S
from trafficguard.challenge.passes import Pass, Passes
from trafficguard.challenge.probes import read_report
from trafficguard.challenge.providers import Provider
from trafficguard.challenge.reuse import Reuse
from trafficguard.challenge.seals import Seals
from trafficguard.challenge.tickets import LIFETIME_S, NONCE_SIZE, Burn, Cause, Ticket, Tickets, spend
from trafficguard.challenge.visitors import Visitor
from trafficguard.clock import SECOND
from trafficguard.counters.timers import Timers
from trafficguard.exchange import Request
from trafficguard.signals.memory import Memory
from trafficguard.signals.page import BIT
from trafficguard.signals.sessions import cookie_value

REFRESH_S: Final = 1
"""Seconds that `refresh` waits before it goes on, and that are asked for."""
RESOURCE_S: Final = 2
"""The same of `resource`, whose part has to be loaded meanwhile."""
TRY: Final = b"-try"
"""Ends the name of the cookie by which is seen whether cookies are kept."""
ASKING: Final[frozenset[ChallengeKind]] = frozenset(("pow", "interactive"))
"""Kinds that may come with a question."""
DRIVEN: Final = BIT["page.webdriver"] | BIT["page.cdc"] | BIT["page.playwright"] | BIT["page.headless"]
"""What a page tells of a browser that a program drives: such a one has to keep its cookie, which says so."""
_TRY_LIFETIME_S: Final = 3600
_REUSE_AGAIN: Final = 10 * SECOND
"""For how long a step of the ladder of reuse is taken for known."""
_LOADED: Final = 600 * SECOND
_TRIED: Final = struct.Struct(">B")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a visitor is asked to show."""

    kind: ChallengeKind
    ticket: str
    puzzle: Puzzle | None
    """Of `pow`."""
    question: questions.Question | None
    """Of `interactive`."""
    expires: int
    """Seconds since the epoch."""
    nonce: bytes = b""
    """Of the ticket."""


class Solved(NamedTuple):
    """What an attempt that succeeded earns."""

    ticket: Ticket
    cookies: bytes
    """Set-Cookie lines, each with its CRLF."""
    receipt: bytes
    """Good for a mark here, where the browser does not keep the cookie; empty for a browser that a program drives."""
    seconds: float
    """From the challenge to its solution, by our clock."""


class Desk:
    """Challenges and passes of one worker."""

    __slots__ = ("_burn", "_lender", "_reuse", "_steps", "_tickets", "_timers", "_tries", "pace", "passes")

    def __init__(
        self,
        secret: bytes,
        timers: Timers,
        burn: Burn,
        *,
        previous: Sequence[bytes] = (),
        lifetime: int = PASS_LIFETIME_S,
        domains: Mapping[str, str] | None = None,
    ) -> None:
        """`timers` and `burn` are those of the shared counters; `previous` secrets still open what they sealed."""
        self._timers = timers
        self._burn = burn
        self._tickets = Tickets(secret, previous)
        self._tries = Seals(secret, previous, b"tg.try")
        self._lender = Lender(secret, previous, timers, burn)
        self._reuse = Reuse(timers)
        self._steps: Memory[bytes, tuple[int, int]] = Memory()
        self.passes = Passes(secret, previous, lifetime=lifetime, domains=domains)
        self.pace = Pace()

    # Who comes with a pass

    def admit(self, request: Request, now: int) -> None:
        """Notes in a request what it has to show at `now`."""
        found = self.passes.find(request, now) if request.head.cookie is not None else None
        if found is not None:
            request.told = found.told
            if not found.is_foreign:
                request.proof = found.rank
            request.reuse = self._step(request, found, now)
        elif _comes_back(request):
            request.proof = self._lender.remembered(self.passes.visitors.of(request), now)

    def _step(self, request: Request, found: Pass, now: int) -> int:
        key = found.id + request.client.encode()
        known = self._steps.young.get(key) or self._steps.recall(key)
        if known is None or now >= known[0]:
            network = self.passes.visitors.of(request).network
            known = now + _REUSE_AGAIN, self._reuse.step(found.id, network, now)
            self._steps.keep(key, known)
        return known[1]

    def lent(self, request: Request, now: int) -> int:
        """Rank of what visitors like this one have shown who keep no cookies; 0 for nothing."""
        return self._lender.lent(self.passes.visitors.of(request), now)

    # Giving out

    def issue(
        self, request: Request, kind: ChallengeKind, now: int, *, score: float = 0.0, load: float = 0.0,
        rule: str = "", route: int = 0, asks: bool = False,
    ) -> Challenge:  # fmt: skip
        """A new challenge for the sender of a request; `asks`: a question in the place of the work of `pow`."""
        visitor, puzzle = self.passes.visitors.of(request), None
        if kind == "pow" and not asks:
            puzzle = self.pace.puzzle(_class_of(request), score, load)
        bits, parts = puzzle or (0, 0)
        nonce = os.urandom(NONCE_SIZE)
        text = self._tickets.issue(visitor, kind, now, bits, parts, rule, route, nonce)
        question = questions.question_of(nonce) if kind == "interactive" or asks else None
        return Challenge(kind, text, puzzle, question, now // SECOND + LIFETIME_S, nonce)

    def try_cookie(self, request: Request) -> bytes:
        """A Set-Cookie line with its CRLF, by which is seen whether the browser keeps cookies."""
        value = self._tries.seal(_TRIED.pack(0), self.passes.visitors.of(request).traits)
        return self.passes.cookie(request, value, _TRY_LIFETIME_S, TRY)

    def keeps_cookies(self, request: Request) -> bool:
        """Whether that cookie has come back."""
        header = request.head.cookie
        value = cookie_value(header, self.passes.name(request) + TRY) if header is not None else b""
        return bool(value) and self._tries.open(value, self.passes.visitors.of(request).traits) is not None

    # Taking back

    def take_work(
        self, request: Request, text: bytes, answers: Sequence[object], took_ms: float, probes: object, motion: object,
        now: int,
    ) -> Solved | Cause:  # fmt: skip
        """An attempt at the work of `pow`, with what the page tells of its browser; `answers` as JSON holds them."""
        visitor = self.passes.visitors.of(request)
        ticket = self._tickets.open(text, visitor, now)
        if not isinstance(ticket, Ticket):
            return ticket
        given = [one.encode("ascii", "replace") if isinstance(one, str) else b"" for one in answers]
        if not ticket.parts or not work.solves(text, ticket.bits, ticket.parts, given):
            return "wrong"
        done = self._finish(request, visitor, ticket, read_report(probes, motion, request), now)
        if isinstance(done, Solved):
            self.pace.learn(_class_of(request), Puzzle(ticket.bits, ticket.parts), took_ms)
        return done

    def take_answer(
        self, request: Request, text: bytes, answer: str, now: int, *, kinds: frozenset[ChallengeKind] = ASKING
    ) -> Solved | Cause:
        """An attempt at a question, of a challenge of these `kinds`."""
        visitor = self.passes.visitors.of(request)
        ticket = self._tickets.open(text, visitor, now)
        if not isinstance(ticket, Ticket):
            return ticket
        if ticket.parts or ticket.kind not in kinds or not questions.is_answered(ticket, answer, now):
            return "wrong"
        return self._finish(request, visitor, ticket, 0, now)

    def take_token(
        self, request: Request, text: bytes, token: str, provider: Provider, good: bool | None, now: int
    ) -> Solved | Cause:
        """An attempt at somebody else's check; `good`: what the service that was asked says, None if nobody knows."""
        visitor = self.passes.visitors.of(request)
        ticket = self._tickets.open(text, visitor, now)
        if not isinstance(ticket, Ticket):
            return ticket
        if ticket.kind != "interactive":
            return "wrong"
        if not provider.verify:
            good = provider.holds(ticket, token)
        if good is None:
            return "unsure"
        return self._finish(request, visitor, ticket, 0, now) if good else "wrong"

    def take_step(self, request: Request, text: bytes, now: int) -> Solved | Cause:
        """Coming back from `cookie`, `refresh` or `resource`."""
        visitor = self.passes.visitors.of(request)
        ticket = self._tickets.open(text, visitor, now)
        if not isinstance(ticket, Ticket):
            return ticket
        if not self._has_stepped(request, ticket, now):
            return "wrong"
        return self._finish(request, visitor, ticket, 0, now)

    def take_part(self, request: Request, text: bytes, now: int) -> bool:
        """The part of a `resource` page is asked for; whether it is one of ours."""
        ticket = self._tickets.open(text, self.passes.visitors.of(request), now)
        if not isinstance(ticket, Ticket) or ticket.kind != "resource":
            return False
        return self._timers.start(_loaded(ticket), _LOADED, now)

    def _has_stepped(self, request: Request, ticket: Ticket, now: int) -> bool:
        waited = now - ticket.issued * SECOND
        match ticket.kind:
            case "cookie":
                return self.keeps_cookies(request)
            case "refresh":
                return waited >= REFRESH_S * SECOND
            case "resource":
                return waited >= REFRESH_S * SECOND and self._timers.left(_loaded(ticket), now, _LOADED) > 0
            case _:
                return False

    def _finish(self, request: Request, visitor: Visitor, ticket: Ticket, told: int, now: int) -> Solved | Cause:
        before = self.passes.find(request, now) if request.head.cookie is not None else None
        cause = spend(ticket, self._burn, now)
        if cause is not None:
            return cause
        rank = KINDS.index(ticket.kind) + 1
        cookies = self.passes.give(request, ticket.kind, ticket.bits, told, before, now)
        receipt = b""
        if not told & DRIVEN:  # a mark here could not carry what its page told
            self._lender.remember(visitor, rank, now)
            receipt = self._lender.receipt(visitor, rank, now)
        return Solved(ticket, cookies, receipt, max(0.0, now / SECOND - ticket.issued))

    def lend(self, request: Request, receipt: bytes, now: int) -> Cause | None:
        """Sets a mark here for who could not keep its pass; else why not."""
        return self._lender.lend(receipt, self.passes.visitors.of(request), now)


def _class_of(request: Request) -> ClientClass:
    agent = request.head.value(b"user-agent")
    return class_of(agent.decode("latin-1") if agent is not None else None)


def _comes_back(request: Request) -> bool:
    """Whether a form of another site sends its visitor here: then browsers withhold cookies with SameSite=Lax."""
    head = request.head
    return head.method == b"POST" and head.value(b"sec-fetch-site") == b"cross-site" and (
        head.value(b"sec-fetch-mode") == b"navigate"
    )


def _loaded(ticket: Ticket) -> bytes:
    return blake2b(ticket.nonce, digest_size=16, person=b"tg.loaded").digest()
