"""The numbers a worker counts, and the plane of shared memory it shows them in.

Promises: `METRICS` is the one table of what is counted; the layout of a plane, the Prometheus names and the
attributes of `Meters` all follow from it. Counters never go back, a respawned worker counts on from its
plane; gauges start at 0. Every label takes its values from a fixed list, so no client can make a series.
Never: shares a counter between two processes, reads a clock, or does I/O.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from trafficguard.actions import KINDS, WORDS, ChallengeKind
from trafficguard.challenge.tickets import CAUSES, Cause
from trafficguard.exchange import Exchange
from trafficguard.signals.places import RouteClass

UNJUDGED: Final = "unjudged"
"""Stands in for the action of a request without a verdict."""
OTHER: Final = "other"
"""Stands in for every word that a label does not list."""

ACTIONS: Final = (UNJUDGED, *WORDS)
STATUSES: Final = ("left", "1xx", "2xx", "3xx", "4xx", "5xx", OTHER)
"""`left`: the client was gone before a status was sent."""
REFUSALS: Final = (
    "malformed", "version", "request-line", "too-many-headers", "head-too-large", "bare-line-end",
    "bad-target", "fragment", "bad-escape", "connect",
    "missing-host", "repeated-host", "bad-host",
    "bad-length", "repeated-length", "length-and-chunked", "bad-coding", "old-chunked",
    "bad-connection", "expectation", "bad-chunk", "body-too-large", "slow-head", "untold", OTHER,
)  # fmt: skip
"""Every `Refusal.reason`."""
ERRORS: Final = (
    "client-left", "client-slow", "slow-body", "body-too-large", "no-site", "no-route",
    "no-origin", "connect", "connect-timeout", "first-byte", "origin-left", "bad-answer", "idle", OTHER,
)  # fmt: skip
"""Values of `Exchange.error` that are not refusals."""

LATENCY_BOUNDS: Final = tuple(2**power / 1e9 for power in range(14, 37))
"""Seconds: powers of two nanoseconds, 16 us to 69 s."""
ROUTES: Final = tuple(route.word for route in RouteClass)
DESK_EVENTS: Final = ("issued", "solved", "failed")
SOLVE_BOUNDS: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1200.0)
"""Seconds."""
SCORE_BOUNDS: Final = tuple(float(bound) for bound in range(10, 101, 10))


DeskEvent = Literal["issued", "solved", "failed"]


class Kind(Enum):
    """How a metric behaves and adds up over workers."""

    COUNTER = "counter"
    """Only grows; sums."""
    GAUGE = "gauge"
    """Goes up and down; sums."""
    PEAK = "peak"
    """Goes up and down; the worst worker counts."""
    HISTOGRAM = "histogram"
    """One counter for each bound, one beyond the last, and the sum of what was seen."""


class Metric(NamedTuple):
    """One row of what is counted."""

    field: str
    """Attribute of `Meters` that holds it: an int without labels, else a list of ints."""
    name: str
    """Prometheus name without `trafficguard_` and `_total`."""
    kind: Kind
    help: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Name and all values of each label; the last one changes fastest in the list."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram, in the unit shown."""
    unit: float = 1.0
    """What one unit of the stored number is in the unit shown: 1e-9 for nanoseconds shown as seconds."""

    @property
    def is_scalar(self) -> bool:
        """Whether one word holds it all."""
        return not self.labels and not self.bounds

    @property
    def words(self) -> int:
        """Words it takes in a plane."""
        if self.bounds:
            return len(self.bounds) + 2
        size = 1
        for _, values in self.labels:
            size *= len(values)
        return size


