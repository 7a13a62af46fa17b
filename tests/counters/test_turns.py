"""Small numbers in one word: each counts for itself, stops for itself, and goes with its epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import SECOND, START
from trafficguard.counters import profile, slot, turns

Word = np.uint64
EPOCH = START // (3600 * SECOND)
COUNTS = {
    "changes": turns.CHANGES, "robots": turns.ROBOTS, "solved": turns.SOLVED, "failed": turns.FAILED, "asked": turns.ASKED,
    "withheld": turns.WITHHELD,
}  # fmt: skip
MOST = {name: 15 if name in ("changes", "robots") else 255 for name in COUNTS}
NOTED = ["changes", "robots", "solved", "failed"]


class Turns:
    """Two words of turns between two that are nobody's."""

    def __init__(self) -> None:
        self.memory = np.zeros(4, np.uint64)

    def note(self, name: str, epoch: int = EPOCH) -> None:
        turns.note_turn(self.memory, Word(1), Word(epoch), COUNTS[name])

    def ask(self, now: int, epoch: int = EPOCH) -> None:
        turns.note_asked(self.memory, Word(1), Word(epoch), Word(now))

    def counted(self, epoch: int = EPOCH) -> dict[str, float]:
        this, before = (profile.counts_of(self.memory, Word(1), Word(at)) for at in (epoch, epoch - 1))
        return {name: float(turns.turns_in(this, before, shift)) for name, shift in COUNTS.items()}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*NOTED, "asked"]), st.integers(0, 20)), max_size=60))
def test_small_numbers_in_a_word_equal_as_many_apart(steps: list[tuple[int, str, int]]) -> None:
    one, counts, moments, epoch, now = Turns(), Counter[tuple[int, str]](), dict[int, int](), EPOCH, START
    for step, name, seconds in steps:
        epoch, now = epoch + step // 3, now + seconds * SECOND
        if name != "asked":
            one.note(name, epoch)
            counts[epoch, name] += 1
        else:
            one.ask(now, epoch)
            counts[epoch, "withheld"] += 1
            counts[epoch, "asked"] += moments.get(epoch) != now // (8 * SECOND)
            moments[epoch] = now // (8 * SECOND)
        told = {name: sum(min(counts[at, name], MOST[name]) for at in (epoch, epoch - 1)) for name in COUNTS}
        assert one.counted(epoch) == told
    assert one.memory[0] == one.memory[-1] == 0


def test_a_full_number_stops_and_leaves_its_neighbours_alone() -> None:
    one = Turns()
    for number in range(300):
        one.note("robots")
        one.ask(START + number * 8 * SECOND)
    one.note("solved")
    full = {"changes": 0.0, "robots": 15.0, "solved": 1.0, "failed": 0.0, "asked": 255.0, "withheld": 255.0}
    assert one.counted() == one.counted(EPOCH + 1) == full
    assert one.counted(EPOCH + 2) == dict.fromkeys(COUNTS, 0.0)


def test_a_worker_one_epoch_behind_finds_its_word() -> None:
    one = Turns()
    for number in range(20):
        one.note("failed", EPOCH - number % 2)
        one.ask(START + number * 8 * SECOND, EPOCH - number % 2)
    assert (one.counted()["failed"], one.counted()["asked"]) == (20.0, 20.0)


def test_tabs_that_are_opened_at_once_are_asked_once() -> None:
    one = Turns()
    for tab in range(40):
        one.ask(START + tab * SECOND // 10)
    assert (one.counted()["asked"], one.counted()["withheld"]) == (1.0, 40.0)
    one.ask(START + 9 * SECOND)
    assert one.counted()["asked"] == 2.0


def test_the_first_moment_of_all_counts_too() -> None:
    one = Turns()
    one.ask(0)
    assert one.counted()["asked"] == 1.0


def test_numbers_stand_apart_below_the_epoch() -> None:
    shifts = [*sorted(map(int, COUNTS.values())), slot.TURN_MOMENT]
    assert shifts == [0, 4, 8, 16, 24, 32, 40]
