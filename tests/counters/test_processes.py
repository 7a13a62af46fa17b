"""Several processes on one table at once, one of them killed in the middle of it."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.counters.memories import (
    ADDRESS,
    HOUR,
    SECOND,
    SECRET,
    START,
    TINY,
    group_counts,
    groups_charged,
    key,
    new_table,
    settle,
    tags,
)
from trafficguard.counters import gates, layout, windows
from trafficguard.counters.jit import Words, jit_is_on
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

pytestmark = pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")

PROCESSES = 4
ROOMY = Sizes(1 << 14, 16, 16, 16, 16, 16, sketch_cells=1 << 16, gate_buckets=1 << 12, nonces=1 << 14, workers=4)
HOUR_EDGE = START - START % HOUR


def shared_words(count: int) -> Words:
    """Words that processes forked from this one share."""
    words: Words = np.frombuffer(mmap.mmap(-1, count * layout.WORD_BYTES), np.uint64)
    return words


def run_in_processes(work: Callable[[int], None]) -> None:
    """Runs `work(0)` … `work(3)` at once, each in a process forked from this one, and expects no failure."""
    gate_read, gate_write = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            os.close(gate_write)
            os.read(gate_read, 1)  # returns when the parent opens the gate by closing its end
            status = 1
            try:
                work(number)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    os.close(gate_read)
    os.close(gate_write)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * PROCESSES


def count(memory: Words, now: int, index: int = 0) -> float:
    """Counts once in the window of an hour that starts there, and returns the estimate."""
    width, one = np.uint64(HOUR), np.uint64(1)
    return float(windows.count_in_window(memory, np.uint64(index), width, np.uint64(now), one))


# ---- counting


def test_four_processes_hammering_one_window_lose_nothing() -> None:
    memory, each = shared_words(layout.WINDOW_WORDS), 30_000
    count(memory, START)

    def hammer(_number: int) -> None:
        for _ in range(each):
            count(memory, START)

    run_in_processes(hammer)
    assert count(memory, START) == PROCESSES * each + 2


def test_four_processes_rolling_the_same_buckets_lose_nothing() -> None:
    rounds, each = 2000, 5
    memory = shared_words(layout.WINDOW_WORDS * rounds)
    for index in range(rounds):  # buckets that hold something of long ago
        count(memory, HOUR_EDGE - 24 * HOUR, layout.WINDOW_WORDS * index)

    def roll(_number: int) -> None:
        for index in range(rounds):
            for _ in range(each):
                count(memory, HOUR_EDGE, layout.WINDOW_WORDS * index)

    run_in_processes(roll)
    found = {count(memory, HOUR_EDGE, layout.WINDOW_WORDS * index) for index in range(rounds)}
    assert found == {PROCESSES * each + 1}


def test_gauges_of_four_workers_add_up() -> None:
    table, each = new_table(), 10_000

    def work(number: int) -> None:
        for _ in range(each):
            table.add_to_gauge(number, 1, 3)
            table.add_to_gauge(number, 1, -1)

    run_in_processes(work)
    assert table.gauge(1) == PROCESSES * each * 2


# ---- slots


def test_four_processes_meeting_the_same_newcomers_give_each_one_slot() -> None:
    table, newcomers = new_table(ROOMY), 3000
    found = shared_words(PROCESSES * newcomers).reshape(PROCESSES, newcomers)

    def greet(process: int) -> None:
        for number in range(newcomers):
            found[process, number] = settle(table, number, START, group=1 + number % 100)

    run_in_processes(greet)
    assert found.all()
    assert (found == found[0]).all()
    assert len(set(found[0].tolist())) == newcomers
    assert table.stats(ADDRESS).live == newcomers
    assert group_counts(table) == groups_charged(table) == dict.fromkeys(range(1, 101), newcomers // 100)


def test_a_visit_of_one_process_is_known_to_the_others() -> None:
    table = new_table()
    seen = shared_words(PROCESSES)

    def visit(process: int) -> None:
        for _ in range(100):
            _first, seen[process] = table.visit(ADDRESS, key(1), START)

    run_in_processes(visit)
    assert 100 < max(seen.tolist()) <= PROCESSES * 100


def test_four_processes_replacing_each_others_keys_leave_every_slot_usable() -> None:
    table, each = new_table(TINY), 3000

    def flood(process: int) -> None:
        for step in range(each):
            settle(table, process << 32 | step, START + step, group=1 + step % 3)

    run_in_processes(flood)
    stats = table.stats(ADDRESS)
    assert stats.live == layout.PROBES
    assert stats.evictions > 0
    assert all(tag >> 63 for tag in tags(table))
    assert group_counts(table) == groups_charged(table)
    assert settle(table, 1 << 60, START + HOUR) > 0


def test_a_process_killed_at_any_moment_of_replacing_leaves_every_slot_usable() -> None:
    table, chance = new_table(TINY), random.Random(1)
    for number in range(20):
        kill_in_the_middle(table, 1 + number, chance.random() * 0.01)
    later = begin_of(22)
    for number in range(100):
        assert settle(table, number << 32, later + number * HOUR) > 0
    assert all(tag >> 63 for tag in tags(table))
    left, held = group_counts(table), groups_charged(table)
    assert all(held.get(group, 0) <= count < 1 << 16 for group, count in left.items())
    assert set(held) <= set(left)


def begin_of(number: int) -> int:
    """When a process begins by its own clock, well after the one before."""
    return START + number * 10_000 * HOUR


def kill_in_the_middle(table: Table, number: int, after_s: float) -> None:
    """Kills a process that gives slots to ever more keys, some time after it has begun to replace others."""
    begun = table.stats(ADDRESS).evictions
    child = os.fork()
    if child == 0:
        for step in itertools.count():
            # An hour for each key, so that none is kept from the next.
            settle(table, number << 40 | step, begin_of(number) + step * HOUR, group=1 + step % 3)
    deadline = time.monotonic() + 30
    while table.stats(ADDRESS).evictions < begun + 50 and time.monotonic() < deadline:
        os.sched_yield()
    end = time.monotonic() + after_s
    while time.monotonic() < end:
        os.sched_yield()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert table.stats(ADDRESS).evictions >= begun + 50


# ---- what is exact


@pytest.mark.parametrize("burst", [0, 7, 500])
def test_four_processes_on_one_gate_admit_exactly_what_one_would(burst: int) -> None:
    table, each = new_table(TINY), 2000
    admitted = shared_words(PROCESSES)

    def rush(process: int) -> None:
        for _ in range(each):
            admitted[process] += table.reserve(key(1), SECOND, burst * SECOND, START, 0) == 0

    run_in_processes(rush)
    assert int(admitted.sum()) == burst + 1
    assert table.gate_stats().gates_full == 0


def test_four_processes_at_one_gate_are_each_given_another_time_to_wait() -> None:
    table, longest = new_table(TINY), 1000
    waits = shared_words(PROCESSES * longest).reshape(PROCESSES, longest)
    waits[:] = ~np.uint64(0)

    def queue(process: int) -> None:
        for turn in range(longest):
            wait = table.reserve(key(1), SECOND, 0, START, (longest - 1) * SECOND)
            if wait >= 0:
                waits[process, turn] = wait

    run_in_processes(queue)
    given = sorted(wait for wait in waits.ravel().tolist() if wait != (1 << 64) - 1)
    assert given == [turn * SECOND for turn in range(longest)]


def test_four_processes_that_open_the_same_gates_admit_one_arrival_at_each() -> None:
    table, doors = new_table(ROOMY), 3000
    admitted = shared_words(PROCESSES * doors).reshape(PROCESSES, doors)

    def open_all(process: int) -> None:
        for number in range(doors):
            admitted[process, number] = table.reserve(key(number), HOUR, 0, START, 0) == 0

    run_in_processes(open_all)
    at_each = admitted.sum(axis=0).tolist()
    assert max(at_each) == 1
    # Whoever waits too long for the lock of a bucket is denied and tallied, never let through.
    assert doors - sum(at_each) <= table.gate_stats().gates_full


def test_four_processes_that_burn_the_same_nonces_burn_each_once() -> None:
    table, nonces = new_table(ROOMY), 3000
    burnt = shared_words(PROCESSES * nonces).reshape(PROCESSES, nonces)

    def burn(process: int) -> None:
        for number in range(nonces):
            burnt[process, number] = table.burn(key(number), START + SECOND, START) == 1

    run_in_processes(burn)
    assert set(burnt.sum(axis=0).tolist()) == {1}
    assert table.gate_stats().nonces_full == 0


def test_a_process_killed_at_a_gate_leaves_it_usable() -> None:
    table, chance = new_table(TINY), random.Random(2)
    for _ in range(10):
        child = os.fork()
        if child == 0:
            for step in itertools.count():
                table.reserve(key(step), 1, 0, START + 2 * step, 0)
        end = time.monotonic() + 0.01 + chance.random() * 0.01
        while time.monotonic() < end:
            os.sched_yield()
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    later = START + HOUR + 2 * gates.LOCK_PATIENCE_MS * 1_000_000
    for number in range(layout.GATES_PER_BUCKET):
        waits = [table.reserve(key(1 << 60 | number), SECOND, 0, later, SECOND) for _ in range(3)]
        assert waits == [0, SECOND, -1]


def test_a_table_is_adopted_by_another_process_while_it_is_in_use() -> None:
    sizes = TINY
    table = Table.create(sizes, SECRET)
    first = settle(table, 1, START)
    found = shared_words(PROCESSES)

    def adopt(process: int) -> None:
        again = Table.adopt(os.dup(table.fd), sizes)
        found[process] = again.visit(ADDRESS, key(1), START)[0]

    run_in_processes(adopt)
    table.close()
    assert found.tolist() == [first] * PROCESSES
