"""Runs a scenario in virtual time: a heap of moments, one guard, no sockets.

Each request is real bytes, read by the proxy's own reader, judged, answered by a model of the shop and fed back, at
the moment that its actor named. The answer takes no time, which no signal looks at.

Promises: requests are judged in order of their moments, those of one moment in the order of the cast, so that the same
scenario gives the same verdicts. What the guard blocks never reaches the shop. The shop gives a session cookie to
whoever comes without one. Never: reads a clock, waits, or tells the guard who is an actor.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, Protocol

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.client import HOST
from loadtests.actors.model import SECOND, Actor, Answer, Ask
from loadtests.actors.templates import Kind, Values
from loadtests.virtual.guards import SESSION_COOKIE, SITE
from loadtests.virtual.samples import Samples
from loadtests.virtual.tally import Tally
from trafficguard.actions import PASS
from trafficguard.exchange import Conditions, LoginResult, Outcome, Request, Verdict
from trafficguard.http.head import RequestHead, RequestReader

START: Final = 1_790_000_000 * SECOND
"""When scenarios start, in nanoseconds since the epoch."""
REFUSED: Final = 403
_CONDITIONS: Final = Conditions()
_STEP: Final = 30 * SECOND
"""How often progress is told, in virtual time."""


def _ignore(_share: float) -> None:
    """Progress that nobody asked for."""


class Judge(Protocol):
    """A guard, or what stands in for one."""

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        """The verdict on a request."""

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        """Takes in what became of it."""

    @property
    def errors(self) -> int:
        """Requests that could not be judged."""

    @property
    def last_error(self) -> str:
        """What the latest of them ran into."""


class Shop:
    """The shop behind the guard, as far as it shows in answers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._sessions = 0

    def answer(self, ask: Ask) -> tuple[int, int, LoginResult]:
        """Status, item whose page it is (0: none), and what became of a log-in."""
        if ask.kind is Kind.LOGIN:
            return (303, 0, 1) if ask.right_password else (401, 0, -1)
        found = self._catalogue.find(ask.path)
        if ask.etag is not None and found.status == 200:
            return 304, 0, 0
        return found.status, found.item, 0

    def new_cookie(self) -> bytes:
        """A session of a visitor who brought none."""
        self._sessions += 1
        session = blake2b(self._sessions.to_bytes(8, "big"), digest_size=8).hexdigest()
        return f"{SESSION_COOKIE}={session}".encode()


class Runner:
    """One run of a cast against a guard."""

    def __init__(self, cast: list[Actor], catalogue: Catalogue, guard: Judge, samples: Samples | None = None) -> None:
        self._cast = cast
        self._guard = guard
        self._shop = Shop(catalogue)
        self._reader = RequestReader()
        self._samples = samples
        self.tally = Tally()

    def run(self, minutes: float, progress: Callable[[float], None] = _ignore) -> Tally:
        """Everything up to the end; `progress` is told the share that is done."""
        end = int(minutes * 60 * SECOND)
        asks = [next(actor.life, None) for actor in self._cast]
        heap = [(ask.at, index) for index, ask in enumerate(asks) if ask is not None]
        heapq.heapify(heap)
        told = 0
        while heap:
            at, index = heap[0]
            if at > end:
                break
            if at >= told:
                progress(at / end)
                told = at + _STEP
            actor, ask = self._cast[index], asks[index]
            assert ask is not None
            answer = self._serve(actor, ask)
            try:
                ask = asks[index] = actor.life.send(answer)
            except StopIteration:
                heapq.heappop(heap)
                continue
            if ask.at < at:
                raise ValueError(f"{actor.name} goes back in time")
            heapq.heapreplace(heap, (ask.at, index))
        for actor in self._cast:
            actor.life.close()
        progress(1.0)
        if self._guard.errors:
            raise RuntimeError(f"{self._guard.errors} requests could not be judged: {self._guard.last_error}")
        return self.tally

    def _serve(self, actor: Actor, ask: Ask) -> Answer:
        """One request: bytes, head, verdict, answer, feedback."""
        request, now = self._request(actor, ask), START + ask.at
        verdict = self._guard.judge(request, now, _CONDITIONS)
        if verdict.action == PASS:
            status, item, login = self._shop.answer(ask)
        else:
            status, item, login = REFUSED, 0, 0
        self._guard.observe(request, Outcome(status if verdict.action == PASS else 0, login), now)
        served = item if 200 <= status < 300 else 0
        self.tally.note(actor, ask.at, verdict, served, status == REFUSED)
        gives = ask.cookie is None and ask.kind in (Kind.PAGE, Kind.LOGIN) and status != REFUSED
        return Answer(status, self._shop.new_cookie() if gives else None)

    def _request(self, actor: Actor, ask: Ask) -> Request:
        browser = ask.browser
        origin = (b"https://" if browser.secure else b"http://") + HOST
        values = Values(HOST, origin, ask.referer, ask.cookie, ask.etag, len(ask.body), ask.site)
        raw = browser.head(ask.kind, ask.method, ask.path, values, ask.variant)
        if self._samples is not None:
            self._samples.offer(ask, raw, actor.is_person)
        head = self._reader.read(raw)
        if not isinstance(head, RequestHead):
            raise TypeError(f"the proxy refuses a head of {browser.name}: {head}")
        account = blake2b(ask.account, digest_size=16).digest() if ask.account else b""
        return Request(head, ask.address, browser.secure, SITE, b"virtual", browser.handshake, account)
