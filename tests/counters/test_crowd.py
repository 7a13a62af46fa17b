"""What a crowd usually does and how far it is from that: popularity, cells of traffic, growth. Also runs uncompiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import HOUR, SECOND, START
from trafficguard.counters import crowd, slot

quick = settings(max_examples=30, deadline=None)
Word = np.uint64
MINUTE = 60 * SECOND
NOON = START - START % MINUTE
DRAW = np.random.default_rng(11)
SITES = Word(0)
RECORD = Word(slot.POPULARITY_WORDS)
CELL = Word(0)


class Shop:
    """One site's popularity and record in memory of its own."""

    def __init__(self) -> None:
        self.memory = np.zeros(slot.SITES_WORDS, np.uint64)
        self.now = NOON
        self._numbers: dict[int, int] = {}

    def look(self, item: int, teaches: bool = True) -> bool:
        """Whether the item is cold at this view of it."""
        mixed = self._numbers.setdefault(item, int(DRAW.integers(0, 1 << 64, dtype=np.uint64)))
        return bool(crowd.look_at_item(self.memory, SITES, RECORD, Word(self.now), Word(mixed), teaches))

    def cold_share(self) -> float:
        return float(crowd.cold_share(self.memory, RECORD, Word(self.now)))

    def known_visitors(self, per_minute: int, minutes: int, at: int = slot.SITE_PAGES) -> None:
        """So many pages of theirs, or other requests, each minute."""
        for _ in range(minutes):
            for number in range(per_minute):
                moment = Word(self.now + number * MINUTE // per_minute)
                since = crowd.first_minute(self.memory, RECORD + Word(slot.SITE_SINCE), moment)
                growth = crowd.growth_of(self.memory, RECORD, moment)
                crowd.count_in_cell(self.memory, RECORD + Word(at), since, moment, growth)
            self.now += MINUTE

    def growth(self) -> float:
        return float(crowd.growth_of(self.memory, RECORD, Word(self.now - 1)))


class Cell:
    """A cell of traffic whose cluster is first seen now."""

    def __init__(self) -> None:
        self.memory = np.zeros(slot.CELL_WORDS, np.uint64)
        self.now = NOON
        self._since = Word(NOON // MINUTE)

    def minute(self, requests: int, growth: float = 1.0) -> tuple[float, float]:
        """A minute with so many requests, evenly; what came within a minute and what is usual, at the last."""
        count, usual = 0.0, 0.0
        for number in range(requests):
            moment = Word(self.now + number * MINUTE // requests)
            count, usual = crowd.count_in_cell(self.memory, CELL, self._since, moment, growth)
        self.now += MINUTE
        return float(count), float(usual)

    def minutes(self, requests: int, many: int) -> Iterator[tuple[float, float]]:
        for _ in range(many):
            yield self.minute(requests)

    def settle(self, requests: int, many: int) -> float:
        """What is usual after so many such minutes."""
        return [*self.minutes(requests, many)][-1][1]


# ---- popularity


@quick
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=80))
def test_an_item_is_cold_until_two_known_visitors_looked_at_it(views: list[tuple[int, bool]]) -> None:
    shop, taught = Shop(), Counter[int]()
    for item, teaches in views:
        assert shop.look(item, teaches) == (taught[item] < crowd.COLD_BELOW)
        taught[item] += teaches


def test_the_share_of_cold_views_is_known_from_300_views_on() -> None:
    shop = Shop()
    told = []
    for number in range(300):
        cold = number % 3 == 0  # views of items that nobody looks at again
        shop.look(1000 + number if cold else 1)
        told.append(shop.cold_share())
    assert told[:299] == [-1.0] * 299
    # The popular one is cold at its first two views as well.
    assert told[299] == pytest.approx(102 / 300)


def test_views_of_strangers_teach_nothing() -> None:
    shop = Shop()
    for _ in range(400):
        assert shop.look(1, teaches=False)
    assert shop.cold_share() == -1.0


@pytest.mark.parametrize(("hours", "cold"), [(0, False), (5, False), (12, True), (100, True)])
def test_popularity_is_remembered_for_six_to_twelve_hours(hours: int, cold: bool) -> None:
    shop = Shop()
    # Popularity is kept from before, so that the generation in use is not the very first.
    shop.now -= 12 * HOUR
    shop.look(2)
    shop.now += 6 * HOUR
    shop.look(2)
    shop.now += 6 * HOUR
    for _ in range(5):
        shop.look(1)
    # A view a generation later is what turns it.
    for _ in range(hours // 6):
        shop.now += 6 * HOUR
        shop.look(2)
    shop.now += hours % 6 * HOUR
    assert shop.look(1) == cold


def test_views_of_an_item_stop_at_what_they_can_hold() -> None:
    shop = Shop()
    for _ in range(100):
        shop.look(1)
    popular = [word for word in shop.memory[: slot.POPULARITY_WORDS].tolist() if word]
    assert len(popular) == slot.ROWS
    assert all(word.bit_count() == 4 for word in popular)


# ---- what is usual


def test_steady_traffic_becomes_usual() -> None:
    cell = Cell()
    assert cell.settle(40, 30) == pytest.approx(40, rel=0.05)


def test_what_is_usual_is_the_mean_over_the_first_minutes() -> None:
    cell = Cell()
    for requests in (10, 20, 30, 40, 50):
        cell.minute(requests)
    _, usual = cell.minute(1)
    assert usual == pytest.approx(30, rel=0.01)


def test_minutes_without_requests_count_as_such() -> None:
    cell = Cell()
    cell.settle(40, 20)
    cell.now += 20 * MINUTE
    # Half of all minutes were empty; a silence fades what is usual somewhat faster than the mean.
    assert 40 / 3 < cell.minute(1)[1] <= 20


def test_an_hour_of_flood_moves_its_own_yardstick_by_less_than_the_factor_e() -> None:
    cell = Cell()
    before = cell.settle(5, 60)
    after = cell.settle(600, 60)
    assert before < after < before * 2.72


def test_one_minute_teaches_no_more_than_three_times_what_is_usual() -> None:
    cell = Cell()
    before = cell.settle(20, 20)
    cell.minute(130)  # more than three times, less than a flood
    _, after = cell.minute(1)
    assert after == pytest.approx(before + (3 * before - before) / 21, rel=0.03)


def test_a_crowd_that_comes_while_the_site_grows_may_be_learned() -> None:
    strict, grown = Cell(), Cell()
    for cell in (strict, grown):
        cell.settle(20, 20)
    for _ in range(5):
        strict.minute(200)
        grown.minute(200, growth=10.0)
    assert grown.minute(1, growth=10.0)[1] > strict.minute(1)[1] + 10


@quick
@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_what_is_usual_is_never_above_what_ever_came(requests: list[int]) -> None:
    cell = Cell()
    for many in requests:
        _, usual = cell.minute(many)
        assert 0.0 <= usual <= max(requests)


def test_a_clock_that_steps_back_teaches_nothing() -> None:
    cell = Cell()
    usual = cell.settle(20, 20)
    cell.now -= 15 * MINUTE
    # What was learned of the last whole minute stays.
    assert cell.settle(1, 5) == pytest.approx(usual, rel=0.06)


# ---- odds


@pytest.mark.parametrize(
    ("count", "usual", "growth", "odds"),
    [
        (100.0, 10.0, 1.0, log(9)),
        (100.0, 10.0, 5.0, log(1)),
        (100.0, 10.0, 10.0, 0.0),
        (14.9, 0.0, 1.0, 0.0),
        (15.0, 0.0, 1.0, log(29)),
        (22.6, 10.0, 1.0, 0.0),
        (30.0, 10.0, 1.0, log(2)),
    ],
)
def test_a_surge_is_the_odds_of_what_is_more_than_usual(count: float, usual: float, growth: float, odds: float) -> None:
    assert float(crowd.surge_odds(count, usual, growth)) == pytest.approx(odds)


@quick
@given(st.floats(0, 1e5), st.floats(0, 1e4), st.floats(1, 30), st.floats(0, 1e4))
def test_a_surge_is_never_below_zero_and_grows_with_what_came(
    count: float, usual: float, growth: float, more: float
) -> None:
    odds = float(crowd.surge_odds(count, usual, growth))
    assert 0.0 <= odds <= float(crowd.surge_odds(count + more, usual, growth))


# ---- growth


def test_a_site_does_not_grow_in_its_first_ten_minutes() -> None:
    shop = Shop()
    shop.known_visitors(10, 8)
    shop.known_visitors(200, 1)
    assert shop.growth() == 1.0


@pytest.mark.parametrize("at", [slot.SITE_PAGES, slot.SITE_ASSETS], ids=["pages", "assets"])
def test_a_sale_shows_as_growth(at: int) -> None:
    shop = Shop()
    shop.known_visitors(10, 20, at)
    assert shop.growth() == pytest.approx(1.0, abs=0.15)
    shop.known_visitors(80, 1, at)
    assert shop.growth() == pytest.approx(8.0, rel=0.15)


def test_growth_is_bounded() -> None:
    shop = Shop()
    shop.known_visitors(2, 20)
    shop.known_visitors(2000, 1)
    assert shop.growth() == crowd.MOST_GROWTH


def test_a_usual_ratio_follows_slowly() -> None:
    memory, since, now = np.zeros(1, np.uint64), Word(NOON // MINUTE), NOON
    told = []
    for ratio in [0.2] * 60 + [1.0] * 10:
        told.append(float(crowd.usual_ratio(memory, Word(0), since, Word(now), ratio)))
        now += MINUTE
    assert told[:60] == pytest.approx([0.2] * 60, abs=0.03)
    assert 0.2 < told[-1] < 0.4
    assert float(crowd.usual_ratio(memory, Word(0), since, Word(now - 5 * MINUTE), 9.0)) < 0.4


# ---- parts


def has_parts(shop: Shop) -> bool:
    return bool(crowd.has_parts(shop.memory, RECORD))


@pytest.mark.parametrize(("pages", "assets", "has"), [(10, 40, True), (10, 10, True), (10, 2, False), (10, 0, False)])
def test_parts_of_pages_come_by_here_where_they_outnumber_pages(pages: int, assets: int, has: bool) -> None:
    shop = Shop()
    for _ in range(15):
        began = shop.now
        shop.known_visitors(pages, 1)
        shop.now = began
        shop.known_visitors(assets, 1, slot.SITE_ASSETS)
    assert has_parts(shop) is has


def test_parts_of_pages_are_not_expected_of_a_site_that_nothing_is_known_of() -> None:
    assert not has_parts(Shop())
