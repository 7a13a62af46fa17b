"""One request, taken in: counted under all of its keys, compared with what is usual, and weighed, in one compiled call.

Promises: `take_in` and `feed_back` are total: nothing is allocated or raised, every loop is bounded, time is an
argument. The result is the same whichever worker a request reaches, because all of it follows from the shared memory.
What a ramp weighs, and how much a group may add, are arguments too: nothing here knows a signal by name. Never: reads a
clock, or looks at anything but the facts in `ask` and the memory.

How evidence adds up: what a visitor's own keys show (`session`, `address`, `account`: the strongest of them) joins what
the head of the request shows; both are remembered under the visitor's session and fade with a half-life. What its group
shows (`cluster`, `network`, `fingerprint`) is never remembered against a visitor, is bounded, and joins the visitor's
own only beyond a discount, since a group stands out by what its members do. Evidence of an address counts only against
bare visitors, and is gathered from their requests only: whoever shares an office with a crawler, keeps cookies and
loads assets, is judged by its own session.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from trafficguard.counters import layout, slot
from trafficguard.counters.crowd import (
    cold_share,
    count_in_cell,
    first_minute,
    growth_of,
    has_parts,
    look_at_item,
    surge_odds,
    usual_ratio,
)
from trafficguard.counters.directory import HAS_EVIDENCE, HAS_PASS, acquire, hold, lookup
from trafficguard.counters.hashing import keyed_hash
from trafficguard.counters.jit import Words, atomic_exchange, kernel, load_acquire, store_release
from trafficguard.counters.profile import (
    HOUR_NS,
    MINUTE_NS,
    SECOND_FIELD,
    THIRD_FIELD,
    add_counts,
    amounts,
    burstiness,
    count_of,
    counts_of,
    distinct,
    entropy,
    held_evidence,
    meet_item,
    note_bin,
    note_distinct,
    note_order,
    remember,
    take_page_back,
    turn_generation,
)
from trafficguard.counters.turns import (
    ASKED,
    CHANGES,
    FAILED,
    ROBOTS,
    SOLVED,
    WITHHELD,
    note_asked,
    note_turn,
    turns_in,
)
from trafficguard.counters.windows import count_in_window, window_now

Word = np.uint64
Floats = npt.NDArray[np.float64]

ADDRESS: Final = layout.ADDRESS
NETWORK: Final = layout.NETWORK
SESSION: Final = layout.SESSION
FINGERPRINT: Final = layout.FINGERPRINT
CLUSTER: Final = layout.CLUSTER
ACCOUNT: Final = layout.ACCOUNT

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_THREE: Final = np.uint64(3)
_TOP: Final = np.uint64(1 << 63)
_GROUP: Final = np.uint64((1 << 16) - 1)
_REFRESH: Final = np.uint64(4_000_000_000)
"""Distinct counts of large sketches are worked out again every four seconds."""
_HALF: Final = np.uint64(32)
_LOW32: Final = np.uint64((1 << 32) - 1)
_WIDTHS: Final = np.array([seconds * 1_000_000_000 for seconds in layout.WINDOWS_S], np.uint64)
_ONES: Final = np.uint64(1)
_RECORD_MASK: Final = np.uint64(slot.SITE_RECORDS - 1)
_OF_PATHS: Final = slot.DISTINCT.index("paths")
_OF_ITEMS: Final = slot.DISTINCT.index("items")
_OF_PEERS: Final = slot.DISTINCT.index("peers")
_FEATURES: Final = len(slot.FEATURES)
_ENOUGH_FOR_ENTROPY: Final = 8.0
"""Pages below which an entropy is not worth working out; no signal looks at fewer."""
_SIXTEENTHS: Final = 16.0
"""Distinct counts that are kept worked out are in sixteenths."""

_PAGES_1M: Final = slot.FEATURE["pages_1m"]
_PAGES: Final = slot.FEATURE["pages"]
_ITEMS: Final = slot.FEATURE["items"]
_ASSETS_PER_PAGE: Final = slot.FEATURE["assets_per_page"]
_NOVELTY: Final = slot.FEATURE["novelty"]
_NOVELTY_ODDS: Final = slot.FEATURE["novelty_odds"]
_ORDER_ODDS: Final = slot.FEATURE["order_odds"]
_BURSTINESS: Final = slot.FEATURE["burstiness"]
_GAPS: Final = slot.FEATURE["gaps"]
_GAP_ENTROPY: Final = slot.FEATURE["gap_entropy"]
_TEMPLATE_ENTROPY: Final = slot.FEATURE["template_entropy"]
_QUERY_ENTROPY: Final = slot.FEATURE["query_entropy"]
_ANSWERS: Final = slot.FEATURE["answers"]
_ERRORS: Final = slot.FEATURE["errors"]
_LOGINS: Final = slot.FEATURE["logins"]
_LOGIN_FAILURES: Final = slot.FEATURE["login_failures"]
_HEADS: Final = slot.FEATURE["heads"]
_POSTS: Final = slot.FEATURE["posts"]
_TAIL_ODDS: Final = slot.FEATURE["tail_odds"]
_BARE: Final = slot.FEATURE["bare"]
_TYPED: Final = slot.FEATURE["typed"]
_CHANGES: Final = slot.FEATURE["changes"]
_ROBOTS: Final = slot.FEATURE["robots"]
_PATHS: Final = slot.FEATURE["paths"]
_DISTINCT_ITEMS: Final = slot.FEATURE["distinct_items"]
_PEERS: Final = slot.FEATURE["peers"]
_PEERS_PER_PAGE: Final = slot.FEATURE["peers_per_page"]
_COVERAGE: Final = slot.FEATURE["coverage"]
_UNCOOKIED: Final = slot.FEATURE["uncookied"]
_SURGE_ODDS: Final = slot.FEATURE["surge_odds"]
_FANOUT_RISE: Final = slot.FEATURE["fanout_rise"]
_COVERAGE_RISE: Final = slot.FEATURE["coverage_rise"]
_SYNCHRONY: Final = slot.FEATURE["synchrony"]
_AGE_MINUTES: Final = slot.FEATURE["age_minutes"]
_SHOWN: Final = slot.FEATURE["shown"]
_CHALLENGES: Final = slot.FEATURE["challenges"]
_ATTEMPTS: Final = slot.FEATURE["attempts"]
_FAILURES: Final = slot.FEATURE["failures"]
_UNANSWERED: Final = slot.FEATURE["unanswered"]

# First guesses, until more shops are measured: how likely each step is for a person and for a crawler.
NEW_ITEM: Final = float(np.log(0.95 / 0.85))
"""People return to items in 10 to 50 % of views (`field/signals.md` B2 row 15); 15 % is meant to be careful."""
OLD_ITEM: Final = float(np.log(0.05 / 0.15))
STEP_UP: Final = float(np.log(0.9 / 0.05))
OTHER_STEP: Final = float(np.log(0.1 / 0.95))
COLD_FOR_CRAWLER: Final = 0.9
"""Share of a catalogue that hardly anybody looks at."""
ASKED_PER_ATTEMPT: Final = 4.0
"""Moments of being asked that one attempt answers: of many behind one address some come back later, or go."""
_LEAST_SHARE: Final = 0.02
_MOST_SHARE: Final = 0.85


# ---- keys


@kernel()
def tag_of(memory: Words, kind: int, low: Word, high: Word, site: Word) -> Word:
    """The tag of a key on a site."""
    mixed = high ^ (site * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(kind) << np.uint64(56))
    secret = np.uint64(layout.SECRET)
    return keyed_hash(low, mixed, memory[secret], memory[secret + _ONE]) | _TOP


@kernel()
def mixed_of(memory: Words, value: Word, site: Word) -> Word:
    """A value of a site, well mixed, for filters and distinct counts."""
    secret = np.uint64(layout.SECRET)
    return keyed_hash(value, site, memory[secret], memory[secret + _ONE])


@kernel()
def stand_in_of(ask: Words) -> tuple[Word, Word]:
    """The two words of the key that stands in for a session where a request carries none."""
    return ask[slot.ADDRESS_LOW] ^ ask[slot.ADDRESS_HIGH] ^ _TOP, ask[slot.STEADY_MARK] | _ONE


@kernel()
def key_of(ask: Words, kind: int) -> tuple[Word, Word]:
    """The two words of a request's key of some kind; both 0 where it has none."""
    if kind == ADDRESS:
        return ask[slot.ADDRESS_LOW], ask[slot.ADDRESS_HIGH]
    if kind == NETWORK:
        return ask[slot.NETWORK_LOW], ask[slot.NETWORK_HIGH]
    if kind == SESSION:
        if ask[slot.SESSION_LOW] | ask[slot.SESSION_HIGH] != _ZERO:
            return ask[slot.SESSION_LOW], ask[slot.SESSION_HIGH]
        # Without a session, who comes from one address with one fingerprint is taken for one visitor.
        return stand_in_of(ask)
    if kind == FINGERPRINT:
        return ask[slot.STEADY_MARK], _ONE
    if kind == CLUSTER:
        if ask[slot.FLAGS] & np.uint64(slot.IS_PAGE | slot.IS_LOGIN) == _ZERO:
            return _ZERO, _ZERO
        return ask[slot.MANNER_MARK], ask[slot.ROUTE] + _ONE
    return ask[slot.ACCOUNT_LOW], ask[slot.ACCOUNT_HIGH]


