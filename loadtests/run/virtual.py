"""Runs a scenario in virtual time: the guard, its paces and its challenges as a worker has them, under a manual clock.

Each request is real bytes, read by the proxy's own reader, judged by the policy of the scenario, and carried out as
`net.acting` does: held back, refused, challenged at the real desk, or answered by a model of the sample shop. What is
held back is answered later by so much of the actor's clock.

Promises: requests are judged in order of their moments; the same scenario gives the same verdicts but for the random
nonces of tickets. Never: reads a clock, waits, or tells the guard who is an actor.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.challenges import PREFIX
from loadtests.actors.client import HOST
from loadtests.actors.model import SECOND, Actor, Answer, Ask
from loadtests.actors.programs import claims_a_browser
from loadtests.actors.templates import Kind, Values
from loadtests.run.record import Record
from loadtests.run.settings import site_of
from loadtests.virtual.samples import Samples
from trafficguard.actions import ChallengeAction, PassAction, ThrottleAction
from trafficguard.challenge.desk import Desk
from trafficguard.challenge.page.render import Renderer
from trafficguard.challenge.work import solve
from trafficguard.counters.table import Table
from trafficguard.exchange import Conditions, Exchange, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.net.act import Reply, act, content_of
from trafficguard.net.acting import LENT
from trafficguard.net.reception import Pending, Reception
from trafficguard.net.throttle import Pacer
from trafficguard.net.visiting import LOGIN, SESSION, due_of
from trafficguard.policy.engine import Policy
from trafficguard.policy.orders import Orders
from trafficguard.signals.facts import facts_of
from trafficguard.telemetry.meters import Meters, plane_bytes, planes

START: Final = 1_790_000_000 * SECOND
"""When scenarios start, in nanoseconds since the epoch."""
SECRET: Final = bytes(range(16))
_CONDITIONS: Final = Conditions()
_STEP: Final = 20 * SECOND
"""How often progress is told, in virtual time."""


def _ignore(_share: float) -> None:
    """Progress that nobody asked for."""


@contextmanager
def house(policy: Policy, catalogue: Catalogue) -> Iterator[House]:
    """A worker's parts, with empty memory."""
    table = Table.create(None, SECRET)
    try:
        yield House(policy, catalogue, table)
    finally:
        table.close()


class House:
    """Guard, paces, desk and shop of one site."""

    def __init__(self, policy: Policy, catalogue: Catalogue, table: Table) -> None:
        site = site_of("http://127.0.0.1:1")
        self.name = site.hosts[0]
        facts = facts_of([site], SECRET)
        self._facts = facts[self.name]
        orders = Orders(1, policy)
        self.guard = Guard(orders, table.memory, facts)
        self._enforces = orders.mode_of(self.name) == "enforce"
        self._meters = Meters(planes(bytearray(plane_bytes(1)), 1)[0])
        self._pacer = Pacer(table.reserve, self._meters)
        self._reception = Reception(Desk(SECRET, table.timers, table.burn), Renderer())
        self._catalogue = catalogue
        self._reader = RequestReader()
        self._count = 0
        self.verdict: Verdict | None = None
        """Of the latest request that was judged."""

    def serve(self, ask: Ask) -> tuple[Answer, bytes]:
        """The answer to a request, and the request's head."""
        now = START + ask.at
        body = ask.work.body(_solve(ask.work.ticket, ask.work.bits, ask.work.parts)) if ask.work else ask.body
        raw = head_of(ask, ask.cookie, len(body))
        head = self._reader.read(raw)
        if not isinstance(head, RequestHead):
            raise TypeError(f"the proxy refuses a head of {ask.browser.name}: {head}")
        self._count += 1
        browser = ask.browser
        request = Request(head, ask.address, browser.secure, self.name, b"v%d" % self._count, browser.handshake)
        self.verdict = None
        if self._enforces and ask.path.startswith(PREFIX):
            return self._receive(request, body, ask, now), raw
        exchange = Exchange(request, now)
        due = due_of(head, self._facts, self._enforces, now)
        self._reception.desk.admit(request, now)
        if due & LOGIN and body:
            request.account = self._facts.accounts.of_body(head, body)
        exchange.verdict = self.verdict = self.guard.judge(request, now, _CONDITIONS)
        answer = self._act(exchange, request, exchange.verdict, ask, due, now)
        self.guard.observe(request, exchange.outcome, now)
        return answer, raw

    def _receive(self, request: Request, body: bytes, ask: Ask, now: int) -> Answer:
        """What is sent to the guard's own paths."""
        exchange = Exchange(request, now)
        self._reception.desk.admit(request, now)
        said = self._reception.answer(request, body, now)
        if isinstance(said, Pending):
            raise TypeError("nobody else checks here")
        answer = _answer(said.record(exchange, self._meters), request, ask.at)
        self.guard.observe(request, exchange.outcome, now)
        return answer

    def _act(self, exchange: Exchange, request: Request, verdict: Verdict, ask: Ask, due: int, now: int) -> Answer:
        action = verdict.action
        if not self._enforces or isinstance(action, PassAction):
            return self._shop(exchange, request, ask, due, now, 0)
        if isinstance(action, ChallengeAction):
            if self._reception.desk.lent(request, now) < action.rank:
                said = self._reception.challenge(request, action, verdict.score, 0.0, verdict.rule, now)
                reply = said.record(exchange, self._meters)
                exchange.status = reply.status
                return _answer(reply, request, ask.at)
            action = LENT
        if isinstance(action, ThrottleAction):
            _, wait, _ = self._pacer.turn(request, action, verdict.rule, now)
            if wait >= 0:
                return self._shop(exchange, request, ask, due, now, wait)
            exchange.turned_away, exchange.status = True, 429
            return Answer(429, at=ask.at)
        step = act(verdict)
        exchange.turned_away = True
        exchange.status = step.status if isinstance(step, Reply) else 403
        return Answer(exchange.status, at=ask.at)

    def _shop(self, exchange: Exchange, request: Request, ask: Ask, due: int, now: int, wait: int) -> Answer:
        """The shop's answer, after so many nanoseconds."""
        cookies: list[bytes] = []
        if ask.kind is Kind.LOGIN and ask.path == b"/login":
            exchange.status, exchange.login = (303, 1) if ask.right_password else (401, -1)
        elif ask.method == b"POST":
            exchange.status = 303
        elif ask.etag is not None and self._catalogue.find(ask.path).status == 200:
            exchange.status = 304
        else:
            exchange.status = self._catalogue.find(ask.path).status
        if due & SESSION and exchange.status in (200, 303):
            line = self._facts.sessions.issue(request.id_bytes, now, request.secure)
            cookies.append(line[12:].partition(b";")[0])
        return Answer(exchange.status, more_cookies=tuple(cookies), at=ask.at + wait)


