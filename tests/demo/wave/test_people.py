"""Shoppers act like people: pauses, parts, cookies, and no patience with refusals."""

from __future__ import annotations

import json
from itertools import count
from random import Random

import pytest

from tests.demo.wave.lives import OK, REFUSED, lead, page_of_challenge
from trafficguard.challenge.work import solves
from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.wave.heads import Kind, browsers
from trafficguard.demo.wave.life import Answer, Ask, Life
from trafficguard.demo.wave.people import Shelves, shoppers

SHELVES = Shelves.of(Catalogue(400))


def person(seed: int = 1, browser: str = "firefox-linux") -> Life:
    addresses = (f"11.0.0.{number}" for number in count(1))
    return shoppers(SHELVES, [browsers()[browser]], addresses, 0.0, Random(seed))


def visits(asks: list[Ask]) -> list[list[Ask]]:
    """One list for each address."""
    return [[ask for ask in asks if ask.address == address] for address in dict.fromkeys(ask.address for ask in asks)]


@pytest.mark.parametrize("seed", range(5))
def test_nobody_clicks_sooner_than_a_person_can(seed: int) -> None:
    for visit in visits(lead(person(seed), most=500)):
        pages = [ask for ask in visit if ask.kind is Kind.PAGE]
        sent_on = {"/cart", "/account"}
        assert all(ask.pause >= 0.8 for ask in pages[1:] if ask.target not in sent_on)


def test_pauses_are_heavy_tailed() -> None:
    pauses = [ask.pause for ask in lead(person(), most=3_000) if ask.kind is Kind.PAGE]
    mean = sum(pauses) / len(pauses)
    assert max(pauses) > 5 * mean
    assert sum((one - mean) ** 2 for one in pauses) / len(pauses) > (0.8 * mean) ** 2


def test_no_part_is_loaded_twice_in_a_visit() -> None:
    for visit in visits(lead(person(), most=500)):
        parts = [ask.target for ask in visit if ask.kind in (Kind.STYLE, Kind.SCRIPT, Kind.ICON, Kind.IMAGE)]
        assert len(parts) == len(set(parts))
        assert any(target.startswith("/static/style.css?v=") for target in parts)


def test_cookies_come_back_and_the_next_person_has_none() -> None:
    given = Answer(200, ("tgs=abc; Path=/; HttpOnly",))
    first, second, *_ = visits(lead(person(), lambda _: given, most=500))
    assert [ask.values.cookie for ask in first[:2]] == ["", "tgs=abc"]
    assert second[0].values.cookie == ""


def test_a_browser_that_was_never_recorded_with_forms_sends_none() -> None:
    assert Kind.LOGIN not in browsers()["epiphany-linux"].lines
    for seed in range(5):
        assert all(ask.head for ask in lead(person(seed, "epiphany-linux"), most=300))


def test_who_is_refused_reloads_once_and_leaves() -> None:
    asks = lead(person(), lambda _: REFUSED, most=7)
    assert [len(visit) for visit in visits(asks)[:3]] == [2, 2, 2]
    assert asks[0].target == asks[1].target


def test_a_challenge_is_solved_as_the_page_has_it_and_the_visit_goes_on() -> None:
    page = page_of_challenge(
        **{"kind": "pow", "challenge": "ticket", "bits": 4, "parts": 2, "solve": "/.trafficguard/solve", "pass": "/.trafficguard/pass"}
    )
    said: list[Ask] = []

    def answer(ask: Ask) -> Answer:
        said.append(ask)
        if len(said) == 1:
            return Answer(403, (), page)
        return Answer(204, ("tgp=1; Path=/",)) if ask.target == "/.trafficguard/solve" else OK

    asks = lead(person(), answer, most=6)
    assert [ask.target for ask in asks[1:3]] == ["/.trafficguard/solve", "/.trafficguard/pass"]
    sent = json.loads(asks[1].body)
    assert solves(b"ticket", 4, 2, [one.encode() for one in sent["answers"]])
    assert (asks[3].target, asks[3].values.cookie) == (asks[0].target, "tgp=1")
    assert asks[4].kind is Kind.STYLE


def test_popular_products_are_looked_at_more_often() -> None:
    random = Random(1)
    ranks = [SHELVES.popular(random).rank for _ in range(4_000)]
    assert {min(ranks), max(ranks)} <= set(range(1, 401))
    assert sum(rank <= 40 for rank in ranks) > 2 * sum(rank > 360 for rank in ranks) > 0
