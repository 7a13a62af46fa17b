"""Counts figures per client, class and family.

Promises: the rules of the package docstring, in one place each. Never: prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from loadtests.evaluate.judging import CAUGHT, MIDDLE, Figures

LONG_ENOUGH: Final = 5
"""Requests of a leg that must be caught."""
SOON: Final = 20
"""Requests within which a program is to be caught."""
PEOPLE: Final = "people"


@dataclass(frozen=True, slots=True)
class Client:
    """One client, all its legs taken together."""

    name: str
    kind: str
    """Its class; `people` for those."""
    family: str
    human: bool
    held_out: bool
    legs: tuple[Figures, ...]

    @property
    def highest(self) -> float:
        """Highest score on any leg."""
        return max(leg.max_score for leg in self.legs)

    def _counting(self) -> list[Figures]:
        long = [leg for leg in self.legs if leg.requests >= LONG_ENOUGH]
        return long or list(self.legs)

    @property
    def is_caught(self) -> bool:
        """Whether every leg that counts was stopped soon."""
        return all(leg.first_at_75 is not None and leg.first_at_75 <= SOON for leg in self._counting())

    @property
    def is_suspected(self) -> bool:
        """Whether every leg that counts was suspected soon."""
        return all(leg.first_at_50 is not None and leg.first_at_50 <= SOON for leg in self._counting())

    @property
    def missed_legs(self) -> list[Figures]:
        """The legs that count and were not stopped soon."""
        return [
            leg for leg in self._counting() if leg.first_at_75 is None or leg.first_at_75 > SOON
        ]

    def reasons(self) -> list[str]:
        """The signals with the highest evidence in one request, strongest first."""
        evidence: dict[str, float] = {}
        for leg in self.legs:
            for name, nats in leg.strongest.items():
                evidence[name] = max(evidence.get(name, 0.0), nats)
        return sorted(evidence, key=lambda name: -evidence[name])


@dataclass(frozen=True, slots=True)
class Group:
    """Clients of one class or family."""

    name: str
    clients: tuple[Client, ...]

    @property
    def caught(self) -> int:
        """Clients stopped soon on every leg that counts."""
        return sum(client.is_caught for client in self.clients)

    @property
    def suspected(self) -> int:
        """Clients suspected soon on every leg that counts."""
        return sum(client.is_suspected for client in self.clients)

    @property
    def ever_middle(self) -> int:
        """Clients that ever reached the middle of the scale; what counts for people."""
        return sum(client.highest >= MIDDLE for client in self.clients)

    @property
    def ever_caught(self) -> int:
        """Clients that were ever stopped."""
        return sum(client.highest >= CAUGHT for client in self.clients)

    @property
    def highest(self) -> float:
        """The highest score of all."""
        return max((client.highest for client in self.clients), default=0.0)

    def reasons(self, most: int = 3) -> list[str]:
        """The signals that are among the three strongest of most clients."""
        votes = Counter(name for client in self.clients for name in client.reasons()[:3])
        return [name for name, _ in votes.most_common(most)]


def clients_of(figures: Iterable[Figures]) -> list[Client]:
    """Figures by client."""
    legs: dict[str, list[Figures]] = {}
    for one in figures:
        legs.setdefault(one.session.client, []).append(one)
    clients = []
    for name, those in legs.items():
        session = those[0].session
        kind = PEOPLE if session.human else session.kind
        clients.append(Client(name, kind, session.family, session.human, session.held_out, tuple(those)))
    return clients


def grouped(clients: Iterable[Client], key: Callable[[Client], str]) -> list[Group]:
    """Clients by what `key` says, in alphabetical order."""
    groups: dict[str, list[Client]] = {}
    for client in clients:
        groups.setdefault(key(client), []).append(client)
    return [Group(name, tuple(members)) for name, members in sorted(groups.items())]


def as_json(figures: Figures) -> dict[str, Any]:
    """One session for machines."""
    session = figures.session
    return {
        "client": session.client,
        "leg": session.leg,
        "class": session.kind,
        "human": session.human,
        "requests": figures.requests,
        "max_score": round(figures.max_score, 3),
        "first_at_50": figures.first_at_50,
        "first_at_75": figures.first_at_75,
    }
