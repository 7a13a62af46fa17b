"""Throttles, spent nonces and gauges in one process. Also runs uncompiled and bounds-checked (`test_modes`)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import HOUR, SECOND, START, TINY, key, new_table
from tests.counters.naive import NaiveGate
from trafficguard.counters import gates, layout
from trafficguard.counters.table import Table

quick = settings(max_examples=40, deadline=None)
LIFE = gates.NONCE_LIFE_S * SECOND


def reserve(table: Table, number: int, now: int = START, tolerance: int = 0, most_wait: int = 2 * SECOND) -> int:
    return table.reserve(key(number), SECOND, tolerance, now, most_wait)


@quick
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3 * SECOND)), min_size=1, max_size=60),
    st.integers(1, 2 * SECOND),
    st.integers(0, 5 * SECOND),
    st.integers(0, 5 * SECOND),
)
def test_gates_equal_the_naive_twin(
    arrivals: list[tuple[int, int]], interval: int, tolerance: int, most_wait: int
) -> None:
    table, now = new_table(TINY), START
    twins = [NaiveGate(interval, tolerance, most_wait) for _ in range(4)]
    for who, gap in arrivals:
        now += gap
        assert table.reserve(key(who), interval, tolerance, now, most_wait) == twins[who].reserve(now)


def test_a_denied_arrival_reserves_nothing() -> None:
    table = new_table(TINY)
    assert [reserve(table, 1) for _ in range(6)] == [0, SECOND, 2 * SECOND, -1, -1, -1]
    assert reserve(table, 1, START + SECOND) == 2 * SECOND


def test_what_is_left_of_a_time_is_what_its_start_says_and_nothing_to_others() -> None:
    times = new_table(TINY).timers
    assert times.start(key(1), HOUR, START)
    assert not times.start(key(1), HOUR, START + 1)
    assert times.left(key(1), START, HOUR) == HOUR
    assert times.left(key(1), START + HOUR - SECOND, HOUR) == SECOND
    assert times.left(key(1), START + HOUR, HOUR) == 0
    assert times.left(key(2), START, HOUR) == 0
    assert times.start(key(1), HOUR, START + HOUR)


def test_a_time_from_a_clock_since_set_back_is_over() -> None:
    times = new_table(TINY).timers
    times.start(key(1), HOUR, START)
    assert times.left(key(1), START - 24 * HOUR, HOUR) == 0


def test_to_ask_what_is_left_takes_no_room() -> None:
    table = new_table(TINY)
    for number in range(100):
        assert table.timers.left(key(number), START, HOUR) == 0
    assert table.gate_stats().gates_full == 0
    assert reserve(table, 1) == 0


def test_a_full_bucket_denies_and_tells() -> None:
    table = new_table(TINY)
    for number in range(layout.GATES_PER_BUCKET):
        assert reserve(table, number) == 0
    assert reserve(table, 100) == -1
    assert table.gate_stats().gates_full == 1


def test_a_gate_whose_time_has_passed_goes_to_another_tag() -> None:
    table = new_table(TINY)
    for number in range(layout.GATES_PER_BUCKET):
        reserve(table, number)
    later = START + 2 * SECOND
    for number in range(100, 100 + layout.GATES_PER_BUCKET):
        assert [reserve(table, number, later) for _ in range(4)] == [0, SECOND, 2 * SECOND, -1]
    assert table.gate_stats().gates_full == 0


def test_a_clock_set_back_does_not_close_a_gate() -> None:
    table = new_table(TINY)
    for _ in range(3):
        reserve(table, 1)
    assert reserve(table, 1, START - 24 * HOUR) == 0
    assert reserve(table, 1, START - 24 * HOUR) == SECOND


def test_a_lock_left_by_a_dead_process_is_taken_over() -> None:
    table = new_table(TINY)
    bucket = table.plan["gates"].offset
    table.memory[bucket] = START // 1_000_000
    assert reserve(table, 1) == -1
    assert reserve(table, 1, START + 11 * SECOND) == 0
    assert table.memory[bucket] == 0


def test_a_gate_left_frozen_by_a_dead_process_is_used_again() -> None:
    table = new_table(TINY)
    region = table.plan["gates"]
    table.memory[region.offset + 3 : region.end : 2] = (1 << 64) - 1
    assert [reserve(table, 1) for _ in range(2)] == [0, SECOND]


# ---- nonces


def test_a_nonce_is_burnt_once() -> None:
    table = new_table(TINY)
    assert [table.burn(key(1), START + SECOND, START) for _ in range(3)] == [1, 0, 0]
    assert table.burn(key(2), START + SECOND, START) == 1


def test_an_expired_nonce_is_denied_and_one_that_lives_too_long_too() -> None:
    table = new_table(TINY)
    assert table.burn(key(1), START, START) == 0
    assert table.burn(key(1), START + LIFE + 1, START) == -1
    assert table.burn(key(1), START + LIFE, START) == 1


def test_no_room_is_denied_and_told_and_other_generations_have_their_own() -> None:
    table = new_table(TINY)
    edge = START - START % LIFE + LIFE
    burnt = [table.burn(key(number), edge - 1, edge - LIFE // 2) for number in range(20)]
    assert burnt == [1] * 16 + [-1] * 4
    assert table.gate_stats().nonces_full == 4
    assert table.burn(key(100), edge + 1, edge - LIFE // 2) == 1
    assert table.burn(key(5), edge - 1, edge - LIFE // 2) == 0


def test_room_comes_back_two_generations_later() -> None:
    table = new_table(TINY)
    for number in range(16):
        table.burn(key(number), START + SECOND, START)
    later = START + 2 * LIFE
    assert [table.burn(key(number), later + SECOND, later) for number in range(16)] == [1] * 16


def test_a_clock_set_back_burns_nothing_twice() -> None:
    table = new_table(TINY)
    table.burn(key(1), START + SECOND, START)
    later = START + 2 * LIFE
    table.burn(key(2), later + SECOND, later)
    assert table.burn(key(1), START + SECOND, START) == 0


@quick
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, LIFE)), min_size=1, max_size=60), st.data())
def test_no_nonce_is_ever_burnt_twice(nonces: list[tuple[int, int]], data: st.DataObject) -> None:
    table, burnt, now = new_table(), set(), START
    for number, life in nonces:
        now += data.draw(st.integers(0, LIFE))
        nonce = (number, now // LIFE * LIFE + life)
        outcome = table.burn(key(number << 64 | nonce[1]), nonce[1], now)
        assert outcome == (1 if nonce[1] > now and nonce not in burnt else 0)
        if outcome == 1:
            burnt.add(nonce)


# ---- gauges


def test_gauges_add_up_over_workers_and_are_zeroed_for_one() -> None:
    table = new_table(TINY)
    for worker in range(4):
        table.add_to_gauge(worker, 2, 10)
    table.add_to_gauge(1, 2, -3)
    table.add_to_gauge(1, 3, 1)
    assert (table.gauge(2), table.gauge(3), table.gauge(0)) == (37, 1, 0)
    table.zero_gauges(1)
    assert (table.gauge(2), table.gauge(3)) == (30, 0)


@pytest.mark.parametrize(("worker", "gauge"), [(-1, 0), (4, 0), (0, -1), (0, 8)])
def test_a_gauge_that_there_is_not_is_refused(worker: int, gauge: int) -> None:
    with pytest.raises(IndexError, match="no gauge"):
        new_table(TINY).add_to_gauge(worker, gauge, 1)
