"""The crowd: who comes to the shop, when, from where and with which browser.

Shares are first guesses but for what B9 of the field notes asks to be there: an office behind one address, a flash
sale, people without cookies, without parts, with a cold link, without scripts, with a keyboard only. Browsers are the
recorded ones (`templates`): Chromium with two thirds as in the world at large, on phones in half of the cases; WebKit
stands for Safari.

Groups overlap: a person may be in the office and load no parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue
from loadtests.actors.model import SECOND, Actor
from loadtests.actors.people import Habits, Parts, Person, Shopper
from loadtests.actors.templates import Browser, browsers

BROWSERS: Final = {
    "chromium-tls-phone": 27.0,
    "chromium-tls-windows": 22.0,
    "chromium-tls-mac": 6.0,
    "chromium-tls-linux": 3.0,
    "chromium-tlsh1-windows": 5.0,
    "chromium-tlsh1-phone": 2.0,
    "epiphany-tls-linux": 12.0,
    "epiphany-tlsh1-linux": 2.0,
    "firefox-tls-windows": 8.0,
    "firefox-tls-linux": 2.5,
    "firefox-tls-phone": 1.5,
    "firefox-tlsh1-windows": 1.5,
    "firefox-private-tls-windows": 1.5,
    "falkon-tls-linux": 1.5,
    "konqueror-tls-linux": 1.0,
    "epiphany-plain-linux": 1.0,
    "falkon-plain-linux": 0.5,
    "konqueror-plain-linux": 0.5,
    "dillo-tls-linux": 0.3,
    "lynx-tls-linux": 0.4,
    "w3m-tls-linux": 0.3,
}
"""How often each browser is met, in percent."""
OFFICE_BROWSERS: Final = {
    "chromium-tlsh1-windows": 15.0,
    "chromium-tls-windows": 65.0,
    "firefox-tls-windows": 15.0,
    "chromium-tls-mac": 5.0,
}
"""A company's machines are alike."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The stated shares of a crowd. Times in minutes."""

    people: int = 2000
    """All of them, office and sale included."""
    office: int = 200
    """People behind one address."""
    sale: int = 500
    """People who arrive within a minute for one item."""
    sale_at: float = 35.0
    without_cookies: float = 0.04
    without_parts: float = 0.05
    """Contents blocked, or served by a cache in between."""
    warm: float = 0.15
    """Style and scripts cached from an earlier day."""
    without_scripts: float = 0.01
    keyboard: float = 0.02
    """People who move by keyboard or screen reader: slower, and nothing else that a server could see."""
    shares_address: float = 0.3
    """Of people on phones: behind one of a few addresses of their carrier."""
    carrier_addresses: int = 20
    moves: float = 0.05
    """Of people on phones: change the address in the middle of a visit."""
    v6: float = 0.35


ENTRIES: Final[dict[Literal["search", "home", "cold", "social"], float]] = {
    "search": 0.45, "home": 0.25, "cold": 0.17, "social": 0.13,
}  # fmt: skip


def gather(crowd: Crowd, catalogue: Catalogue, habits: Habits, seed: int, minutes: float) -> list[Actor]:
    """Everybody who comes within `minutes`."""
    random = Random(f"crowd {seed}")
    addresses = Addresses(random)
    carrier = [addresses.v4() for _ in range(crowd.carrier_addresses)]
    office_address = addresses.v4()
    sale_item = catalogue.by_rank[min(40, catalogue.size - 1)]
    found = []
    for number in range(crowd.people):
        is_office = number < crowd.office
        is_sale = crowd.office <= number < crowd.office + crowd.sale
        browser = draw_browser(random, OFFICE_BROWSERS if is_office else BROWSERS)
        person = Person(
            number, browser, office_address if is_office else _address(random, addresses, carrier, browser, crowd),
            int((crowd.sale_at + random.random() if is_sale else minutes * random.random()) * 60 * SECOND),
            "sale" if is_sale else random.choices(list(ENTRIES), list(ENTRIES.values()))[0],
            pace=random.lognormvariate(0, habits.pace_spread),
            sale_item=sale_item,
            hashes=_hashes(browser, Random(f"device {seed} {number}")),
        )  # fmt: skip
        groups = _quirks(person, random, addresses, crowd)
        if is_office:
            groups.add("office")
        if is_sale:
            groups.add("flash sale")
        life = Shopper(person, catalogue, habits, Random(f"person {seed} {number}")).life()
        found.append(Actor(str(number), life, frozenset(groups)))
    return found


def draw_browser(random: Random, shares: dict[str, float]) -> Browser:
    """One of the browsers, as often as it is met."""
    return browsers()[random.choices(list(shares), list(shares.values()))[0]]


def _address(random: Random, addresses: Addresses, carrier: list[str], browser: Browser, crowd: Crowd) -> str:
    if browser.system == "phone" and random.random() < crowd.shares_address:
        return random.choice(carrier)
    return addresses.v6() if random.random() < crowd.v6 else addresses.v4()


def _hashes(browser: Browser, random: Random) -> float:
    """What a device computes a second in a page, all its workers together: a first guess."""
    median = 600_000 if browser.system == "phone" else 1_500_000
    return median * random.lognormvariate(0, 0.6)


def _quirks(person: Person, random: Random, addresses: Addresses, crowd: Crowd) -> set[str]:
    """Gives a person what sets it apart from the many; the groups that it is in for that."""
    groups = {person.browser.name}
    parts: Parts = "cold"
    if person.browser.family in ("lynx", "w3m") or random.random() < crowd.without_parts:
        parts = "none"
        groups.add("no parts")
    elif random.random() < crowd.warm:
        parts = "warm"
        groups.add("warm cache")
    person.parts = parts
    if person.browser.family == "dillo" or random.random() < crowd.without_cookies:
        person.takes_cookies = False
        groups.add("no cookies")
    if person.browser.family in ("lynx", "w3m", "dillo") or random.random() < crowd.without_scripts:
        person.runs_scripts = False
        groups.add("no scripts")
    if person.entry == "cold":
        groups.add("cold link")
    if random.random() < crowd.keyboard:
        person.pace *= 2
        groups.add("keyboard")
    if person.browser.system == "phone" and random.random() < crowd.moves:
        person.moves_to = addresses.v4()
        groups.add("changes address")
    return groups
