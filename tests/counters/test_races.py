"""What another process does at every single moment of ours: each interleaving tried, one by one.

Uncompiled, the atomic operations are ordinary functions, so a rival can be made to act, or ourselves to die, before
any of them. This file therefore runs with nothing compiled only (`test_modes`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.counters.memories import (
    ADDRESS,
    HOUR,
    SECOND,
    START,
    TINY,
    group_counts,
    groups_charged,
    key,
    new_table,
    settle,
    tags,
)
from trafficguard.counters import directory, gates, layout, sketch, windows
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.table import Table

pytestmark = pytest.mark.skipif(jit_is_on(), reason="only uncompiled operations can be interrupted")

OPERATIONS = ("atomic_add", "atomic_exchange", "compare_and_swap", "load_acquire", "store_release")
MODULES = (directory, gates, sketch, windows)
MOST_OPERATIONS = 400
"""More than any one call here takes."""
OURS, RIVALS = 1, 2
OLD_ITEM = 100
AFTER_PATIENCE = START + 2 * directory.CLAIM_PATIENCE_MS * 1_000_000

Act = Callable[[Table], object]


class Death(BaseException):
    """Ends ours in the middle of an operation, as a kill would: nothing catches it."""


def interruptions(monkeypatch: pytest.MonkeyPatch, prepare: Act, ours: Act, rival: Act) -> Iterator[Table]:
    """Tables after one act of ours in which the rival acted before operation 0, 1, 2 … of it, or ours died there."""
    table = new_table(TINY)
    prepare(table)
    prepared = table.memory.copy()
    for moment in range(MOST_OPERATIONS):
        table.memory[:] = prepared
        left = [moment + 1]
        with monkeypatch.context() as patched:
            _interrupt(patched, left, lambda: rival(table))
            with contextlib.suppress(Death):
                ours(table)
        if left[0] > 0:
            assert moment > 0
            return
        yield table
    pytest.fail("a call never ends")


def _interrupt(patched: pytest.MonkeyPatch, left: list[int], act: Callable[[], object]) -> None:
    def wrap(operation: Callable[..., object]) -> Callable[..., object]:
        def interrupted(*arguments: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                act()
            return operation(*arguments)

        return interrupted

    for module in MODULES:
        for name in OPERATIONS:
            if hasattr(module, name):
                patched.setattr(module, name, wrap(getattr(module, name)))


def die(_table: Table) -> None:
    """Not a rival, but our end."""
    raise Death


def visit(number: int, now: int = START, group: int = 7) -> Act:
    """One visit of a key."""
    return lambda table: table.visit(ADDRESS, key(number), now, group)


def known_twice(*numbers: int, full: bool = False) -> Act:
    """Keys that came twice, so that their next visit gives them a slot; in a full table, if that is asked for."""

    def act(table: Table) -> None:
        for number in range(OLD_ITEM, OLD_ITEM + layout.PROBES) if full else ():
            settle(table, number, START - 2 * HOUR + number * SECOND, group=9)
        for number in numbers:
            for _ in range(2):
                table.visit(ADDRESS, key(number), START - 600 * SECOND)

    return act


def slot_of(table: Table, number: int, now: int = START) -> int:
    """Where the data of a key start that visits once more."""
    return table.visit(ADDRESS, key(number), now, 7)[0]


def all_published(table: Table) -> bool:
    """Whether no slot is left half filled."""
    return all(tag == 0 or tag >> 63 for tag in tags(table))


def is_counted_well(table: Table) -> bool:
    """Whether groups hold exactly what is charged to them."""
    return group_counts(table) == groups_charged(table)


# ---- slots


def test_two_newcomers_with_one_key_share_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, known_twice(OURS), visit(OURS), visit(OURS)):
        # The fifth visit: one may be known to the sketch and to the slot, and two of the sketch be known as one.
        assert table.visit(ADDRESS, key(OURS), START, 7)[1] in (4, 5, 6)
        assert table.stats(ADDRESS).live == 1
        assert group_counts(table) == groups_charged(table) == {7: 1}


def test_two_newcomers_after_one_slot_both_get_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_two_slots(table: Table) -> None:
        for number in range(OLD_ITEM, OLD_ITEM + layout.PROBES - 2):
            settle(table, number, START - SECOND)
        known_twice(OURS, RIVALS)(table)

    for table in interruptions(monkeypatch, leave_two_slots, visit(OURS), visit(RIVALS)):
        assert slot_of(table, OURS) != slot_of(table, RIVALS)
        assert (table.stats(ADDRESS).live, table.stats(ADDRESS).evictions) == (layout.PROBES, 0)
        assert is_counted_well(table)


def test_two_newcomers_that_evict_both_get_an_empty_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, known_twice(OURS, RIVALS, full=True), visit(OURS), visit(RIVALS)):
        assert (table.stats(ADDRESS).evictions, table.stats(ADDRESS).refusals) == (2, 0)
        assert all_published(table)
        assert 0 < slot_of(table, OURS) != slot_of(table, RIVALS) > 0
        assert is_counted_well(table)


def test_two_that_evict_for_one_newcomer_miss_one_visit_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, known_twice(OURS, full=True), visit(OURS), visit(OURS)):
        assert table.stats(ADDRESS).refusals == 0
        assert all_published(table)
        assert table.visit(ADDRESS, key(OURS), START, 7)[1] in (4, 5, 6)
        assert is_counted_well(table)


def test_one_robbed_while_it_fills_a_slot_leaves_it_to_the_robber(monkeypatch: pytest.MonkeyPatch) -> None:
    robber = visit(RIVALS, AFTER_PATIENCE)
    for table in interruptions(monkeypatch, known_twice(OURS, RIVALS, full=True), visit(OURS), robber):
        assert all_published(table)
        assert 0 < slot_of(table, RIVALS, AFTER_PATIENCE) != slot_of(table, OURS, AFTER_PATIENCE) > 0


def test_whoever_dies_at_any_moment_of_taking_a_slot_takes_none_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, known_twice(OURS, RIVALS, full=True), visit(OURS), die):
        assert slot_of(table, RIVALS, AFTER_PATIENCE) > 0
        for number in range(200, 200 + layout.PROBES):
            assert settle(table, number, AFTER_PATIENCE + HOUR + number * SECOND) > 0
        assert all_published(table)
        held = groups_charged(table)
        left = group_counts(table)
        # One slot too high at most, and never too low.
        assert all(0 <= left.get(group, 0) - held.get(group, 0) <= 1 for group in left | held)


# ---- windows


def count(table: Table, now: int) -> float:
    """Counts once in the hour's window at the start of the slots of addresses."""
    first = np.uint64(table.plan["address slots"].offset)
    return float(windows.count_in_window(table.memory, first, np.uint64(HOUR), np.uint64(now), np.uint64(1)))


