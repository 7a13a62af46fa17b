"""The Python face: whose memory it takes, what it refuses, what it tells."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.counters.memories import ADDRESS, SECOND, SECRET, SMALL, START, TINY, key, new_table, settle
from trafficguard.counters import layout
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def table() -> Iterator[Table]:
    """A table whose memory can be handed over."""
    table = Table.create(SMALL, SECRET)
    yield table
    table.close()


def hand_over(table: Table, sizes: Sizes = SMALL) -> Table:
    """What a new supervisor makes of the memory."""
    return Table.adopt(os.dup(table.fd), sizes)


def memory_of(content: bytes) -> int:
    """A descriptor of memory that nobody knows."""
    fd = os.memfd_create("elsewhere")
    os.write(fd, content)
    return fd


def is_empty(table: Table) -> bool:
    """Whether nothing was counted in it yet."""
    return not table.memory[layout.TALLIES :].any()


# ---- keys


@pytest.mark.parametrize("who", [b"", b"short", bytes(15), bytes(17)])
def test_malformed_keys_are_refused_and_count_nothing(who: bytes) -> None:
    table = new_table()
    with pytest.raises(ValueError, match="16 bytes"):
        table.visit(ADDRESS, who, START)
    with pytest.raises(ValueError, match="16 bytes"):
        table.reserve(who, 1, 1, START, 1)
    with pytest.raises(ValueError, match="16 bytes"):
        table.burn(who, START + 1, START)
    assert is_empty(table)


def test_no_key_is_kept_in_the_memory() -> None:
    table, who = new_table(), b"a-client-address"
    for _ in range(3):
        table.visit(ADDRESS, who, START)
    table.reserve(who, SECOND, SECOND, START, SECOND)
    held = table.memory.tobytes()
    assert who not in held
    assert who[:8] not in held
    assert who[8:] not in held


def test_a_secret_decides_where_a_key_stands() -> None:
    places = set()
    for secret in (SECRET, bytes(16), bytes(range(1, 17))):
        table = Table.create(SMALL, secret)
        places.add(settle(table, 1, START))
        table.close()
    assert len(places) == 3


# ---- new memory


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Table.create(SMALL, b"short")


def test_sizes_that_cannot_be_are_refused_and_leave_nothing_open() -> None:
    before = len(list(DESCRIPTORS.iterdir()))
    with pytest.raises(ValueError, match="power of two"):
        Table.create(Sizes(address=100))
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_two_tables_draw_different_secrets() -> None:
    tables = [Table.create(TINY) for _ in range(2)]
    secrets = {tuple(int(word) for word in table.memory[layout.SECRET : layout.SECRET + 2]) for table in tables}
    for table in tables:
        table.close()
    assert len(secrets) == 2
    assert (0, 0) not in secrets


def test_all_memory_is_taken_at_once_and_never_grows_or_shrinks(table: Table) -> None:
    taken = os.fstat(table.fd)
    assert taken.st_size == table.plan.size
    assert taken.st_blocks * 512 >= table.plan.size
    for size in (0, table.plan.size - 4096, table.plan.size + 4096):
        with pytest.raises(PermissionError):
            os.ftruncate(table.fd, size)


def test_a_program_that_is_started_does_not_get_the_memory(table: Table) -> None:
    assert fcntl.fcntl(table.fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_mapping_every_page_beforehand_changes_nothing_in_it(table: Table) -> None:
    before = table.memory.copy()
    table.populate()
    assert (table.memory == before).all()
    assert settle(table, 1, START) > 0


def test_closing_twice_is_harmless_and_what_is_mapped_stays(table: Table) -> None:
    table.close()
    table.close()
    assert settle(table, 1, START) > 0


# ---- memory handed over


def test_memory_handed_over_keeps_counts_and_secret(table: Table) -> None:
    first = settle(table, 1, START)
    table.reserve(key(1), SECOND, 0, START, SECOND)
    table.burn(key(1), START + SECOND, START)
    again = hand_over(table)
    assert again.visit(ADDRESS, key(1), START) == (first, 4)
    assert again.reserve(key(1), SECOND, 0, START, SECOND) == SECOND
    assert again.burn(key(1), START + SECOND, START) == 0
    again.close()


def test_both_owners_of_a_memory_count_as_one(table: Table) -> None:
    again = hand_over(table)
    seen = [owner.visit(ADDRESS, key(1), START)[1] for owner in (table, again, table, again)]
    assert seen == [1, 2, 3, 4]
    again.close()


def test_memory_of_other_sizes_is_left_as_it_is_and_a_new_one_starts_empty(table: Table) -> None:
    settle(table, 1, START)
    before = table.memory.copy()
    for sizes in (TINY, Sizes(256, 16, 256, 16, 16, 16, 1 << 13, 4, 64, 2)):
        again = hand_over(table, sizes)
        assert is_empty(again)
        assert again.plan.sizes == sizes
        settle(again, 1, START)
        again.close()
    assert (table.memory == before).all()


def test_memory_whose_words_mean_something_else_starts_empty(table: Table) -> None:
    settle(table, 1, START)
    table.memory[layout.DIGEST] ^= np.uint64(1)
    again = hand_over(table)
    assert is_empty(again)
    assert again.memory[layout.DIGEST] == layout.layout_digest()
    again.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x5a" * 4096, b"\x5a" * layout.layout(TINY).size, bytes(layout.layout(TINY).size)],
    ids=["empty", "short", "noise", "zeros"],
)
def test_foreign_memory_is_given_up_for_a_new_one(content: bytes) -> None:
    fd = memory_of(content)
    table = Table.adopt(fd, TINY)
    assert is_empty(table)
    assert settle(table, 1, START) > 0
    # The number may have been given to the new memory, but the old one is closed.
    assert os.fstat(table.fd).st_size == layout.layout(TINY).size
    assert table.fd == fd or not (DESCRIPTORS / str(fd)).exists()
    table.close()


def test_a_descriptor_that_is_none_is_given_up_for_new_memory() -> None:
    read, write = os.pipe()
    os.close(write)
    os.close(read)
    table = Table.adopt(read, TINY)
    assert is_empty(table)
    table.close()


# ---- what is told


def test_stats_tell_slots_keys_evictions_and_refusals() -> None:
    table = new_table(TINY)
    for number in range(16):
        settle(table, number, START)
    for number in range(4):
        table.hold(ADDRESS, settle(table, 100 + number, START + SECOND), layout.HAS_PASS, START)
    stats = table.stats(ADDRESS)
    assert (stats.slots, stats.live, stats.evictions, stats.refusals) == (16, 16, 4, 0)
    for number in range(100):
        for _ in range(6):
            table.visit(ADDRESS, key(200 + number), START + SECOND)
    assert table.stats(ADDRESS).refusals > 0
    assert table.stats(layout.SESSION).live == 0


def test_gate_stats_start_at_nothing() -> None:
    stats = new_table().gate_stats()
    assert (stats.gates_full, stats.nonces_full) == (0, 0)


@pytest.mark.skipif(not jit_is_on(), reason="plain Python is slow")
def test_a_visit_costs_microseconds() -> None:
    table, who = new_table(), key(1)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(200):
            table.visit(ADDRESS, who, START)
        best = min(best, (time.perf_counter() - start) / 200)
    assert best < 10e-6
