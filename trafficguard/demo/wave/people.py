"""Shoppers, in a hurry: half a minute has to show what takes people an hour.

How people move is what `loadtests.actors.people` models, with its sources: times on a page are heavy-tailed (Weibull
with shape 0.75: Liu, White, Dumais, SIGIR 2010), a visit has a heavy-tailed number of pages (inverse Gaussian:
Huberman and others, Science 280, 1998), popular things are looked at more often, some steps go back. Here the time on
a page is five seconds instead of half a minute. They load the parts of pages that they have not got yet, keep cookies,
and their browsers solve a challenge as the page's own script does.

Promises: a person that is refused reloads once and then leaves. Never: asks sooner than a person can click.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from trafficguard.challenge.work import solve
from trafficguard.demo.assets import Assets
from trafficguard.demo.catalogue import PAGE_SIZE, Catalogue, Product
from trafficguard.demo.sessions import DEMO_PASSWORD, DEMO_USER
from trafficguard.demo.wave.heads import Browser, Kind
from trafficguard.demo.wave.life import Answer, Life, Visitor

_SHAPE: Final = 0.75
_DWELL_S: Final = 5.0
"""Weibull scale of the time on a page, in seconds."""
_SHORTEST_S: Final = 0.8
"""Nobody sees and clicks faster."""
_PAGES_MEAN: Final = 8.0
_PAGES_SHAPE: Final = 6.0
_MOST_PAGES: Final = 40
_ARRIVE_S: Final = 4.0
"""Mean seconds until the next person comes in the place of one that left."""
_IN_VIEW: Final = 8
"""Pictures of a list that are seen without scrolling."""
_SEARCHED: Final = ("lamp", "mug", "blanket", "kettle", "wool", "paper", "blue")
_FOUND_BY: Final = ("https://www.google.com/", "https://www.bing.com/", "https://duckduckgo.com/")
_CHALLENGE: Final = re.compile(rb'<script type="application/json" id="tg">(.*?)</script>', re.S)
_RANKS: Final = 0.8
"""Exponent of Zipf's law for what is popular (Breslau and others, INFOCOM 1999)."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """What people see of the shop."""

    catalogue: Catalogue
    assets: Assets

    @classmethod
    def of(cls, catalogue: Catalogue) -> Shelves:
        """The shop with this catalogue."""
        return cls(catalogue, Assets(catalogue))

    def popular(self, random: Random) -> Product:
        """A product, as often as it is popular."""
        products = self.catalogue.popular
        # The inverse of the continuous law's distribution; exact sums are not worth their time here.
        place = (random.random() * (len(products) ** (1 - _RANKS) - 1) + 1) ** (1 / (1 - _RANKS))
        return products[min(int(place), len(products)) - 1]


def shoppers(shelves: Shelves, browsers: list[Browser], addresses: Iterator[str], first: float, random: Random) -> Life:
    """One person after the other; the first one comes after `first` seconds."""
    pause = first
    while True:
        browser = random.choice(browsers)
        yield from _Shopper(shelves, Visitor(browser, next(addresses)), random).visit(pause)
        pause = random.expovariate(1 / _ARRIVE_S)


