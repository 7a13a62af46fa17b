"""Several processes on one memory at once."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from tests.counters.asks import NO_RAMPS, ask
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
from trafficguard.counters import directory, layout, slot
from trafficguard.counters.jit import (
    Words,
    atomic_add,
    atomic_exchange,
    compare_and_swap,
    jit_is_on,
    kernel,
    load_acquire,
)
from trafficguard.counters.layout import Sizes
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm

pytestmark = pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")

PROCESSES = 4
EDGE = START - START % HOUR + HOUR


def run_in_processes(work: Callable[[int], list[int] | None]) -> list[list[int]]:
    """Runs `work(0)` … `work(3)` at once, each in a process forked from this one, and expects no failure.

    Returns what each of them returned.
    """
    warm()
    gate_read, gate_write = os.pipe()
    children, answers = [], []
    for number in range(PROCESSES):
        answer_read, answer_write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(gate_write)
            os.close(answer_read)
            os.read(gate_read, 1)  # returns when the parent opens the gate by closing its end
            status = 1
            try:
                with os.fdopen(answer_write, "wb") as answer:
                    found = work(number) or []
                    answer.write(struct.pack(f"{len(found)}q", *found))
                status = 0
            finally:
                os._exit(status)
        os.close(answer_write)
        children.append(child)
        answers.append(answer_read)
    os.close(gate_read)
    os.close(gate_write)
    found = []
    for answer_read in answers:
        with os.fdopen(answer_read, "rb") as answer:
            told = answer.read()
        found.append(list(struct.unpack(f"{len(told) // 8}q", told)))
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * PROCESSES
    return found


def features(table: Table, now: int) -> dict[str, dict[str, float]]:
    """What is known of the sender of one more request, which is no page and has no kind."""
    ledger = Ledger(table.memory)
    ledger.take_in(ask(now, slot.READS_ALL), 0.0, NO_RAMPS)
    return ledger.features()


# ---- the operations, in loops so tight that processes meet at every step


@kernel()
def add_often(words: Words, times: int) -> None:
    """Adds one so many times; where, is read anew each time, so that no compiler makes one sum of it."""
    for _ in range(times):
        atomic_add(words, load_acquire(words, np.uint64(1)), np.uint64(1))


@kernel()
def swap_often(words: Words, times: int) -> None:
    """Adds one so many times, each by a swap that is tried until it succeeds."""
    for _ in range(times):
        held = load_acquire(words, np.uint64(0))
        before = compare_and_swap(words, np.uint64(0), held, held + np.uint64(1))
        while before != held:
            held = before
            before = compare_and_swap(words, np.uint64(0), held, held + np.uint64(1))


@kernel()
def exchange_often(words: Words, times: int, first: int) -> np.uint64:
    """Leaves so many numbers from `first` on and takes what was there; returns the sum of what it took."""
    taken = np.uint64(0)
    for number in range(times):
        taken += atomic_exchange(words, np.uint64(0), np.uint64(first + number))
    return taken


@pytest.mark.parametrize("often", [add_often, swap_often])
def test_four_processes_changing_one_word_lose_nothing(often: Callable[[Words, int], None]) -> None:
    words, each = np.frombuffer(mmap.mmap(-1, 4096), np.uint64), 1_000_000
    often(words, 0)
    run_in_processes(lambda _number: often(words, each))
    assert int(words[0]) == PROCESSES * each


def test_what_four_processes_exchange_is_taken_once() -> None:
    words, each = np.frombuffer(mmap.mmap(-1, 4096), np.uint64), 1_000_000
    exchange_often(words, 0, 0)
    found = run_in_processes(lambda number: [int(exchange_often(words, each, 1 + number * each))])
    assert sum(taken for (taken,) in found) + int(words[0]) == sum(range(1, PROCESSES * each + 1))


# ---- counting


@pytest.mark.parametrize("gap", [0, 50_000_000], ids=["at once", "rolling buckets"])
@pytest.mark.parametrize("_again", range(5))
def test_four_processes_counting_one_key_lose_nothing(gap: int, _again: int) -> None:
    table, each = new_table(), 12_000
    ledger = Ledger(table.memory)
    for _ in range(3):
        ledger.take_in(ask(EDGE), 0.0, NO_RAMPS)

    def hammer(_number: int) -> None:
        mine = Ledger(table.memory)
        for step in range(each):
            mine.take_in(ask(EDGE + step * gap), 0.0, NO_RAMPS)

    run_in_processes(hammer)
    known = features(table, EDGE + each * gap)
    counted = PROCESSES * each + 1  # the first two had no slot yet, this one is no page
    for kind in ("address", "session"):
        assert known[kind]["requests_1h"] == counted + 1
        assert known[kind]["pages"] == counted
    if gap == 0:
        assert [known["network"][f"requests_{window}"] for window in ("10s", "1m", "10m")] == [counted + 1] * 3


def test_four_processes_adding_to_one_visit_count_lose_nothing() -> None:
    table, each = new_table(), 10_000
    first = settle(table, 1, START)

    def hammer(_number: int) -> None:
        for step in range(each):
            # A new second each time, so that every visit changes the word.
            table.visit(ADDRESS, key(1), START + step * SECOND // 100)

    run_in_processes(hammer)
    assert table.visit(ADDRESS, key(1), START + each * SECOND // 100) == (first, PROCESSES * each + 4)


# ---- slots


def test_four_processes_meeting_the_same_newcomers_give_each_one_slot() -> None:
    sizes = Sizes(1 << 14, 16, 16, 16, 16, 16, sketch_cells=1 << 16, gate_buckets=1, nonces=16, workers=4)
    table, newcomers = new_table(sizes), 3000

    def greet(_number: int) -> None:
        for number in range(newcomers):
            for _ in range(3):
                table.visit(ADDRESS, key(number), START, group=1 + number)

    run_in_processes(greet)
    assert table.stats(ADDRESS).live == newcomers
    held = Counter(tag for tag in tags(table) if tag)
    assert set(held.values()) == {1}
    assert len(held) == newcomers
    assert group_counts(table) == groups_charged(table)


def test_four_processes_replacing_each_others_keys_leave_every_slot_usable() -> None:
    table, each = new_table(TINY), 3000

    def flood(number: int) -> None:
        for step in range(each):
            settle(table, number << 32 | step, START + step, group=1 + number)

    run_in_processes(flood)
    stats = table.stats(ADDRESS)
    assert stats.live == layout.PROBES
    assert stats.evictions > each
    assert all(tag >> 63 for tag in tags(table))
    assert group_counts(table) == groups_charged(table)
    assert settle(table, 1 << 60, START + 2 * HOUR) > 0


def test_a_worker_killed_while_it_replaces_keys_leaves_every_slot_usable() -> None:
    table = new_table(TINY)
    warm()
    child = os.fork()
    if child == 0:
        for step in range(100_000_000):
            settle(table, step, START + step, group=1 + step % 7)
        os._exit(0)
    deadline = time.monotonic() + 30
    while table.stats(ADDRESS).evictions < 1000 and time.monotonic() < deadline:
        os.sched_yield()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert table.stats(ADDRESS).evictions >= 1000
    later = START + 2 * HOUR + directory.CLAIM_PATIENCE_MS * 2_000_000
    for number in range(layout.PROBES):
        table.hold(ADDRESS, settle(table, number << 40, later), layout.HAS_PASS, later)
    assert all(table.visit(ADDRESS, key(number << 40), later)[0] for number in range(layout.PROBES))
    assert all(tag >> 63 for tag in tags(table))
    charged = groups_charged(table)
    assert all(count >= charged.get(group, 0) for group, count in group_counts(table).items())


def test_what_a_worker_counted_outlives_it() -> None:
    table = Table.create(SMALL, SECRET)

    def count(number: int) -> None:
        settle(table, number, START)

    run_in_processes(count)
    successor = Table.adopt(os.dup(table.fd), SMALL)
    assert [successor.visit(ADDRESS, key(number), START)[1] for number in range(PROCESSES)] == [4] * PROCESSES
    successor.close()
    table.close()


# ---- gates


@pytest.mark.parametrize("rivals", [0, 20])
def test_four_processes_at_one_gate_admit_exactly_what_one_would(rivals: int) -> None:
    table, burst, each = new_table(TINY), 1000, 5000

    def knock(number: int) -> list[int]:
        admitted = 0
        for step in range(each):
            admitted += table.reserve(key(1), SECOND, (burst - 1) * SECOND, START, 0) == 0
            if rivals:  # they are at once done with their gates, which stand in the same bucket
                table.reserve(key(100 + (number + step) % rivals), 1, 0, START, 0)
        return [admitted]

    assert sum(admitted for (admitted,) in run_in_processes(knock)) == burst


def test_four_processes_share_out_every_moment_of_a_gate_once() -> None:
    table, moments = new_table(TINY), 4000

    def wait(_number: int) -> list[int]:
        return [table.reserve(key(1), SECOND, 0, START, moments * SECOND) for _ in range(moments)]

    waits = [wait for waits in run_in_processes(wait) for wait in waits]
    admitted = sorted(wait for wait in waits if wait >= 0)
    assert admitted == [number * SECOND for number in range(moments + 1)]
    assert waits.count(-1) == PROCESSES * moments - moments - 1


def test_of_four_processes_that_burn_a_nonce_one_is_told_so() -> None:
    table, nonces = new_table(Sizes(16, 16, 16, 16, 16, 16, 64, 1, 1 << 14, 4)), 3000

    def burn(_number: int) -> list[int]:
        return [table.burn(key(number), START + SECOND, START) for number in range(nonces)]

    found = run_in_processes(burn)
    assert [sum(told) for told in zip(*found, strict=True)] == [1] * nonces
    assert table.gate_stats().nonces_full == 0


def test_gauges_of_four_processes_add_up() -> None:
    table, each = new_table(TINY), 10_000

    def count(number: int) -> None:
        for step in range(each):
            table.add_to_gauge(number, 1, 3 if step % 2 else -1)

    run_in_processes(count)
    assert table.gauge(1) == PROCESSES * each