@kernel()
def bloom_of(kind: int) -> int:
    """Words of the Bloom filter of a kind."""
    return slot.SMALL[0] if kind in (ADDRESS, SESSION) else 0


@kernel()
def registers_of(kind: int) -> int:
    """Words of one distinct count of a kind."""
    if kind in (ADDRESS, SESSION):
        return slot.SMALL[1]
    return slot.LARGE[1] if kind == CLUSTER else slot.MEDIUM[1]


@kernel()
def width_of(kind: int) -> Word:
    """Over which time the counts of a kind slide."""
    return MINUTE_NS if kind in (NETWORK, FINGERPRINT, CLUSTER) else HOUR_NS


# ---- counting one request under one key


@kernel()
def tally(memory: Words, ask: Words, kind: int, first: Word, again: bool, cold: bool, bare: bool) -> None:
    """Counts what a request does under one key."""
    now, flags = ask[slot.NOW], ask[slot.FLAGS]
    epoch = now // width_of(kind)
    page = flags & np.uint64(slot.IS_PAGE) != _ZERO
    item = ask[slot.ITEM] if page else _ZERO
    up, new, old = 0, 0, 0
    if page:
        count_in_window(memory, first + np.uint64(slot.PAGES_1M), MINUTE_NS, now, _ONES)
        up = note_order(memory, first, epoch, now, item, kind == CLUSTER)
        note_bin(memory, first + np.uint64(slot.TEMPLATES), ask[slot.TEMPLATE])
        if ask[slot.QUERY] != _ZERO:
            note_bin(memory, first + np.uint64(slot.QUERIES), ask[slot.QUERY])
    bloom = bloom_of(kind)
    start, registers = slot.BLOOM + bloom, registers_of(kind)
    turn_generation(memory, first, start, registers, epoch)
    if item != _ZERO:
        mixed = mixed_of(memory, item, ask[slot.SITE])
        if bloom > 0:
            old = 1 if meet_item(memory, first, bloom, mixed) else 0
            new = 1 - old
        note_distinct(memory, first, start, _OF_ITEMS, registers, epoch, mixed)
    if page:
        note_distinct(memory, first, start, _OF_PATHS, registers, epoch, mixed_of(memory, ask[slot.PATH], _ONE))
    peer = ask[slot.STEADY_MARK] if kind == ADDRESS else ask[slot.ADDRESS_LOW] ^ ask[slot.ADDRESS_HIGH]
    note_distinct(memory, first, start, _OF_PEERS, registers, epoch, mixed_of(memory, peer, _TWO))
    asset = 1 if flags & np.uint64(slot.IS_ASSET) != _ZERO else 0
    views = amounts(1 if page else 0, 1 if item != _ZERO else 0, asset)
    add_counts(memory, first + np.uint64(slot.VIEWS), epoch, views)
    add_counts(memory, first + np.uint64(slot.ITEMS), epoch, amounts(new, old, up))
    typed = 1 if again and flags & np.uint64(slot.IS_TYPED) != _ZERO else 0
    tail = 1 if cold and item != _ZERO else 0
    add_counts(memory, first + np.uint64(slot.SHOWS), epoch, amounts(tail, 1 if bare and page else 0, typed))
    post = 1 if flags & np.uint64(slot.IS_POST) != _ZERO else 0
    add_counts(memory, first + np.uint64(slot.LOGINS), epoch, amounts(0, 0, post))
    before = atomic_exchange(memory, first + np.uint64(slot.STEADY), ask[slot.STEADY_MARK])
    changed = kind == SESSION and before != _ZERO and before != ask[slot.STEADY_MARK]
    head = 1 if flags & np.uint64(slot.IS_HEAD) != _ZERO else 0
    add_counts(memory, first + np.uint64(slot.ANSWERS), epoch, amounts(0, 0, head))
    if changed:
        note_turn(memory, first + np.uint64(slot.TURNS), epoch, CHANGES)
    if flags & np.uint64(slot.IS_ROBOTS) != _ZERO:
        note_turn(memory, first + np.uint64(slot.TURNS), epoch, ROBOTS)


