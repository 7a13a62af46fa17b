"""Every figure of a run, defined here and nowhere else.

People, by session (one person's visits within a run are one session):
- `blocked`, `challenged`, `limited`: sessions in which a page or form was blocked, challenged, or refused with 429.
  Each has the upper end of the exact one-sided 95 % interval (Clopper, Pearson 1934) beside it: 3 in n where none was.
- `solved`: of the challenged, those who got what they asked for after every challenge. `looping`: sessions with more
  than `LOOP` challenges within `LOOP_S`, answered or not.
- `parts refused`: sessions in which a picture, script or fetch was refused though no page was.

Waves:
- `recall`: share of a wave's pages and forms, from its first to its last, that it did not get: blocked, limited, or
  challenged and not answered. Those that were challenged, answered, and then served count as got. `settled` is the same
  without its first minute.
- `first action`: requests and seconds until anything but the shop's prompt answer came: a delay counts.
- `leaked`: distinct items whose page or data it got, as share of the catalogue; `before`: those of them, and the
  seconds, before the first refusal.
- `saved`: share of all its requests that never reached the shop, the guard's own paths left out.
- Figures of several seeds: counts are summed, `leaked` is the worst seed's, moments are the median of the seeds.

Both: added latency and CPU are measured on sockets only (`Costs`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.stats import beta

from loadtests.actors.model import SECOND
from loadtests.actors.waves import Wave
from loadtests.run.record import (
    ANSWERED,
    BLOCKED,
    CHALLENGED,
    DELAYED,
    FAILED,
    LIMITED,
    OWN,
    REFUSING,
    SERVED,
    Life,
    Record,
    Trace,
)

CONFIDENCE: Final = 0.95
EVERYBODY: Final = "everybody"
LOOP: Final = 2
LOOP_S: Final = 120.0
SETTLED: Final = 60 * SECOND
RECALL: Final = 0.95
RECALL_OF_BROWSERS: Final = 0.80
MOST_LEAKED: Final = 0.02
SAVED: Final = 0.90
SAVED_OF_BROWSERS: Final = 0.70
MOST_CHALLENGED: Final = 0.001
MOST_BLOCKED_BOUND: Final = 0.0001
"""Of virtual people: none in 30,000 shows it."""
MOST_ADDED_MS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    size: int

    @property
    def share(self) -> float:
        """0 of nobody."""
        return self.hits / self.size if self.size else 0.0

    @property
    def bound(self) -> float:
        """Upper end of the exact one-sided 95 % interval."""
        if self.hits >= self.size:
            return 1.0
        return float(beta.ppf(CONFIDENCE, self.hits + 1, self.size - self.hits))


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """How people of one group fared."""

    name: str
    blocked: Share
    challenged: Share
    limited: Share
    looping: Share
    solved: Share
    """Of the challenged."""
    parts: Share
    """With refused parts."""
    delayed: Share
    """Sessions in which a page was held back."""
    highest: float
    """Highest score; NaN where it was not seen."""


@dataclass(frozen=True, slots=True)
class First:
    """When something first happened to a wave."""

    request: int
    seconds: float


@dataclass(frozen=True, slots=True)
class WaveFigures:
    """What one wave came to."""

    name: str
    text: str
    is_browser: bool
    is_honest: bool
    drawn: str
    """Parameters, seed by seed."""
    requests: int
    recall: Share
    settled: Share
    saved: Share
    detected: int
    """Seeds in which anything was done about it."""
    seeds: int
    action: First | None
    """Median of the seeds in which there was one."""
    refusal: First | None
    leaked: int
    """Items, the worst seed's."""
    leaked_before: int
    catalogue: int
    fates: tuple[int, ...]
    """Requests by fate."""

    @property
    def misses(self) -> list[str]:
        """What it is held to and does not hold, in words."""
        if self.is_honest:
            return []
        recall, saved = (RECALL_OF_BROWSERS, SAVED_OF_BROWSERS) if self.is_browser else (RECALL, SAVED)
        missed = []
        if self.recall.share < recall:
            missed.append(f"recall {self.recall.share:.1%}, less than {recall:.0%}")
        if self.leaked > MOST_LEAKED * self.catalogue:
            missed.append(f"leaked {self.leaked / self.catalogue:.1%} of the catalogue, more than {MOST_LEAKED:.0%}")
        if self.saved.share < saved:
            missed.append(f"saved {self.saved.share:.1%} of its requests, less than {saved:.0%}")
        return missed


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run on sockets took. Milliseconds, microseconds."""

    rate: float
    """Requests a second on average."""
    people_ms: tuple[float, float, float]
    """p50, p99 and p99.9 of answers to people through the proxy, shop and generator included."""
    direct_ms: tuple[float, float, float]
    """The same of a steady stream without the proxy."""
    through_ms: tuple[float, float, float]
    """The same stream through the proxy, at the same rate."""
    steady_rate: float
    """Of that stream: a share of the joint ceiling."""
    ceiling: float
    """Requests a second that the generator alone can send and take back."""
    joint: float
    """Requests a second that generator and proxy reach together."""
    proxy_cpu_us: float
    """CPU of all the proxy's processes for each request of the steady stream."""
    crowd_cpu_us: float
    """The same for each of the crowd's, in which a worker that idles is contained."""
    generator_cpu: float
    """Cores that the generator used on average."""
    late_ms: float
    """p99 of how late the generator sent what was due."""

    @property
    def added_ms(self) -> tuple[float, float, float]:
        """What the proxy adds."""
        one, two, three = (max(0.0, b - a) for a, b in zip(self.direct_ms, self.through_ms, strict=True))
        return one, two, three


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one scenario, all seeds together."""

    scenario: str
    about: str
    runner: str
    seeds: tuple[int, ...]
    half: str
    minutes: float
    policy: str
    requests: int
    people: tuple[GroupFigures, ...]
    """Everybody first."""
    waves: tuple[WaveFigures, ...]
    why: tuple[tuple[str, int], ...]
    """Rules that hindered people, with how often."""
    separability: str
    """What the check of bytes says; empty where there was none."""
    is_valid: bool
    costs: Costs | None = None


def looped(life: Life) -> bool:
    """Whether a person went round in circles."""
    times = life.challenges
    return any(
        later - earlier <= LOOP_S * SECOND for earlier, later in zip(times, times[LOOP:], strict=False)
    )


def group_figures(name: str, lives: Sequence[Life]) -> GroupFigures:
    """The figures of some people."""
    size = len(lives)
    challenged = [life for life in lives if life.fates[CHALLENGED] or life.fates[ANSWERED]]

    def having(*fates: int) -> Share:
        return Share(sum(any(life.fates[fate] for fate in fates) for life in lives), size)

    refused_parts = sum(
        any(life.parts[fate] for fate in REFUSING) and not any(life.fates[fate] for fate in REFUSING) for life in lives
    )
    return GroupFigures(
        name, having(BLOCKED), Share(len(challenged), size), having(LIMITED), Share(sum(map(looped, lives)), size),
        Share(sum(not life.fates[CHALLENGED] for life in challenged), len(challenged)), Share(refused_parts, size),
        having(DELAYED), max((life.highest for life in lives if life.highest == life.highest), default=float("nan")),
    )  # fmt: skip


def people_figures(records: Sequence[Record]) -> tuple[GroupFigures, ...]:
    """Everybody, then each group that reports tell of (browsers are left out)."""
    lives = [life for record in records for life in record.people.values()]
    names = sorted({group for life in lives for group in life.groups if "-" not in group})
    groups = [group_figures(name, [life for life in lives if name in life.groups]) for name in names]
    return (group_figures(EVERYBODY, lives), *groups)


def first(trace: Trace, fates: Iterable[int]) -> First | None:
    """The first request of a wave with one of these fates."""
    wanted = frozenset(fates)
    for number, fate in enumerate(trace.fates):
        if fate in wanted:
            return First(number + 1, (trace.times[number] - trace.times[0]) / SECOND)
    return None


def leaks(trace: Trace) -> tuple[int, int]:
    """Distinct items that were given away, and those of them before the first refusal."""
    found: set[int] = set()
    before = None
    for fate, item in zip(trace.fates, trace.items, strict=True):
        if item:
            found.add(item)
        if before is None and (fate in REFUSING or fate == ANSWERED):
            before = len(found)
    return len(found), len(found) if before is None else before


def recall(trace: Trace, after: int = 0) -> Share:
    """Of the pages that a wave asked for, `after` nanoseconds from its first request, those that it did not get."""
    refused = size = 0
    for at, fate, visit in zip(trace.times, trace.fates, trace.visits, strict=True):
        if visit and fate not in (ANSWERED, FAILED) and at - trace.times[0] >= after:
            size += 1
            refused += fate in REFUSING
    return Share(refused, size)


def wave_figures(wave: Wave, drawn: str, traces: Sequence[Trace], catalogue: int) -> WaveFigures:
    """The figures of one wave over all seeds."""
    fates = [sum(trace.fates.count(fate) for trace in traces) for fate in range(FAILED + 1)]
    sent = sum(fates) - fates[OWN] - fates[FAILED]
    leaked = [leaks(trace) for trace in traces]
    actions = [first(trace, (DELAYED, LIMITED, CHALLENGED, ANSWERED, BLOCKED)) for trace in traces]
    refusals = [first(trace, (*REFUSING, ANSWERED)) for trace in traces]
    return WaveFigures(
        wave.name, wave.text, wave.is_browser, wave.is_honest, drawn, sum(fates),
        _sum(recall(trace) for trace in traces), _sum(recall(trace, SETTLED) for trace in traces),
        Share(sent - fates[SERVED] - fates[DELAYED], sent), sum(one is not None for one in actions), len(traces),
        _median(actions), _median(refusals), max((items for items, _ in leaked), default=0),
        max((before for _, before in leaked), default=0), catalogue, tuple(fates),
    )  # fmt: skip


def _sum(shares: Iterable[Share]) -> Share:
    pairs = [(one.hits, one.size) for one in shares]
    return Share(sum(hits for hits, _ in pairs), sum(size for _, size in pairs))


def _median(firsts: Sequence[First | None]) -> First | None:
    there = [one for one in firsts if one is not None]
    if not there:
        return None
    requests, seconds = [one.request for one in there], [one.seconds for one in there]
    return First(int(statistics.median(requests)), statistics.median(seconds))


def misses(figures: Figures) -> list[str]:
    """What a scenario is held to and does not hold, in words."""
    missed = [f"{wave.name}: {what}" for wave in figures.waves for what in wave.misses]
    everybody = figures.people[0]
    if everybody.blocked.hits:
        missed.append(f"people: {everybody.blocked.hits} of {everybody.blocked.size} blocked")
    if everybody.challenged.share > MOST_CHALLENGED:
        share = everybody.challenged.share
        missed.append(f"people: {share:.2%} challenged, more than {MOST_CHALLENGED:.1%}")
    if everybody.looping.hits:
        missed.append(f"people: {everybody.looping.hits} going in circles")
    if figures.costs is not None and figures.costs.added_ms[1] > MOST_ADDED_MS:
        missed.append(f"latency: p99 grew by {figures.costs.added_ms[1]:.1f} ms, more than {MOST_ADDED_MS:g}")
    if not figures.is_valid:
        missed.append("bytes: heads alone tell crawlers from people")
    return missed
