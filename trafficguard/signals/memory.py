"""What was worked out before, in two generations: when the young one is full it becomes the old one.

Promises: bounded in entries; what is in use survives, for it moves back into the young generation. Never: knows what
it remembers; whoever keeps something bounds its size.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

MOST_KEPT: Final = 8192
"""Entries in one generation; two are kept."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Values under keys."""

    __slots__ = ("_most", "_old", "young")

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self.young: dict[Key, Value] = {}
        """Callers look here first, without a call."""
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def recall(self, key: Key) -> Value | None:
        """A value that is not in `young` but was before."""
        value = self._old.get(key)
        if value is not None:
            self.keep(key, value)
        return value

    def keep(self, key: Key, value: Value) -> None:
        """Remembers a value, which is never None."""
        if len(self.young) >= self._most:
            self._old, self.young = self.young, {}
        self.young[key] = value