@kernel()
def known_distinct(memory: Words, first: Word, kind: int, what: int, epoch: Word, now: Word) -> float:
    """A distinct count of a key; those of large sketches are a few seconds old at most."""
    start, registers = slot.BLOOM + bloom_of(kind), registers_of(kind)
    if bloom_of(kind) > 0:
        return distinct(memory, first, start, what, registers, epoch)
    index = first + np.uint64(start + len(slot.DISTINCT) * slot.GENERATIONS * registers + what)
    moment = now // _REFRESH & _LOW32
    held = load_acquire(memory, index)
    if held & _LOW32 == moment:
        return float(held >> _HALF) / _SIXTEENTHS
    worked_out = distinct(memory, first, start, what, registers, epoch)
    store_release(memory, index, (np.uint64(min(worked_out, 2e8) * _SIXTEENTHS) << _HALF) | moment)
    return worked_out


@kernel()
def hand_over(memory: Words, ask: Words) -> None:
    """Takes back the page with which a visitor began who now brings its cookie along for the first time.

    That page came without a cookie, as every newcomer's, and was counted under its address; of many newcomers behind
    one address it would look as if somebody opened page after page, kept no cookie and loaded nothing. Where no page
    came without a cookie nothing is taken back, so that made-up cookies wash nobody clean.
    """
    site, epoch = ask[slot.SITE], ask[slot.NOW] // HOUR_NS
    low, high = stand_in_of(ask)
    stand_in = lookup(memory, SESSION, tag_of(memory, SESSION, low, high, site))
    chance = mixed_of(memory, ask[slot.SESSION_LOW], site)
    if stand_in == _ZERO or not take_page_back(memory, stand_in, epoch, chance):
        return
    low, high = key_of(ask, ADDRESS)
    address = lookup(memory, ADDRESS, tag_of(memory, ADDRESS, low, high, site))
    if address != _ZERO:
        take_page_back(memory, address, epoch, chance)


