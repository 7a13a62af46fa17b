"""What another process does at every single moment of ours: each interleaving tried, one by one.

Uncompiled, the atomic operations are ordinary functions, so a rival can be made to act before any of them.
This file therefore runs with nothing compiled only (`test_modes`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest

from trafficguard.counters import kernels, layout
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.table import Table

pytestmark = pytest.mark.skipif(jit_is_on(), reason="only uncompiled operations can be interrupted")

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SECRET = bytes(range(16))
OPERATIONS = ("atomic_add", "atomic_exchange", "compare_and_swap", "load_acquire", "store_release")
MOST_OPERATIONS = 200
"""More than one `observe` of one key can take."""

OURS, RIVALS = (1).to_bytes(16, "little"), (2).to_bytes(16, "little")

Act = Callable[[Table], None]


def count(table: Table, who: bytes, now: int = START) -> list[float]:
    """Counts once and returns the estimates of the four windows."""
    rates = table.observe((who,), now)
    return [rates[0, window] for window in range(len(layout.WINDOWS_S))]


def visit(who: bytes, now: int = START) -> Act:
    """A rival that counts one request of a key."""

    def act(table: Table) -> None:
        count(table, who, now)

    return act


def interruptions(monkeypatch: pytest.MonkeyPatch, prepare: Act, rival: Act) -> Iterator[Table]:
    """Tables after one request of ours in which the rival acted before operation 0, 1, 2 … of it."""
    for moment in range(MOST_OPERATIONS):
        table = Table.in_new_memory(layout.PROBES, SECRET)
        prepare(table)
        with monkeypatch.context() as patched:
            left = _interrupt(patched, moment, functools.partial(rival, table))
            count(table, OURS)
        if left():
            assert moment > 0
            return
        yield table
    pytest.fail("a request never ends")


def _interrupt(patched: pytest.MonkeyPatch, moment: int, act: Callable[[], None]) -> Callable[[], bool]:
    """Lets `act` happen before atomic operation number `moment`; the result tells whether it never came."""
    left = [moment + 1]

    def wrap(operation: Callable[..., object]) -> Callable[..., object]:
        def interrupted(*arguments: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                act()
            return operation(*arguments)

        return interrupted

    for name in OPERATIONS:
        patched.setattr(kernels, name, wrap(getattr(kernels, name)))
    return lambda: left[0] > 0


def nothing(_table: Table) -> None:
    """An empty table."""


def fill(table: Table) -> None:
    """Sixteen older keys, so that the table is full."""
    for number in range(100, 100 + layout.PROBES):
        count(table, number.to_bytes(16, "little"), START - 5 * SECOND + number)


def all_published(table: Table) -> bool:
    """Whether no slot is left half filled."""
    return all(int(tag) >> 63 for tag in table._directory[:: layout.DIRECTORY_WORDS])


def test_two_newcomers_with_one_key_share_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, nothing, visit(OURS)):
        assert count(table, OURS) == [3.0] * 4
        assert table.stats().live == 1


def test_two_newcomers_after_one_slot_both_get_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_one_slot(table: Table) -> None:
        for number in range(100, 100 + layout.PROBES - 2):
            count(table, number.to_bytes(16, "little"), START)

    for table in interruptions(monkeypatch, leave_one_slot, visit(RIVALS)):
        assert count(table, OURS) == [2.0] * 4
        assert count(table, RIVALS) == [2.0] * 4
        assert table.stats().live == layout.PROBES
        assert table.stats().evictions == 0


def test_two_that_roll_the_same_buckets_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, visit(OURS, START - 7200 * SECOND), visit(OURS)):
        assert count(table, OURS) == [3.0] * 4


def test_a_rival_one_epoch_ahead_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    later = START - START % (3600 * SECOND) + 3600 * SECOND
    for table in interruptions(monkeypatch, nothing, visit(OURS, later)):
        assert count(table, OURS, later)[3] == pytest.approx(3)


def test_two_newcomers_that_evict_both_get_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, fill, visit(RIVALS)):
        assert table.stats().evictions == 2
        assert table.stats().refusals == 0
        assert all_published(table)
        assert count(table, RIVALS) == [2.0] * 4
        assert count(table, OURS) == [2.0] * 4


def test_two_that_evict_for_one_newcomer_miss_one_count_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, fill, visit(OURS)):
        assert table.stats().refusals == 0
        assert all_published(table)
        assert count(table, OURS)[0] in (2.0, 3.0)


def test_one_robbed_while_it_fills_a_slot_leaves_it_to_the_robber(monkeypatch: pytest.MonkeyPatch) -> None:
    later = START + 2 * kernels.CLAIM_PATIENCE_MS * 1_000_000
    for table in interruptions(monkeypatch, fill, visit(RIVALS, later)):
        assert all_published(table)
        count(table, RIVALS, later)
        count(table, OURS, later)
        assert (table.stats().evictions, table.stats().refusals) == (2, 0)
