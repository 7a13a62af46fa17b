"""The Python face: whose memory it takes, what it refuses, what it tells."""

from __future__ import annotations

import mmap
import time

import pytest

from trafficguard.counters import layout
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.table import MAX_KEYS, Table

NOW = 1_700_000_000_000_000_000
SLOTS = 64


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def new_memory(slots: int = SLOTS) -> mmap.mmap:
    return mmap.mmap(-1, Table.bytes_needed(slots))


def test_each_key_of_a_request_gets_its_own_row() -> None:
    table = Table.in_new_memory(SLOTS)
    table.observe((key(1),), NOW)
    table.observe((key(1), key(2)), NOW)
    rates = table.observe((key(1), key(2), key(3)), NOW)
    assert [rates[index, 0] for index in range(3)] == [3, 2, 1]


def test_the_same_key_twice_in_one_request_counts_twice() -> None:
    assert Table.in_new_memory(SLOTS).observe((key(1), key(1)), NOW)[1, 0] == 2


def test_no_keys_count_nothing() -> None:
    table = Table.in_new_memory(SLOTS)
    table.observe((), NOW)
    assert table.stats().live == 0


@pytest.mark.parametrize("keys", [[b"short"], [bytes(17)], [bytes(16)] * (MAX_KEYS + 1), [b""]])
def test_malformed_keys_are_refused_and_count_nothing(keys: list[bytes]) -> None:
    table = Table.in_new_memory(SLOTS)
    with pytest.raises(ValueError, match="memoryview"):
        table.observe(keys, NOW)
    assert table.stats().live == 0


def test_as_many_keys_as_allowed_are_counted() -> None:
    table = Table.in_new_memory(SLOTS)
    table.observe([key(number) for number in range(MAX_KEYS)], NOW)
    assert table.stats().live == MAX_KEYS


def test_memory_handed_over_keeps_its_counts() -> None:
    memory = new_memory()
    Table(memory, SLOTS).observe((key(1),), NOW)
    assert Table(memory, SLOTS).observe((key(1),), NOW)[0, 0] == 2


def test_memory_handed_over_with_its_secret_keeps_its_counts() -> None:
    memory = new_memory()
    Table(memory, SLOTS, key(7)).observe((key(1),), NOW)
    assert Table(memory, SLOTS, key(7)).observe((key(1),), NOW)[0, 0] == 2


def test_memory_of_another_secret_starts_empty() -> None:
    memory = new_memory()
    Table(memory, SLOTS, key(7)).observe((key(1),), NOW)
    again = Table(memory, SLOTS, key(8))
    assert again.stats().live == 0
    assert again.observe((key(1),), NOW)[0, 0] == 1


def test_memory_of_another_size_starts_empty() -> None:
    memory = new_memory(2 * SLOTS)
    Table(memory, SLOTS).observe((key(1),), NOW)
    assert Table(memory, 2 * SLOTS).stats().live == 0
    assert not any(memory[layout.HEADER_WORDS * 8 :])


def test_memory_of_an_unknown_layout_starts_empty() -> None:
    memory = new_memory()
    memory[:] = b"\x5a" * len(memory)
    table = Table(memory, SLOTS)
    assert (table.stats().live, table.stats().evictions, table.stats().refusals) == (0, 0, 0)
    assert table.observe((key(1),), NOW)[0, 0] == 1


def test_a_table_can_stand_inside_larger_memory() -> None:
    memory = mmap.mmap(-1, 4096 + Table.bytes_needed(SLOTS) + 4096)
    Table(memoryview(memory)[4096:], SLOTS).observe((key(1),), NOW)
    assert not any(memory[:4096])
    assert not any(memory[-4096:])


def test_memory_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="need"):
        Table(bytearray(Table.bytes_needed(SLOTS) - 1), SLOTS)


def test_memory_off_the_cache_lines_is_refused() -> None:
    memory = mmap.mmap(-1, Table.bytes_needed(SLOTS) + 8)
    with pytest.raises(ValueError, match="multiple of 64"):
        Table(memoryview(memory)[8:], SLOTS)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Table.in_new_memory(SLOTS, b"short")


def test_two_tables_draw_different_secrets() -> None:
    secrets = set()
    for _ in range(2):
        memory = new_memory()
        Table(memory, SLOTS)
        secrets.add(memory[layout.SECRET * 8 : layout.SECRET * 8 + 16])
    assert len(secrets) == 2
    assert bytes(16) not in secrets


def test_stats_tell_slots_keys_and_evictions() -> None:
    table = Table.in_new_memory(16)
    for number in range(20):
        table.observe((key(number),), NOW + number)
    stats = table.stats()
    assert (stats.slots, stats.live, stats.evictions, stats.refusals) == (16, 16, 4, 0)


@pytest.mark.skipif(not jit_is_on(), reason="plain Python is slow")
def test_one_request_of_three_keys_costs_microseconds() -> None:
    table, keys = Table.in_new_memory(1 << 12), (key(1), key(2), key(3))
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(200):
            table.observe(keys, NOW)
        best = min(best, (time.perf_counter() - start) / 200)
    assert best < 10e-6
