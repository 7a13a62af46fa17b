"""The Python face: whose memory it takes, what it refuses, what it tells."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.counters.memories import ADDRESS, SECOND, SECRET, SMALL, START, TINY, key, new_table, settle
from trafficguard.counters import layout
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

ROOT = Path(__file__).parents[2]
MEBIBYTE = 1 << 20
MOST_SLOTS = [layout.MAX_SLOTS] * len(layout.KINDS)
CREATE_WITHIN = """
import os, resource, sys
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

before = len(os.listdir("/proc/self/fd"))
limit = getattr(resource, sys.argv[1])
resource.setrlimit(limit, (int(sys.argv[2]), resource.getrlimit(limit)[1]))
try:
    Table.create(Sizes(*map(int, sys.argv[3:])))
except OSError as problem:
    print(problem.errno, len(os.listdir("/proc/self/fd")) - before)
"""
"""Tells the number of the error, and how many descriptors were left open."""


def create_within(limit: str, most: int, *sizes: int) -> tuple[int, int]:
    """What a fresh process meets that may not have more than so many bytes."""
    command = [sys.executable, "-c", CREATE_WITHIN, limit, str(most), *map(str, sizes)]
    number, left_open = subprocess.check_output(command, cwd=ROOT, timeout=120).split()
    return int(number), int(left_open)


def descriptors() -> int:
    """How many are open; a mapping that somebody still looks at counts as one."""
    return len(list(Path("/proc/self/fd").iterdir()))


def mapped_bytes(table: Table) -> int:
    """How much of the table's memory this process has mapped already."""
    start = table.memory.ctypes.data
    wanted, lines = f"{start:x}-", Path("/proc/self/smaps").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(wanted))
    return next(int(line.split()[1]) * 1024 for line in lines[at:] if line.startswith("Rss:"))


# ---- new memory


def test_new_memory_is_empty_but_for_its_header() -> None:
    table = new_table()
    assert not table.memory[layout.TALLIES :].any()
    assert [int(table.memory[index]) for index in layout.fixed_words(table.plan)] == [
        *layout.fixed_words(table.plan).values()
    ]
    assert bytes(table.memory[layout.SECRET : layout.SECRET + 2]) == SECRET


def test_memory_is_taken_when_it_is_made_and_not_when_it_is_written_to() -> None:
    with closing(Table.create(TINY)) as table:
        assert os.fstat(table.fd).st_blocks * 512 >= table.plan.size


