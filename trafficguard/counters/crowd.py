"""What a crowd usually does, and how far it is from that now: popularity of items, and cells of traffic.

A cell is one way in which pages are asked for (bare or known visitor, kind of referrer, popular or cold item) with
one fingerprint. It counts by the minute and slowly learns how many requests are usual, so that what is added to a
popular browser's traffic shows as the one cell that grew, while the browser's users keep to their own. What is usual
grows with the traffic of visitors known to the site: a flash sale brings people, and people load assets.

Promises: each cell learns at most once a minute, from whole minutes, and at most three times what is usual, or half
as much again while it holds a flood, so that an attack that lasts an hour moves its own yardstick by less than the
factor e. Before ten minutes nothing is usual yet and nothing deviates. Only known visitors teach popularity. Never:
names a visitor, or keeps an item.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import slot
from trafficguard.counters.jit import Words, atomic_exchange, compare_and_swap, kernel, load_acquire
from trafficguard.counters.profile import ATTEMPTS, HOUR_NS, MINUTE_NS, add_counts, amounts, count_of
from trafficguard.counters.windows import count_in_window, count_of_epoch, window_now

Word = np.uint64

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_NIBBLE: Final = np.uint64(15)
_FOUR: Final = np.uint64(4)
_HALF: Final = np.uint64(32)
_LOW32: Final = np.uint64((1 << 32) - 1)
_SECOND_FIELD: Final = np.uint64(16)

# ---- popularity

POPULARITY_NS: Final = np.uint64(6 * 3600 * 1_000_000_000)
"""Two generations: an item's views are remembered for six to twelve hours."""
COLD_BELOW: Final = 2
"""An item with fewer views of known visitors is one that hardly anybody looks at."""
LEAST_VIEWS: Final = 300.0
"""Item views of known visitors within an hour or two before the share of cold ones means anything."""


@kernel()
def popularity_index(sites: Word, row: int, generation: Word, mixed: Word) -> tuple[Word, Word]:
    """The word and the shift of an item's count."""
    place = (mixed >> np.uint64(18 * row)) & np.uint64(slot.ROW_WORDS * 16 - 1)
    base = np.uint64(row * slot.GENERATIONS * slot.ROW_WORDS) + generation * np.uint64(slot.ROW_WORDS)
    return sites + base + (place >> _FOUR), (place & _NIBBLE) * _FOUR


@kernel()
def turn_popularity(memory: Words, sites: Word, epoch: Word) -> None:
    """Empties the generation that is to be filled now, once every six hours (some 30 microseconds)."""
    at = sites + np.uint64(slot.POPULARITY_STAMP) + (epoch & _ONE)
    held = load_acquire(memory, at)
    if held == epoch + _ONE or compare_and_swap(memory, at, held, epoch + _ONE) != held or held == _ZERO:
        return
    for row in range(slot.ROWS):
        first, _ = popularity_index(sites, row, epoch & _ONE, _ZERO)
        for word in range(slot.ROW_WORDS):
            atomic_exchange(memory, first + np.uint64(word), _ZERO)


@kernel()
def views_of(memory: Words, sites: Word, mixed: Word) -> int:
    """Views of an item by known visitors, at most 30; never too few, but for those forgotten."""
    least = 30
    for row in range(slot.ROWS):
        views = 0
        for generation in range(slot.GENERATIONS):
            index, shift = popularity_index(sites, row, np.uint64(generation), mixed)
            views += int((load_acquire(memory, index) >> shift) & _NIBBLE)
        least = min(least, views)
    return least


@kernel()
def note_view(memory: Words, sites: Word, epoch: Word, mixed: Word) -> None:
    """Counts one view of an item."""
    for row in range(slot.ROWS):
        index, shift = popularity_index(sites, row, epoch & _ONE, mixed)
        for _ in range(ATTEMPTS):
            held = load_acquire(memory, index)
            if (held >> shift) & _NIBBLE == _NIBBLE:
                break
            if compare_and_swap(memory, index, held, held + (_ONE << shift)) == held:
                break


@kernel()
def cold_share(memory: Words, record: Word, now: Word) -> float:
    """Share of item views on this site that go to cold items; -1 while too few are known."""
    epoch = now // HOUR_NS
    index = record + np.uint64(slot.SITE_VIEWS)
    views = count_of(memory, index, epoch, _ZERO)
    if views < LEAST_VIEWS:
        return -1.0
    return count_of(memory, index, epoch, _SECOND_FIELD) / views


