"""Figures of a run, each defined here and nowhere else.

- `first`: number (from 1) and seconds since the wave's first request of its first request at or above a score.
- `steady`: seconds until from then on at least 90 % of its requests are at or above a score, at least `LEAST_REST` of
  them; None where that never comes.
- `leaked`: distinct items whose pages were answered with 2xx while the score was below CAUGHT; `before`: those of them
  answered before the first request at CAUGHT.
- A person is `suspect` or `caught` when any of its requests reaches the score. Shares of people have the upper end of
  the exact one-sided 95 % interval (Clopper, Pearson 1934) beside them: 3 in n where nobody was.
- Bystanders of a wave send the same browser's bytes while it lasts, or within `AFTERWARDS` of its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scipy.stats import beta

from loadtests.actors.model import SECOND
from loadtests.virtual.scenario import Scenario
from loadtests.virtual.tally import CAUGHT, SUSPECT, PersonLog, Tally, WaveLog

STEADY: Final = 0.9
LEAST_REST: Final = 30
"""Requests after which a steady state counts."""
AFTERWARDS: Final = 600 * SECOND
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class First:
    """When a wave first reached a score."""

    request: int
    seconds: float


@dataclass(frozen=True, slots=True)
class WaveFigures:
    """What one wave came to."""

    name: str
    text: str
    requests: int
    rate: float
    """Requests in a second while it lasted."""
    suspect: First | None
    caught: First | None
    steady_suspect: float | None
    steady_caught: float | None
    suspect_share: float
    """Share of its requests at SUSPECT or above."""
    caught_share: float
    leaked: int
    leaked_before: int
    items: int
    """Distinct items that it asked for and got."""
    highest: float
    reasons: tuple[tuple[str, float], ...]
    """Signals with the share of requests that they were a reason for, most frequent first."""


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """How people of one group fared."""

    name: str
    people: int
    suspect: int
    caught: int
    refused: int
    """Of them, those that were ever turned away."""
    suspect_bound: float
    """Upper end of the 95 % interval for the share."""
    caught_bound: float
    highest: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a run."""

    seed: int
    minutes: float
    items: int
    """In the catalogue."""
    requests: int
    waves: tuple[WaveFigures, ...]
    people: tuple[GroupFigures, ...]
    """Everybody first."""
    bystanders: tuple[GroupFigures, ...]
    """By wave."""
    suspicions: tuple[tuple[str, int], ...]
    """Reasons of people's requests at SUSPECT or above."""


def upper_bound(hits: int, size: int) -> float:
    """Upper end of the exact one-sided interval for a share."""
    if size == 0 or hits == size:
        return 1.0
    return float(beta.ppf(CONFIDENCE, hits + 1, size - hits))


def first_at(log: WaveLog, score: float) -> First | None:
    """When the wave first reached a score."""
    for number, reached in enumerate(log.scores):
        if reached >= score:
            return First(number + 1, (log.times[number] - log.times[0]) / SECOND)
    return None


def steady_from(log: WaveLog, score: float) -> float | None:
    """Seconds until a wave's requests stay at or above a score, but for one in ten."""
    hits, at = 0, None
    for number in range(len(log.scores) - 1, -1, -1):
        hits += log.scores[number] >= score
        rest = len(log.scores) - number
        if rest >= min(LEAST_REST, len(log.scores)) and hits >= STEADY * rest:
            at = number
    return None if at is None else (log.times[at] - log.times[0]) / SECOND


def leaks(log: WaveLog) -> tuple[int, int]:
    """Items answered below CAUGHT, and those of them before the first request at CAUGHT."""
    all_of_them: set[int] = set()
    before = None
    for score, item in zip(log.scores, log.items, strict=True):
        if score >= CAUGHT:
            before = len(all_of_them) if before is None else before
        elif item:
            all_of_them.add(item)
    return len(all_of_them), len(all_of_them) if before is None else before


def wave_figures(name: str, text: str, log: WaveLog) -> WaveFigures:
    """The figures of one wave."""
    size = len(log.scores)
    seconds = (log.times[-1] - log.times[0]) / SECOND if size > 1 else 0.0
    leaked, before = leaks(log)
    return WaveFigures(
        name, text, size, (size - 1) / seconds if seconds else 0.0, first_at(log, SUSPECT), first_at(log, CAUGHT),
        steady_from(log, SUSPECT), steady_from(log, CAUGHT),
        sum(score >= SUSPECT for score in log.scores) / size if size else 0.0,
        sum(score >= CAUGHT for score in log.scores) / size if size else 0.0,
        leaked, before, len(set(log.items) - {0}), max(log.scores, default=0.0),
        tuple((signal, found / size) for signal, found in log.reasons.most_common()),
    )  # fmt: skip


def group_figures(name: str, people: Iterable[tuple[float, int]]) -> GroupFigures:
    """The figures of people, each by highest score and requests refused."""
    rows = list(people)
    suspect = sum(highest >= SUSPECT for highest, _ in rows)
    caught = sum(highest >= CAUGHT for highest, _ in rows)
    return GroupFigures(
        name, len(rows), suspect, caught, sum(refused > 0 for _, refused in rows), upper_bound(suspect, len(rows)),
        upper_bound(caught, len(rows)), max((highest for highest, _ in rows), default=0.0),
    )  # fmt: skip


def figures(scenario: Scenario, tally: Tally) -> Figures:
    """All figures of a run."""
    logs = list(tally.people.values())
    groups = sorted({group for log in logs for group in log.groups if "-" not in group})
    people = [group_figures("everybody", _rows(logs))]
    people += [group_figures(group, _rows(log for log in logs if group in log.groups)) for group in groups]
    waves = [wave for wave in scenario.waves if tally.waves[wave.name].times]
    bystanders = []
    for wave in waves:
        starts, ends = scenario.window(wave)
        near = [log for log in logs if log.times[1] >= starts and log.times[0] <= ends + AFTERWARDS]
        if wave.browser:
            beside = [log for log in near if wave.browser in log.groups]
            rows = [(_highest_in(log, starts, ends + AFTERWARDS), log.refused) for log in beside]
            bystanders.append(group_figures(wave.name, rows))
    return Figures(
        scenario.seed, scenario.minutes, scenario.items, tally.requests,
        tuple(wave_figures(wave.name, wave.text, tally.waves[wave.name]) for wave in waves),
        tuple(people), tuple(bystanders), tuple(tally.suspicions.most_common()),
    )  # fmt: skip


def _rows(logs: Iterable[PersonLog]) -> list[tuple[float, int]]:
    return [(log.highest, log.refused) for log in logs]


def _highest_in(log: PersonLog, starts: int, ends: int) -> float:
    """The highest score at SUSPECT or above within a window; 0 where there is none."""
    return max((score for at, score in log.suspect if starts <= at <= ends), default=0.0)
