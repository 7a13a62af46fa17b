"""The numbers of a worker: what is counted where, and how it survives the worker."""

from __future__ import annotations

import importlib
import mmap
import os
import pkgutil
from bisect import bisect_right
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trafficguard.http
import trafficguard.net
from tests.guards import EVERY_ACTION
from trafficguard.actions import BLOCK, PASS
from trafficguard.http.refusal import Refusal
from trafficguard.telemetry.meters import (
    ACTIONS,
    ERRORS,
    LATENCY_BOUNDS,
    METRICS,
    REFUSALS,
    SCORE_BOUNDS,
    STATUSES,
    Kind,
    Meters,
    plane_bytes,
    planes,
    totals,
)

anything = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def series(meters, action, status):
    return meters.requests[ACTIONS.index(action) * len(STATUSES) + STATUSES.index(status)]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0, "left"),
        (101, "1xx"),
        (200, "2xx"),
        (304, "3xx"),
        (499, "4xx"),
        (503, "5xx"),
        (600, "other"),
        (999, "other"),
    ],
)
def test_a_request_is_counted_under_its_action_and_status_class(
    meters, make_exchange, make_verdict, status, name
):
    meters.finish(make_exchange(status=status, verdict=make_verdict(BLOCK)))
    assert series(meters, "block", name) == 1
    assert sum(meters.requests) == 1


def test_every_action_has_a_series_of_its_own(meters, make_exchange, make_verdict):
    for action in EVERY_ACTION:
        meters.finish(make_exchange(verdict=make_verdict(action)))
    assert [series(meters, action.word, "2xx") for action in EVERY_ACTION] == [1] * len(EVERY_ACTION)


def test_a_request_nobody_judged_is_counted_as_unjudged_and_has_no_score(meters, make_exchange):
    meters.finish(make_exchange(verdict=None))
    assert series(meters, "unjudged", "2xx") == 1
    assert sum(meters.scores) == 0


@anything
@given(elapsed=st.integers(0, 2**50))
def test_a_latency_lands_in_the_first_bucket_that_is_above_it(meters, make_exchange, elapsed):
    before = list(meters.latencies)
    meters.finish(make_exchange(elapsed=elapsed))
    grown = [after - then for after, then in zip(meters.latencies, before, strict=True)]
    assert grown.pop() == elapsed
    assert grown.index(1) == bisect_right([round(bound * 1e9) for bound in LATENCY_BOUNDS], elapsed)
    assert sum(grown) == 1


