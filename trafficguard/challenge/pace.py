"""How hard `pow` is: as hard as a slow browser of the same class can do in the time that a person may be kept waiting.

What a class of browsers (phone, tablet or desktop, others) computes is learnt from the times that their pages report,
as the rate that 19 in 20 exceed; it begins with a guess. Times come from clients, who may lie: so a rate stays within a
factor of `TRUST` of the guess, and none of it makes a puzzle that is easier than the floor. The time that may be taken
grows with the bot score and with the load of the host.

First guesses, in hashes a second of one page: an old phone 150,000, a tablet or desktop 500,000 (SHA-256 in
JavaScript, measured: see `python -m loadtests challenges`); what shows no known class counts as a phone.

Promises: expected p95 within the budget for the class's slow members; a constant amount of memory. Never: reads a
clock.
"""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

from trafficguard.signals.agents import read_agent

ClientClass = Literal["phone", "desktop", "other"]

PARTS: Final = 16
FEWEST_BITS: Final = 8
MOST_BITS: Final = 20
BUDGET_S: Final = 2.0
"""Seconds that 19 of 20 slow browsers need at most."""
GUESSES: Final[dict[ClientClass, float]] = {"phone": 150_000.0, "desktop": 500_000.0, "other": 150_000.0}
"""Hashes a second."""
TRUST: Final = 4.0
"""By how much learnt rates may differ from the guess."""
_UNLUCKY: Final = 1.0 + 1.645 / math.sqrt(PARTS)
"""p95 of the hashes that all parts take, by their mean: a sum of geometric numbers is close to normal."""
_QUANTILE: Final = 0.05
_STEP: Final = 0.02
_LEAST_SHARE: Final = 0.25
"""Of the budget, for who is hardly suspected."""
_SURE: Final = 75.0
"""Bot score from which the whole budget is used."""
_BUSY: Final = 1.0
"""Load of the host from which the whole budget is used."""
_SHORTEST_MS, _LONGEST_MS = 5, 120_000


class Puzzle(NamedTuple):
    """How hard a puzzle is."""

    bits: int
    parts: int

    @property
    def hashes(self) -> int:
        """Hashes that it takes on average."""
        return self.parts << self.bits


class Pace:
    """What classes of browsers compute, for one worker."""

    __slots__ = ("rates",)

    def __init__(self) -> None:
        self.rates = dict(GUESSES)
        """Hashes a second that 19 in 20 of a class exceed."""

    def puzzle(self, client: ClientClass, score: float, load: float) -> Puzzle:
        """A puzzle for who has this bot score, at this load of the host (1: all cores busy)."""
        share = max(score / _SURE, load / _BUSY)
        budget = BUDGET_S * min(max(share, _LEAST_SHARE), 1.0)
        hashes = budget * self.rates[client] / _UNLUCKY
        bits = int(math.log2(max(hashes / PARTS, 1.0)))
        return Puzzle(min(max(bits, FEWEST_BITS), MOST_BITS), PARTS)

    def learn(self, client: ClientClass, puzzle: Puzzle, took_ms: float) -> None:
        """Takes in how long a browser says that it worked; what cannot be is left out."""
        if not _SHORTEST_MS <= took_ms <= _LONGEST_MS:  # also NaN
            return
        rate, known, guess = puzzle.hashes * 1000.0 / took_ms, self.rates[client], GUESSES[client]
        # A quantile by stochastic approximation (Robbins and Monro, 1951), in steps of a share of itself.
        known *= 1.0 + _STEP * (_QUANTILE if rate > known else _QUANTILE - 1.0)
        self.rates[client] = min(max(known, guess / TRUST), guess * TRUST)


def class_of(user_agent: str | None) -> ClientClass:
    """The class of a browser by what it claims to be."""
    claim = read_agent(user_agent)
    if not claim.is_browser:
        return "other"
    return "phone" if claim.mobile or claim.system in ("android", "ios") else "desktop"
