"""What one slot remembers, beside the same in lists and sets. Also runs uncompiled."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from math import log, log2, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import HOUR, SECOND, START
from trafficguard.counters import profile, slot

quick = settings(max_examples=40, deadline=None)
Word = np.uint64
MILLISECOND = 1_000_000
EPOCH = START // HOUR
DRAW = np.random.default_rng(7)

counts = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
epochs = st.lists(st.tuples(st.integers(0, 3), counts), min_size=1, max_size=60)


class Slot:
    """One key's slot in memory of its own, with a word on either side that nobody may touch."""

    def __init__(self, size: tuple[int, int] = slot.SMALL) -> None:
        self._bloom, self._registers = size
        self.memory = np.zeros(slot.end_of(size) + 2, np.uint64)
        self._first = Word(1)

    def at(self, word: int) -> np.uint64:
        return self._first + Word(word)

    def add(self, epoch: int, *added: int) -> None:
        profile.add_counts(self.memory, self.at(slot.VIEWS), Word(epoch), profile.amounts(*added))

    def counted(self, epoch: int) -> tuple[float, ...]:
        shifts = (Word(0), profile.SECOND_FIELD, profile.THIRD_FIELD)
        return tuple(float(profile.count_of(self.memory, self.at(slot.VIEWS), Word(epoch), one)) for one in shifts)

    def note_bin(self, place: int) -> None:
        profile.note_bin(self.memory, self.at(slot.TEMPLATES), Word(place))

    def entropy(self) -> float:
        return float(profile.entropy(self.memory[self.at(slot.TEMPLATES)]))

    def page(self, now: int, item: int = 0, dense: bool = False) -> int:
        return int(profile.note_order(self.memory, self._first, Word(now // HOUR), Word(now), Word(item), dense))

    def burstiness(self, now: int) -> tuple[float, float]:
        bursts, gaps = profile.burstiness(self.memory, self._first, Word(now // HOUR))
        return float(bursts), float(gaps)

    def meet(self, mixed: int) -> bool:
        return bool(profile.meet_item(self.memory, self._first, self._bloom, Word(mixed)))

    def note(self, mixed: int, epoch: int = EPOCH, kind: int = 0) -> None:
        start = slot.distinct_at(self._bloom)
        profile.turn_generation(self.memory, self._first, start, self._registers, Word(epoch))
        profile.note_distinct(self.memory, self._first, start, kind, self._registers, Word(epoch), Word(mixed))

    def distinct(self, epoch: int = EPOCH, kind: int = 0) -> float:
        start = slot.distinct_at(self._bloom)
        return float(profile.distinct(self.memory, self._first, start, kind, self._registers, Word(epoch)))

    def remember(self, now: int, evidence: float) -> None:
        profile.remember(self.memory, self._first, Word(now), evidence)

    def held(self, now: int, half_life: float = 60.0) -> float:
        return float(profile.held_evidence(self.memory, self._first, Word(now), half_life))


def random_words(count: int) -> list[int]:
    return [int(word) for word in DRAW.integers(0, 1 << 64, count, np.uint64)]


# ---- packed counters


@quick
@given(epochs)
def test_three_counts_in_a_word_equal_three_counts_apart(steps: list[tuple[int, tuple[int, int, int]]]) -> None:
    one, log_of, epoch = Slot(), Counter[tuple[int, int]](), EPOCH
    for step, added in steps:
        epoch += step
        one.add(epoch, *added)
        log_of.update({(epoch, place): amount for place, amount in enumerate(added)})
        expected = tuple(float(log_of[epoch, place] + log_of[epoch - 1, place]) for place in range(3))
        assert one.counted(epoch) == expected
    assert one.memory[0] == one.memory[-1] == 0


def test_a_worker_one_epoch_behind_loses_nothing() -> None:
    one = Slot()
    for number in range(20):
        one.add(EPOCH - number % 2, 1, 0, 2)
    assert one.counted(EPOCH) == (20.0, 0.0, 40.0)


def test_a_full_count_stops_and_leaves_its_neighbours_alone() -> None:
    one = Slot()
    for _ in range(1000):
        one.add(EPOCH, 500, 1, 0)
    assert one.counted(EPOCH) == (60_000.0, 120.0, 0.0)
    one.add(EPOCH + 2, 1, 0, 0)
    assert one.counted(EPOCH + 2) == (1.0, 0.0, 0.0)


# ---- histograms


@quick
@given(st.lists(st.integers(0, 15), max_size=120))
def test_histograms_and_their_entropy_equal_the_naive_twin(places: list[int]) -> None:
    one, bins = Slot(), [0] * 16
    for place in places:
        one.note_bin(place)
        if bins[place] == 15:
            bins = [count // 2 for count in bins]
        bins[place] += 1
    n = sum(bins)
    plain = -sum(count / n * log2(count / n) for count in bins if count)
    corrected = plain + (sum(map(bool, bins)) - 1) / (2 * n * log(2)) if n else 0.0
    assert one.entropy() == pytest.approx(corrected)


def test_one_kind_has_no_entropy_and_all_kinds_have_four_bits() -> None:
    same, all_kinds = Slot(), Slot()
    for number in range(160):
        same.note_bin(3)
        all_kinds.note_bin(number % 16)
    assert same.entropy() == pytest.approx(0.0)
    assert all_kinds.entropy() == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize(
    ("gap_ms", "place"), [(0, 0), (249, 0), (250, 1), (499, 1), (500, 2), (1000, 3), (511_999, 11), (512_000, 12)]
)
def test_gaps_fall_into_bins_by_powers_of_two(gap_ms: int, place: int) -> None:
    assert int(profile.bin_of_gap(Word(gap_ms))) == place


# ---- gaps and steps


def exact_burstiness(gaps: list[float]) -> float:
    """As Kim & Jo write it, of the gaps themselves."""
    n, mean = len(gaps), sum(gaps) / len(gaps)
    r = sqrt(sum((gap - mean) ** 2 for gap in gaps) / (n - 1)) / mean
    return (sqrt(n + 1) * r - sqrt(n - 1)) / ((sqrt(n + 1) - 2) * r + sqrt(n - 1))


@quick
@given(st.lists(st.integers(40, 2000), min_size=3, max_size=60))
def test_burstiness_equals_the_naive_twin(hundredths: list[int]) -> None:
    one = Slot()
    for moment in accumulate(hundredths, initial=0):
        one.page(START + moment * 10 * MILLISECOND)
    bursts, n = one.burstiness(START)
    assert n == len(hundredths)
    assert bursts == pytest.approx(exact_burstiness([float(gap) for gap in hundredths]), abs=1e-5)


def test_clockwork_is_minus_one_chance_is_about_zero_and_bursts_are_above() -> None:
    told = []
    even, chance = [5.0] * 60, [float(gap) for gap in 0.5 + DRAW.exponential(20.0, 200)]
    bursts = [0.5] * 19 + [500.0]
    for gaps in (even, chance, bursts):
        one, now = Slot(), START
        one.page(now)
        for gap in gaps:
            now += int(gap * SECOND)
            one.page(now)
        told.append(one.burstiness(now)[0])
    assert told[0] == pytest.approx(-1.0)
    assert abs(told[1]) < 0.1
    assert told[2] > 0.5


def test_two_gaps_say_nothing() -> None:
    one = Slot()
    for number in range(3):
        one.page(START + number * SECOND)
    assert one.burstiness(START) == (0.0, 2.0)


@pytest.mark.parametrize(("gap_ms", "dense", "counted"), [
    (399, False, 0), (400, False, 1), (399, True, 1), (600_000, False, 1), (600_001, False, 0), (-5000, True, 0),
])  # fmt: skip
def test_what_counts_as_a_gap(gap_ms: int, dense: bool, counted: int) -> None:
    one = Slot()
    one.page(START, dense=dense)
    one.page(START + gap_ms * MILLISECOND, dense=dense)
    assert one.burstiness(START)[1] == counted


@quick
@given(st.lists(st.one_of(st.just(0), st.integers(1, 60)), max_size=60))
def test_small_steps_up_equal_the_naive_twin(items: list[int]) -> None:
    one = Slot()
    ups = [one.page(START + number * SECOND, item) for number, item in enumerate(items)]
    steps = {at: later - item for (_, item), (at, later) in pairwise((at, item) for at, item in enumerate(items) if item)}
    assert ups == [int(0 < steps.get(at, 0) <= int(profile.SMALL_STEP)) for at in range(len(items))]


def test_an_item_with_a_name_is_no_step_from_any_other() -> None:
    one, named = Slot(), 1 << 62
    one.page(START, 7)
    assert one.page(START + SECOND, named | 8) == 0
    assert one.page(START + 2 * SECOND, named | 9) == 0


# ---- items seen before


@quick
@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=64))
def test_no_item_that_was_met_is_ever_taken_for_a_new_one(items: list[int]) -> None:
    one = Slot()
    for item in items:
        one.meet(item)
    assert all(one.meet(item) for item in items)


def test_new_items_are_taken_for_known_ones_as_rarely_as_the_theory_says() -> None:
    trials, items, bits = 400, 40, 64 * slot.SMALL[0]
    wrong = 0
    for _ in range(trials):
        one = Slot()
        *met, fresh = random_words(items + 1)
        for item in met:
            one.meet(item)
        wrong += one.meet(fresh)
    expected = (1 - (1 - 1 / bits) ** (2 * items)) ** 2
    assert wrong / trials == pytest.approx(expected, abs=3 * sqrt(expected / trials))


def test_a_full_filter_is_emptied_so_that_most_new_items_stay_new() -> None:
    one = Slot()
    taken_for_known = [one.meet(item) for item in random_words(4000)]
    assert 0 < sum(taken_for_known) / 4000 < 0.25


# ---- distinct counts


@pytest.mark.parametrize("size", [slot.SMALL, slot.MEDIUM, slot.LARGE], ids=["small", "medium", "large"])
@pytest.mark.parametrize("fill", [0.25, 1, 10])
def test_distinct_counts_err_no_more_than_the_theory_says(size: tuple[int, int], fill: float) -> None:
    registers = size[1] * 16
    n, trials = int(fill * registers), 30
    errors = []
    for _ in range(trials):
        one = Slot(size)
        for value in random_words(n):
            one.note(value)
        errors.append(one.distinct() / n - 1)
    spread = sqrt(sum(error**2 for error in errors) / trials)
    # Of 30 trials the spread itself is off by an eighth or so.
    assert spread < 1.04 / sqrt(registers) * 1.4


@quick
@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=40), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_a_distinct_count(values: list[int], random: object) -> None:
    one, other = Slot(), Slot()
    for value in values:
        one.note(value)
    shuffled = [*values, *values]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # the strategy gives a random.Random
    for value in shuffled:
        other.note(value)
    assert other.distinct() == one.distinct()


def test_distinct_counts_slide_by_whole_epochs() -> None:
    one = Slot()
    first, second = random_words(10), random_words(10)
    for value in first:
        one.note(value)
    for value in [*first, *second]:
        one.note(value, EPOCH + 1)
    both = one.distinct(EPOCH + 1)
    assert both == pytest.approx(20, rel=0.2)
    assert one.distinct(EPOCH + 2) == both
    assert one.distinct(EPOCH + 3) == 0.0
    one.note(first[0], EPOCH + 3)
    assert one.distinct(EPOCH + 3) == pytest.approx(1.0, rel=0.05)


def test_kinds_of_distinct_things_are_counted_apart() -> None:
    one = Slot()
    for kind in range(len(slot.DISTINCT)):
        for value in random_words(3 * kind):
            one.note(value, kind=kind)
    assert [round(one.distinct(kind=kind)) for kind in range(len(slot.DISTINCT))] == [0, 3, 6]
    assert one.memory[0] == one.memory[-1] == 0


# ---- evidence


def test_remembered_evidence_halves_with_its_half_life() -> None:
    one = Slot()
    one.remember(START, 8.0)
    told = [one.held(START + seconds * SECOND, half_life=60.0) for seconds in (0, 30, 60, 120, 600)]
    assert told == pytest.approx([8.0, 8.0 / sqrt(2), 4.0, 2.0, 8.0 / 1024])


def test_a_clock_that_steps_back_does_not_make_evidence_grow() -> None:
    one = Slot()
    one.remember(START, 3.0)
    assert one.held(START - HOUR) == pytest.approx(3.0)


def test_nobody_starts_with_evidence_and_no_evidence_overflows() -> None:
    one = Slot()
    assert one.held(START) == 0.0
    one.remember(START, 1e9)
    assert one.held(START) == pytest.approx(4000.0)
