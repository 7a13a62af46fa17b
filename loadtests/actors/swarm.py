"""Brings a row of the catalogue of waves to life: workers who share what is wanted and, where told so, a pass.

A worker is a life of its own, so that one that is held back or computes does not hold up the others. It takes the next
target, waits, asks, does about a challenge what its row says, loads what a browser loads, and adapts.

Promises: rate, addresses, heads and order are those that were drawn. Never: anything from the detector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Final

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue, item_path
from loadtests.actors.challenges import PREFIX, Again, Skill, is_challenge, meet
from loadtests.actors.client import Client
from loadtests.actors.crawlers import in_order, long_tail, shuffled
from loadtests.actors.crowd import BROWSERS
from loadtests.actors.model import SECOND, Actor, Answer, Ask, Life, Step, Work
from loadtests.actors.programs import by_library, programs
from loadtests.actors.templates import Browser, Kind, browsers
from loadtests.actors.waves import Half, Wave

FORBIDDEN: Final = (b"/trap/", b"/cart", b"/account", b"/api/products?page=2")
"""What robots.txt forbids; those who do not obey it go there, too."""
_DISOBEYS_EVERY: Final = 40
LATE: Final = SECOND // 2
"""After so long a crawler that adapts takes itself for throttled."""
_MOST_SLOW: Final = 64.0
_GIVES_UP: Final = 20
_IMAGES: Final = 6
_HASHES: Final = 1_500_000.0

Targets = Iterator[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for one wave."""

    rate: float
    workers: int
    pool: int


@dataclass(slots=True)
class Swarm:
    """One wave, let loose."""

    wave: Wave
    drawn: Drawn
    catalogue: Catalogue
    random: Random
    addresses: Addresses
    starts: int
    """Nanoseconds from the start of the scenario."""
    ends: int
    targets: Targets = field(init=False)
    pool: list[str] = field(init=False)
    shared: dict[bytes, bytes] = field(default_factory=dict)
    solution: list[Work] = field(default_factory=list)
    _taken: int = 0

    def __post_init__(self) -> None:
        self.targets = _targets(self.wave, self.catalogue, self.random)
        self.pool = [self.addresses.v4() for _ in range(self.drawn.pool)]

    def address(self) -> str:
        """For a new identity: in turn while they are fresh, then any of the pool."""
        if not self.pool:
            return self.addresses.v4()
        self._taken += 1
        return self.pool[self._taken - 1] if self._taken <= len(self.pool) else self.random.choice(self.pool)


def draw(wave: Wave, random: Random, half: Half) -> Drawn:
    """The parameters of a wave in one half of their space."""
    rate = wave.rate.draw(random, half)
    workers = round(wave.workers.draw(random, half))
    return Drawn(rate, max(1, workers), round(wave.pool.draw(random, half)) if wave.pool.low else 0)


def release(
    wave: Wave, drawn: Drawn, catalogue: Catalogue, seed: str, starts: int, ends: int, addresses: Addresses
) -> list[Actor]:
    """The workers of a wave, as actors that all have its name."""
    swarm = Swarm(wave, drawn, catalogue, Random(f"{seed} {wave.name}"), addresses, starts, ends)
    return [
        Actor(wave.name, _Worker(swarm, Random(f"{seed} {wave.name} {number}")).life(), is_person=False)
        for number in range(drawn.workers)
    ]


def _targets(wave: Wave, catalogue: Catalogue, random: Random) -> Targets:
    match wave.wants:
        case "listing":
            return _by_listing(catalogue)
        case "sequential":
            return in_order(catalogue, random)
        case "shuffled":
            return shuffled(catalogue, random)
        case "long-tail":
            return long_tail(catalogue, random)
        case "popular":
            return ((item_path(catalogue.popular(random)), b"/") for _ in count())
        case "login":
            return ((b"/login", b"") for _ in count())


def _by_listing(catalogue: Catalogue) -> Targets:
    """Every listing page by page, each with its items, and the page that links there."""
    for category in range(1, catalogue.categories + 1):
        before = b"/"
        for page in range(1, catalogue.leaves(category) + 1):
            path = catalogue.listing_path(category, page)
            yield path, before
            for item in catalogue.leaf(category, page):
                yield item_path(item), path
            before = path


