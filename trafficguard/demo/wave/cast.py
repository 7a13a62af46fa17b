"""Who comes: the roles of the wave, where each comes from, in which colour it is shown.

Promises: the same seed gives the same cast; no two roles share an address, and no address is one of a private network.
Never: sends anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random
from typing import Final

from trafficguard.demo.catalogue import PAGE_SIZE, Catalogue
from trafficguard.demo.wave import crawlers
from trafficguard.demo.wave.heads import browsers
from trafficguard.demo.wave.life import Life, Visitor
from trafficguard.demo.wave.people import Shelves, shoppers

PEOPLE: Final = "people"
_SHOPPERS: Final = 8
"""People at a time."""
_MOST_PEOPLE: Final = 2_000
"""Addresses that are kept for them."""
_ROTATION: Final = 8
"""Addresses of the rotating scraper."""
_ARRIVALS_S: Final = 0.7
"""Seconds between the first people."""
_PROGRAMS: Final = ("requests", "googlebot")
"""What stands beside browsers in the file of heads."""
_NETWORKS: Final = tuple(octet for octet in range(11, 200) if octet not in (100, 127, 169, 172, 192, 198))
_STOLEN: Final = ("anna", "ben", "carla", "dino", "eva", "finn", "greta", "hugo", "ida", "jan", "kim", "leo", "mia")


@dataclass(frozen=True, slots=True)
class Role:
    """One crawler, or all the people."""

    name: str
    colour: str
    """Of its name: green, yellow, blue, magenta or cyan."""
    story: str
    """What it is, for whoever watches."""
    addresses: frozenset[str]
    lives: tuple[Life, ...]
    """What goes on at the same time."""

    @property
    def is_people(self) -> bool:
        """Whether these are the people."""
        return self.name == PEOPLE


def make_cast(catalogue: Catalogue, seed: int) -> tuple[Role, ...]:
    """All roles, people first."""
    random = Random(seed)  # noqa: S311 - a play, not a secret
    given = _addresses(random)
    return (
        _people(catalogue, _take(given, _MOST_PEOPLE), random), _loop(catalogue, _take(given, 1)),
        _claimant(catalogue, _take(given, 1)), _scraper(catalogue, _take(given, 1), random),
        _rotator(catalogue, _take(given, _ROTATION), random), _stuffer(_take(given, 1), random),
    )  # fmt: skip


def _people(catalogue: Catalogue, homes: list[str], random: Random) -> Role:
    shelves, given = Shelves.of(catalogue), iter(homes)
    usual = [browser for name, browser in browsers().items() if name not in _PROGRAMS]
    lives = tuple(
        shoppers(shelves, usual, given, nth * _ARRIVALS_S, Random(random.random()))  # noqa: S311
        for nth in range(_SHOPPERS)
    )
    story = f"{_SHOPPERS} at a time, each with a browser, an address and habits of their own"
    return Role(PEOPLE, "green", story, frozenset(homes), lives)


def _loop(catalogue: Catalogue, address: list[str]) -> Role:
    visitor = Visitor(browsers()["requests"], address[0])
    life = crawlers.walk(visitor, _in_order(catalogue), 2.0, crawlers.steady(0.2), patience=25)
    story = "a few lines of python-requests: five products a second, one after the other"
    return Role("loop", "yellow", story, frozenset(address), (life,))


def _claimant(catalogue: Catalogue, address: list[str]) -> Role:
    targets = _listings(catalogue, items=False)
    lives = tuple(
        crawlers.walk(Visitor(browsers()["googlebot"], address[0]), targets, start, crawlers.steady(0.2), patience=25)
        for start in (1.0, 1.05, 1.1, 1.15)
    )
    story = "calls itself Googlebot, and nobody has proved it: it may go on, at a pace"
    return Role("claimant", "white", story, frozenset(address), lives)


def _scraper(catalogue: Catalogue, address: list[str], random: Random) -> Role:
    visitor, gap = Visitor(browsers()["firefox-linux"], address[0]), crawlers.jittered(0.35, random)
    life = crawlers.walk(visitor, _listings(catalogue, items=True), 3.0, gap, patience=20)
    story = "a browser's headers to the letter, with cookies: a list, its products, the next list"
    return Role("scraper", "cyan", story, frozenset(address), (life,))


def _rotator(catalogue: Catalogue, pool: list[str], random: Random) -> Role:
    targets, gap = _shuffled(catalogue, random), crawlers.jittered(1.0, random)
    lives = tuple(
        crawlers.walk(Visitor(browsers()["chromium-windows"], address), targets, 4 + nth / _ROTATION, gap, patience=6)
        for nth, address in enumerate(pool)
    )
    story = f"the same from {_ROTATION} addresses in turn: products in no order, eight a second"
    return Role("rotator", "blue", story, frozenset(pool), lives)


def _stuffer(address: list[str], random: Random) -> Role:
    visitor, gap = Visitor(browsers()["chromium-mac"], address[0]), crawlers.jittered(0.4, random)
    life = crawlers.stuff(visitor, _accounts(), 5.0, gap, patience=20)
    story = "a browser's headers, and stolen names and passwords: two log-ins a second"
    return Role("stuffer", "magenta", story, frozenset(address), (life,))


def _take(given: Iterator[str], number: int) -> list[str]:
    return list(islice(given, number))


def _addresses(random: Random) -> Iterator[str]:
    """Public-looking IPv4 addresses, none twice."""
    seen: set[str] = set()
    while True:
        middle, last = random.randrange(1 << 16), random.randrange(1, 255)
        address = f"{random.choice(_NETWORKS)}.{middle >> 8}.{middle & 255}.{last}"
        if address not in seen:
            seen.add(address)
            yield address


def _in_order(catalogue: Catalogue) -> Iterator[str]:
    """Every product by its number, again and again."""
    last = len(catalogue.products)
    return (f"/product/{step % last + 1}" for step in count())


def _listings(catalogue: Catalogue, *, items: bool) -> Iterator[str]:
    """Every page of every category, again and again; with `items` each product of it as well."""
    while True:
        for category in catalogue.categories:
            shelf = catalogue.shelf(category)
            for start in range(0, len(shelf), PAGE_SIZE):
                yield f"/category/{category.slug}?page={start // PAGE_SIZE + 1}"
                if items:
                    yield from (f"/product/{item.id}" for item in shelf[start : start + PAGE_SIZE])


def _shuffled(catalogue: Catalogue, random: Random) -> Iterator[str]:
    """Every product once and then again, in no order."""
    last = len(catalogue.products)
    while True:
        for number in random.sample(range(1, last + 1), last):
            yield f"/product/{number}"


def _accounts() -> Iterator[str]:
    return (f"{_STOLEN[number % len(_STOLEN)]}{number}" for number in count(1))
