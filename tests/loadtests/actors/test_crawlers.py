from __future__ import annotations

import itertools
import statistics
from random import Random

import pytest

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crawlers import WAVES, Field
from loadtests.actors.model import SECOND, Answer, Ask
from loadtests.actors.templates import Kind
from tests.loadtests.actors.lives import Answering, asks_of, fine

CATALOGUE = Catalogue(20_000)
NAMES = [wave.name for wave in WAVES]


def crawl(name: str, seconds: int = 300, seed: int = 1, answering: Answering = fine) -> list[Ask]:
    (wave,) = [wave for wave in WAVES if wave.name == name]
    random = Random(f"{name} {seed}")
    return asks_of(wave.build(Field(CATALOGUE, random, Addresses(random), 9 * SECOND, (9 + seconds) * SECOND)), answering)


def gaps(asks: list[Ask]) -> list[float]:
    return [(later.at - earlier.at) / SECOND for earlier, later in itertools.pairwise(asks)]


def items(asks: list[Ask]) -> list[int]:
    return [int(ask.path[9:]) for ask in asks if ask.path.startswith(b"/product/")]


@pytest.mark.parametrize("name", NAMES)
def test_a_crawler_keeps_to_its_window_and_time_runs_forward(name: str) -> None:
    asks = crawl(name)
    assert min(gaps(asks)) >= 0
    assert asks[0].at >= 9 * SECOND
    assert asks[-1].at <= (9 + 301) * SECOND


@pytest.mark.parametrize("name", NAMES)
def test_a_crawler_is_the_same_for_the_same_seed_only(name: str) -> None:
    assert crawl(name, 60) == crawl(name, 60)
    assert crawl(name, 60) != crawl(name, 60, seed=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_crawler_goes_on_when_it_is_refused(name: str) -> None:
    assert len(crawl(name, 60, answering=lambda _ask: Answer(403))) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_a_crawler_loads_no_parts(name: str) -> None:
    assert {ask.kind for ask in crawl(name, 60)} <= {Kind.PAGE, Kind.LOGIN}


@pytest.mark.parametrize(
    ("name", "rate"),
    [("naive-loop", 5), ("jittered", 1), ("uniform", 1 / 3), ("sequential-ids", 2), ("shuffled-ids", 1),
     ("long-tail", 1 / 4), ("rotating-600", 28), ("one-per-address-5", 5), ("one-per-address-28", 28), ("stuffing", 4)],
)  # fmt: skip
def test_a_crawler_goes_at_its_stated_rate(name: str, rate: float) -> None:
    assert 1 / statistics.mean(gaps(crawl(name, 1500))) == pytest.approx(rate, rel=0.25)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [("naive-loop", 1), ("jittered", 1), ("uniform", 1), ("sequential-ids", 1), ("shuffled-ids", 1), ("long-tail", 1),
     ("rotating-600", 600), ("stuffing", 300)],
)  # fmt: skip
def test_a_crawler_uses_its_stated_addresses(name: str, addresses: int) -> None:
    assert len({ask.address for ask in crawl(name, 1200)}) == addresses


@pytest.mark.parametrize("name", ["one-per-address-5", "one-per-address-28"])
def test_one_per_address_never_comes_twice_from_one(name: str) -> None:
    asks = crawl(name)
    assert len({ask.address for ask in asks}) == len(asks)
    assert len({ask.browser.name for ask in asks}) == 1
    assert {ask.site for ask in asks} == {b"none", b"cross-site"}


def test_the_naive_loop_is_exact_and_jitter_stays_within_a_fifth() -> None:
    assert set(gaps(crawl("naive-loop"))) == {0.2}
    jittered = gaps(crawl("jittered"))
    assert 0.8 <= min(jittered) < 0.85
    assert 1.15 < max(jittered) <= 1.2
    uniform = gaps(crawl("uniform", 3000))
    assert 1 <= min(uniform) < 1.2
    assert 4.8 < max(uniform) <= 5


def test_sequential_ids_rise_by_one_and_shuffled_ones_do_not_repeat() -> None:
    rising = items(crawl("sequential-ids"))
    assert all(later - earlier in (1, 1 - CATALOGUE.size) for earlier, later in itertools.pairwise(rising))
    for name in ("shuffled-ids", "rotating-600", "one-per-address-28", "long-tail"):
        found = items(crawl(name))
        assert len(set(found)) == len(found)
        assert found != sorted(found)


def test_the_long_tail_scraper_leaves_the_popular_half_alone() -> None:
    assert not set(items(crawl("long-tail", 2000))) & set(CATALOGUE.by_rank[: CATALOGUE.size // 2])


def test_the_rotating_crawler_changes_browsers_all_the_time() -> None:
    asks = crawl("rotating-600")
    assert len({ask.browser.name for ask in asks}) > 15
    changes = sum(one.browser is not two.browser for one, two in itertools.pairwise(asks))
    assert changes / len(asks) > 0.7


def test_stuffing_rarely_succeeds_and_never_tries_an_account_twice() -> None:
    tries = [ask for ask in crawl("stuffing", 6000) if ask.kind is Kind.LOGIN]
    accounts = [ask.account for ask in tries]
    assert len(set(accounts)) == len(accounts)
    assert sum(ask.right_password for ask in tries) / len(tries) < 0.003
    assert all(ask.cookie == b"sid=1234567890abcdef" for ask in tries)


def test_who_keeps_cookies_and_names_the_page_before_is_as_stated() -> None:
    assert {ask.cookie for ask in crawl("naive-loop")} == {None}
    jittered = crawl("jittered")
    assert {ask.cookie for ask in jittered[1:]} == {b"sid=1234567890abcdef"}
    assert all(ask.referer for ask in jittered)


def test_waves_begin_after_a_warm_up_and_end_within_the_hour() -> None:
    assert min(wave.starts for wave in WAVES) >= 20
    assert max(wave.starts + wave.lasts for wave in WAVES) <= 60
