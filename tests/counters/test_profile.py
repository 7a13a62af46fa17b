"""What one key's slot remembers, beside plain lists and sets. Also runs uncompiled (`test_modes`)."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import START
from tests.counters.naive import NaiveBins, NaiveCounts, burstiness_of, entropy_bits, siphash13
from trafficguard.counters import profile, slot

quick = settings(max_examples=40, deadline=None)
FIELDS = {"first": 0, "second": 16, "third": 32}
MILLISECOND = 1_000_000
FULL = 60_000


def word(number: int) -> np.uint64:
    return np.uint64(number & (1 << 64) - 1)


def mixed(number: int) -> np.uint64:
    """A number, well mixed."""
    return word(siphash13(number.to_bytes(16, "little"), bytes(range(16))))


ZERO = word(0)


# ---- counter words


class Counts:
    """A kernel's two counter words in memory of their own."""

    def __init__(self) -> None:
        self.memory = np.zeros(2, np.uint64)

    def add(self, epoch: int, first: int, second: int, third: int) -> None:
        profile.add_counts(self.memory, ZERO, word(epoch), profile.amounts(first, second, third))

    def read(self, epoch: int) -> dict[str, float]:
        return {
            name: float(profile.count_of(self.memory, ZERO, word(epoch), word(shift)))
            for name, shift in FIELDS.items()
        }


@quick
@given(st.lists(st.tuples(st.integers(0, 3), *[st.integers(0, 3)] * 3), min_size=1, max_size=60))
def test_counts_equal_the_naive_twin_in_every_epoch(added: list[tuple[int, int, int, int]]) -> None:
    counts, twin, epoch = Counts(), NaiveCounts(), START // 3600
    for step, *amounts in added:
        epoch += step
        counts.add(epoch, *amounts)
        for name, amount in zip(FIELDS, amounts, strict=True):
            twin.add(epoch, name, amount)
        assert counts.read(epoch) == {name: twin.read(epoch, name) for name in FIELDS}
    assert counts.read(epoch + 2) == dict.fromkeys(FIELDS, 0.0)


def test_a_full_count_stops_and_leaves_its_neighbours_alone() -> None:
    counts = Counts()
    for _ in range(FULL // 3 + 100):
        counts.add(5, 3, 1, 0)
    assert counts.read(5) == {"first": FULL, "second": FULL // 3, "third": 0}


def test_epochs_that_repeat_after_sixteen_bits_are_the_only_ones_taken_for_each_other() -> None:
    counts = Counts()
    counts.add(5, 1, 0, 0)
    assert counts.read(5 + (1 << 15))["first"] == 0
    assert counts.read(5 + (1 << 16))["first"] == 1


@quick
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60))
def test_epochs_that_step_back_never_count_more_than_came(steps: list[int]) -> None:
    counts, epoch = Counts(), 1000
    for number, step in enumerate(steps, start=1):
        epoch += step
        counts.add(epoch, 1, 0, 0)
        assert 1 <= counts.read(epoch)["first"] <= number


# ---- histograms


def bins_of(memory: np.ndarray[tuple[int], np.dtype[np.uint64]], index: int = 0) -> list[int]:
    return [int(memory[index]) >> 4 * place & 15 for place in range(16)]


@quick
@given(st.lists(st.integers(0, 40), min_size=0, max_size=300))
def test_histograms_equal_the_naive_twin(places: list[int]) -> None:
    memory, twin = np.zeros(1, np.uint64), NaiveBins()
    for place in places:
        profile.note_bin(memory, ZERO, word(place))
        twin.note(place)
    assert bins_of(memory) == twin.counts
    assert profile.entropy(memory[0]) == pytest.approx(entropy_bits(twin.counts), abs=1e-12)


def test_entropy_is_none_of_one_kind_and_four_bits_of_sixteen() -> None:
    assert profile.entropy(word(0)) == 0.0
    assert profile.entropy(word(0xF)) == 0.0
    even = word(int("f" * 16, 16))
    assert 4.0 <= profile.entropy(even) <= 4.0 + 15 / (2 * 240 * math.log(2)) + 1e-12


# ---- order: gaps between pages, steps between items