class _Worker:
    """One worker."""

    def __init__(self, swarm: Swarm, random: Random) -> None:
        self._swarm = swarm
        self._wave = swarm.wave
        self._random = random
        self._interval = swarm.drawn.workers / swarm.drawn.rate
        self._slow = 1.0
        self._hindered = 0
        self._turns = 0
        self._pages = 0
        wave = swarm.wave
        self._skill = Skill(
            steps=wave.solves != "nothing" and wave.cookies, works=wave.solves == "work", hashes=_HASHES,
            told=wave.told, silent=wave.silent,
        )  # fmt: skip
        self._client = self._somebody(swarm.starts)

    def _somebody(self, now: int) -> Client:
        """A new identity."""
        wave, swarm = self._wave, self._swarm
        browser = _browser(wave, self._random)
        client = Client(self._random, browser, swarm.address(), now, wave.cookies)
        if wave.shares_pass:
            client.cookies = swarm.shared
        self._cache: set[bytes] = set()
        self._turns = 0
        return client

    def life(self) -> Life:
        """From its start to its end."""
        swarm, wave = self._swarm, self._wave
        self._client.wait(self._random.random() * self._interval)
        if wave.is_honest:
            yield from self._client.ask(Kind.PAGE, b"/robots.txt", site=b"none")
            self._client.wait(1.0)
        for path, before in swarm.targets:
            if self._client.now > swarm.ends or (self._hindered >= _GIVES_UP and wave.adapts == "stops"):
                return
            self._pages += 1
            if not wave.obeys_robots and self._pages % _DISOBEYS_EVERY == 0:
                path, before = FORBIDDEN[self._pages // _DISOBEYS_EVERY % len(FORBIDDEN)], b"/"
            due = self._client.now + int(self._gap() * self._slow * SECOND)
            if wave.wants == "login":
                yield from self._try_password()
            else:
                yield from self._visit(path, before)
            if wave.turns and self._turns >= wave.turns:
                self._client = self._somebody(self._client.now)
            self._client.now = max(self._client.now, due)

    def _visit(self, path: bytes, before: bytes) -> Life:
        client = self._client
        referer = client.origin + before if before and self._wave.referrers and self._turns else None
        site = b"same-origin" if referer else b"none"
        asked = client.now
        visit = partial(client.ask, Kind.PAGE, path, referer, site=site)
        answer = yield from self._meet(visit)
        self._turns += 1
        if self._wave.parts and not answer.is_refused:
            yield from self._load_parts(path)
        self._adapt(answer, client.now - asked)

    def _meet(self, visit: Again) -> Step:
        wave, swarm = self._wave, self._swarm
        if not wave.replays:
            return (yield from meet(self._client, self._skill, visit))
        if not swarm.solution:
            return (yield from _keep_solution(meet(self._client, self._skill, visit), swarm.solution))
        answer = yield from visit()
        if is_challenge(answer):
            page = self._client.origin + b"/"
            yield from self._client.ask(
                Kind.ADD, PREFIX + b"solve", page, method=b"POST", work=swarm.solution[0]
            )  # fmt: skip
            answer = yield from visit()
        return answer

    def _try_password(self) -> Life:
        """The form for its cookie, then the password."""
        client, random, catalogue = self._client, self._random, self._swarm.catalogue
        asked = client.now
        answer = yield from self._meet(partial(client.ask, Kind.PAGE, b"/login", site=b"none"))
        client.wait(random.uniform(0.05, 0.2))
        account = b"leaked%d@mail.example" % random.randrange(1 << 40)
        right = random.random() < self._wave.success
        body = b"%b=%b&%b=%b" % (
            catalogue.user_field, account, catalogue.password_field, b"secret" if right else b"secrte",
        )  # fmt: skip
        answer = yield from self._meet(
            partial(client.ask, Kind.LOGIN, b"/login", client.origin + b"/login", method=b"POST", body=body,
                    account=account, right_password=right)
        )  # fmt: skip
        self._turns += 1
        self._adapt(answer, client.now - asked)

    def _load_parts(self, path: bytes) -> Life:
        """What a browser loads for a page, as people's do (`people.Shopper`)."""
        client, random = self._client, self._random
        page = client.origin + path
        client.wait(min(random.lognormvariate(math.log(0.09), 0.5), 0.4))
        frame = self._swarm.catalogue.frame
        for kind, part in frame:
            if part not in self._cache and client.browser.sends(kind):
                self._cache.add(part)
                yield from client.ask(kind, part, client.origin + frame[0][1] if kind is Kind.FONT else page)
                client.wait(random.expovariate(80))
        if client.browser.sends(Kind.FETCH):
            yield from client.ask(Kind.FETCH, b"/api/cart", page)
        item = int(path[9:]) if path.startswith(b"/product/") else 1
        near = self._swarm.catalogue.leaf(self._swarm.catalogue.category_of(item), 1)[: random.randint(2, _IMAGES)]
        for shown in [item, *near]:
            part = b"/images/%d.svg" % shown
            if part not in self._cache and client.browser.sends(Kind.IMAGE):
                self._cache.add(part)
                client.wait(random.expovariate(80))
                yield from client.ask(Kind.IMAGE, part, page)

    def _gap(self) -> float:
        """Seconds from one page to the next."""
        mean, random = self._interval, self._random
        match self._wave.jitter:
            case "none":
                return mean
            case "tenth":
                return mean * random.uniform(0.9, 1.1)
            case "uniform":
                return mean * random.uniform(0.3, 1.7)
            case "exponential":
                return random.expovariate(1 / mean)
            case "lognormal":
                return random.lognormvariate(math.log(mean) - 0.18, 0.6)

    def _adapt(self, answer: Answer, took: int) -> None:
        """Draws conclusions from an answer."""
        hindered = answer.is_refused or (took > LATE and not self._wave.parts)
        self._hindered = self._hindered + 1 if hindered else 0
        if self._wave.adapts == "slows":
            self._slow = min(self._slow * 2, _MOST_SLOW) if hindered else max(self._slow * 0.98, 1.0)
        elif self._wave.adapts == "rotates" and hindered:
            self._client = self._somebody(self._client.now)


def _browser(wave: Wave, random: Random) -> Browser:
    shares = {name: BROWSERS.get(name, 1.0) for name in wave.heads} or BROWSERS
    name = random.choices(list(shares), list(shares.values()))[0]
    browser = programs()[name] if name.startswith("program-") else browsers()[name]
    return by_library(browser) if wave.handshake == "library" else browser


def _keep_solution(asking: Step, kept: list[Work]) -> Step:
    """Passes a part of a life on, and keeps the first solution that it hands in."""
    try:
        ask: Ask = next(asking)
        while True:
            if ask.work is not None and not kept:
                kept.append(ask.work)
            ask = asking.send((yield ask))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