@anything
@given(score=st.floats(0, 100))
def test_a_score_lands_in_its_ten_points_and_the_highest_score_in_the_last_ten(
    meters, make_exchange, make_verdict, score
):
    before = list(meters.scores)
    meters.finish(make_exchange(verdict=make_verdict(PASS, score)))
    grown = [after - then for after, then in zip(meters.scores, before, strict=True)]
    assert grown.pop() == int(score)
    assert grown.index(1) == min(int(score // 10), len(SCORE_BOUNDS) - 1)
    assert sum(grown) == 1


def test_bytes_add_up(meters, make_exchange):
    for _ in range(3):
        meters.finish(make_exchange(bytes_in=5, bytes_out=1 << 40))
    assert (meters.bytes_in, meters.bytes_out) == (15, 3 << 40)


def test_a_refusal_for_form_is_counted_by_its_reason_and_not_as_an_error(meters, make_exchange):
    meters.finish(make_exchange(framing_refusal=True, error="bad-chunk", status=400, verdict=None))
    assert meters.refusals[REFUSALS.index("bad-chunk")] == 1
    assert sum(meters.errors) == 0


def test_a_failure_is_counted_by_its_word_and_not_as_a_refusal(meters, make_exchange):
    meters.finish(make_exchange(error="first-byte", status=504))
    assert meters.errors[ERRORS.index("first-byte")] == 1
    assert sum(meters.refusals) == 0


@pytest.mark.parametrize("framing_refusal", [True, False])
def test_words_that_nobody_listed_share_one_series(meters, make_exchange, framing_refusal):
    sizes = len(meters.refusals), len(meters.errors)
    for word in ("gremlins", "sunspots"):
        meters.finish(make_exchange(error=word, framing_refusal=framing_refusal))
    assert (meters.refusals if framing_refusal else meters.errors)[-1] == 2
    assert (len(meters.refusals), len(meters.errors)) == sizes


def words_in_use() -> Iterator[tuple[str, bool]]:
    """Each word that a constant of the proxy carries, and whether it stands for a refusal of form."""
    for package in (trafficguard.http, trafficguard.net):
        for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for value in vars(importlib.import_module(found.name)).values():
                if isinstance(value, Refusal):
                    yield value.reason, True
                elif isinstance(getattr(value, "error", None), str) and value.error:
                    yield value.error, False


def test_every_refusal_and_failure_of_the_proxy_has_a_series_of_its_own():
    found = set(words_in_use())
    assert ("bad-chunk", True) in found
    assert ("connect", False) in found
    assert {word for word, is_refusal in found if word not in (REFUSALS if is_refusal else ERRORS)} == set()


def test_numbers_are_shown_only_when_they_are_flushed(make_exchange):
    plane = planes(bytearray(plane_bytes(1)), 1)[0]
    meters = Meters(plane)
    meters.finish(make_exchange())
    assert sum(plane.read()) == 0
    meters.flush()
    assert sum(totals([plane])["requests"]) == 1


def test_a_respawned_worker_counts_on_and_starts_its_gauges_at_zero(make_exchange):
    plane = planes(bytearray(plane_bytes(1)), 1)[0]
    first = Meters(plane)
    first.finish(make_exchange(bytes_out=10))
    first.connections_open, first.tunnels_open, first.loop_lag, first.retries = 7, 2, 5000, 3
    first.flush()

    second = Meters(plane)
    shown = totals([plane])
    assert (shown["connections_open"], shown["tunnels_open"], shown["loop_lag"]) == ([0], [0], [0])
    second.finish(make_exchange(bytes_out=10))
    second.flush()
    shown = totals([plane])
    assert (sum(shown["requests"]), shown["bytes_out"], shown["retries"]) == (2, [20], [3])


def test_workers_add_up_but_the_slowest_loop_speaks_for_all(make_exchange):
    shared = planes(bytearray(plane_bytes(3)), 3)
    for number, plane in enumerate(shared):
        meters = Meters(plane)
        for _ in range(number):
            meters.finish(make_exchange())
        meters.connections_open, meters.loop_lag = 10, number * 100
        meters.flush()
    shown = totals(shared)
    assert (sum(shown["requests"]), shown["connections_open"], shown["loop_lag"]) == (3, [30], [200])


def test_no_worker_writes_into_the_plane_of_another():
    shared = planes(bytearray(plane_bytes(3)), 3)
    middle = Meters(shared[1])
    for metric in METRICS:
        value = 2**64 - 1
        setattr(middle, metric.field, value if metric.is_scalar else [value] * metric.words)
    middle.flush()
    assert set(shared[0].read()) == set(shared[2].read()) == {0}


def test_a_plane_covers_whole_cache_lines():
    assert plane_bytes(1) % 64 == 0
    assert plane_bytes(4) == 4 * plane_bytes(1)


def test_another_process_sees_what_a_worker_flushed(make_exchange):
    memory = mmap.mmap(-1, plane_bytes(1))
    plane = planes(memory, 1)[0]
    worker = os.fork()
    if worker == 0:
        meters = Meters(plane)
        meters.finish(make_exchange())
        meters.flush()
        os._exit(0)
    os.waitpid(worker, 0)
    assert sum(totals([plane])["requests"]) == 1


def test_the_table_names_what_meters_hold_and_nothing_else():
    assert [metric.field for metric in METRICS] == list(Meters.__annotations__)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.bounds for metric in METRICS if metric.kind is Kind.HISTOGRAM)


@anything
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, *EVERY_ACTION]), st.integers(0, 999), st.sampled_from(["", "connect", "?"])
        ),
        max_size=30,
    )
)
def test_whatever_happens_every_request_is_counted_exactly_once(make_exchange, make_verdict, finished):
    meters = Meters(planes(bytearray(plane_bytes(1)), 1)[0])
    for action, status, error in finished:
        verdict = None if action is None else make_verdict(action)
        meters.finish(make_exchange(verdict=verdict, status=status, error=error))
    assert sum(meters.requests) == sum(meters.latencies[:-1]) == len(finished)
    assert sum(meters.scores[:-1]) == sum(action is not None for action, _, _ in finished)
    assert sum(meters.errors) == sum(bool(error) for _, _, error in finished)
