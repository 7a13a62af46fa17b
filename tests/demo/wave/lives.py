"""Runs lives in virtual time against the real guard and a model of the demo's shop: no sockets, no waiting.

Promises: requests are judged in order of their moments; what is refused never reaches the shop; sessions begin as the
proxy begins them. Never: reads a clock.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tests.guards import CALM, NOON, SECRET, SMALL
from trafficguard.clock import SECOND
from trafficguard.counters.table import Table
from trafficguard.demo.run import demo_settings
from trafficguard.demo.wave.cast import Role
from trafficguard.demo.wave.life import Answer, Ask, Life
from trafficguard.exchange import Outcome, Request
from trafficguard.guard import Guard
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.orders import Orders
from trafficguard.signals.facts import facts_of

OK = Answer(200)
REFUSED = Answer(403)
SITE = "*"


def lead(life: Life, answer: Callable[[Ask], Answer] = lambda _: OK, most: int = 200) -> list[Ask]:
    """What a life asks for when it is answered so, up to a number of requests."""
    asks = []
    ask = next(life)
    for _ in range(most):
        asks.append(ask)
        try:
            ask = life.send(answer(ask))
        except StopIteration:
            break
    life.close()
    return asks


@dataclass
class Fate:
    """What became of a role."""

    actions: Counter[str] = field(default_factory=Counter)
    at: dict[str, float] = field(default_factory=dict)
    """Seconds until each action first came."""
    gave_up: float | None = None
    """When the last of its lives had ended by itself."""
    last: str = ""
    """The action on its last request."""


class Play:
    """The wave in virtual time."""

    def __init__(self) -> None:
        settings = demo_settings("127.0.0.1:8080", 1, 1)
        self._facts = facts_of(settings.sites, SECRET)
        table = Table.create(SMALL, SECRET)
        table.close()
        self._guard = Guard(Orders(1, build(BALANCED), "enforce"), table.memory, self._facts)
        self._reader = RequestReader()
        self._numbers = count(1)

    def run(self, cast: tuple[Role, ...], seconds: float) -> dict[str, Fate]:
        """Lets everybody act for so long."""
        fates = {role.name: Fate() for role in cast}
        lives = [(role.name, life) for role in cast for life in role.lives]
        going = Counter(name for name, _ in lives)
        asks = [next(life) for _, life in lives]
        heap = [(ask.pause, number) for number, ask in enumerate(asks)]
        heapq.heapify(heap)
        while heap:
            now, number = heapq.heappop(heap)
            if now > seconds:
                break
            name, life = lives[number]
            answer, action = self._serve(asks[number], NOON + int(now * SECOND))
            fate = fates[name]
            fate.actions[action] += 1
            fate.at.setdefault(action, now)
            fate.last = action
            try:
                asks[number] = life.send(answer)
            except StopIteration:
                going[name] -= 1
                fate.gave_up = now if not going[name] else None
                continue
            heapq.heappush(heap, (now + asks[number].pause, number))
        assert self._guard.last_error == ""
        return fates

    def _serve(self, ask: Ask, now: int) -> tuple[Answer, str]:
        head = self._reader.read(ask.head)
        assert isinstance(head, RequestHead), head
        facts = self._facts[SITE]
        account = facts.accounts.of_body(head, ask.body) if facts.accounts.reads(head, len(ask.body)) else b""
        request = Request(head, ask.address, True, SITE, b"%d" % next(self._numbers), account=account)
        verdict = self._guard.judge(request, now, CALM)
        passes = verdict.action.word in ("pass", "throttle")
        status, login = self._answer(ask) if passes else (403, 0)
        self._guard.observe(request, Outcome(status if passes else 0, login, challenged=verdict.action.word == "challenge"), now)
        cookies: tuple[str, ...] = ()
        if passes and ask.method == "GET" and facts.sessions.find(head.cookie, now) is None:
            line = facts.sessions.issue(request.id_bytes, now, True)
            cookies = (line.decode().removeprefix("Set-Cookie: ").strip(),)
        return Answer(status, cookies), verdict.action.word

    def _answer(self, ask: Ask) -> tuple[int, int]:
        """Status, and how a login ended."""
        if ask.method == "POST" and ask.target == "/login":
            return (303, 1) if ask.body.startswith(b"username=demo&") else (401, -1)
        return (303 if ask.method == "POST" else 200), 0


def page_of_challenge(**members: object) -> bytes:
    """The page of a challenge, as far as a browser's script reads it."""
    return b'<p>x</p><script type="application/json" id="tg">%b</script>' % json.dumps(members).encode()