class _Shopper:
    """One visit of one person."""

    def __init__(self, shelves: Shelves, visitor: Visitor, random: Random) -> None:
        self._shelves = shelves
        self._visitor = visitor
        self._random = random
        self._loaded: set[str] = set()
        self._here = ""
        self._trail: list[str] = []
        self._shown: list[Product] = []
        self._refused = 0
        self._sends_forms = Kind.LOGIN in visitor.browser.lines

    def visit(self, pause: float) -> Life:
        """Arrives after `pause` seconds, looks around, leaves."""
        random = self._random
        pages = min(max(2, round(_inverse_gaussian(random, _PAGES_MEAN, _PAGES_SHAPE))), _MOST_PAGES)
        logs_in = random.randrange(2, pages + 1) if random.random() < 0.15 and self._sends_forms else 0
        if random.random() < 0.4:
            yield from self._open(pause, "/", site="none")
        else:
            target = f"/product/{self._shelves.popular(random).id}"
            yield from self._open(pause, target, referer=random.choice(_FOUND_BY), site="cross-site")
        for number in range(2, pages + 1):
            if self._refused > 1:
                return
            if number == logs_in:
                yield from self._log_in()
            else:
                yield from self._go_on()

    def _go_on(self) -> Life:
        random, draw = self._random, self._random.random()
        if draw < 0.15 and self._trail:
            target = self._trail.pop()
        elif draw < 0.25:
            target = f"/search?q={random.choice(_SEARCHED)}"
        elif draw < 0.75 and self._shown:
            target = f"/product/{self._shown[int(random.expovariate(0.3)) % len(self._shown)].id}"
        elif draw < 0.85 and self._here.startswith("/product/") and self._sends_forms:
            yield from self._add_to_cart()
            return
        else:
            target = f"/category/{self._shelves.popular(random).category.slug}"
        yield from self._open(self._dwell(), target, referer=self._here)

    def _add_to_cart(self) -> Life:
        """By the form, which works without the shop's script."""
        body = b"id=" + self._here.removeprefix("/product/").encode()
        yield from self._visitor.ask(self._dwell(), Kind.LOGIN, "/cart/add", referer=self._here, body=body)
        yield from self._open(0.02, "/cart", referer=self._here)

    def _log_in(self) -> Life:
        yield from self._open(self._dwell(), "/login", referer=self._here)
        body = f"username={DEMO_USER}&password={DEMO_PASSWORD}".encode()
        yield from self._visitor.ask(3.0 + self._dwell(), Kind.LOGIN, "/login", referer="/login", body=body)
        yield from self._open(0.02, "/account", referer="/login")

    # What a step is made of

    def _dwell(self) -> float:
        return _SHORTEST_S + self._random.weibullvariate(_DWELL_S, _SHAPE)

    def _open(self, pause: float, target: str, *, referer: str = "", site: str = "same-origin") -> Life:
        """A page with its parts."""
        answer = yield from self._visitor.ask(pause, Kind.PAGE, target, referer=referer, site=site)
        if answer.is_refusal:
            yield from self._answer_challenge(answer, target)
            answer = yield from self._visitor.ask(2.0, Kind.PAGE, target, referer=referer, site=site)
            if answer.is_refusal:
                self._refused += 2
                return
        if self._here:
            self._trail.append(self._here)
        self._here = target
        self._shown = self._seen_on(target)
        yield from self._load(target)

    def _answer_challenge(self, answer: Answer, target: str) -> Life:
        """What the page of a challenge has the browser do."""
        found = _CHALLENGE.search(answer.body)
        asked = json.loads(found[1]) if found else {}
        if asked.get("kind") != "pow" or Kind.ADD not in self._visitor.browser.lines:
            return
        answers = solve(asked["challenge"].encode(), asked["bits"], asked["parts"])
        sent = {
            "challenge": asked["challenge"], "answers": [one.decode() for one in answers], "took": 900, "probes": {},
            "motion": {},
        }  # fmt: skip
        yield from self._visitor.ask(0.9, Kind.ADD, asked["solve"], referer=target, body=json.dumps(sent).encode())
        yield from self._visitor.ask(0.02, Kind.FETCH, asked["pass"], referer=target)

    def _seen_on(self, target: str) -> list[Product]:
        """The products that a page shows."""
        catalogue = self._shelves.catalogue
        if target == "/":
            return list(catalogue.popular[:8])
        if target.startswith("/product/"):
            item = catalogue.product(int(target.removeprefix("/product/")))
            return list(catalogue.related(item, 4)) if item else []
        if target.startswith("/search"):
            return list(catalogue.search(target.partition("=")[2])[:PAGE_SIZE])
        category = catalogue.category(target.removeprefix("/category/"))
        return list(catalogue.shelf(category)[:PAGE_SIZE]) if category else []

    def _load(self, page: str) -> Life:
        """What a browser loads for a page and has not got yet."""
        assets = self._shelves.assets
        style, script = assets.style_address, assets.script_address
        frame = ((Kind.STYLE, style), (Kind.SCRIPT, script), (Kind.ICON, "/favicon.svg"))
        own = [page.removeprefix("/product/")] if page.startswith("/product/") else []
        shown = [*own, *(str(item.id) for item in self._shown[:_IN_VIEW])]
        pause = 0.05 + self._random.expovariate(20)
        for kind, part in (*frame, *((Kind.IMAGE, f"/images/{number}.svg") for number in shown)):
            if part not in self._loaded and kind in self._visitor.browser.lines:
                self._loaded.add(part)
                yield from self._visitor.ask(pause, kind, part, referer=page)
                pause = self._random.expovariate(100)


def _inverse_gaussian(random: Random, mean: float, shape: float) -> float:
    """A draw (Michael, Schucany, Haas 1976)."""
    square = random.gauss(0, 1) ** 2
    low = mean + mean * mean * square / (2 * shape)
    low -= mean / (2 * shape) * math.sqrt(4 * mean * shape * square + mean * mean * square * square)
    return low if random.random() <= mean / (mean + low) else mean * mean / low