class Slot:
    """A slot of a kind in memory of its own."""

    def __init__(self, size: tuple[int, int] = slot.SMALL) -> None:
        self.bloom, self.registers = size
        self.start = slot.distinct_at(self.bloom)
        self.memory = np.zeros(slot.end_of(size) + slot.WORKED_OUT, np.uint64)

    def page(self, now: int, item: int = 0, epoch: int = 1, dense: bool = False) -> int:
        return int(profile.note_order(self.memory, ZERO, word(epoch), word(now), word(item), dense))

    def burstiness(self, epoch: int = 1) -> tuple[float, float]:
        bursts, gaps = profile.burstiness(self.memory, ZERO, word(epoch))
        return float(bursts), float(gaps)

    def meet(self, item: int) -> bool:
        return bool(profile.meet_item(self.memory, ZERO, self.bloom, mixed(item)))

    def turn(self, epoch: int) -> None:
        profile.turn_generation(self.memory, ZERO, self.start, self.registers, word(epoch))

    def see(self, values: Iterable[int], epoch: int = 1, kind: int = 0) -> None:
        self.note((mixed(value) for value in values), epoch, kind)

    def note(self, values: Iterable[np.uint64], epoch: int = 1, kind: int = 0) -> None:
        """Values that are well mixed already."""
        self.turn(epoch)
        for value in values:
            profile.note_distinct(self.memory, ZERO, self.start, kind, self.registers, word(epoch), value)

    def distinct(self, epoch: int = 1, kind: int = 0) -> float:
        return float(profile.distinct(self.memory, ZERO, self.start, kind, self.registers, word(epoch)))


def walk(key: Slot, gaps_ms: Sequence[int], dense: bool = False) -> None:
    """Pages with those gaps between them."""
    now = START
    key.page(now, dense=dense)
    for gap in gaps_ms:
        now += gap * MILLISECOND
        key.page(now, dense=dense)


