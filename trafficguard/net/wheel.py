"""Deadlines for any number of connections at the price of one timer.

Promises: an item whose `due` tick has passed is told so within one turn (a second). Setting a deadline is one
attribute write, because the wheel visits every item anyway: a quarter of them each quarter second. Never: creates a
timer for a connection.
"""

from __future__ import annotations

from typing import Final, Generic, Protocol, TypeVar

TICK: Final = 0.25
"""Seconds between two calls of `turn`."""
_SPOKES: Final = 4
NEVER: Final = 1 << 60
"""A due tick that does not come."""


def ticks(seconds: float) -> int:
    """A duration in ticks, rounded up, never below 1."""
    return max(1, -int(-seconds // TICK))


class Timed(Protocol):
    """Something with a deadline."""

    due: int
    """Tick at which `on_deadline` is to be called, or NEVER."""
    spoke: int
    """Set by the wheel."""

    def on_deadline(self) -> None:
        """Called when `due` has passed; sets a new `due` or leaves the wheel."""


Item = TypeVar("Item", bound=Timed)


class Wheel(Generic[Item]):
    """All items with a deadline."""

    __slots__ = ("_next", "_spokes", "now")

    def __init__(self) -> None:
        self.now = 0
        """The current tick."""
        self._spokes: tuple[set[Item], ...] = tuple(set() for _ in range(_SPOKES))
        self._next = 0

    def join(self, item: Item) -> None:
        """Starts to visit `item`."""
        self._next = item.spoke = (self._next + 1) % _SPOKES
        self._spokes[item.spoke].add(item)

    def leave(self, item: Item) -> None:
        """Stops to visit `item`; harmless when it never joined."""
        self._spokes[item.spoke].discard(item)

    def turn(self) -> None:
        """Advances by one tick and calls those that are due among the next quarter of the items."""
        self.now += 1
        now = self.now
        for item in [item for item in self._spokes[now % _SPOKES] if item.due <= now]:
            item.on_deadline()

    def items(self) -> list[Item]:
        """Everything on the wheel."""
        return [item for spoke in self._spokes for item in spoke]