def _answer(reply: Reply, request: Request, at: int) -> Answer:
    """An answer of the guard's own, as it goes over the wire."""
    _, body = content_of(reply, request.id_bytes, request.head.value(b"accept"))
    cookies = [line[12:].partition(b";")[0] for line in reply.lines.split(b"\r\n") if line.startswith(b"Set-Cookie: ")]
    return Answer(reply.status, more_cookies=tuple(cookies), at=at, lines=reply.lines, body=body)


@lru_cache(64)
def _solve(ticket: str, bits: int, parts: int) -> list[bytes]:
    return solve(ticket.encode(), bits, parts)


def head_of(ask: Ask, cookie: bytes | None, length: int) -> bytes:
    """The bytes of a request's head."""
    browser = ask.browser
    origin = (b"https://" if browser.secure else b"http://") + HOST
    values = Values(HOST, origin, ask.referer, cookie, ask.etag, length, ask.site)
    return browser.head(ask.kind, ask.method, ask.path, values, ask.variant)


class Runner:
    """One run of a cast."""

    def __init__(self, cast: list[Actor], house: House, seed: int, samples: Samples | None = None) -> None:
        self._cast = cast
        self._house = house
        self._samples = samples
        self.record = Record(seed)

    def run(self, minutes: float, progress: Callable[[float], None] = _ignore) -> Record:
        """Everything up to the end; `progress` is told the share that is done."""
        end, told = int(minutes * 60 * SECOND), 0
        asks = [next(actor.life, None) for actor in self._cast]
        heap = [(ask.at, index) for index, ask in enumerate(asks) if ask is not None]
        heapq.heapify(heap)
        while heap and heap[0][0] <= end:
            at, index = heap[0]
            if at >= told:
                progress(at / end)
                told = at + _STEP
            actor, ask = self._cast[index], asks[index]
            assert ask is not None
            answer = self._serve(index, actor, ask)
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
        guard = self._house.guard
        if guard.errors:
            raise RuntimeError(f"{guard.errors} requests could not be judged: {guard.last_error}")
        return self.record

    def _serve(self, index: int, actor: Actor, ask: Ask) -> Answer:
        answer, raw = self._house.serve(ask)
        if self._samples is not None and claims_a_browser(ask.browser) and not ask.path.startswith(PREFIX):
            offer(self._samples, ask, raw, actor.is_person)
        verdict = self._house.verdict
        if verdict is None:
            self.record.note(index, actor, ask, answer)
        else:
            self.record.note(index, actor, ask, answer, verdict.score, verdict.rule)
        return answer


def offer(samples: Samples, ask: Ask, raw: bytes, is_person: bool) -> None:
    """Puts a head aside for the check of separability; cookies are what a visitor was given, so all are alike there."""
    if ask.cookie is not None:
        raw = raw.replace(ask.cookie, b"a=0", 1)
    samples.offer(ask, raw, is_person)
