from __future__ import annotations

import statistics
from dataclasses import replace
from random import Random

import pytest

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crowd import Crowd, gather
from loadtests.actors.model import SECOND, Actor, Answer, Ask
from loadtests.actors.people import Habits, Person, Shopper, inverse_gaussian
from loadtests.actors.templates import Kind, browsers
from tests.loadtests.actors.lives import asks_of

PARTS = {Kind.STYLE, Kind.SCRIPT, Kind.MODULE, Kind.FONT, Kind.IMAGE, Kind.ICON, Kind.MANIFEST, Kind.FETCH}
CATALOGUE = Catalogue(20_000)


@pytest.fixture(scope="module")
def crowd() -> list[tuple[Actor, list[Ask]]]:
    """Four hundred people without sale and office, and all they ask for."""
    actors = gather(Crowd(people=400, office=0, sale=0), CATALOGUE, Habits(), seed=5, minutes=60)
    return [(actor, asks_of(actor.life)) for actor in actors]


def shopper(seed: int = 1, habits: Habits = Habits(), browser: str = "chromium-tls-windows", **changes: object) -> Shopper:  # noqa: B008
    person = Person(7, browsers()[browser], "192.0.2.7", 5 * SECOND, "search")
    return Shopper(replace(person, **changes), CATALOGUE, habits, Random(seed))  # type: ignore[arg-type]


def pages(asks: list[Ask]) -> list[Ask]:
    return [ask for ask in asks if ask.kind is Kind.PAGE]


