"""Made-up runs, request by request, for tests of what is reckoned from them.

Promises: nothing here is random. Never: asks a guard.
"""

from __future__ import annotations

from loadtests.actors.challenges import PREFIX
from loadtests.actors.model import SECOND, Actor, Answer, Ask, Life
from loadtests.actors.programs import programs
from loadtests.actors.templates import Kind
from loadtests.run.record import Record

SERVED = Answer(200)
BLOCKED = Answer(403)
LIMITED = Answer(429)
CHALLENGED = Answer(403, body=b'{"challenge": "t"}')
SOLVED = Answer(204)


class Story:
    """One record, told by the second."""

    def __init__(self) -> None:
        self.record = Record(1)
        self._actors: dict[str, tuple[int, Actor]] = {}

    def tell(
        self, name: str, second: float, answer: Answer, path: bytes = b"/", *, kind: Kind = Kind.PAGE, person: bool = False,
        took_s: float = 0.01, score: float = 0.0, rule: str = "", groups: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """One request and its answer."""
        if name not in self._actors:
            self._actors[name] = len(self._actors), Actor(name, _silence(), groups, person)
        index, actor = self._actors[name]
        at = int(second * SECOND)
        ask = Ask(at, "192.0.2.1", programs()["program-requests"], kind, path)
        self.record.note(index, actor, ask, answer._replace(at=at + int(took_s * SECOND)), score, rule)

    def solve(self, name: str, second: float, *, person: bool = False) -> None:
        """Hands in what a challenge asked for."""
        self.tell(name, second, SOLVED, PREFIX + b"solve", kind=Kind.ADD, person=person)


def _silence() -> Life:
    """The life of somebody who asks for nothing by itself."""
    yield from ()
