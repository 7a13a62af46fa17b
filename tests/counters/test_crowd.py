"""What a crowd usually does, and how far it is from that. Also runs uncompiled (`test_modes`)."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import HOUR, SECOND, START
from tests.counters.naive import siphash13
from trafficguard.counters import crowd, slot

quick = settings(max_examples=30, deadline=None)
MINUTE = 60 * SECOND
DAWN = START - START % HOUR
SIX_HOURS = 6 * HOUR


def word(number: int) -> np.uint64:
    return np.uint64(number & (1 << 64) - 1)


ZERO = word(0)
RECORD = word(slot.POPULARITY_WORDS)


def mixed(number: int) -> np.uint64:
    return word(siphash13(number.to_bytes(16, "little"), bytes(16)))


# ---- popularity


class Site:
    """The region of the sites in memory of its own, and the record of one site."""

    def __init__(self) -> None:
        self.memory = np.zeros(slot.SITES_WORDS, np.uint64)

    def look(self, item: int, now: int = DAWN, teaches: bool = True) -> bool:
        return bool(crowd.look_at_item(self.memory, ZERO, RECORD, word(now), mixed(item), teaches))

    def views(self, item: int) -> int:
        return int(crowd.views_of(self.memory, ZERO, mixed(item)))

    def cold_share(self, now: int = DAWN) -> float:
        return float(crowd.cold_share(self.memory, RECORD, word(now)))

    def growth(self, now: int) -> float:
        return float(crowd.growth_of(self.memory, RECORD, word(now)))

    def count(self, at: int, now: int, times: int = 1) -> None:
        """Pages or assets of known visitors, as the request kernel counts them."""
        growth = self.growth(now)
        since = crowd.first_minute(self.memory, RECORD + word(slot.SITE_SINCE), word(now))
        for _ in range(times):
            crowd.count_in_cell(self.memory, RECORD + word(at), since, word(now), growth)


@quick
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60))
def test_views_are_those_of_visitors_who_teach(looks: list[tuple[int, bool]]) -> None:
    site, views = Site(), [0] * 10
    for item, teaches in looks:
        assert site.look(item, teaches=teaches) == (views[item] < crowd.COLD_BELOW)
        views[item] += teaches
        assert site.views(item) == min(views[item], 15)


def test_only_visitors_who_teach_change_what_is_popular() -> None:
    site = Site()
    for _ in range(100):
        assert site.look(1, teaches=False)
    assert site.views(1) == 0
    assert site.cold_share() == -1.0


def test_a_catalogue_of_two_hundred_thousand_items_hardly_ever_warms_an_item_that_nobody_looks_at() -> None:
    site, generator, popular = Site(), random.Random(1), 2000
    for _ in range(3):
        for item in range(popular):
            site.look(item)
    strangers = [1_000_000 + generator.randrange(200_000) for _ in range(4000)]
    warmed = sum(not site.look(item, teaches=False) for item in strangers)
    assert not any(site.look(item, teaches=False) for item in range(popular))
    assert warmed / len(strangers) < 0.001


def test_popularity_is_forgotten_after_six_to_twelve_hours() -> None:
    site = Site()
    morning = DAWN - DAWN % SIX_HOURS
    site.look(1, morning)
    site.look(1, morning)
    assert not site.look(1, morning + SIX_HOURS - MINUTE, teaches=False)
    # What the generation before held is read until the one after next begins.
    assert not site.look(1, morning + 2 * SIX_HOURS - MINUTE, teaches=False)
    site.look(2, morning + SIX_HOURS)
    assert site.look(1, morning + 2 * SIX_HOURS, teaches=False)


def test_the_share_of_cold_items_is_known_once_enough_were_seen() -> None:
    site = Site()
    for number in range(299):
        site.look(number % 50)
    assert site.cold_share() == -1.0
    site.look(1)
    # Fifty items were cold at their first two views.
    assert site.cold_share() == pytest.approx(100 / 300)
    assert site.cold_share(DAWN + 3 * HOUR) == -1.0


# ---- cells


class Cell:
    """A cell in memory of its own, in a site that is as old as it."""

    def __init__(self) -> None:
        self.memory = np.zeros(slot.CELL_WORDS, np.uint64)
        self.since = 0

    def count(self, now: int, growth: float = 1.0) -> tuple[float, float]:
        self.since = self.since or now // MINUTE
        count, usual = crowd.count_in_cell(self.memory, ZERO, word(self.since), word(now), growth)
        return float(count), float(usual)

    def minute(self, number: int, requests: int, growth: float = 1.0) -> tuple[float, float]:
        """That many requests spread over a minute; what the last of them was told."""
        told = 0.0, 0.0
        for step in range(requests):
            told = self.count(DAWN + number * MINUTE + step * MINUTE // max(requests, 1), growth)
        return told


@pytest.mark.parametrize("rate", [1, 7, 60, 200])
def test_what_comes_every_minute_becomes_usual(rate: int) -> None:
    cell = Cell()
    for number in range(30):
        count, usual = cell.minute(number, rate)
    assert count == pytest.approx(rate, rel=0.05, abs=1)
    assert usual == pytest.approx(rate, rel=0.05)


def test_whole_minutes_teach_and_each_of_them_once() -> None:
    cell = Cell()
    cell.minute(0, 40)
    told = {cell.minute(1, requests)[1] for requests in (1, 1, 20)}
    assert told == {40.0}
    # The mean of 40 and of 22.
    assert cell.minute(2, 1)[1] == pytest.approx(31)


def test_minutes_in_which_nothing_comes_teach_too() -> None:
    busy, quiet = Cell(), Cell()
    for number in range(60):
        busy.minute(number, 20)
        if number % 2 == 0:
            quiet.minute(number, 20)
    assert busy.minute(60, 1)[1] == pytest.approx(20, rel=0.05)
    assert quiet.minute(60, 1)[1] == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("times", [4, 20, 500])
def test_an_hour_of_attack_moves_what_is_usual_by_less_than_the_factor_e(times: int) -> None:
    cell, usual = Cell(), 10
    for number in range(150):
        _, before = cell.minute(number, usual)
    for number in range(150, 210):
        _, after = cell.minute(number, usual * times)
    assert before == pytest.approx(usual, rel=0.05)
    assert before < after < before * math.e


def test_what_stays_for_good_becomes_usual_within_hours() -> None:
    cell = Cell()
    for number in range(150):
        cell.minute(number, 10)
    for number in range(150, 150 + 6 * 60):
        _, usual = cell.minute(number, 40)
    assert usual == pytest.approx(40, rel=0.1)


def test_what_grows_with_the_site_is_usual_at_once() -> None:
    steady, sale = Cell(), Cell()
    for number in range(30):
        steady.minute(number, 10)
        sale.minute(number, 10)
    count, usual = steady.minute(30, 100)
    assert crowd.surge_odds(count, usual, 1.0) == pytest.approx(math.log(90 / 10), rel=0.1)
    count, usual = sale.minute(30, 100, growth=10.0)
    assert crowd.surge_odds(count, usual, 10.0) == 0.0


@quick
@given(st.lists(st.integers(-2 * HOUR, 2 * HOUR), min_size=1, max_size=40))
def test_time_that_steps_to_and_fro_teaches_nothing_absurd(steps: list[int]) -> None:
    cell, now = Cell(), START
    for number, step in enumerate(steps, start=1):
        now += step
        count, usual = cell.count(now)
        assert 1 <= count <= number
        assert 0 <= usual <= number


def test_a_cell_that_slept_for_a_year_has_forgotten() -> None:
    cell = Cell()
    for number in range(30):
        cell.minute(number, 50)
    count, usual = cell.count(DAWN + 365 * 24 * HOUR)
    assert (count, usual) == (1.0, pytest.approx(0.0, abs=1e-3))


# ---- odds


@quick
@given(st.floats(0, 5000), st.floats(0, 500), st.floats(1, 30))
def test_surge_odds_are_the_odds_of_being_one_too_many(count: float, usual: float, growth: float) -> None:
    odds = crowd.surge_odds(count, usual, growth)
    expected = max(usual, 0.5) * growth
    if count < 15 or count < expected + 4 * math.sqrt(expected):
        assert odds == 0.0
    else:
        assert odds == pytest.approx(max(0.0, math.log((count - expected) / expected)))


def test_a_poisson_crowd_hardly_ever_deviates() -> None:
    draws = np.random.default_rng(1).poisson(40, 20_000)
    deviating = sum(crowd.surge_odds(float(count), 40.0, 1.0) > 0 for count in draws)
    assert deviating / len(draws) < 0.001


# ---- growth of a site


def day(site: Site, at: int, minutes: int, rate: int) -> int:
    """So many minutes of steady traffic; the next minute's number."""
    for number in range(minutes):
        for step in range(6):
            site.count(at, DAWN + number * MINUTE + step * 10 * SECOND, rate // 6)
    return minutes


@pytest.mark.parametrize("at", [slot.SITE_PAGES, slot.SITE_ASSETS], ids=["pages", "assets"])
def test_a_site_grows_by_what_comes_beyond_the_usual(at: int) -> None:
    site = Site()
    assert site.growth(DAWN) == 1.0
    next_minute = day(site, at, 20, 60)
    quiet = DAWN + next_minute * MINUTE
    assert site.growth(quiet) == pytest.approx(1.0, abs=0.1)
    for step in range(12):
        site.count(at, quiet + step * 5 * SECOND, 25)
    assert site.growth(quiet + MINUTE - SECOND) == pytest.approx(5.0, rel=0.2)


def test_before_ten_minutes_nothing_grows() -> None:
    site = Site()
    for step in range(9):
        site.count(slot.SITE_PAGES, DAWN + step * MINUTE, 30 * step)
        assert site.growth(DAWN + step * MINUTE) == 1.0


def test_growth_is_bounded() -> None:
    site = Site()
    next_minute = day(site, slot.SITE_PAGES, 20, 6)
    site.count(slot.SITE_PAGES, DAWN + next_minute * MINUTE, 3000)
    assert site.growth(DAWN + next_minute * MINUTE) == crowd.MOST_GROWTH


# ---- ratios


def test_a_ratio_is_learned_by_the_minute_and_told_as_it_was_before() -> None:
    memory, since = np.zeros(1, np.uint64), word(DAWN // MINUTE)

    def told(minute: int, ratio: float) -> float:
        return float(crowd.usual_ratio(memory, ZERO, since, word(DAWN + minute * MINUTE), ratio))

    assert [told(0, 0.5), told(0, 0.9), told(0, 0.1)] == [0.5, 0.5, 0.5]
    for minute in range(1, 200):
        told(minute, 0.25)
    assert told(200, 1.0) == pytest.approx(0.25, abs=0.02)
    for minute in range(201, 211):
        told(minute, 1.0)
    assert told(211, 1.0) < 0.35