@kernel()
def look_at_item(memory: Words, sites: Word, record: Word, now: Word, mixed: Word, teaches: bool) -> bool:
    """Whether an item is a cold one; a view that `teaches` makes it more popular."""
    epoch = now // POPULARITY_NS
    turn_popularity(memory, sites, epoch)
    cold = views_of(memory, sites, mixed) < COLD_BELOW
    if teaches:
        note_view(memory, sites, epoch, mixed)
        add_counts(memory, record + np.uint64(slot.SITE_VIEWS), now // HOUR_NS, amounts(1, 1 if cold else 0, 0))
    return cold


# ---- cells: two buckets of a one-minute window, then what is usual: 1/1024 a minute << 32 | minute learned last

_RATE: Final = 1024.0
_MEMORY_MINUTES: Final = 120
"""What is usual is the mean over the minutes seen, and beyond these forgets."""
LEAST_MINUTES: Final = slot.LEAST_MINUTES
_MOST_LESSON: Final = 3.0
_FLOOD: Final = 8.0
"""A minute with so many times what is usual is a flood, …"""
_FLOOD_LESSON: Final = 1.5
"""… of which hardly anything is learned; what stays for good becomes usual within hours."""
LEAST_USUAL: Final = 0.5
"""Requests a minute that are taken for usual where fewer are."""
LEAST_NOW: Final = 15.0
"""Requests within a minute below which nothing deviates."""
_DEVIATION: Final = 4.0
"""Standard deviations of a Poisson count by which it must be above what is usual."""
MOST_GROWTH: Final = 30.0


@kernel()
def minute_of(now: Word) -> Word:
    """Minutes since the Unix epoch."""
    return now // MINUTE_NS


@kernel()
def first_minute(memory: Words, index: Word, now: Word) -> Word:
    """The minute noted at `index`; this one where none is."""
    held = load_acquire(memory, index)
    if held == _ZERO:
        compare_and_swap(memory, index, held, minute_of(now))
        return minute_of(now)
    return held


@kernel()
def learn(memory: Words, cell: Word, since: Word, now: Word, growth: float) -> float:
    """What is usual in a cell, requests a minute, once the minutes since it last learned are taken in."""
    minute = minute_of(now)
    index = cell + np.uint64(2)
    held = load_acquire(memory, index)
    last = held & _LOW32
    rate = float(held >> _HALF) / _RATE
    if held == _ZERO:
        compare_and_swap(memory, index, held, minute & _LOW32)
        return 0.0
    if minute <= last:
        return rate
    count = float(count_of_epoch(memory, cell, last))
    age = float(last - since) if last > since else 0.0
    if age >= LEAST_MINUTES:
        usual = max(rate, LEAST_USUAL) * growth
        count = min(count, (_FLOOD_LESSON if count > _FLOOD * usual else _MOST_LESSON) * usual)
    weight = 1.0 / min(age + 1.0, float(_MEMORY_MINUTES))
    learned = rate + (count - rate) * weight
    idle = float(minute - last - _ONE)
    if idle > 0.0:
        learned *= max(1.0 - weight, 0.5) ** min(idle, 1e6)
    word = (np.uint64(min(learned, 4e6) * _RATE) << _HALF) | (minute & _LOW32)
    compare_and_swap(memory, index, held, word)
    return learned


@kernel()
def count_in_cell(memory: Words, cell: Word, since: Word, now: Word, growth: float) -> tuple[float, float]:
    """Counts one request in a cell: how many came within the last minute, and how many are usual."""
    usual = learn(memory, cell, since, now, growth)
    return count_in_window(memory, cell, MINUTE_NS, now, _ONE), usual


@kernel()
def surge_odds(count: float, usual: float, growth: float) -> float:
    """Log-odds in nats that one of `count` requests is one of those that are more than usual; 0 where none is."""
    expected = max(usual, LEAST_USUAL) * growth
    if count < LEAST_NOW or count < expected + _DEVIATION * np.sqrt(expected):
        return 0.0
    return max(float(np.log((count - expected) / expected)), 0.0)


@kernel()
def usual_in(memory: Words, cell: Word) -> float:
    """What is usual in a cell, requests a minute, as last learned."""
    return float(load_acquire(memory, cell + np.uint64(2)) >> _HALF) / _RATE


@kernel()
def has_parts(memory: Words, record: Word) -> bool:
    """Whether parts of the site's pages usually come by here, and not from somebody else's servers.

    Where they do, only who loads some counts as a visitor of the site; a cookie alone is easily kept.
    """
    assets = usual_in(memory, record + np.uint64(slot.SITE_ASSETS))
    return assets >= LEAST_USUAL and assets >= usual_in(memory, record + np.uint64(slot.SITE_PAGES))


@kernel()
def growth_of(memory: Words, record: Word, now: Word) -> float:
    """How much more than usual the site's known visitors and their assets are just now, at least 1.

    What grows is the larger of the two: newcomers of a sale load assets before they are known.
    """
    since = first_minute(memory, record + np.uint64(slot.SITE_SINCE), now)
    if minute_of(now) < since + np.uint64(LEAST_MINUTES):
        return 1.0
    most = 1.0
    for at in (slot.SITE_PAGES, slot.SITE_ASSETS):
        cell = record + np.uint64(at)
        usual = usual_in(memory, cell)
        count = window_now(memory, cell, MINUTE_NS, now)
        if count >= LEAST_NOW and usual > 0.0:
            most = max(most, count / max(usual, LEAST_USUAL))
    return min(most, MOST_GROWTH)


@kernel()
def usual_ratio(memory: Words, index: Word, since: Word, now: Word, ratio: float) -> float:
    """What is usual for a ratio, taking in today's once a minute; the same word as in a cell."""
    minute = minute_of(now)
    held = load_acquire(memory, index)
    last = held & _LOW32
    usual = float(held >> _HALF) / _RATE
    if held == _ZERO:
        compare_and_swap(memory, index, held, (np.uint64(ratio * _RATE) << _HALF) | (minute & _LOW32))
        return ratio
    if minute > last:
        age = float(last - since) if last > since else 0.0
        weight = 1.0 / min(age + 1.0, float(_MEMORY_MINUTES))
        word = (np.uint64(max(usual + (ratio - usual) * weight, 0.0) * _RATE) << _HALF) | (minute & _LOW32)
        compare_and_swap(memory, index, held, word)
    return usual
