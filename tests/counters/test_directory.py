"""Who gets a slot, who keeps it, and what a group may hold. Also runs uncompiled and bounds-checked (`test_modes`)."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import (
    ADDRESS,
    HOUR,
    SECOND,
    SECRET,
    SMALL,
    START,
    TINY,
    group_counts,
    groups_charged,
    key,
    new_table,
    settle,
    tags,
)
from tests.counters.naive import NaiveVisits, siphash13
from trafficguard.counters import directory, kernels, layout
from trafficguard.counters.jit import jit_is_on, python_twin, signature_count
from trafficguard.counters.table import Table

PATIENCE_MS = directory.CLAIM_PATIENCE_MS
HELD = layout.HAS_EVIDENCE, layout.HAS_PASS

quick = settings(max_examples=40, deadline=None)
gaps = st.one_of(
    st.integers(0, 40 * SECOND), st.sampled_from([1799 * SECOND, 1800 * SECOND, 1801 * SECOND, 3600 * SECOND])
)
visits = st.lists(st.tuples(st.integers(0, 5), gaps), min_size=1, max_size=60)


def lookup(table: Table, number: int, kind: int = ADDRESS) -> int:
    tag = np.uint64(siphash13(key(number), SECRET) | 1 << 63)
    return int(directory.lookup(table.memory, np.uint64(kind), tag))


def fill(table: Table, now: int, extra: int = 0, first: int = 100) -> list[int]:
    """Gives sixteen keys a slot each, with that many visits more; returns their numbers."""
    numbers = list(range(first, first + layout.PROBES))
    for step, number in enumerate(numbers):
        settle(table, number, now + step * SECOND)
        for _ in range(extra):
            table.visit(ADDRESS, key(number), now + step * SECOND)
    return numbers


# ---- the third visit


@quick
@given(visits)
def test_visits_equal_the_naive_twin_when_nothing_collides(visits: list[tuple[int, int]]) -> None:
    table, twin, now = new_table(), NaiveVisits(), START
    for who, gap in visits:
        now += gap
        first, seen = table.visit(ADDRESS, key(who), now)
        assert (first > 0, seen) == twin.visit(who, now)


@pytest.mark.parametrize("kind", range(len(layout.KINDS)))
def test_a_key_gets_an_empty_slot_at_its_third_visit(kind: int) -> None:
    table = new_table()
    found = [table.visit(kind, key(1), START + number * 30 * SECOND) for number in range(4)]
    assert [seen for _first, seen in found] == [1, 2, 3, 4]
    assert [first > 0 for first, _seen in found] == [False, False, True, True]
    region = table.plan[f"{layout.KINDS[kind]} slots"]
    assert region.offset <= found[2][0] <= region.end - layout.DATA_WORDS[kind]
    assert (found[2][0] - region.offset) % layout.DATA_WORDS[kind] == 0
    assert not table.memory[region.offset : region.end].any()


def test_kinds_share_nothing() -> None:
    table = new_table()
    settle(table, 1, START)
    assert table.visit(layout.SESSION, key(1), START) == (0, 1)
    assert [table.stats(kind).live for kind in range(len(layout.KINDS))] == [1, 0, 0, 0, 0, 0]


def test_looking_up_counts_nothing() -> None:
    table = new_table()
    table.visit(ADDRESS, key(1), START)
    before = table.memory.copy()
    assert lookup(table, 1) == 0
    assert (table.memory == before).all()
    first = settle(table, 1, START)
    assert lookup(table, 1) == first
    assert table.visit(ADDRESS, key(1), START) == (first, 5)


def test_visits_known_stop_at_what_their_field_holds() -> None:
    table = new_table()
    first = settle(table, 1, START)
    entry = table.plan["address directory"].offset + tags(table).index(max(tags(table))) * layout.DIRECTORY_WORDS
    table.memory[entry + layout.STATE] |= np.uint64(0xFFFF)
    assert table.visit(ADDRESS, key(1), START) == (first, 65_535)
    assert table.visit(ADDRESS, key(1), START + SECOND) == (first, 65_535)


def test_a_generation_that_is_full_gives_way_and_the_one_before_is_remembered() -> None:
    table = new_table()
    limit = int(table.memory[layout.SKETCH_LIMIT])
    begun = table.stats(ADDRESS).generation
    table.visit(ADDRESS, key(1), START)
    for number in range(limit):
        table.visit(layout.SESSION, key(number + 10), START)
        if number < 20:
            table.visit(ADDRESS, key(number + 10), START)
    assert table.stats(ADDRESS).generation == begun + 2
    table.visit(layout.SESSION, key(1), START)
    assert table.stats(layout.SESSION).generation == begun + 3


def test_a_client_that_comes_every_half_minute_gets_a_slot_whenever_generations_turn() -> None:
    table, limit = new_table(), int(new_table().memory[layout.SKETCH_LIMIT])
    # As many others between two visits as a generation takes in half a minute at its stated load.
    others, number = limit // 2 - 2, 1000
    for late in range(4):
        seen = 0
        for _ in range(3):
            first, seen = table.visit(ADDRESS, key(late), START)
            for _ in range(others):
                number += 1
                table.visit(ADDRESS, key(number), START)
        assert first > 0
        assert seen >= 3
        for _ in range(limit // 5):
            number += 1
            table.visit(ADDRESS, key(number), START)


# ---- who goes


def test_of_keys_not_kept_the_one_seen_longest_ago_goes() -> None:
    table = new_table(TINY)
    numbers = fill(table, START)
    table.visit(ADDRESS, key(numbers[0]), START + 20 * SECOND)
    assert settle(table, 1, START + 21 * SECOND) > 0
    assert [number for number in numbers if not lookup(table, number)] == [numbers[1]]
    assert table.stats(ADDRESS).evictions == 1


def test_a_newcomer_inherits_nothing() -> None:
    table = new_table(TINY)
    numbers = fill(table, START)
    slots = table.plan["address slots"]
    table.memory[slots.offset : slots.end] = 7
    table.hold(ADDRESS, lookup(table, numbers[1]), layout.HAS_PASS, START)
    first = settle(table, 1, START + 20 * SECOND)
    assert not table.memory[first : first + layout.DATA_WORDS[ADDRESS]].any()
    assert table.visit(ADDRESS, key(1), START + 20 * SECOND) == (first, 4)
    assert int((table.memory[slots.offset : slots.end] == 7).sum()) == 15 * layout.DATA_WORDS[ADDRESS]


def test_keys_that_came_three_times_within_the_hour_are_never_given_up() -> None:
    table = new_table(TINY)
    numbers = fill(table, START, extra=2)
    for newcomer in range(50):
        assert settle(table, newcomer, START + 60 * SECOND) == 0
    assert all(lookup(table, number) for number in numbers)
    stats = table.stats(ADDRESS)
    assert (stats.live, stats.evictions, stats.refusals) == (16, 0, 50)


def test_a_key_without_a_slot_stays_in_the_sketch() -> None:
    table = new_table(TINY)
    fill(table, START, extra=2)
    seen = [table.visit(ADDRESS, key(1), START + 60 * SECOND) for _ in range(6)]
    assert seen == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 4), (0, 4)]


def test_an_hour_after_its_last_visit_a_key_may_go() -> None:
    table = new_table(TINY)
    fill(table, START, extra=2)
    assert settle(table, 1, START + HOUR - SECOND) == 0
    assert settle(table, 2, START + HOUR) > 0


@pytest.mark.parametrize("flag", HELD)
def test_a_marked_key_is_kept_until_an_hour_after_the_mark(flag: int) -> None:
    table = new_table(TINY)
    numbers = fill(table, START)
    for number in numbers:
        table.hold(ADDRESS, lookup(table, number), flag, START + 40 * 60 * SECOND)
    assert settle(table, 1, START + 99 * 60 * SECOND) == 0
    table.hold(ADDRESS, lookup(table, numbers[3]), flag, START + 99 * 60 * SECOND)
    assert settle(table, 2, START + 102 * 60 * SECOND) > 0
    for newcomer in range(10, 30):
        settle(table, newcomer, START + 102 * 60 * SECOND)
    assert lookup(table, numbers[3]) > 0


def test_marks_tell_which_of_them_live() -> None:
    table = new_table(TINY)
    first = settle(table, 1, START)
    table.hold(ADDRESS, first, layout.HAS_PASS, START)
    table.hold(ADDRESS, first, layout.HAS_EVIDENCE, START + HOUR)
    found = [
        int(directory.marks_of(table.memory, np.uint64(ADDRESS), np.uint64(first), np.uint64(START + later)))
        for later in (0, HOUR - 100 * SECOND, HOUR + 200 * SECOND, 3 * HOUR)
    ]
    both = layout.HAS_PASS | layout.HAS_EVIDENCE
    # An hour from now is a mark of the future: only slightly ahead is another process's clock.
    assert found == [layout.HAS_PASS, layout.HAS_PASS, layout.HAS_EVIDENCE, 0]
    table.hold(ADDRESS, first, both, START + 3 * HOUR)
    assert int(directory.marks_of(table.memory, np.uint64(0), np.uint64(first), np.uint64(START + 3 * HOUR))) == both


# ---- groups


def test_a_group_holds_no_more_than_its_cap_and_others_are_not_hurt() -> None:
    table, cap = new_table(), layout.GROUP_LEAST
    got = [settle(table, number, START, group=7) > 0 for number in range(cap + 40)]
    assert sum(got) == cap
    assert table.stats(ADDRESS).refusals >= 40
    assert group_counts(table) == groups_charged(table) == {7: cap}
    assert settle(table, 5000, START, group=8) > 0
    assert settle(table, 5001, START) > 0


def test_an_evicted_slot_is_given_back_to_its_group() -> None:
    table = new_table(TINY)
    for number in range(16):
        settle(table, number, START, group=7)
    for number in range(100, 110):
        settle(table, number, START + 30 * SECOND, group=9)
    assert group_counts(table) == groups_charged(table)
    assert sum(group_counts(table).values()) == 16
    assert group_counts(table)[7] < 16


def test_a_full_group_gets_back_what_was_not_used_for_an_hour() -> None:
    table, cap = new_table(), layout.GROUP_LEAST
    for number in range(cap):
        settle(table, number, START, group=7)
    assert settle(table, 1000, START + HOUR - 60 * SECOND, group=7) == 0
    got = [settle(table, 2000 + number, START + 2 * HOUR, group=7) for number in range(40)]
    assert got[-1] > 0
    assert group_counts(table) == groups_charged(table)


def test_a_key_that_comes_back_counts_to_its_group_again() -> None:
    table, cap = new_table(), layout.GROUP_LEAST
    for number in range(cap):
        settle(table, number, START, group=7)
    for number in range(30):
        settle(table, 1000 + number, START + 2 * HOUR, group=7)
    before = group_counts(table)[7]
    for number in range(cap):
        table.visit(ADDRESS, key(number), START + 2 * HOUR, group=7)
    assert group_counts(table)[7] > before
    assert group_counts(table) == groups_charged(table)


# ---- claims


@pytest.mark.parametrize("ahead_ms", [0, 5, -5, PATIENCE_MS, -PATIENCE_MS])
def test_a_slot_that_another_process_is_filling_is_never_touched(ahead_ms: int) -> None:
    table, now_ms = new_table(TINY), START // 1_000_000 + ahead_ms
    claim(table, now_ms)
    assert settle(table, 1, START) == 0
    assert tags(table) == [now_ms] * 16
    assert table.stats(ADDRESS).refusals == 1


@pytest.mark.parametrize("elapsed_ms", [PATIENCE_MS + 2, -PATIENCE_MS - 2])
def test_a_slot_left_half_filled_by_a_dead_process_comes_back(elapsed_ms: int) -> None:
    table, now_ms = new_table(TINY), START // 1_000_000
    claim(table, now_ms)
    assert settle(table, 1, START + elapsed_ms * 1_000_000) > 0
    assert tags(table).count(now_ms) == 15


def claim(table: Table, now_ms: int) -> None:
    region = table.plan["address directory"]
    table.memory[region.offset : region.end : layout.DIRECTORY_WORDS] = now_ms


# ---- clocks


@quick
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-2 * HOUR, 2 * HOUR)), min_size=1, max_size=60))
def test_time_that_steps_to_and_fro_breaks_nothing(steps: list[tuple[int, int]]) -> None:
    table, now = new_table(TINY), START
    for who, step in steps:
        now += step
        first, seen = table.visit(ADDRESS, key(who), now, group=who % 3)
        assert seen >= 1
        assert lookup(table, who) == first
    assert group_counts(table) == groups_charged(table)
    assert all(tag == 0 or tag >> 63 for tag in tags(table))


def test_keys_of_a_future_that_was_set_back_may_go() -> None:
    table = new_table(TINY)
    fill(table, START, extra=2)
    assert settle(table, 1, START - 24 * HOUR) > 0


@pytest.mark.parametrize("now", [-(1 << 63), -1, 0, 1, (1 << 63) - 1])
def test_an_absurd_time_is_harmless(now: int) -> None:
    table = new_table(TINY)
    settle(table, 1, now)
    assert settle(table, 2, START) > 0


# ---- how they are compiled


@quick
@given(st.lists(st.tuples(st.integers(0, 30), gaps, st.integers(0, 2)), min_size=1, max_size=40))
def test_compiled_and_plain_kernels_agree_bit_for_bit(visits: list[tuple[int, int, int]]) -> None:
    compiled, plain, now = new_table(TINY), new_table(TINY), START
    twin, found = python_twin(kernels.visit), np.zeros(1, np.uint64)
    for who, gap, group in visits:
        now += gap
        first, seen = compiled.visit(ADDRESS, key(who), now, group)
        words = np.array([who, 0], np.uint64)
        assert int(twin(plain.memory, ADDRESS, words, group, now, found)) == seen
        assert int(found[0]) == first
    assert (compiled.memory == plain.memory).all()


@pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")
def test_each_entry_kernel_has_exactly_one_signature() -> None:
    table = new_table()
    table.hold(ADDRESS, settle(table, 1, START), layout.HAS_PASS, START)
    table.reserve(key(1), SECOND, SECOND, START, SECOND)
    table.burn(key(1), START + SECOND, START)
    table.add_to_gauge(0, 0, 1)
    assert [signature_count(entry) for entry in kernels.ENTRY_KERNELS] == [1] * len(kernels.ENTRY_KERNELS)


@pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")
def test_a_wrong_type_is_an_error_and_not_a_second_compilation() -> None:
    table = new_table()
    with pytest.raises(TypeError):
        kernels.visit(table.memory, ADDRESS, np.zeros(2, np.int64), 0, START, np.zeros(1, np.uint64))


@pytest.mark.skipif(
    jit_is_on() and os.environ.get("NUMBA_BOUNDSCHECK") != "1", reason="bounds are not checked in this mode"
)
def test_a_wild_access_would_be_seen_in_this_mode() -> None:
    table = new_table(SMALL)
    with pytest.raises(IndexError):
        kernels.visit(table.memory[:100], ADDRESS, np.zeros(2, np.uint64), 0, START, np.zeros(1, np.uint64))
