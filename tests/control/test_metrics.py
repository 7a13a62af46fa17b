"""What Prometheus reads, parsed by Prometheus' own parser."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from trafficguard.control.metrics import CONTENT_TYPE, Metrics
from trafficguard.telemetry.meters import METRICS, Kind, Meters


@pytest.fixture
def scrape(state, shared):
    metrics = Metrics(state, shared)

    def read():
        families = text_string_to_metric_families(metrics.render().decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    return read


def test_the_media_type_is_the_one_every_prometheus_reads():
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_workers_are_summed(shared, scrape):
    for plane in shared:
        meters = Meters(plane)
        meters.requests[9] = 5
        meters.connections_open = 3
        meters.connections_total = 10
        meters.bytes_out = 2**53
        meters.flush()
    shown = scrape()
    assert shown["trafficguard_requests_total", (("action", "pass"), ("status", "2xx"))] == 10
    assert shown["trafficguard_connections_open", ()] == 6
    assert shown["trafficguard_connections_total", ()] == 20
    assert shown["trafficguard_answer_bytes_total", ()] == 2**54


def test_times_are_shown_in_seconds_and_the_slowest_loop_counts(shared, scrape):
    for plane, lag in zip(shared, (1_500_000, 2_500_000), strict=True):
        meters = Meters(plane)
        meters.loop_lag = lag
        meters.flush()
    assert scrape()["trafficguard_loop_lag_seconds", ()] == pytest.approx(0.0025)


def test_a_histogram_has_cumulative_buckets_in_seconds_and_a_sum_and_count_that_agree(shared, scrape):
    for plane in shared:
        meters = Meters(plane)
        meters.latencies[0] = 1
        meters.latencies[3] = 2
        meters.latencies[-2] = 1
        meters.latencies[-1] = 4_000_000_000
        meters.flush()
    shown = scrape()
    name = "trafficguard_request_duration_seconds"
    buckets = {
        float(labels[0][1]): value for (sample, labels), value in shown.items() if sample == f"{name}_bucket"
    }
    assert list(buckets) == sorted(buckets)
    assert buckets[2**14 / 1e9] == 2
    assert buckets[2**17 / 1e9] == buckets[2**36 / 1e9] == 6
    assert buckets[float("inf")] == shown[f"{name}_count", ()] == 8
    assert shown[f"{name}_sum", ()] == pytest.approx(8.0)


def test_scores_are_shown_by_tens(shared, scrape):
    meters = Meters(shared[0])
    meters.scores[0], meters.scores[9], meters.scores[-1] = 3, 1, 105
    meters.flush()
    shown = scrape()
    assert shown["trafficguard_bot_score_bucket", (("le", "10.0"),)] == 3
    assert shown["trafficguard_bot_score_bucket", (("le", "100.0"),)] == 4
    assert shown["trafficguard_bot_score_count", ()] == 4
    assert shown["trafficguard_bot_score_sum", ()] == 105


def test_every_series_is_there_from_the_first_scrape_on(scrape):
    shown = scrape()
    for metric in METRICS:
        suffix = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_bucket"}.get(metric.kind, "")
        found = [key for key in shown if key[0] == f"trafficguard_{metric.name}{suffix}"]
        assert len(found) == (len(metric.bounds) + 1 if metric.bounds else metric.words), metric.name


def test_every_name_has_the_prefix_and_a_help_text(state, shared):
    for family in text_string_to_metric_families(Metrics(state, shared).render().decode()):
        assert family.name.startswith("trafficguard_")
        assert family.documentation.endswith(".")


def test_the_state_of_the_supervisor_is_shown(state, scrape):
    state.workers[1].alive = state.workers[1].ready = False
    state.workers[0].restarts, state.workers[1].restarts = 1, 2
    state.draining, state.log_lost = True, 7
    shown = scrape()
    assert shown["trafficguard_ready", ()] == 0
    assert shown["trafficguard_draining", ()] == 1
    assert (shown["trafficguard_workers", ()], shown["trafficguard_workers_alive", ()]) == (2, 1)
    assert shown["trafficguard_worker_up", (("worker", "0"),)] == 1
    assert shown["trafficguard_worker_up", (("worker", "1"),)] == 0
    assert shown["trafficguard_restarts_total", ()] == 3
    assert shown["trafficguard_log_lost_total", ()] == 7
    assert shown["trafficguard_build_info", (("version", "1.2.3"),)] == 1


def test_a_ready_program_says_so(scrape):
    assert scrape()["trafficguard_ready", ()] == 1