@pytest.mark.parametrize("before", [START, START - HOUR, START - 48 * HOUR])
def test_two_that_roll_the_same_bucket_are_both_counted(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    edge = START - START % HOUR

    def act(table: Table) -> float:
        return count(table, edge)

    for table in interruptions(monkeypatch, lambda table: count(table, before - START % HOUR), act, act):
        found = count(table, edge)
        assert found == (3 if before < START - HOUR else 4)


def test_a_rival_one_epoch_ahead_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = START - START % HOUR
    for table in interruptions(
        monkeypatch, lambda _table: None, lambda table: count(table, edge - 1), lambda table: count(table, edge)
    ):
        assert count(table, edge) == 3


# ---- gates and nonces


def reserve(number: int) -> Act:
    """One arrival at a gate that lets two through at once."""
    return lambda table: table.reserve(key(number), SECOND, SECOND, START, 0)


@pytest.mark.parametrize("opened", [False, True])
def test_two_at_one_gate_are_admitted_as_one_after_the_other(monkeypatch: pytest.MonkeyPatch, opened: bool) -> None:
    admitted: list[int] = []

    def arrive(table: Table) -> None:
        admitted.append(table.reserve(key(OURS), SECOND, SECOND, START, 0))

    def prepare(table: Table) -> None:
        if opened:
            table.reserve(key(OURS), SECOND, SECOND, START, 0)

    for table in interruptions(monkeypatch, prepare, arrive, arrive):
        # Whoever finds the lock of a new gate's bucket held is denied, and that is told.
        locked = table.gate_stats().gates_full
        arrive(table)
        assert admitted.count(0) == (1 if opened else 2)
        assert admitted.count(-1) == (2 if opened else 1)
        assert locked <= (0 if opened else 1)
        admitted.clear()


def test_two_that_want_the_last_gate_never_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_one(table: Table) -> None:
        for number in range(OLD_ITEM, OLD_ITEM + layout.GATES_PER_BUCKET - 1):
            table.reserve(key(number), HOUR, 0, START, 0)

    for table in interruptions(monkeypatch, leave_one, reserve(OURS), reserve(RIVALS)):
        region = table.plan["gates"]
        owners = [int(tag) for tag in table.memory[region.offset + 2 : region.end : 2]]
        assert len(set(owners)) == len(owners)
        assert table.gate_stats().gates_full >= 1


def test_whoever_dies_at_any_moment_at_a_gate_closes_it_for_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for table in interruptions(monkeypatch, lambda _table: None, reserve(OURS), die):
        for number in range(layout.GATES_PER_BUCKET):
            found = [table.reserve(key(number), SECOND, SECOND, AFTER_PATIENCE, 0) for _ in range(3)]
            assert found == [0, 0, -1]


def test_of_two_that_burn_one_nonce_exactly_one_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def burn(table: Table) -> None:
        told.append(table.burn(key(OURS), START + SECOND, START))

    for _table in interruptions(monkeypatch, lambda _table: None, burn, burn):
        assert sorted(told) == [0, 1]
        told.clear()