def test_nobody_goes_back_in_time(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    for _, asks in crowd:
        moments = [ask.at for ask in asks]
        assert moments == sorted(moments)


def test_gaps_between_pages_are_heavy_tailed(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    gaps = [
        (later.at - earlier.at) / SECOND
        for _, asks in crowd
        for earlier, later in zip(pages(asks), pages(asks)[1:], strict=False)
    ]
    assert len(gaps) > 1500
    assert statistics.stdev(gaps) / statistics.mean(gaps) > 1
    assert statistics.mean(gaps) > 1.5 * statistics.median(gaps)
    assert min(gaps) > 0.05


def test_visits_differ_in_length_as_surfing_does(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    lengths = [len(pages(asks)) for _, asks in crowd]
    assert 5 < statistics.mean(lengths) < 14
    assert statistics.median(lengths) < statistics.mean(lengths)
    assert min(lengths) == 1
    assert max(lengths) > 25


def test_some_items_are_seen_far_more_than_others(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    views = [int(ask.path[9:]) for _, asks in crowd for ask in pages(asks) if ask.path.startswith(b"/product/")]
    popular = set(CATALOGUE.by_rank[: CATALOGUE.size // 10])
    assert sum(item in popular for item in views) / len(views) > 0.5
    assert len(set(views)) / len(views) < 0.9


def test_people_come_back_to_pages(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    again = total = 0
    for _, asks in crowd:
        paths = [ask.path for ask in pages(asks)]
        total += len(paths)
        again += len(paths) - len(set(paths))
    assert 0.08 < again / total < 0.5


def test_parts_follow_within_a_second_and_are_not_loaded_twice(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    followed = []
    for _, asks in crowd:
        loaded: set[bytes] = set()
        page = None
        for ask in asks:
            if ask.kind is Kind.PAGE:
                page = ask
            elif ask.kind in PARTS and page is not None:
                followed.append((ask.at - page.at) / SECOND)
                if ask.kind is not Kind.FETCH:
                    assert ask.path not in loaded
                    loaded.add(ask.path)
    assert statistics.quantiles(followed, n=100)[97] < 1


def test_the_first_page_loads_more_than_later_ones() -> None:
    asks = asks_of(shopper(seed=3).life())
    starts = [place for place, ask in enumerate(asks) if ask.kind is Kind.PAGE]
    first, *later = [end - start for start, end in zip(starts, [*starts[1:], len(asks)], strict=True)]
    assert len(later) > 3
    assert first > 2 * statistics.mean(later)
    assert [ask.kind for ask in asks[1:4]] == [Kind.STYLE, Kind.MODULE, Kind.SCRIPT]


def test_a_warm_cache_asks_for_no_style_and_no_scripts() -> None:
    kinds = {ask.kind for ask in asks_of(shopper(parts="warm").life())}
    assert Kind.IMAGE in kinds
    assert not kinds & {Kind.STYLE, Kind.SCRIPT, Kind.MODULE}


def test_who_loads_no_parts_asks_for_pages_only() -> None:
    assert {ask.kind for ask in asks_of(shopper(parts="none").life())} <= {Kind.PAGE, Kind.LOGIN, Kind.ADD}


def test_without_scripts_nothing_is_fetched_by_them() -> None:
    kinds = {ask.kind for seed in range(20) for ask in asks_of(shopper(seed, runs_scripts=False).life())}
    assert Kind.STYLE in kinds
    assert not kinds & {Kind.SCRIPT, Kind.MODULE, Kind.FETCH, Kind.ADD}


def test_a_cookie_comes_back_from_those_who_take_it() -> None:
    first, *rest = asks_of(shopper().life())
    assert first.cookie is None
    assert {ask.cookie for ask in rest} == {b"sid=1234567890abcdef"}
    assert {ask.cookie for ask in asks_of(shopper(takes_cookies=False).life())} == {None}


def test_a_cold_link_has_no_referrer_and_a_search_engine_has_one() -> None:
    cold, found = asks_of(shopper(entry="cold").life())[0], asks_of(shopper().life())[0]
    assert (cold.referer, cold.site) == (None, b"none")
    assert cold.path.startswith(b"/product/")
    assert found.referer is not None
    assert found.site == b"cross-site"


def test_clicks_name_the_page_they_were_made_on() -> None:
    asks = pages(asks_of(shopper(seed=4).life()))
    seen = {b"https://shop.example" + ask.path for ask in asks}
    inside = [ask for ask in asks[1:] if ask.site == b"same-origin" and ask.referer is not None]
    assert inside
    assert all(ask.referer in seen for ask in inside)


def test_an_insecure_page_is_not_told_of_a_secure_one() -> None:
    assert asks_of(shopper(browser="epiphany-plain-linux").life())[0].referer is None


def test_several_tabs_are_opened_within_seconds(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    quick = 0
    for _, asks in crowd:
        items = [ask for ask in pages(asks) if ask.path.startswith(b"/product/")]
        for one, two, three in zip(items, items[1:], items[2:], strict=False):
            quick += one.referer == two.referer == three.referer and three.at - one.at < 10 * SECOND
    assert quick > 10


def test_few_passwords_are_mistyped_and_tried_again(crowd: list[tuple[Actor, list[Ask]]]) -> None:
    actors = gather(Crowd(people=600, office=0, sale=0), CATALOGUE, Habits(log_in=1.0), seed=6, minutes=60)
    tries = [ask for actor in actors for ask in asks_of(actor.life) if ask.kind is Kind.LOGIN]
    wrong = sum(not ask.right_password for ask in tries)
    assert len(tries) > 150
    assert 0.02 < wrong / len(tries) < 0.15
    assert all(ask.account and ask.body for ask in tries)


def test_a_refused_person_reloads_once_and_leaves() -> None:
    asks = asks_of(shopper(seed=9).life(), lambda _ask: Answer(403))
    assert [ask.path for ask in asks] == [asks[0].path] * 2
    assert asks[1].at - asks[0].at > 2 * SECOND


def test_people_on_the_move_change_their_address_in_between() -> None:
    for seed in range(50):
        asks = pages(asks_of(shopper(seed, moves_to="198.51.100.1").life()))
        addresses = [ask.address for ask in asks]
        if len(addresses) > 6:
            assert addresses == sorted(addresses)
            assert set(addresses) == {"192.0.2.7", "198.51.100.1"}
            return
    pytest.fail("no long visit")


def test_the_same_seed_is_the_same_life() -> None:
    assert asks_of(shopper(seed=2).life()) == asks_of(shopper(seed=2).life())
    assert asks_of(shopper(seed=2).life()) != asks_of(shopper(seed=3).life())


def test_an_inverse_gaussian_has_its_mean_and_variance() -> None:
    random = Random(1)
    draws = [inverse_gaussian(random, 8, 6) for _ in range(40_000)]
    assert statistics.mean(draws) == pytest.approx(8, rel=0.03)
    assert statistics.variance(draws) == pytest.approx(8**3 / 6, rel=0.15)


def test_a_page_that_was_seen_before_is_asked_for_again_with_its_tag() -> None:
    tags = {ask.path: ask.etag for seed in range(30) for ask in asks_of(shopper(seed).life()) if ask.etag}
    assert tags
    assert not any(ask.etag for seed in range(30) for ask in asks_of(shopper(seed, browser="falkon-tls-linux").life()))