def test_memory_that_may_not_be_had_is_an_error_at_once_and_leaves_nothing_open() -> None:
    assert create_within("RLIMIT_FSIZE", MEBIBYTE) == (errno.EFBIG, 0)
    assert create_within("RLIMIT_AS", 300 * MEBIBYTE + layout.layout().size // 2) == (errno.ENOMEM, 0)


def test_more_memory_than_the_machine_has_is_an_error_before_any_is_taken() -> None:
    # The limit only protects the machine from a table that does not refuse, which would tell another error.
    assert create_within("RLIMIT_FSIZE", MEBIBYTE, *MOST_SLOTS) == (errno.ENOMEM, 0)


def test_sizes_without_a_map_are_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Table.create(Sizes(address=100))


@pytest.mark.parametrize("secret", [b"", b"short", bytes(17)])
def test_a_secret_of_another_length_is_refused(secret: bytes) -> None:
    before = descriptors()
    with pytest.raises(ValueError, match="16 bytes"):
        Table.create(TINY, secret)
    assert descriptors() == before


def test_two_tables_draw_different_secrets() -> None:
    drawn = set()
    for _ in range(2):
        with closing(Table.create(TINY)) as table:
            drawn.add(bytes(table.memory[layout.SECRET : layout.SECRET + 2]))
    assert len(drawn) == 2
    assert bytes(16) not in drawn


@pytest.mark.parametrize("more", [-8, 8])
def test_nobody_who_is_handed_the_memory_can_cut_it_off_or_lengthen_it(more: int) -> None:
    with closing(Table.create(TINY)) as table, pytest.raises(PermissionError):
        os.ftruncate(table.fd, table.plan.size + more)


def test_closing_closes_once_and_the_memory_stays() -> None:
    table = Table.create(TINY)
    number = table.fd
    table.close()
    with closing(Table.create(TINY)) as other:
        assert other.fd == number
        table.close()
        os.fstat(number)
    assert settle(table, 1, START) > 0


def test_mapping_everything_beforehand_leaves_the_contents_as_they_are() -> None:
    with closing(Table.create(SMALL)) as table:
        first = settle(table, 1, START)
        before = table.memory.copy()
        with closing(Table.adopt(os.dup(table.fd), SMALL)) as again:
            again.populate()
            assert (again.memory == before).all()
            assert again.visit(ADDRESS, key(1), START) == (first, 4)


@pytest.mark.skipif(tuple(map(int, os.uname().release.split(".")[:2])) < (5, 14), reason="needs Linux 5.14")
def test_mapping_everything_beforehand_leaves_no_page_to_a_request() -> None:
    with closing(Table.create(SMALL)) as table:
        assert mapped_bytes(table) < table.plan.size
        table.populate()
        assert mapped_bytes(table) >= table.plan.size


# ---- memory handed over


def test_memory_handed_over_keeps_its_counts_and_its_secret() -> None:
    with closing(Table.create(SMALL)) as table:
        first = settle(table, 1, START)
        with closing(Table.adopt(os.dup(table.fd), SMALL)) as again:
            assert again.visit(ADDRESS, key(1), START) == (first, 4)
            assert table.visit(ADDRESS, key(1), START) == (first, 5)


def test_memory_handed_over_outlives_the_table_that_made_it() -> None:
    table = Table.create(SMALL)
    first = settle(table, 1, START)
    handed_over = os.dup(table.fd)
    table.close()
    del table
    with closing(Table.adopt(handed_over, SMALL)) as again:
        assert again.visit(ADDRESS, key(1), START) == (first, 4)


@pytest.mark.parametrize("word", [layout.DIGEST, layout.SIZE, layout.GATES_MASK, layout.KIND_ROWS + layout.GROUP_CAP])
def test_memory_with_another_header_is_left_as_it_is_and_a_new_one_starts_empty(word: int) -> None:
    with closing(Table.create(SMALL)) as table:
        settle(table, 1, START)
        table.memory[word] += 1
        before = table.memory.copy()
        with closing(Table.adopt(os.dup(table.fd), SMALL)) as again:
            assert again.visit(ADDRESS, key(1), START) == (0, 1)
        assert (table.memory == before).all()


def test_memory_of_other_sizes_is_not_adopted_and_its_descriptor_is_closed() -> None:
    before = descriptors()
    with closing(Table.create(SMALL)) as table, closing(Table.adopt(os.dup(table.fd), TINY)) as again:
        assert again.plan == layout.layout(TINY)
        assert settle(again, 1, START) > 0
    del table, again
    assert descriptors() == before


def test_what_is_no_memory_is_not_adopted_and_its_descriptor_is_closed() -> None:
    before = descriptors()
    read_end, write_end = os.pipe()
    os.close(write_end)
    for fd in (read_end, -1):
        with closing(Table.adopt(fd, TINY)) as table:
            assert settle(table, 1, START) > 0
    del table
    assert descriptors() == before


# ---- keys, bounds and tallies


@pytest.mark.parametrize("malformed", [b"", b"short", bytes(15), bytes(17)])
def test_malformed_keys_are_refused_and_count_nothing(malformed: bytes) -> None:
    table = new_table()
    before = table.memory.copy()
    with pytest.raises(ValueError, match="16 bytes"):
        table.visit(ADDRESS, malformed, START)
    with pytest.raises(ValueError, match="16 bytes"):
        table.reserve(malformed, SECOND, 0, START, SECOND)
    with pytest.raises(ValueError, match="16 bytes"):
        table.burn(malformed, START + SECOND, START)
    assert (table.memory == before).all()


def test_no_key_is_stored() -> None:
    table, who = new_table(), b"someone to spot!"
    for _ in range(3):
        first, _seen = table.visit(ADDRESS, who, START)
    table.reserve(who, SECOND, 0, START, SECOND)
    table.burn(who, START + SECOND, START)
    held = table.memory.tobytes()
    assert first > 0
    assert who[:8] not in held
    assert who[8:] not in held


def test_under_another_secret_the_same_keys_stand_elsewhere() -> None:
    found = []
    for secret in (SECRET, SECRET, bytes(16)):
        with closing(Table.create(SMALL, secret)) as table:
            found.append([settle(table, number, START) for number in range(8)])
    assert found[0] == found[1] != found[2]


def test_ever_more_keys_take_no_more_memory_and_what_became_of_them_is_told() -> None:
    table = new_table(TINY)
    kept = sum(settle(table, number, START + number) > 0 for number in range(200))
    stats = table.stats(ADDRESS)
    assert (stats.slots, stats.live, stats.evictions) == (16, 16, kept - 16)
    assert stats.evictions > 0
    assert len(table.memory) == layout.layout(TINY).words


@pytest.mark.skipif(not jit_is_on(), reason="plain Python is slow")
def test_three_keys_of_a_request_cost_microseconds() -> None:
    table, keys = new_table(), [key(1), key(2), key(3)]
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(200):
            for who in keys:
                table.visit(ADDRESS, who, START)
        best = min(best, (time.perf_counter() - start) / 200)
    assert best < 20e-6
