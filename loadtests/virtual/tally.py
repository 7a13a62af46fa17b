"""What is written down during a run, one line per request, and nothing reckoned yet (`metrics` does that)."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from loadtests.actors.model import Actor
from trafficguard.exchange import Verdict

SUSPECT = 50.0
CAUGHT = 75.0
"""The scores that reports speak of; the policy under test may act on others."""


@dataclass(slots=True)
class WaveLog:
    """All requests of one crawler, in order."""

    times: array[int] = field(default_factory=lambda: array("q"))
    scores: array[float] = field(default_factory=lambda: array("d"))
    items: array[int] = field(default_factory=lambda: array("q"))
    """The item whose page was answered with 2xx; 0 where none was."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How often each signal was among the reasons."""


@dataclass(slots=True)
class PersonLog:
    """What became of one person."""

    groups: frozenset[str]
    requests: int = 0
    highest: float = 0.0
    suspect: list[tuple[int, float]] = field(default_factory=list)
    """Moment and score of each request at SUSPECT or above."""
    times: list[int] = field(default_factory=list)
    """First and last moment of the visit."""
    refused: int = 0


@dataclass(slots=True)
class Tally:
    """Everything that was seen."""

    waves: dict[str, WaveLog] = field(default_factory=lambda: defaultdict(WaveLog))
    people: dict[str, PersonLog] = field(default_factory=dict)
    suspicions: Counter[str] = field(default_factory=Counter)
    """Reasons of people's requests at SUSPECT or above."""
    requests: int = 0

    def note(self, actor: Actor, at: int, verdict: Verdict, item: int, refused: bool) -> None:
        """Writes down one request."""
        self.requests += 1
        if actor.is_person:
            self._note_person(actor, at, verdict, refused)
            return
        log = self.waves[actor.name]
        log.times.append(at)
        log.scores.append(verdict.score)
        log.items.append(item)
        log.reasons.update({reason.signal for reason in verdict.reasons})

    def _note_person(self, actor: Actor, at: int, verdict: Verdict, refused: bool) -> None:
        log = self.people.get(actor.name)
        if log is None:
            log = self.people[actor.name] = PersonLog(actor.groups, times=[at, at])
        log.requests += 1
        log.times[1] = at
        log.refused += refused
        if verdict.score > log.highest:
            log.highest = verdict.score
        if verdict.score >= SUSPECT:
            log.suspect.append((at, verdict.score))
            self.suspicions.update(reason.signal for reason in verdict.reasons)