METRICS: Final = (
    Metric("requests", "requests", Kind.COUNTER, "Finished requests by action and class of status.",
           labels=(("action", ACTIONS), ("status", STATUSES))),
    Metric("refusals", "refusals", Kind.COUNTER, "Requests refused for their form, by reason.",
           labels=(("reason", REFUSALS),)),
    Metric("errors", "errors", Kind.COUNTER, "Requests that failed for another reason than their form.",
           labels=(("error", ERRORS),)),
    Metric("bytes_in", "request_body_bytes", Kind.COUNTER, "Body bytes taken from clients."),
    Metric("bytes_out", "answer_bytes", Kind.COUNTER, "Bytes sent to clients, heads included."),
    Metric("latencies", "request_duration_seconds", Kind.HISTOGRAM,
           "From a whole request head to the answer's end.",
           bounds=LATENCY_BOUNDS, unit=1e-9),
    Metric("scores", "bot_score", Kind.HISTOGRAM, "Bot scores given; the sum counts whole points.",
           bounds=SCORE_BOUNDS),
    Metric("connections_open", "connections_open", Kind.GAUGE, "Client connections open now."),
    Metric("connections_total", "connections", Kind.COUNTER, "Client connections accepted."),
    Metric("connections_refused", "connections_refused", Kind.COUNTER, "Client connections a limit closed."),
    Metric("upstream_connects", "upstream_connects", Kind.COUNTER, "Connections opened to origins."),
    Metric("upstream_connect_failures", "upstream_connect_failures", Kind.COUNTER,
           "Failed connects to origins."),
    Metric("upstream_reused", "upstream_reused", Kind.COUNTER, "Requests sent on a kept connection."),
    Metric("retries", "retries", Kind.COUNTER, "Requests sent again when a kept connection was dead."),
    Metric("tunnels_open", "tunnels_open", Kind.GAUGE, "WebSockets open now."),
    Metric("deadline_cuts", "deadline_cuts", Kind.COUNTER, "Client connections a deadline cut."),
    Metric("loop_lag", "loop_lag_seconds", Kind.PEAK, "How late timers run in the slowest worker.",
           unit=1e-9),
    Metric("guard_errors", "guard_errors", Kind.COUNTER, "Internal errors while judging."),
    Metric("rule_errors", "rule_errors", Kind.COUNTER, "Rules of the policy that failed on a request."),
    Metric("paced", "paced", Kind.GAUGE, "Requests that a throttle holds back now."),
    Metric("trapped", "trapped", Kind.GAUGE, "Connections that a tarpit holds now."),
    Metric("challenges", "challenges", Kind.COUNTER,
           "Challenges by kind, route class and what became of them; those neither solved nor failed were left.",
           labels=(("kind", KINDS), ("route", ROUTES), ("event", DESK_EVENTS))),
    Metric("challenge_failures", "challenge_failures", Kind.COUNTER, "Failed attempts at challenges.",
           labels=(("cause", CAUSES),)),
    Metric("solve_times", "challenge_solve_seconds", Kind.HISTOGRAM, "From a challenge to its solution.",
           bounds=SOLVE_BOUNDS, unit=1e-3),
    Metric("events_logged", "events_logged", Kind.COUNTER, "Recorded requests handed to the decision log."),
    Metric("events_dropped", "events_dropped", Kind.COUNTER, "Recorded requests the log was too slow for."),
)  # fmt: skip

