"""Crawlers with perfect heads: what each wants, how fast it goes, from how many addresses.

All take their bytes from the templates of recorded browsers, like people. None loads parts of pages, none runs
scripts, and none reacts to being refused: it goes on, so that its score can be followed to the end.

Promises: a wave's rate, addresses and order are those stated in its row in `WAVES`. Never: anything from the detector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue, item_path, listing_path
from loadtests.actors.client import HOST, draw_variant
from loadtests.actors.crowd import BROWSERS, draw_browser
from loadtests.actors.model import SECOND, Ask, Life
from loadtests.actors.people import linked_from
from loadtests.actors.templates import Browser, Kind, browsers

Gap = Callable[[Random], float]
"""Draws the seconds to the next request."""


@dataclass(slots=True)
class Field:
    """What a crawler is let loose in."""

    catalogue: Catalogue
    random: Random
    addresses: Addresses
    starts: int
    """Nanoseconds from the start of the scenario."""
    ends: int


@dataclass(frozen=True, slots=True)
class Wave:
    """One crawler: its row in the catalogue of waves."""

    name: str
    text: str
    """What it does, with rate and addresses, in one line."""
    starts: float
    """Minutes from the start of an hour's scenario."""
    lasts: float
    build: Callable[[Field], Life]
    browser: str = ""
    """The one browser that it copies; empty when it copies several."""
    addresses: int = 1
    """How many it uses; 0: a new one for every request."""


def origin_of(browser: Browser) -> bytes:
    """The shop's origin as a browser on this leg sees it."""
    return (b"https://" if browser.secure else b"http://") + HOST


def by_listing(catalogue: Catalogue) -> Iterator[tuple[bytes, bytes]]:
    """Every listing page by page, each with its items; and the page that links there (empty: none)."""
    for category in range(1, catalogue.categories + 1):
        before = b"/"
        for page in range(1, catalogue.leaves(category) + 1):
            path = listing_path(category, page)
            yield path, before
            for item in catalogue.leaf(category, page):
                yield item_path(item), path
            before = path


def in_order(catalogue: Catalogue, random: Random) -> Iterator[tuple[bytes, bytes]]:
    """Items by number, from a random one on."""
    start = random.randrange(catalogue.size)
    for step in count():
        yield item_path((start + step) % catalogue.size + 1), b""


def shuffled(catalogue: Catalogue, random: Random) -> Iterator[tuple[bytes, bytes]]:
    """Every item once, in no order."""
    numbers = list(range(1, catalogue.size + 1))
    random.shuffle(numbers)
    for item in numbers:
        yield item_path(item), b""


