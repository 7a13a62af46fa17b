"""What another process does at every single moment of ours: each interleaving tried, one by one.

Uncompiled, the atomic operations are ordinary functions, so a rival can be made to act before any of them.
This file therefore runs with nothing compiled only (`test_modes`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tests.counters.asks import NO_RAMPS, PAGE, ask
from tests.counters.memories import (
    ADDRESS,
    HOUR,
    SECOND,
    START,
    group_counts,
    groups_charged,
    key,
    new_table,
    settle,
    tags,
)
from trafficguard.counters import crowd, directory, gates, intake, layout, profile, sketch, slot, windows
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.layout import Sizes
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.table import Table

pytestmark = pytest.mark.skipif(jit_is_on(), reason="only uncompiled operations can be interrupted")

OPERATIONS = ("atomic_add", "atomic_exchange", "compare_and_swap", "load_acquire", "store_release")
MODULES: tuple[ModuleType, ...] = (crowd, directory, gates, intake, profile, sketch, windows)
MOST_OPERATIONS = 2000
"""More than one request of ours can take."""
LEAST = Sizes(16, 16, 16, 16, 16, 16, sketch_cells=1 << 10, gate_buckets=1, nonces=16, workers=1)

OURS, RIVALS = 1, 2

Act = Callable[[Table], object]


def visit(who: int, now: int = START, times: int = 1, group: int = 0) -> Act:
    """Visits of a key."""

    def act(table: Table) -> None:
        for _ in range(times):
            table.visit(ADDRESS, key(who), now, group)

    return act


def interruptions(monkeypatch: pytest.MonkeyPatch, prepare: Act, ours: Act, rival: Act) -> Iterator[Table]:
    """The table after our act, in which the rival acted before atomic operation 0, 1, 2 … of it."""
    table = new_table(LEAST)
    prepare(table)
    prepared = table.memory.copy()
    for moment in range(MOST_OPERATIONS):
        table.memory[:] = prepared
        with monkeypatch.context() as patched:
            left = _interrupt(patched, moment, functools.partial(rival, table))
            ours(table)
        if left():
            assert moment > 0
            return
        yield table
    pytest.fail("our act never ends")


def _interrupt(patched: pytest.MonkeyPatch, moment: int, act: Callable[[], object]) -> Callable[[], bool]:
    """Lets `act` happen before atomic operation number `moment`; the result tells whether it never came."""
    left = [moment + 1]

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
    return lambda: left[0] > 0


def nothing(_table: Table) -> None:
    """Leaves the table empty."""


def twice(who: int = OURS, group: int = 0) -> Act:
    """A key that gets a slot at its next visit."""
    return visit(who, times=2, group=group)


def full(table: Table) -> None:
    """Sixteen older keys that may go, and ours about to be given a slot."""
    for number in range(100, 100 + layout.PROBES):
        settle(table, number, START - 2 * HOUR + number, group=1 + number)
    visit(OURS, times=2)(table)
    visit(RIVALS, times=2)(table)


def sound(table: Table) -> bool:
    """Whether no slot is left half filled, none stands twice, and each group is charged what it holds."""
    held = [tag for tag in tags(table) if tag]
    return all(tag >> 63 for tag in held) and group_counts(table) == groups_charged(table)


# ---- slots


def test_two_third_visits_of_one_key_share_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, twice(group=7), visit(OURS, group=7), visit(OURS, group=7)):
        assert table.stats(ADDRESS).live == 1
        assert sound(table)
        # It is the fifth visit. In the sketch two at once may count as one, and what one of them counted there may
        # be counted again by the other as it takes the slot.
        assert table.visit(ADDRESS, key(OURS), START)[1] in (4, 5, 6)


def test_two_newcomers_after_one_slot_both_get_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_two_slots(table: Table) -> None:
        for number in range(100, 100 + layout.PROBES - 2):
            settle(table, number, START)
        twice(OURS)(table)
        twice(RIVALS)(table)

    for table in interruptions(monkeypatch, leave_two_slots, visit(OURS), visit(RIVALS)):
        assert [table.visit(ADDRESS, key(who), START)[1] for who in (OURS, RIVALS)] == [4, 4]
        assert (table.stats(ADDRESS).live, table.stats(ADDRESS).evictions) == (layout.PROBES, 0)


def test_two_visits_of_a_key_with_a_slot_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    later = START + 5 * SECOND
    for table in interruptions(monkeypatch, visit(OURS, times=3), visit(OURS, later), visit(OURS, later)):
        assert table.visit(ADDRESS, key(OURS), later)[1] == 6


def test_two_newcomers_that_evict_both_get_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, full, visit(OURS, group=3), visit(RIVALS, group=4)):
        assert (table.stats(ADDRESS).evictions, table.stats(ADDRESS).refusals) == (2, 0)
        assert sound(table)
        found = [table.visit(ADDRESS, key(who), START) for who in (OURS, RIVALS)]
        assert all(first for first, _seen in found)
        assert [seen for _first, seen in found] == [4, 4]


def test_two_that_evict_for_one_newcomer_miscount_one_visit_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, full, visit(OURS, group=3), visit(OURS, group=3)):
        assert table.stats(ADDRESS).refusals == 0
        assert sound(table)
        first, seen = table.visit(ADDRESS, key(OURS), START)
        assert first > 0
        assert seen in (4, 5, 6)


def test_one_robbed_while_it_fills_a_slot_leaves_it_to_the_robber(monkeypatch: pytest.MonkeyPatch) -> None:
    later = START + 2 * directory.CLAIM_PATIENCE_MS * 1_000_000
    for table in interruptions(monkeypatch, full, visit(OURS, group=3), visit(RIVALS, later, group=4)):
        assert sound(table)
        assert table.visit(ADDRESS, key(RIVALS), later)[0] > 0
        for _ in range(2):
            first, _seen = table.visit(ADDRESS, key(OURS), later)
        assert first > 0


def test_the_last_place_of_a_group_goes_to_one_of_two_or_each_process_takes_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave_one_place(table: Table) -> None:
        twice(OURS, group=7)(table)
        twice(RIVALS, group=7)(table)
        table.memory[table.plan["address groups"].offset + 7] = layout.GROUP_LEAST - 1

    for table in interruptions(monkeypatch, leave_one_place, visit(OURS, group=7), visit(RIVALS, group=7)):
        assert group_counts(table)[7] in (layout.GROUP_LEAST, layout.GROUP_LEAST + 1)
        assert group_counts(table)[7] == layout.GROUP_LEAST - 1 + groups_charged(table)[7]


# ---- whole requests


def known_of(table: Table, now: int) -> dict[str, dict[str, float]]:
    """What is known of a sender after one more request that is no page."""
    ledger = Ledger(table.memory)
    ledger.take_in(ask(now, slot.READS_ALL), 0.0, NO_RAMPS)
    return ledger.features()


def take_in(now: int, flags: int = PAGE, path: int = 4) -> Act:
    """One request."""
    return lambda table: Ledger(table.memory).take_in(ask(now, flags, path=path), 0.0, NO_RAMPS)


def met_before(table: Table) -> None:
    """Three requests, so that all keys have slots, long enough ago for every bucket to be rolled on."""
    for step in range(3):
        take_in(START - 3 * HOUR + step * SECOND)(table)


def test_two_requests_that_roll_the_same_buckets_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in interruptions(monkeypatch, met_before, take_in(START, path=5), take_in(START, path=6)):
        known = known_of(table, START)
        for kind in ("address", "network", "session", "fingerprint"):
            assert [known[kind][f"requests_{window}"] for window in ("10s", "1m", "10m", "1h")] == [3.0] * 4, kind
        assert [known[kind]["pages"] for kind in ("address", "session")] == [2.0, 2.0]


def test_two_answers_to_one_key_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(status: int) -> Act:
        return lambda table: Ledger(table.memory).feed_back(ask(START), status, -1, b"", START)

    for table in interruptions(monkeypatch, met_before, answer(4), answer(2)):
        known = known_of(table, START)["session"]
        assert [known[name] for name in ("answers", "errors", "logins", "login_failures")] == [2.0, 0.5, 2.0, 1.0]


# ---- gates


def test_two_arrivals_at_a_new_gate_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def arrive(table: Table) -> None:
        waits.append(table.reserve(key(1), SECOND, 0, START, 10 * SECOND))

    for table in interruptions(monkeypatch, nothing, arrive, arrive):
        # Whoever finds the bucket locked, and waits in vain because its holder is the one who is interrupted, is denied.
        served = sorted(wait for wait in waits if wait >= 0)
        assert served in ([0, SECOND], [0])
        assert table.reserve(key(1), SECOND, 0, START, 10 * SECOND) == len(served) * SECOND
        waits.clear()


def test_a_nonce_that_two_burn_at_once_is_burnt_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    burnt: list[int] = []

    def burn(table: Table) -> None:
        burnt.append(table.burn(key(1), START + SECOND, START))

    for table in interruptions(monkeypatch, nothing, burn, burn):
        assert sorted(burnt) == [0, 1]
        assert table.burn(key(1), START + SECOND, START) == 0
        burnt.clear()
