"""What became of everybody, counted from what the proxy recorded: the table at the end of the wave.

Promises: every recorded request counts once, with its role; who is not of the cast is `you`. Requests that solve
challenges are counted as requests, and under no action. Never: believes a client about anything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from trafficguard.clock import SECOND
from trafficguard.demo.wave.cast import PEOPLE, Role

YOU: Final = "you"
"""Whoever else comes: the person in front of the screen, as a rule."""
ACTIONS: Final = ("pass", "throttle", "challenge", "block")
_ITEM: Final = re.compile(r"/(?:api/products|product)/(\d+)(?:[/?].*)?")
_OK: Final = 200


@dataclass(slots=True)
class Tally:
    """The figures of one role."""

    requests: int = 0
    reached: int = 0
    """Requests that reached the shop."""
    actions: Counter[str] = field(default_factory=Counter)
    items: set[int] = field(default_factory=set)
    """Products whose pages or data it got."""
    solved: int = 0
    """Challenges."""
    before: int = 0
    """Requests that passed before the first that did not."""
    acted_after: float | None = None
    """Seconds from its first request to the first that did not pass."""
    began: int = 0

    @property
    def turned_away(self) -> int:
        """Requests that were not simply passed on."""
        return sum(number for action, number in self.actions.items() if action != "pass")


class Figures:
    """The figures of all roles."""

    def __init__(self, cast: Iterable[Role]) -> None:
        self._cast = tuple(cast)
        self._role = {address: role.name for role in self._cast for address in role.addresses}
        self.tallies = {role.name: Tally() for role in self._cast} | {YOU: Tally()}

    def role_of(self, event: Mapping[str, Any]) -> str:
        """Whose request it was."""
        return self._role.get(event["client"], YOU)

    def note(self, event: Mapping[str, Any]) -> None:
        """Counts one recorded request."""
        tally = self.tallies[self.role_of(event)]
        action = event["action"]
        tally.began = tally.began or event["t"]
        tally.requests += 1
        tally.reached += bool(event["origin"])
        tally.solved += event["challenge"].startswith("solved")
        if not action:
            return
        tally.actions[action] += 1
        if tally.acted_after is None:
            if action == "pass":
                tally.before += 1
            else:
                tally.acted_after = (event["t"] - tally.began) / SECOND
        item = _ITEM.fullmatch(event["target"])
        if item and event["status"] == _OK:
            tally.items.add(int(item[1]))

    def sentence(self, products: int) -> str:
        """All of it in one sentence."""
        crawlers = [self.tallies[role.name] for role in self._cast if not role.is_people]
        asked, taken = sum(one.requests for one in crawlers), set().union(*(one.items for one in crawlers))
        people = self.tallies[PEOPLE]
        held = f"{people.turned_away} of {people.requests} requests of people were held up"
        if not people.turned_away:
            held = f"none of {people.requests} requests of people was held up"
        reached = sum(one.reached for one in crawlers)
        return (
            f"The crawlers asked {asked} times, of which {reached} reached the shop, and took {len(taken)} of "
            f"{products} products ({100 * len(taken) / products:.1f} %); {held}."
        )

    def table(self) -> Table:
        """The figures of everybody who came."""
        table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
        table.add_column("who", no_wrap=True)
        for title in ("requests", "passed", "throttled", "challenged", "blocked", "items\ntaken"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("first action\nafter", no_wrap=True)
        styles = {role.name: role.colour for role in self._cast}
        for name, tally in self.tallies.items():
            if tally.requests or name != YOU:
                counts = [str(tally.actions[action]) for action in ACTIONS]
                row = [name, str(tally.requests), *counts, str(len(tally.items)), _first(tally)]
                table.add_row(*row, style=styles.get(name, ""))
        return table


def _first(tally: Tally) -> str:
    if tally.acted_after is None:
        return "never"
    if not tally.before:
        return "at once"
    return f"{tally.before} in {tally.acted_after:.1f} s"