def long_tail(catalogue: Catalogue, random: Random) -> Iterator[tuple[bytes, bytes]]:
    """Items of the less popular half, in no order."""
    numbers = catalogue.by_rank[catalogue.size // 2 :]
    random.shuffle(numbers)
    for item in numbers:
        yield item_path(item), b""


def walk(
    field: Field, name: str, targets: Iterator[tuple[bytes, bytes]], gap: Gap, *, takes_cookies: bool,
    tells_referrer: bool,
) -> Life:  # fmt: skip
    """One crawler behind one address."""
    browser, address = browsers()[name], field.addresses.v4()
    now, cookie, origin = field.starts, None, origin_of(browser)
    for path, before in targets:
        referer = origin + before if before and tells_referrer else None
        site = b"same-origin" if referer else b"none"
        answer = yield Ask(now, address, browser, Kind.PAGE, path, referer=referer, site=site, cookie=cookie)
        if takes_cookies and answer.cookie is not None:
            cookie = answer.cookie
        now += int(gap(field.random) * SECOND)
        if now > field.ends:
            return


def rotate(field: Field, rate: float, addresses: int) -> Life:
    """Requests in a Poisson stream from a pool of addresses; every request has another browser's head."""
    random = field.random
    pool = [field.addresses.v4() for _ in range(addresses)]
    now = float(field.starts)
    for path, _ in shuffled(field.catalogue, random):
        now += random.expovariate(rate) * SECOND
        if now > field.ends:
            return
        browser = draw_browser(random, BROWSERS)
        variant = draw_variant(random, browser, Kind.PAGE)
        yield Ask(int(now), random.choice(pool), browser, Kind.PAGE, path, site=b"none", variant=variant)


def scatter(field: Field, name: str, rate: float) -> Life:
    """Requests in a Poisson stream, each from an address of its own, half of them as if linked from outside."""
    random, browser = field.random, browsers()[name]
    now = float(field.starts)
    for path, _ in shuffled(field.catalogue, random):
        now += random.expovariate(rate) * SECOND
        if now > field.ends:
            return
        referer = linked_from(random, random.random() < 0.8) if random.random() < 0.5 else None
        site = b"cross-site" if referer else b"none"
        yield Ask(int(now), field.addresses.v4(), browser, Kind.PAGE, path, referer=referer, site=site)


def stuff(field: Field, name: str, rate: float, addresses: int, success: float) -> Life:
    """Tries stolen passwords: the form for its cookie, then at once the password, from one address of a pool."""
    random, browser = field.random, browsers()[name]
    pool = [field.addresses.v4() for _ in range(addresses)]
    form = origin_of(browser) + b"/login"
    now = float(field.starts)
    for number in count():
        now += random.expovariate(rate) * SECOND
        if now > field.ends:
            return
        address = random.choice(pool)
        page = Ask(int(now), address, browser, Kind.PAGE, b"/login", site=b"none")
        answer = yield page
        now += random.uniform(0.05, 0.2) * SECOND
        account = b"leaked%d@mail.example" % number
        yield Ask(
            int(now), address, browser, Kind.LOGIN, b"/login", b"POST", form, cookie=answer.cookie,
            body=b"user=%b&pass=secret" % account, account=account, right_password=random.random() < success,
        )  # fmt: skip


def _jitter(mean: float, share: float) -> Gap:
    return lambda random: mean * random.uniform(1 - share, 1 + share)


WAVES: Final = (
    Wave(
        "naive-loop", "1 address, every 0.2 s exactly: listings and their items, no cookies, no referrer", 20, 10,
        lambda field: walk(
            field, "chromium-tls-linux", by_listing(field.catalogue), _jitter(0.2, 0),
            takes_cookies=False, tells_referrer=False,
        ), "chromium-tls-linux",
    ),
    Wave(
        "jittered", "1 address, every 1 s ± 20 %: listings and their items, cookies and referrers", 21, 20,
        lambda field: walk(
            field, "chromium-tls-mac", by_listing(field.catalogue), _jitter(1, 0.2),
            takes_cookies=True, tells_referrer=True,
        ), "chromium-tls-mac",
    ),
    Wave(
        "uniform", "1 address, uniform 1 to 5 s: listings and their items, cookies and referrers", 22, 25,
        lambda field: walk(
            field, "epiphany-tls-linux", by_listing(field.catalogue), lambda random: random.uniform(1, 5),
            takes_cookies=True, tells_referrer=True,
        ), "epiphany-tls-linux",
    ),
    Wave(
        "sequential-ids", "1 address, every 0.5 s ± 10 %: items by number, cookies", 23, 15,
        lambda field: walk(
            field, "firefox-tls-linux", in_order(field.catalogue, field.random), _jitter(0.5, 0.1),
            takes_cookies=True, tells_referrer=False,
        ), "firefox-tls-linux",
    ),
    Wave(
        "shuffled-ids", "1 address, exponential gaps of 1 s: items in no order, cookies", 24, 20,
        lambda field: walk(
            field, "falkon-tls-linux", shuffled(field.catalogue, field.random), lambda random: random.expovariate(1),
            takes_cookies=True, tells_referrer=False,
        ), "falkon-tls-linux",
    ),
    Wave(
        "stuffing", "60 addresses, 2 log-ins/s at 0.1 % success: the form, then the password", 25, 15,
        lambda field: stuff(field, "firefox-tls-windows", 2, 60, 0.001), "firefox-tls-windows", 60,
    ),
    Wave(
        "stuffing-wide", "300 addresses, 2 log-ins/s at 0.1 % success: the form, then the password", 44, 10,
        lambda field: stuff(field, "chromium-tls-linux", 2, 300, 0.001), "chromium-tls-linux", 300,
    ),
    Wave(
        "long-tail", "1 address, log-normal gaps of 4 s: items of the less popular half, cookies", 26, 30,
        lambda field: walk(
            field, "chromium-tlsh1-windows", long_tail(field.catalogue, field.random),
            lambda random: random.lognormvariate(math.log(4) - 0.18, 0.6),
            takes_cookies=True, tells_referrer=False,
        ), "chromium-tlsh1-windows",
    ),
    Wave(
        "rotating-600", "600 addresses, 28/s, every request with another browser's head: items in no order", 30, 10,
        lambda field: rotate(field, 28, 600), "", 600,
    ),
    Wave(
        "one-per-address-5", "a new address for every request, 5/s, Chromium on a phone: items in no order", 42, 15,
        lambda field: scatter(field, "chromium-tls-phone", 5), "chromium-tls-phone", 0,
    ),
    Wave(
        "one-per-address-28", "a new address for every request, 28/s, Chromium on Windows: items in no order", 45, 10,
        lambda field: scatter(field, "chromium-tls-windows", 28), "chromium-tls-windows", 0,
    ),
)  # fmt: skip
"""The waves. They begin after twenty minutes of people alone, so that what is usual can be learned first."""
