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
    "changes": turns.CHANGES, "robots": turns.ROBOTS, "asked": turns.ASKED, "solved": turns.SOLVED, "failed": turns.FAILED,
}  # fmt: skip
OTHERS = [name for name in COUNTS if name != "asked"]


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
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*COUNTS]), st.integers(0, 20)), max_size=60))
def test_small_numbers_in_a_word_equal_as_many_apart(steps: list[tuple[int, str, int]]) -> None:
    one, counts, moments, epoch, now = Turns(), Counter[tuple[int, str]](), dict[int, int](), EPOCH, START
    for step, name, seconds in steps:
        epoch, now = epoch + step // 3, now + seconds * SECOND
        if name != "asked":
            one.note(name, epoch)
            counts[epoch, name] += 1
        else:
            one.ask(now, epoch)
            counts[epoch, name] += moments.get(epoch) != now // (8 * SECOND)
            moments[epoch] = now // (8 * SECOND)
        assert one.counted(epoch) == {name: counts[epoch, name] + counts[epoch - 1, name] for name in COUNTS}
    assert one.memory[0] == one.memory[-1] == 0


def test_a_full_number_stops_and_leaves_its_neighbours_alone() -> None:
    one = Turns()
    for number in range(300):
        one.note("robots")
        one.ask(START + number * 8 * SECOND)
    one.note("solved")
    full = float(turns.FULL)
    assert one.counted() == {"changes": 0.0, "robots": full, "asked": full, "solved": 1.0, "failed": 0.0}
    assert one.counted(EPOCH + 1) == one.counted()
    assert one.counted(EPOCH + 2) == dict.fromkeys(COUNTS, 0.0)


def test_a_stop_leaves_room_for_every_process_that_is_adding_at_that_moment() -> None:
    assert int(turns.FULL) + 64 < 256


def test_tabs_that_are_opened_at_once_are_asked_once() -> None:
    one = Turns()
    for tab in range(40):
        one.ask(START + tab * SECOND // 10)
    assert one.counted()["asked"] == 1.0
    one.ask(START + 9 * SECOND)
    assert one.counted()["asked"] == 2.0


def test_the_first_moment_of_all_counts_too() -> None:
    one = Turns()
    one.ask(0)
    assert one.counted()["asked"] == 1.0


def test_numbers_stand_apart_below_the_epoch() -> None:
    shifts = [slot.TURN_CHANGES, slot.TURN_ROBOTS, slot.TURN_ASKED, slot.TURN_SOLVED, slot.TURN_FAILED, slot.TURN_MOMENT]
    assert shifts == [0, 8, 16, 24, 32, 40]
