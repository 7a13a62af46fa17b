"""Several processes on one table at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from trafficguard.counters import layout
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm

pytestmark = pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")

NOW = 1_700_000_000_000_000_000
PROCESSES = 4


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def counts(table: Table, who: bytes, now: int) -> list[float]:
    """Counts once more and returns the estimates of the four windows."""
    rates = table.observe((who,), now)
    return [rates[0, window] for window in range(len(layout.WINDOWS_S))]


def run_in_processes(work: Callable[[int], None]) -> None:
    """Runs `work(0)` … `work(3)` at once, each in a process forked from this one, and expects no failure."""
    warm()
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


def test_four_processes_hammering_one_key_lose_nothing() -> None:
    table, each = Table.in_new_memory(1024), 30_000

    def hammer(_number: int) -> None:
        for _ in range(each):
            table.observe((key(1),), NOW)

    run_in_processes(hammer)
    assert counts(table, key(1), NOW) == [PROCESSES * each + 1] * 4
    assert table.stats().live == 1


def test_four_processes_rolling_the_same_buckets_lose_nothing() -> None:
    table, each = Table.in_new_memory(1024), 30_000
    second = 1_000_000_000

    def hammer(_number: int) -> None:
        for number in range(each):
            table.observe((key(1),), NOW + number * second // 100)

    start = NOW - NOW % (3600 * second)
    assert (NOW + each * second // 100) < start + 3600 * second
    run_in_processes(hammer)
    total = counts(table, key(1), NOW + each * second // 100)[3]
    assert total == PROCESSES * each + 1


def test_four_processes_meeting_the_same_newcomers_give_each_one_slot() -> None:
    table, newcomers = Table.in_new_memory(16_384), 3000

    def greet(_number: int) -> None:
        for number in range(newcomers):
            table.observe((key(number),), NOW)

    run_in_processes(greet)
    assert table.stats().live == newcomers
    reached = {counts(table, key(number), NOW)[0] for number in range(newcomers)}
    assert reached == {PROCESSES + 1}


def test_four_processes_replacing_each_others_keys_leave_every_slot_usable() -> None:
    table, each = Table.in_new_memory(layout.PROBES), 5000

    def flood(number: int) -> None:
        for step in range(each):
            table.observe((key(number << 32 | step),), NOW + step)

    run_in_processes(flood)
    stats = table.stats()
    assert stats.live == layout.PROBES
    assert stats.evictions + stats.refusals == PROCESSES * each - layout.PROBES
    assert counts(table, key(1 << 60), NOW + each)[0] == 1


def test_a_process_killed_while_it_replaces_keys_leaves_every_slot_usable() -> None:
    table = Table.in_new_memory(layout.PROBES)
    warm()
    child = os.fork()
    if child == 0:
        for step in range(10_000_000):
            table.observe((key(step),), NOW + step)
        os._exit(0)
    deadline = time.monotonic() + 30
    while table.stats().evictions < 1000 and time.monotonic() < deadline:
        os.sched_yield()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    later = NOW + 60 * 1_000_000_000
    for number in range(100):
        assert counts(table, key(number << 32), later + number) == [1.0] * 4
    for number in range(100 - layout.PROBES, 100):
        assert counts(table, key(number << 32), later + 100) == [2.0] * 4