# ---- reading one key


@kernel()
def share(part: float, whole: float) -> float:
    """A part of a whole, 0 to 1; 0 of nothing."""
    return min(part / whole, 1.0) if whole > 0.0 else 0.0


@kernel()
def tail_odds(cold: float, items: float, usual: float) -> float:
    """Log-odds that views with so many cold items are a crawler's, where `usual` is the share for visitors; >= 0."""
    if usual < 0.0:
        return 0.0
    p = min(max(usual, _LEAST_SHARE), _MOST_SHARE)
    odds = cold * np.log(COLD_FOR_CRAWLER / p) + (items - cold) * np.log((1.0 - COLD_FOR_CRAWLER) / (1.0 - p))
    return max(float(odds), 0.0)


@kernel()
def read_turns(memory: Words, index: Word, epoch: Word, at: int, out: Floats) -> float:
    """Writes the features that stand in the words of turns at `index`; returns how many pages were withheld.

    Failures weigh by their share of all attempts, and what was asked is answered by attempts, so that of many behind
    one address those who solve speak for the others.
    """
    this, before = counts_of(memory, index, epoch), counts_of(memory, index, epoch - _ONE)
    out[at + _CHANGES], out[at + _ROBOTS] = turns_in(this, before, CHANGES), turns_in(this, before, ROBOTS)
    asked, failed = turns_in(this, before, ASKED), turns_in(this, before, FAILED)
    attempts = failed + turns_in(this, before, SOLVED)
    out[at + _CHALLENGES], out[at + _ATTEMPTS] = asked, attempts
    out[at + _FAILURES] = failed * share(failed, attempts)
    out[at + _UNANSWERED] = max(asked - ASKED_PER_ATTEMPT * attempts, 0.0)
    return turns_in(this, before, WITHHELD)


