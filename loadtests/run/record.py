"""What happened to every request of a run, as its sender saw it: written down, and nothing reckoned (`metrics` does).

A request's fate is read off the answer alone, so that both runners mean the same: `served` by the shop; `delayed`, and
then served; `limited` (429); `challenged`, and left at that; `answered`, a challenge after which the sender did what
was asked and asked again; `blocked`; `own`, a path of the guard's own (`/.trafficguard/...`); `failed`, no answer or a
server's error.

Promises: one note for each request; memory of a few bytes for each of a wave's, of a few for each person. Never: knows
a verdict, but for the score that a runner may add.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from loadtests.actors.challenges import PREFIX, is_challenge
from loadtests.actors.model import SECOND, Actor, Answer, Ask
from loadtests.actors.templates import Kind

FATES: Final = ("served", "delayed", "limited", "challenged", "answered", "blocked", "own", "failed")
SERVED, DELAYED, LIMITED, CHALLENGED, ANSWERED, BLOCKED, OWN, FAILED = range(len(FATES))
REFUSING: Final = frozenset((LIMITED, CHALLENGED, BLOCKED))
"""What leaves a sender without what it asked for."""
VISITS: Final = frozenset((Kind.PAGE, Kind.LOGIN))
"""What a person sees the answer of; all else are parts."""
HELD: Final = 300_000_000
"""Nanoseconds from which an answer counts as delayed: no answer of the sample shop takes as long."""
BIN: Final = 10 * SECOND
"""Width of a step of what is drawn over time."""
PEOPLE: Final = "people"
_SOLVING: Final = (PREFIX + b"solve", PREFIX + b"go", PREFIX + b"lend")


def fate_of(ask: Ask, answer: Answer, took: int) -> int:
    """What became of a request that took so many nanoseconds."""
    if ask.path.startswith(PREFIX):
        return OWN
    if is_challenge(answer):
        return CHALLENGED
    if answer.status == 429:
        return LIMITED
    if answer.status == 403:
        return BLOCKED
    if not answer.status or answer.status >= 500:
        return FAILED
    return DELAYED if took >= HELD else SERVED


@dataclass(slots=True)
class Trace:
    """All requests of one wave, in the order of their answers."""

    times: array[int] = field(default_factory=lambda: array("q"))
    """When each was sent, ns from the start of the scenario."""
    fates: bytearray = field(default_factory=bytearray)
    visits: bytearray = field(default_factory=bytearray)
    """1 where it was for a page or a form."""
    items: array[int] = field(default_factory=lambda: array("q"))
    """The item that was given away; 0 where none was."""
    scores: array[float] = field(default_factory=lambda: array("d"))
    """NaN where the runner does not see it."""


@dataclass(slots=True)
class Life:
    """What became of one person."""

    groups: frozenset[str]
    fates: Counter[int] = field(default_factory=Counter)
    """Of pages and forms."""
    parts: Counter[int] = field(default_factory=Counter)
    """Of all else but the guard's own paths."""
    challenges: list[int] = field(default_factory=list)
    """When it was challenged."""
    highest: float = math.nan
    first: int = 0
    last: int = 0
    why: dict[str, int] = field(default_factory=dict)
    """Rules that hindered it, where the runner sees them."""


@dataclass(slots=True)
class Record:
    """One run of one seed."""

    seed: int
    waves: dict[str, Trace] = field(default_factory=lambda: defaultdict(Trace))
    people: dict[str, Life] = field(default_factory=dict)
    scores: dict[str, array[int]] = field(default_factory=dict)
    """Requests by whole points of score, by wave or `people`."""
    actions: dict[str, Counter[tuple[int, int]]] = field(default_factory=lambda: defaultdict(Counter))
    """Requests by step of time and fate, by wave or `people`."""
    waits: array[int] = field(default_factory=lambda: array("q"))
    """Nanoseconds that answers to people took that were not held back, own paths left out."""
    requests: int = 0
    _asked: dict[int, tuple[bytes, str, int]] = field(default_factory=dict)
    """By actor: path, name and place of the challenge that it was last given."""
    _solved: set[int] = field(default_factory=set)
    """Actors who have done since what it asked for."""

    def note(self, index: int, actor: Actor, ask: Ask, answer: Answer, score: float = math.nan, rule: str = "") -> None:
        """Writes down one request of the actor at `index` of the cast."""
        took = max(0, answer.at - ask.at)
        fate = fate_of(ask, answer, took)
        name = PEOPLE if actor.is_person else actor.name
        self.requests += 1
        self.actions[name][ask.at // BIN, fate] += 1
        if not math.isnan(score):
            if name not in self.scores:
                self.scores[name] = array("q", bytes(8 * 101))
            self.scores[name][min(100, int(score))] += 1
        visit = ask.kind in VISITS and fate != OWN
        if actor.is_person:
            self._note_person(actor, ask, fate, visit, score, rule)
            if fate != OWN and fate != DELAYED:
                self.waits.append(took)
        else:
            trace = self.waves[actor.name]
            trace.times.append(ask.at)
            trace.fates.append(fate)
            trace.visits.append(visit)
            trace.items.append(_item(ask) if fate in (SERVED, DELAYED) and answer.status == 200 else 0)
            trace.scores.append(score)
        if visit:
            self._settle(index, actor, ask, fate)
        elif fate == OWN and answer.status in (204, 303) and ask.path.startswith(_SOLVING):
            self._solved.add(index)

    def _note_person(self, actor: Actor, ask: Ask, fate: int, visit: bool, score: float, rule: str) -> None:
        life = self.people.get(actor.name)
        if life is None:
            life = self.people[actor.name] = Life(actor.groups, first=ask.at)
        life.last = ask.at
        if fate == OWN:
            return
        if not score <= life.highest:  # also where the highest is not known yet
            life.highest = score if math.isnan(life.highest) else max(score, life.highest)
        (life.fates if visit else life.parts)[fate] += 1
        if visit and fate == CHALLENGED:
            life.challenges.append(ask.at)
        if rule and fate not in (SERVED, FAILED):
            life.why[rule] = life.why.get(rule, 0) + 1

    def _settle(self, index: int, actor: Actor, ask: Ask, fate: int) -> None:
        """A challenge after which its sender solves it and asks for the same once more has been answered."""
        path, name, place = self._asked.pop(index, (b"", "", 0))
        is_solved = index in self._solved
        self._solved.discard(index)
        if path == ask.path and name and is_solved:
            if actor.is_person:
                fates = self.people[name].fates
                fates[CHALLENGED] -= 1
                fates[ANSWERED] += 1
            else:
                self.waves[name].fates[place] = ANSWERED
        if fate == CHALLENGED:
            place = 0 if actor.is_person else len(self.waves[actor.name].fates) - 1
            self._asked[index] = ask.path, actor.name, place


def _item(ask: Ask) -> int:
    """The item whose page, or data, a path is of."""
    for start in (b"/product/", b"/api/products/"):
        if ask.path.startswith(start):
            text = ask.path[len(start) :]
            return int(text) if text.isdigit() else 0
    return 0