_ENDS: Final = tuple(accumulate(metric.words for metric in METRICS))
SPANS: Final = {
    metric.field: slice(end - metric.words, end) for metric, end in zip(METRICS, _ENDS, strict=True)
}
"""Where each metric lies in a plane."""
PLANE_WORDS: Final = -(-_ENDS[-1] // 8) * 8
"""Words of a plane, up to whole cache lines of 64 bytes, so that two workers never write to one."""


class Plane:
    """One worker's numbers in shared memory: that worker writes them, everybody may read."""

    __slots__ = ("_words",)

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def read(self) -> list[int]:
        """All words; a metric's are at its slice of `SPANS`."""
        return self._words.tolist()

    def write(self, words: Sequence[int]) -> None:
        """Replaces all words, each from 0 to 2**64 - 1."""
        for index, word in enumerate(words):
            self._words[index] = word


def plane_bytes(workers: int) -> int:
    """Size of the memory that `planes` needs."""
    return workers * PLANE_WORDS * 8


def planes(buffer: mmap.mmap | bytearray | memoryview, workers: int) -> list[Plane]:
    """A plane for each worker, in memory of at least `plane_bytes(workers)` that starts as zeros."""
    words = memoryview(buffer)[: plane_bytes(workers)].cast("Q")
    return [
        Plane(words[start : start + PLANE_WORDS]) for start in range(0, workers * PLANE_WORDS, PLANE_WORDS)
    ]


def totals(workers: Iterable[Plane]) -> dict[str, list[int]]:
    """The words of every metric over all workers, by field: sums, and the largest for a peak."""
    rows = [plane.read() for plane in workers]
    return {
        metric.field: [
            max(column) if metric.kind is Kind.PEAK else sum(column)
            for column in zip(*(row[SPANS[metric.field]] for row in rows), strict=True)
        ]
        for metric in METRICS
    }


def verdicts_of(requests: Sequence[int]) -> dict[str, int]:
    """Verdicts by action, of the words of the metric `requests`; without those that were not judged."""
    width = len(STATUSES)
    return {word: sum(requests[width * (row + 1) : width * (row + 2)]) for row, word in enumerate(WORDS)}


_STATUS_CLASS: Final = bytes(
    status // 100 if status < 600 else STATUSES.index(OTHER) for status in range(1000)
)
_ACTION_ROW: Final = {word: len(STATUSES) * (row + 1) for row, word in enumerate(WORDS)}
_LATENCY_BUCKET: Final = bytes(min(max(bits - 4, 0), len(LATENCY_BOUNDS)) for bits in range(64))
_SCORE_BUCKET: Final = bytes(min(score // 10, 9) for score in range(101))
_REFUSAL_INDEX: Final = {reason: index for index, reason in enumerate(REFUSALS)}
_ERROR_INDEX: Final = {error: index for index, error in enumerate(ERRORS)}


class Meters:
    """All that one worker counts, as plain ints; the doors bump the plain attributes themselves."""

    __slots__ = ("_plane", *SPANS)

    requests: list[int]
    refusals: list[int]
    errors: list[int]
    bytes_in: int
    bytes_out: int
    latencies: list[int]
    scores: list[int]
    connections_open: int
    connections_total: int
    connections_refused: int
    upstream_connects: int
    upstream_connect_failures: int
    upstream_reused: int
    retries: int
    tunnels_open: int
    deadline_cuts: int
    loop_lag: int
    """Nanoseconds."""
    guard_errors: int
    rule_errors: int
    paced: int
    trapped: int
    challenges: list[int]
    challenge_failures: list[int]
    solve_times: list[int]
    """The last is in milliseconds."""
    events_logged: int
    events_dropped: int

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        words = plane.read()
        for metric in METRICS:
            values = words[SPANS[metric.field]]
            if metric.kind in (Kind.GAUGE, Kind.PEAK):
                values = [0]
            setattr(self, metric.field, values[0] if metric.is_scalar else values)
        self.flush()

    def finish(self, exchange: Exchange) -> None:
        """Counts a request that is over; to be called exactly once for each."""
        verdict = exchange.verdict
        if verdict is None:
            self.requests[_STATUS_CLASS[exchange.status]] += 1
        else:
            self.requests[_ACTION_ROW[verdict.action.word] + _STATUS_CLASS[exchange.status]] += 1
            score = int(verdict.score)
            scores = self.scores
            scores[_SCORE_BUCKET[score]] += 1
            scores[-1] += score
        elapsed = exchange.ended - exchange.started
        latencies = self.latencies
        latencies[_LATENCY_BUCKET[(elapsed >> 10).bit_length()]] += 1
        latencies[-1] += elapsed
        self.bytes_in += exchange.bytes_in
        self.bytes_out += exchange.bytes_out
        error = exchange.error
        if error:
            if exchange.framing_refusal:
                self.refusals[_REFUSAL_INDEX.get(error, -1)] += 1
            else:
                self.errors[_ERROR_INDEX.get(error, -1)] += 1

    def note_challenge(
        self, event: DeskEvent, kind: ChallengeKind, route: int, cause: Cause | None, seconds: float
    ) -> None:
        """Counts what happened with a challenge; `route` is the class of what was challenged."""
        place = (KINDS.index(kind) * len(ROUTES) + route) * len(DESK_EVENTS) + DESK_EVENTS.index(event)
        self.challenges[place] += 1
        if cause is not None:
            self.challenge_failures[CAUSES.index(cause)] += 1
        if event == "solved":
            times = self.solve_times
            times[bisect_left(SOLVE_BOUNDS, seconds)] += 1
            times[-1] += int(seconds * 1000)

    def flush(self) -> None:
        """Shows the numbers as they are now to everybody who reads the plane."""
        words: list[int] = []
        for metric in METRICS:
            value = getattr(self, metric.field)
            words += [value] if metric.is_scalar else value
        self._plane.write(words)
