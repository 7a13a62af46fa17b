"""Prometheus text from the workers' planes and the supervisor's state.

Promises: every row of `telemetry.meters.METRICS` is shown, summed over the workers, with all its series from
the first scrape on, so that a rate never misses a first event; buckets, sums and counts of one histogram
agree. Never: counts anything itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from trafficguard.control.state import AdminState
from trafficguard.telemetry.meters import METRICS, Kind, Metric, Plane, totals

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "trafficguard_"


class Metrics:
    """What `/metrics` says."""

    def __init__(self, state: AdminState, planes: Sequence[Plane]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Workers(planes))
        self._registry.register(_Supervisor(state))

    def render(self) -> bytes:
        """All metrics as they are now, of the media type CONTENT_TYPE."""
        return generate_latest(self._registry)


class _Workers(Collector):
    """Reads the planes at every scrape."""

    def __init__(self, planes: Sequence[Plane]) -> None:
        self._planes = planes

    def collect(self) -> Iterator[Family]:
        words = totals(self._planes)
        for metric in METRICS:
            yield _family(metric, words[metric.field])


class _Supervisor(Collector):
    """What the planes do not hold."""

    def __init__(self, state: AdminState) -> None:
        self._state = state

    def collect(self) -> Iterator[Family]:
        state = self._state
        yield _gauge("ready", "Whether requests should be sent here.", state.ready)
        yield _gauge("draining", "Whether the program is on its way out.", state.draining)
        yield _gauge("workers", "Workers there should be.", len(state.workers))
        yield _gauge("workers_alive", "Workers that run.", sum(worker.alive for worker in state.workers))
        up = _gauge("worker_up", "Whether this worker runs and is ready.", labels=["worker"])
        for number, worker in enumerate(state.workers):
            up.add_metric([str(number)], worker.alive and worker.ready)
        yield up
        yield _counter("restarts", "Workers replaced.", sum(worker.restarts for worker in state.workers))
        yield _counter("log_lost", "Events that could not be written to the log.", state.log_lost)
        yield from self._of_policy()
        build = _gauge("build_info", "Always 1; the version is the label.", labels=["version"])
        build.add_metric([state.version], 1)
        yield build


    def _of_policy(self) -> Iterator[Family]:
        policy = self._state.policy
        names = ["policy", "version", "mode"]
        info = _gauge("policy_info", "Always 1; what is in force is in the labels.", labels=names)
        info.add_metric([policy.name, policy.version, policy.mode], 1)
        yield info
        yield _gauge("policy_orders", "Number of the orders in force.", policy.number)
        yield _gauge("policy_applied", "Whether all workers follow them.", policy.applied)
        wrong = "What is wrong with the latest change, if it was not taken."
        yield _gauge("policy_complaints", wrong, len(policy.complaints))
        yield _counter("policy_reloads", "Policies put in force since the start.", policy.reloads)
        yield _counter("policy_refused", "Policies that could not be used.", policy.refused)
        yield _counter("policy_fuses", "How often the fuse has blown.", policy.fuses)
        yield _gauge("by_hand", "Keys allowed or blocked by hand.", len(policy.by_hand))
        verdicts = CounterMetricFamily(
            _PREFIX + "policy_verdicts", "Verdicts by version of the policy.", labels=["version", "action"]
        )
        for (version, action), count in policy.verdicts.items():
            verdicts.add_metric([version, action], count)
        yield verdicts


def _gauge(
    name: str, text: str, value: float | None = None, labels: Sequence[str] | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value, labels)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, value)


def _family(metric: Metric, words: list[int]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        return _histogram(metric, words)
    shape = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = shape(_PREFIX + metric.name, metric.help, labels=[name for name, _ in metric.labels])
    series = product(*(values for _, values in metric.labels))
    for values, word in zip(series, words, strict=True):
        family.add_metric(values, word * metric.unit)
    return family


def _histogram(metric: Metric, words: list[int]) -> Family:
    *counts, total = words
    bounds = [*(str(bound) for bound in metric.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(counts), strict=True))
    return HistogramMetricFamily(_PREFIX + metric.name, metric.help, buckets, total * metric.unit)
