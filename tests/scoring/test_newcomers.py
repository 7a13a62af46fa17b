"""Newcomers: their first page comes without a cookie, and is theirs once they bring it along."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import pytest

from tests.guards import SECOND, Visitor, make_guard
from tests.scoring.scripts import APP, LEISURE, OWN, STYLE, look, scattered
from trafficguard.guard import Guard

NAT = "198.51.100.9"
"""An address that many people share, who all have the same head."""
OF_WHO_STAYS_BARE = {"visit.assets", "visit.cookies", "visit.typed", "address.assets"}


def newcomer(guard: Guard, now: int) -> Visitor:
    return Visitor(guard, APP.format(7), address=NAT, now=now)


def first_page(guard: Guard, now: int, target: str = "/") -> set[str]:
    """Somebody's first page; what was told of it."""
    visitor = newcomer(guard, now)
    visitor.ask(target)
    return set(visitor.highest)


def bring_cookies(guard: Guard, people: int, targets: Sequence[str] = ("/",)) -> int:
    """So many come one after another, keep the cookie and load a style; the time after that."""
    visitor = newcomer(guard, 1_700_000_000 * SECOND)
    for number, target, wait in zip(range(people), cycle(targets), cycle(LEISURE), strict=False):
        visitor.session = ""
        visitor.ask(target, wait=wait)
        visitor.session = f"person{number}"
        visitor.ask(STYLE, OWN, wait=0.2)
        visitor.ask("/about", OWN, wait=7.0)
    return visitor.now


def test_people_behind_one_address_who_keep_their_cookie_are_not_held_against_the_next() -> None:
    guard = make_guard()
    assert not first_page(guard, bring_cookies(guard, 30)) & OF_WHO_STAYS_BARE


def test_one_who_keeps_no_cookie_behind_that_address_is_still_seen() -> None:
    guard = make_guard()
    told = look(newcomer(guard, bring_cookies(guard, 30)), scattered(14), loads=False)
    assert {"visit.cookies", "visit.assets"} <= told.keys()


def test_one_who_keeps_no_cookie_is_not_taken_for_what_newcomers_do_behind_that_address() -> None:
    """They come out of nowhere to an item that hardly anybody looks at; it follows links."""
    guard = make_guard()
    visitor = newcomer(guard, bring_cookies(guard, 30, scattered(30)))
    for target, wait in zip(["/", *scattered(5)] * 2, LEISURE, strict=False):
        visitor.ask(target, OWN, wait=wait)
        visitor.ask(STYLE, OWN)
    assert not visitor.highest.keys() & {"visit.typed", "visit.tail", "visit.novelty"}


@pytest.mark.parametrize("every", [1, 2])
def test_made_up_cookies_wash_nobody_clean(every: int) -> None:
    """Each request, or every other, has a cookie that nobody gave."""
    guard = make_guard()
    visitor = newcomer(guard, 1_700_000_000 * SECOND)
    for number, target in enumerate(scattered(24)):
        visitor.session = f"made-up-{number}" if number % every == 0 else ""
        visitor.ask(target, OWN, wait=9.0)
    assert "address.assets" in visitor.highest