def bin_of(gap_ms: int) -> int:
    """Powers of two of an eighth of a second, 0 below two of them."""
    return min(15, max(0, (gap_ms // 250).bit_length()))


@quick
@given(st.lists(st.integers(1, 700_000), min_size=0, max_size=14), st.booleans())
def test_gaps_equal_the_naive_twin(gaps_ms: list[int], dense: bool) -> None:
    key, twin = Slot(), NaiveBins()
    walk(key, gaps_ms, dense)
    counted = [gap for gap in gaps_ms if gap <= 600_000 and (dense or gap >= 400)]
    for gap in counted:
        twin.note(bin_of(gap))
    assert bins_of(key.memory, slot.GAPS) == twin.counts
    bursts, gaps = key.burstiness()
    assert gaps == len(counted)
    # Gaps are kept in hundredths of a second, cut off.
    assert bursts == pytest.approx(burstiness_of([gap // 10 for gap in counted]), abs=1e-6)


@quick
@given(st.lists(st.integers(1000, 60_000), min_size=3, max_size=40), st.data())
def test_gaps_of_two_epochs_count_as_one_and_those_before_are_forgotten(gaps_ms: list[int], data: st.DataObject) -> None:
    key, now, at = Slot(), START, data.draw(st.integers(0, len(gaps_ms)))
    key.page(now, epoch=4)
    for number, gap in enumerate(gaps_ms):
        now += gap * MILLISECOND
        key.page(now, epoch=4 if number < at else 5)
    assert key.burstiness(5)[0] == pytest.approx(burstiness_of([gap // 10 for gap in gaps_ms]), abs=1e-6)
    assert key.burstiness(6)[1] == len(gaps_ms) - at
    assert key.burstiness(7) == (0.0, 0.0)


def test_a_clock_is_regular_and_people_are_bursty() -> None:
    generator = random.Random(1)
    clock, jitter, people = Slot(), Slot(), Slot()
    walk(clock, [2000] * 40)
    walk(jitter, [int(2000 * generator.uniform(0.8, 1.2)) for _ in range(40)])
    walk(people, [int(1000 * generator.lognormvariate(2, 1.4)) for _ in range(40)])
    assert clock.burstiness()[0] == pytest.approx(-1.0)
    assert -0.9 < jitter.burstiness()[0] < -0.7
    assert people.burstiness()[0] > 0.1


def test_time_that_steps_back_leaves_no_gap() -> None:
    key = Slot()
    for now in (START, START - 5000 * MILLISECOND, START - 9000 * MILLISECOND):
        key.page(now)
    assert key.burstiness() == (0.0, 0.0)
    assert bins_of(key.memory, slot.GAPS) == [0] * 16
    key.page(START - 7000 * MILLISECOND)
    assert key.burstiness()[1] == 1


@quick
@given(st.lists(st.integers(1, (1 << 30) - 1), min_size=1, max_size=40))
def test_small_steps_up_are_told_from_all_others(items: list[int]) -> None:
    key, told = Slot(), []
    for number, item in enumerate(items):
        told.append(key.page(START + number * 1000 * MILLISECOND, item))
    assert told == [0] + [int(0 < later - earlier <= 16) for earlier, later in itertools.pairwise(items)]


def test_pages_between_items_leave_the_order_as_it_is() -> None:
    key = Slot()
    told = [key.page(START + number, item) for number, item in enumerate((100, 0, 101, 0, 0, 105, 105, 104))]
    assert told == [0, 0, 1, 0, 0, 1, 0, 0]


def test_items_without_a_number_have_no_order() -> None:
    key, named = Slot(), 1 << 62
    assert [key.page(START + number, named | number) for number in range(1, 6)] == [0] * 5


# ---- items seen before


@quick
@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_an_item_seen_before_is_never_new_until_the_filter_is_full(items: list[int]) -> None:
    key, seen = Slot(), set()
    for item in items:
        found = key.meet(item)
        assert found or item not in seen
        seen.add(item)


def test_few_new_items_are_taken_for_seen_and_a_full_filter_starts_anew() -> None:
    key, wrong, most = Slot(), 0, 0
    for item in range(5000):
        wrong += key.meet(item)
        bits = key.memory[slot.BLOOM : key.start]
        most = max(most, sum(int(held).bit_count() for held in bits))
    # About half full, about a quarter of all would be; over a whole filling it is far less.
    assert 0.05 < wrong / 5000 < 0.2
    assert 100 < most < 150


# ---- distinct counts


@pytest.mark.parametrize("size", [slot.SMALL, slot.MEDIUM, slot.LARGE], ids=["small", "medium", "large"])
@pytest.mark.parametrize("share", [0.05, 0.5, 3, 20])
def test_distinct_counts_keep_their_theoretical_error(size: tuple[int, int], share: float) -> None:
    registers, generator = size[1] * 16, np.random.default_rng(1)
    count, errors = max(1, int(registers * share)), []
    for _ in range(30):
        key = Slot(size)
        key.note(generator.integers(0, 1 << 64, count, np.uint64))
        errors.append(key.distinct() / count - 1)
    # Linear counting of few values errs less than HyperLogLog, whose standard error this is.
    error = 1.04 / math.sqrt(registers)
    assert math.sqrt(statistics.mean(error * error for error in errors)) < 1.4 * error
    assert abs(statistics.mean(errors)) < 0.6 * error
    assert max(map(abs, errors)) < 4 * error


@quick
@given(st.lists(st.integers(0, 30), max_size=60))
def test_a_value_counts_once_however_often_it_comes(values: list[int]) -> None:
    often, once = Slot(), Slot()
    often.see(values)
    once.see(set(values))
    assert often.distinct() == once.distinct()
    assert once.distinct() == pytest.approx(len(set(values)), abs=max(1.5, 0.3 * len(set(values))))


def test_what_is_counted_apart_stays_apart() -> None:
    key = Slot(slot.MEDIUM)
    key.see(range(10), kind=0)
    key.see(range(100), kind=1)
    found = [key.distinct(kind=kind) for kind in range(len(slot.DISTINCT))]
    assert found == [pytest.approx(10, rel=0.2), pytest.approx(100, rel=0.2), 0.0]


def test_two_epochs_are_one_count_and_earlier_ones_are_forgotten() -> None:
    key = Slot(slot.LARGE)
    key.see(range(100), epoch=1)
    key.see(range(50, 150), epoch=2)
    assert key.distinct(epoch=2) == pytest.approx(150, rel=0.1)
    key.turn(3)
    assert key.distinct(epoch=3) == pytest.approx(100, rel=0.1)
    assert key.distinct(epoch=4) == 0.0
    key.see(range(7), epoch=9)
    assert key.distinct(epoch=9) == pytest.approx(7, rel=0.1)


# ---- evidence


@pytest.mark.parametrize("evidence", [0.001, 1.0, 12.34, 3999.0])
def test_evidence_fades_by_half_in_a_half_life(evidence: float) -> None:
    memory = np.zeros(slot.EVIDENCE + 1, np.uint64)
    profile.remember(memory, ZERO, word(START), evidence)
    for lives in (0, 1, 2, 7):
        later = word(START + lives * 600 * 1_000_000_000)
        held = profile.held_evidence(memory, ZERO, later, 600.0)
        assert held == pytest.approx(evidence / 2**lives, abs=1e-6)


def test_evidence_does_not_grow_when_the_clock_is_set_back() -> None:
    memory = np.zeros(slot.EVIDENCE + 1, np.uint64)
    profile.remember(memory, ZERO, word(START), 5.0)
    assert profile.held_evidence(memory, ZERO, word(START - 7200 * 1_000_000_000), 600.0) == pytest.approx(5.0)
    assert profile.held_evidence(np.zeros(slot.EVIDENCE + 1, np.uint64), ZERO, word(START), 600.0) == 0.0


def test_evidence_beyond_all_measure_is_cut() -> None:
    memory = np.zeros(slot.EVIDENCE + 1, np.uint64)
    profile.remember(memory, ZERO, word(START), 1e9)
    assert profile.held_evidence(memory, ZERO, word(START), 600.0) == pytest.approx(4000.0)