@kernel()
def read_key(memory: Words, ask: Words, kind: int, first: Word, cold: float, out: Floats) -> None:
    """Writes the features of one key."""
    now = ask[slot.NOW]
    at = slot.TRAITS + kind * _FEATURES
    epoch = now // width_of(kind)
    for window in range(len(layout.WINDOWS_S)):
        index = first + np.uint64(slot.REQUESTS + 2 * window)
        out[at + window] = window_now(memory, index, _WIDTHS[window], now)
    out[at + _PAGES_1M] = window_now(memory, first + np.uint64(slot.PAGES_1M), MINUTE_NS, now)
    views = first + np.uint64(slot.VIEWS)
    pages = count_of(memory, views, epoch, _ZERO)
    items = count_of(memory, views, epoch, SECOND_FIELD)
    out[at + _PAGES], out[at + _ITEMS] = pages, items
    assets = count_of(memory, views, epoch, THIRD_FIELD)
    steps = first + np.uint64(slot.ITEMS)
    new, old = count_of(memory, steps, epoch, _ZERO), count_of(memory, steps, epoch, SECOND_FIELD)
    ups = count_of(memory, steps, epoch, THIRD_FIELD)
    out[at + _NOVELTY] = share(new, new + old)
    out[at + _NOVELTY_ODDS] = max(new * NEW_ITEM + old * OLD_ITEM, 0.0)
    out[at + _ORDER_ODDS] = max(ups * STEP_UP + max(items - 1.0 - ups, 0.0) * OTHER_STEP, 0.0)
    bursts, gaps = burstiness(memory, first, epoch)
    out[at + _BURSTINESS], out[at + _GAPS] = bursts, gaps
    if pages >= _ENOUGH_FOR_ENTROPY:
        out[at + _GAP_ENTROPY] = entropy(load_acquire(memory, first + np.uint64(slot.GAPS)))
        out[at + _TEMPLATE_ENTROPY] = entropy(load_acquire(memory, first + np.uint64(slot.TEMPLATES)))
    answers = first + np.uint64(slot.ANSWERS)
    answered = count_of(memory, answers, epoch, _ZERO)
    out[at + _ANSWERS], out[at + _ERRORS] = answered, share(count_of(memory, answers, epoch, SECOND_FIELD), answered)
    logins = first + np.uint64(slot.LOGINS)
    attempts = count_of(memory, logins, epoch, _ZERO)
    out[at + _LOGINS] = attempts
    out[at + _LOGIN_FAILURES] = share(count_of(memory, logins, epoch, SECOND_FIELD), attempts)
    requests = max(pages + assets, answered)
    out[at + _HEADS] = share(count_of(memory, answers, epoch, THIRD_FIELD), requests)
    out[at + _POSTS] = share(count_of(memory, logins, epoch, THIRD_FIELD), requests)
    shows = first + np.uint64(slot.SHOWS)
    out[at + _TAIL_ODDS] = tail_odds(count_of(memory, shows, epoch, _ZERO), items, cold)
    out[at + _BARE] = share(count_of(memory, shows, epoch, SECOND_FIELD), pages)
    out[at + _TYPED] = share(count_of(memory, shows, epoch, THIRD_FIELD), pages)
    shown = max(pages - read_turns(memory, first + np.uint64(slot.TURNS), epoch, at, out), 0.0)
    out[at + _SHOWN], out[at + _ASSETS_PER_PAGE] = shown, assets / shown if shown > 0.0 else 1.0
    if ask[slot.FLAGS] & np.uint64(slot.READS_ALL) != _ZERO:
        out[at + _PATHS] = known_distinct(memory, first, kind, _OF_PATHS, epoch, now)
        out[at + _QUERY_ENTROPY] = entropy(load_acquire(memory, first + np.uint64(slot.QUERIES)))
    out[at + _DISTINCT_ITEMS] = known_distinct(memory, first, kind, _OF_ITEMS, epoch, now)
    out[at + _PEERS] = known_distinct(memory, first, kind, _OF_PEERS, epoch, now)
    out[at + _PEERS_PER_PAGE] = share(out[at + _PEERS], pages)
    out[at + _COVERAGE] = share(out[at + _DISTINCT_ITEMS], items)
    cookieless = ask[slot.SESSION_LOW] | ask[slot.SESSION_HIGH] == _ZERO
    out[at + _UNCOOKIED] = 1.0 if cookieless and ask[slot.FLAGS] & np.uint64(slot.TAKES_COOKIES) != _ZERO else 0.0


