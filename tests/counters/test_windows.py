"""Sliding windows beside an exact log. This file also runs uncompiled and bounds-checked (`test_modes`)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import HOUR, SECOND, START
from tests.counters.naive import WINDOWS_S, NaiveWindow
from trafficguard.counters import layout, windows

quick = settings(max_examples=40, deadline=None)
gaps = st.one_of(
    st.integers(0, SECOND),
    st.integers(0, 20 * SECOND),
    st.sampled_from([5 * SECOND, 10 * SECOND - 1, 10 * SECOND, 60 * SECOND, 601 * SECOND, 7200 * SECOND]),
)
arrivals = st.lists(st.tuples(gaps, st.integers(1, 50)), min_size=1, max_size=60)


class Window:
    """A kernel's window in memory of its own."""

    def __init__(self, seconds: int) -> None:
        self.memory = np.zeros(layout.WINDOW_WORDS, np.uint64)
        self._width = np.uint64(seconds * SECOND)

    def count(self, now: int, amount: int = 1) -> float:
        return float(
            windows.count_in_window(self.memory, np.uint64(0), self._width, np.uint64(now), np.uint64(amount))
        )

    def estimate(self, now: int) -> float:
        return float(windows.window_now(self.memory, np.uint64(0), self._width, np.uint64(now)))

    def of_epoch(self, epoch: int) -> int:
        return int(windows.count_of_epoch(self.memory, np.uint64(0), np.uint64(epoch)))


@quick
@given(arrivals, st.sampled_from(WINDOWS_S), gaps)
def test_estimates_equal_the_naive_twin(arrivals: list[tuple[int, int]], seconds: int, later: int) -> None:
    window, twin, now = Window(seconds), NaiveWindow(seconds), START
    for gap, amount in arrivals:
        now += gap
        assert window.count(now, amount) == pytest.approx(twin.count(now, amount), rel=1e-9)
        assert window.estimate(now) == pytest.approx(twin.estimate(now), rel=1e-9)
    assert window.estimate(now + later) == pytest.approx(twin.estimate(now + later), rel=1e-9)


@quick
@given(arrivals, st.sampled_from(WINDOWS_S))
def test_whatever_comes_estimates_keep_their_stated_bounds(arrivals: list[tuple[int, int]], seconds: int) -> None:
    window, log, now = Window(seconds), NaiveWindow(seconds), START
    for gap, amount in arrivals:
        now += gap
        log.count(now, amount)
        estimate = window.count(now, amount)
        assert log.exact(0.5, now) <= estimate <= log.exact(1.5, now)
        assert abs(estimate - log.exact(1, now)) <= log.at_far_end(now)


@pytest.mark.parametrize("seconds", WINDOWS_S)
@pytest.mark.parametrize("phase", [0, 0.3, 0.5, 0.99])
def test_a_burst_counts_in_full_for_half_the_window_wherever_it_falls(seconds: int, phase: float) -> None:
    window = Window(seconds)
    came = START - START % (seconds * SECOND) + int(phase * seconds * SECOND)
    window.count(came, 1000)
    assert window.estimate(came + seconds * SECOND // 2) == 1000
    assert window.estimate(came + 3 * seconds * SECOND // 2) == 0


@pytest.mark.parametrize("seconds", WINDOWS_S)
def test_steady_arrivals_are_estimated_within_one_percent_of_an_exact_log(seconds: int) -> None:
    window, log, per_window = Window(seconds), NaiveWindow(seconds), 400
    gap = seconds * SECOND // per_window
    for number in range(2 * per_window):
        now = START + number * gap
        estimate = window.count(now)
        log.count(now)
        if number > 3 * per_window // 2:
            assert abs(estimate - log.exact(1, now)) <= 0.01 * per_window


def test_what_came_in_a_finished_epoch_can_be_read() -> None:
    window, epoch = Window(60), START // (60 * SECOND)
    window.count(epoch * 60 * SECOND, 3)
    window.count(epoch * 60 * SECOND + 59 * SECOND, 4)
    window.count((epoch + 1) * 60 * SECOND, 5)
    assert [window.of_epoch(epoch + step) for step in (-1, 0, 1, 2)] == [0, 7, 5, 0]


def test_a_count_stops_before_it_reaches_its_neighbours() -> None:
    window = Window(10)
    early = START - START % (10 * SECOND)
    for _ in range((3 << 20) // 4096 + 3):
        window.count(early, 4096)
    for _ in range(3):
        window.count(early + 6 * SECOND, 4096)
    assert window.of_epoch(early // (10 * SECOND)) == (3 << 20) + 3 * 4096
    assert window.count(early, 1 << 60) == 3 << 20


# ---- clocks


@quick
@given(st.lists(st.integers(-7200 * SECOND, 7200 * SECOND), min_size=1, max_size=40))
def test_time_that_steps_back_never_counts_more_than_came(steps: list[int]) -> None:
    window, now = Window(600), START
    for number, step in enumerate(steps, start=1):
        now += step
        assert 1 <= window.count(now) <= number


def test_counting_is_right_again_after_a_clock_was_set_back() -> None:
    window, twin = Window(60), NaiveWindow(60)
    for _ in range(20):
        window.count(START)
    for number in range(30):
        now = START - 24 * HOUR + number * SECOND
        assert window.count(now) == pytest.approx(twin.count(now))


def test_a_worker_whose_clock_is_slightly_behind_loses_nothing() -> None:
    window, edge = Window(3600), START - START % HOUR
    for number in range(1, 21):
        estimate = window.count(edge - 1 if number % 2 else edge)
    assert estimate == 20.0


@pytest.mark.parametrize("now", [0, 1, (1 << 63) - 1])
def test_an_absurd_time_is_harmless(now: int) -> None:
    window = Window(10)
    assert window.count(now) == 1
    assert window.count(START) == 1
