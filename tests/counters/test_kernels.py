"""The kernels against their naive twin. This file also runs uncompiled and bounds-checked (`test_modes`)."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.naive import SECOND, WINDOWS_S, NaiveTable, siphash13
from trafficguard.counters import kernels, layout
from trafficguard.counters.jit import Words, jit_is_on, python_twin, signature_count
from trafficguard.counters.table import Table

START = 1_700_000_000 * SECOND
SECRET = bytes(range(16))
PATIENCE_MS = kernels.CLAIM_PATIENCE_MS

quick = settings(max_examples=40, deadline=None)
gaps = st.one_of(
    st.integers(0, SECOND),
    st.integers(0, 20 * SECOND),
    st.sampled_from([10 * SECOND - 1, 10 * SECOND, 60 * SECOND, 601 * SECOND, 7200 * SECOND]),
)
visits = st.lists(st.tuples(st.integers(0, 5), gaps), min_size=1, max_size=60)


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def new_table(slots: int = 256) -> Table:
    return Table.in_new_memory(slots, SECRET)


def row(table: Table, who: bytes, now: int) -> list[float]:
    rates = table.observe([who], now)
    return [rates[0, column] for column in range(layout.ROW_COLUMNS)]


class Memory:
    """A table's memory in the hands of the test."""

    def __init__(self, slots: int) -> None:
        plan = layout.layout(slots)
        self.header: Words = np.zeros(layout.HEADER_WORDS, np.uint64)
        self.directory: Words = np.zeros(plan.directory.size // 8, np.uint64)
        self.counters: Words = np.zeros(plan.counters.size // 8, np.uint64)
        self.rows = np.zeros((1, layout.ROW_COLUMNS))

    def observe(self, number: int, now: int, words: Any = None) -> list[float]:
        if words is None:
            words = np.array([number, 0], np.uint64)
        kernels.observe(self.header, self.directory, self.counters, words, 1, now, self.rows)
        return list(self.rows[0].tolist())

    def tags(self) -> list[int]:
        return [int(tag) for tag in self.directory[:: layout.DIRECTORY_WORDS]]


# ---- hashing


def test_the_naive_hash_is_the_one_python_uses() -> None:
    if sys.hash_info.algorithm != "siphash13":
        pytest.skip("this Python hashes bytes otherwise")
    data = b"0123456789abcdef"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    printed = subprocess.check_output([sys.executable, "-c", f"print(hash({data!r}))"], env=environment)
    assert siphash13(data, bytes(16)) == int(printed) % 2**64


@quick
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_keys_are_hashed_with_siphash(who: bytes, secret: bytes) -> None:
    parts = (who[:8], who[8:], secret[:8], secret[8:])
    halves = [np.uint64(int.from_bytes(part, "little")) for part in parts]
    assert int(kernels.keyed_hash(*halves)) == siphash13(who, secret)


# ---- windows


@quick
@given(visits)
def test_rows_equal_the_naive_twin_when_nothing_is_evicted(visits: list[tuple[int, int]]) -> None:
    table, twin, now = new_table(), NaiveTable(), START
    for who, gap in visits:
        now += gap
        assert row(table, key(who), now) == pytest.approx(twin.observe(key(who), now), rel=1e-12)


@quick
@given(st.lists(gaps, min_size=1, max_size=60))
def test_estimates_keep_their_stated_bounds(gaps: list[int]) -> None:
    table, twin, now = new_table(), NaiveTable(), START
    for gap in gaps:
        now += gap
        twin.observe(key(1), now)
        for seconds, estimate in zip(WINDOWS_S, row(table, key(1), now), strict=False):
            exact = twin.exact(key(1), seconds, now)
            assert abs(estimate - exact) <= twin.previous(key(1), seconds, now)
            assert estimate <= twin.exact(key(1), 2 * seconds, now)


@quick
@given(st.lists(st.integers(0, 4 * SECOND), min_size=1, max_size=40))
def test_the_peak_of_the_estimate_is_never_below_half_of_any_burst(gaps: list[int]) -> None:
    table, twin, now = new_table(), NaiveTable(), START
    history: list[tuple[int, float]] = []
    for gap in gaps:
        now += gap
        twin.observe(key(1), now)
        history.append((now, row(table, key(1), now)[0]))
        peak = max(estimate for moment, estimate in history if now - moment < 10 * SECOND)
        assert peak >= twin.exact(key(1), 10, now) / 2


@pytest.mark.parametrize("window", range(4))
def test_steady_arrivals_are_estimated_within_one_percent(window: int) -> None:
    table, per_window = new_table(), 400
    gap = WINDOWS_S[window] * SECOND // per_window
    estimates = [row(table, key(1), START + number * gap)[window] for number in range(3 * per_window)]
    full = estimates[2 * per_window :]
    assert all(abs(estimate - per_window) <= 0.01 * per_window for estimate in full)


def test_a_key_unseen_for_two_windows_starts_again() -> None:
    table = new_table()
    for _ in range(50):
        row(table, key(1), START)
    for window, seconds in enumerate(WINDOWS_S):
        assert row(table, key(1), START + 2 * seconds * SECOND)[window] == 1


def test_a_row_tells_how_long_ago_the_key_was_seen() -> None:
    table = new_table()
    assert row(table, key(1), START)[layout.SECONDS_SINCE] == math.inf
    assert row(table, key(1), START + SECOND // 4)[layout.SECONDS_SINCE] == 0.25
    assert row(table, key(1), START)[layout.SECONDS_SINCE] == 0


def test_a_count_stops_before_it_reaches_the_epoch() -> None:
    memory = Memory(16)
    memory.observe(1, START)
    full = (1 << 32) - (1 << 16)
    used = memory.counters > 0
    memory.counters[used] = (memory.counters[used] & ~np.uint64(0xFFFFFFFF)) | np.uint64(full)
    before = memory.counters.copy()
    assert memory.observe(1, START)[0] == full
    assert (memory.counters == before).all()


# ---- clocks


@quick
@given(st.lists(st.integers(-7200 * SECOND, 7200 * SECOND), min_size=1, max_size=40))
def test_time_that_steps_back_never_counts_more_than_came(steps: list[int]) -> None:
    table, now = new_table(), START
    for number, step in enumerate(steps, start=1):
        now += step
        estimates = row(table, key(1), now)[: len(WINDOWS_S)]
        assert all(1 <= estimate <= number for estimate in estimates)


def test_counting_is_right_again_after_a_clock_was_set_back() -> None:
    table, twin = new_table(), NaiveTable()
    for _ in range(20):
        row(table, key(1), START)
    back = START - 24 * 3600 * SECOND
    for number in range(30):
        now = back + number * SECOND
        assert row(table, key(1), now)[:4] == pytest.approx(twin.observe(key(1), now)[:4])


def test_a_worker_whose_clock_is_slightly_behind_loses_nothing() -> None:
    table, edge = new_table(), START - START % (3600 * SECOND)
    for number in range(1, 21):
        estimates = row(table, key(1), edge - 1 if number % 2 else edge)
    # The first was counted in the epoch before, at whose end its weight is still whole.
    assert estimates[:4] == [20.0] * 4


@pytest.mark.parametrize("now", [-(1 << 63), -1, 0, 1, (1 << 63) - 1])
def test_an_absurd_time_is_harmless(now: int) -> None:
    table = new_table()
    assert row(table, key(1), now)[:4] == [1.0] * 4
    assert row(table, key(1), START)[:4] >= [1.0] * 4


# ---- slots


def test_a_full_neighbourhood_gives_up_the_key_seen_longest_ago() -> None:
    table = new_table(16)
    for number in range(16):
        row(table, key(number), START + number * SECOND)
    row(table, key(0), START + 20 * SECOND)
    row(table, key(99), START + 21 * SECOND)
    assert row(table, key(0), START + 22 * SECOND)[3] == 3
    assert row(table, key(2), START + 23 * SECOND)[3] == 2
    assert row(table, key(1), START + 24 * SECOND)[3] == 1


def test_a_newcomer_inherits_nothing_from_the_key_it_replaces() -> None:
    table = new_table(16)
    for number in range(16):
        for _ in range(10):
            row(table, key(number), START)
    assert row(table, key(99), START) == [1.0, 1.0, 1.0, 1.0, math.inf]


def test_a_flood_of_new_keys_is_counted_and_told() -> None:
    table = new_table(16)
    for number in range(300):
        assert row(table, key(number), START + number)[0] == 1
    stats = table.stats()
    assert (stats.live, stats.evictions, stats.refusals) == (16, 284, 0)


@pytest.mark.parametrize("ahead_ms", [0, 5, -5, PATIENCE_MS, -PATIENCE_MS])
def test_a_slot_that_another_process_is_filling_is_never_touched(ahead_ms: int) -> None:
    memory, now_ms = Memory(16), START // 1_000_000 + ahead_ms
    memory.directory[:: layout.DIRECTORY_WORDS] = now_ms
    assert memory.observe(1, START) == [0.0, 0.0, 0.0, 0.0, math.inf]
    assert memory.tags() == [now_ms] * 16
    assert memory.header[layout.REFUSALS] == 1


@pytest.mark.parametrize("elapsed_ms", [PATIENCE_MS + 2, -PATIENCE_MS - 2])
def test_a_slot_left_half_filled_by_a_dead_process_comes_back(elapsed_ms: int) -> None:
    memory, now_ms = Memory(16), START // 1_000_000
    memory.directory[:: layout.DIRECTORY_WORDS] = now_ms
    assert memory.observe(1, START + elapsed_ms * 1_000_000)[0] == 1
    assert memory.tags().count(now_ms) == 15


def test_only_a_half_filled_slot_beside_full_ones_is_spared() -> None:
    memory, now_ms = Memory(16), START // 1_000_000
    for number in range(16):
        memory.observe(number, START + number)
    memory.directory[6 * layout.DIRECTORY_WORDS] = now_ms
    for number in range(100, 200):
        assert memory.observe(number, START + number)[0] == 1
    assert [slot for slot, tag in enumerate(memory.tags()) if tag == now_ms] == [6]


# ---- how they are compiled


@quick
@given(st.lists(st.tuples(st.integers(0, 40), gaps), min_size=1, max_size=40))
def test_compiled_and_plain_kernels_agree_bit_for_bit(visits: list[tuple[int, int]]) -> None:
    compiled, plain, now = Memory(16), Memory(16), START
    twin = python_twin(kernels.observe)
    for who, gap in visits:
        now += gap
        words = np.array([who, 0], np.uint64)
        compiled.observe(who, now)
        twin(plain.header, plain.directory, plain.counters, words, 1, now, plain.rows)
        for name in ("header", "directory", "counters", "rows"):
            assert getattr(compiled, name).tobytes() == getattr(plain, name).tobytes()


@pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")
def test_each_entry_kernel_has_exactly_one_signature() -> None:
    Memory(16).observe(1, START)
    assert [signature_count(entry) for entry in kernels.ENTRY_KERNELS] == [1] * len(kernels.ENTRY_KERNELS)


@pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")
def test_a_wrong_type_is_an_error_and_not_a_second_compilation() -> None:
    memory = Memory(16)
    with pytest.raises(TypeError):
        memory.observe(1, START, np.zeros(2, np.int64))


@pytest.mark.skipif(
    jit_is_on() and os.environ.get("NUMBA_BOUNDSCHECK") != "1", reason="bounds are not checked in this mode"
)
def test_a_wild_access_would_be_seen_in_this_mode() -> None:
    memory = Memory(16)
    memory.counters = memory.counters[:0]
    with pytest.raises(IndexError):
        memory.observe(1, START)