@kernel()
def read_cluster(memory: Words, ask: Words, first: Word, visitor: int, cold: bool, growth: float, out: Floats) -> None:
    """Counts the request in its cell and writes how far the cluster is from what is usual for it.

    `visitor` is 0 for a known one, 1 for a bare one from a new address, 2 for one from an address seen before, 3 for
    one that keeps its cookie and has loaded no part of a page.
    """
    now, flags = ask[slot.NOW], ask[slot.FLAGS]
    at = slot.TRAITS + CLUSTER * _FEATURES
    since = first_minute(memory, first + np.uint64(slot.SINCE), now)
    age = float(now // MINUTE_NS - since) if now // MINUTE_NS > since else 0.0
    referrer = 1 if flags & np.uint64(slot.REFERRER_OWN) != _ZERO else 0
    if flags & np.uint64(slot.REFERRER_FOREIGN) != _ZERO:
        referrer = 2
    place = (visitor * slot.REFERRERS + referrer) * 2 + (1 if cold else 0)
    cell = first + np.uint64(slot.CELLS + place * slot.CELL_WORDS)
    count, usual = count_in_cell(memory, cell, since, now, growth)
    ratios = first + np.uint64(slot.RATIOS)
    fanout = usual_ratio(memory, ratios, since, now, out[at + _PEERS_PER_PAGE])
    coverage = usual_ratio(memory, ratios + _ONE, since, now, out[at + _COVERAGE])
    bursts = usual_ratio(memory, ratios + _TWO, since, now, out[at + _BURSTINESS] + 1.0)
    out[at + _AGE_MINUTES] = age
    if age < slot.LEAST_MINUTES:
        return
    out[at + _SURGE_ODDS] = surge_odds(count, usual, growth)
    out[at + _FANOUT_RISE] = out[at + _PEERS_PER_PAGE] - fanout
    out[at + _COVERAGE_RISE] = out[at + _COVERAGE] - coverage
    out[at + _SYNCHRONY] = bursts - (out[at + _BURSTINESS] + 1.0)


# ---- weighing


@kernel()
def ramp(x: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, straight between, and flat outside; `high` may be below `low`."""
    if low == high:
        return 1.0 if x >= high else 0.0
    return min(max((x - low) / (high - low), 0.0), 1.0)


@kernel()
def name_strongest(out: Floats, row: int, evidence: float) -> None:
    """Puts a ramp among the strongest where it belongs, behind its equals; the weakest falls off their end."""
    evidence = np.round(evidence * slot.NAMED_STEPS) / slot.NAMED_STEPS
    place = slot.MOST_STRONGEST
    while place > 0 and (
        out[slot.STRONGEST + 2 * place - 2] < 0.0 or out[slot.STRONGEST + 2 * place - 1] < evidence
    ):
        place -= 1
        if place + 1 < slot.MOST_STRONGEST:
            out[slot.STRONGEST + 2 * place + 2] = out[slot.STRONGEST + 2 * place]
            out[slot.STRONGEST + 2 * place + 3] = out[slot.STRONGEST + 2 * place + 1]
    if place < slot.MOST_STRONGEST:
        out[slot.STRONGEST + 2 * place] = float(row)
        out[slot.STRONGEST + 2 * place + 1] = evidence


@kernel()
def weigh(ramps: Floats, bare: bool, out: Floats, sums: Floats) -> None:
    """Writes the evidence of every ramp, and adds those that count up by kind of key.

    Of an address only failed attempts to log in speak of a visitor who is not bare.
    """
    for place in range(slot.MOST_STRONGEST + 1):
        out[slot.STRONGEST + 2 * place] = -1.0
    for row in range(1, ramps.shape[0]):
        kind = int(ramps[row, slot.RAMP_KIND])
        if kind == ADDRESS and not bare and int(ramps[row, slot.RAMP_FEATURE]) != _LOGIN_FAILURES:
            continue
        at = slot.TRAITS + kind * _FEATURES
        x = out[at + int(ramps[row, slot.RAMP_FEATURE])]
        evidence = ramps[row, slot.RAMP_WEIGHT] * ramp(x, ramps[row, slot.RAMP_FROM], ramps[row, slot.RAMP_TO])
        if evidence <= 0.0:
            continue
        support = out[at + int(ramps[row, slot.RAMP_SUPPORT])]
        evidence *= ramp(support, ramps[row, slot.RAMP_FEW], ramps[row, slot.RAMP_ENOUGH])
        if evidence <= 0.0:
            continue
        out[slot.FOUND + row - 1] = evidence
        if ramps[row, slot.RAMP_COUNTS] > 0.0:
            sums[kind] += evidence
            if evidence > ramps[0, slot.WORTH_NAMING]:
                name_strongest(out, row - 1, evidence)


@kernel()
def held_or_new(memory: Words, first: Word, kind: int, now: Word, new: float, half_life: float, worth: float) -> float:
    """Evidence of a key: what is new, or what is remembered of it where that is more."""
    if first == _ZERO:
        return new
    held = held_evidence(memory, first, now, half_life)
    if new <= held or new <= 0.0:
        return held
    remember(memory, first, now, new)
    if new >= worth:
        hold(memory, kind, first, HAS_EVIDENCE, now)
    return new


@kernel()
def speaks(kind: int, bare: bool, flags: Word) -> bool:
    """Whether anything known of a key of this kind may count for a request.

    An address speaks of bare visitors and of attempts to log in, a network of the latter; fingerprints only count,
    for their clusters say the same more closely.
    """
    if flags & np.uint64(slot.READS_ALL) != _ZERO or kind in (SESSION, CLUSTER, ACCOUNT):
        return True
    login = flags & np.uint64(slot.IS_LOGIN) != _ZERO
    return bool(login or bare) if kind == ADDRESS else bool(login and kind == NETWORK)


# ---- entry kernels


@kernel("void(uint64[::1], uint64[::1], float64, float64[:, ::1], uint64[::1], float64[::1])")
def take_in(memory: Words, ask: Words, static: float, ramps: Floats, scratch: Words, out: Floats) -> None:
    """Counts the request in `ask` and weighs what is then known: see the file's header.

    `static` is the evidence of its head in nats, `ramps` the terms of the sum and then one row a signal, `scratch` six
    words of the caller's. The result is `out`, laid out as `slot` says; features of keys without a slot are 0.
    """
    out[:] = 0.0
    now, site, flags = ask[slot.NOW], ask[slot.SITE], ask[slot.FLAGS]
    page = flags & np.uint64(slot.IS_PAGE) != _ZERO
    unit = page or flags & np.uint64(slot.IS_LOGIN) != _ZERO
    sites = load_acquire(memory, np.uint64(layout.SITES))
    record = sites + np.uint64(slot.POPULARITY_WORDS)
    record += (site & _RECORD_MASK) * np.uint64(slot.SITE_RECORD_WORDS)
    group = (tag_of(memory, NETWORK, ask[slot.NETWORK_LOW], ask[slot.NETWORK_HIGH], _ZERO) & _GROUP) | _ONE
    seen_session, seen_address = _ZERO, _ZERO
    for kind in range(slot.KINDS):
        scratch[kind] = _ZERO
        low, high = key_of(ask, kind)
        if low | high == _ZERO:
            continue
        owner = group if kind in (ADDRESS, SESSION) else _ZERO
        first, seen = acquire(memory, kind, tag_of(memory, kind, low, high, site), owner, now)
        scratch[kind] = first
        if kind == SESSION:
            seen_session = seen
        elif kind == ADDRESS:
            seen_address = seen
        if first != _ZERO:
            for window in range(len(layout.WINDOWS_S)):
                index = first + np.uint64(slot.REQUESTS + 2 * window)
                count_in_window(memory, index, _WIDTHS[window], now, _ONES)

    session, address, cluster = scratch[SESSION], scratch[ADDRESS], scratch[CLUSTER]
    if seen_session == _ONE and ask[slot.SESSION_LOW] | ask[slot.SESSION_HIGH] != _ZERO:
        hand_over(memory, ask)
    kept = ask[slot.SESSION_LOW] | ask[slot.SESSION_HIGH] != _ZERO and seen_session >= _TWO
    loads = session != _ZERO and count_of(memory, session + np.uint64(slot.VIEWS), now // HOUR_NS, THIRD_FIELD) > 0.0
    kept = kept or loads
    bare = not kept
    growth = growth_of(memory, record, now)
    since = first_minute(memory, record + np.uint64(slot.SITE_SINCE), now)
    known = loads if has_parts(memory, record) else kept
    if page and known:
        count_in_cell(memory, record + np.uint64(slot.SITE_PAGES), since, now, growth)
    if flags & np.uint64(slot.IS_ASSET) != _ZERO:
        count_in_cell(memory, record + np.uint64(slot.SITE_ASSETS), since, now, growth)
    cold = False
    if page and ask[slot.ITEM] != _ZERO:
        cold = look_at_item(memory, sites, record, now, mixed_of(memory, ask[slot.ITEM], site), bool(known))
    usual_cold = cold_share(memory, record, now)
    out[slot.KNOWN], out[slot.COLD_SHARE], out[slot.GROWTH] = 1.0 if kept else 0.0, usual_cold, growth

    for kind in range(slot.KINDS):
        first = scratch[kind]
        if first == _ZERO:
            continue
        if kind != ADDRESS or bare:
            again = bool(seen_address >= _TWO) if kind == ADDRESS else bool(seen_session >= _TWO)
            tally(memory, ask, kind, first, again, cold, bare)
        if speaks(kind, bare, flags):
            read_key(memory, ask, kind, first, usual_cold, out)
    if cluster != _ZERO:
        visitor = (0 if known else 3) if kept else (2 if seen_address >= _TWO else 1)
        read_cluster(memory, ask, cluster, visitor, cold, growth, out)

    sums = out[slot.SUMS : slot.SUMS + slot.KINDS]
    weigh(ramps, bare, out, sums)
    worth = ramps[0, slot.WORTH_HOLDING]
    at_address = sums[ADDRESS]
    if bare:
        at_address = held_or_new(memory, address, ADDRESS, now, at_address, ramps[0, slot.HALF_LIFE_ADDRESS], worth)
    account = scratch[ACCOUNT]
    of_account = held_or_new(memory, account, ACCOUNT, now, sums[ACCOUNT], ramps[0, slot.HALF_LIFE_ACCOUNT], worth)
    own = static + sums[SESSION]
    if session != _ZERO:
        out[slot.HELD] = held_evidence(memory, session, now, ramps[0, slot.HALF_LIFE_SESSION])
    of_session = held_or_new(memory, session, SESSION, now, own, ramps[0, slot.HALF_LIFE_SESSION], worth)
    individual = max(of_session, static + max(of_account, at_address))
    within = 0.0
    if unit:
        within = min(sums[CLUSTER] + sums[NETWORK] + sums[FINGERPRINT], ramps[0, slot.MOST_GROUP])
    joined = within + max(individual - ramps[0, slot.DISCOUNT], 0.0)
    out[slot.INDIVIDUAL], out[slot.GROUP] = individual, within
    added = max(min(max(individual, joined), ramps[0, slot.MOST_TOTAL]) - static, 0.0)
    out[slot.TOTAL] = static + np.floor(added * slot.TOTAL_STEPS) / slot.TOTAL_STEPS
    if out[slot.HELD] > static + sums.sum() + ramps[0, slot.WORTH_NAMING]:
        out[slot.REMEMBERED] = np.round(out[slot.HELD] * slot.NAMED_STEPS) / slot.NAMED_STEPS


@kernel("void(uint64[::1], uint64[::1], uint64[::1])")
def feed_back(memory: Words, ask: Words, outcome: Words) -> None:
    """Counts what became of the request in `ask`; keys that have no slot, or lost it meanwhile, are left out.

    What the shop never saw (status class 0) is nothing that it answered, and an attempt to log in of which nobody knows
    how it ended is none. Only for a page is a challenge an answer that somebody sees.
    """
    status, login = outcome[slot.STATUS_CLASS], outcome[slot.LOGIN_RESULT]
    answered = 1 if status != _ZERO else 0
    attempt = 1 if login != _ZERO else 0
    wrong = 1 if status == np.uint64(4) else 0
    failed = 1 if login == _TWO else 0
    challenge, now = outcome[slot.CHALLENGE_RESULT], ask[slot.NOW]
    was_asked = challenge == _THREE and ask[slot.FLAGS] & np.uint64(slot.IS_PAGE) != _ZERO
    for kind in range(slot.KINDS):
        low, high = key_of(ask, kind)
        if kind == ACCOUNT and low | high == _ZERO:
            low, high = outcome[slot.SHOP_ACCOUNT_LOW], outcome[slot.SHOP_ACCOUNT_HIGH]
        if low | high == _ZERO:
            continue
        first = lookup(memory, kind, tag_of(memory, kind, low, high, ask[slot.SITE]))
        if first == _ZERO:
            continue
        epoch = now // width_of(kind)
        turns = first + np.uint64(slot.TURNS)
        if was_asked:
            note_asked(memory, turns, epoch, now)
        elif challenge == _ONE:
            note_turn(memory, turns, epoch, SOLVED)
            if kind in (ADDRESS, SESSION):
                hold(memory, kind, first, HAS_PASS, now)
        elif challenge == _TWO:
            note_turn(memory, turns, epoch, FAILED)
        add_counts(memory, first + np.uint64(slot.ANSWERS), epoch, amounts(answered, wrong, 0))
        add_counts(memory, first + np.uint64(slot.LOGINS), epoch, amounts(attempt, failed, 0))
