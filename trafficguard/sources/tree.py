"""Settings before they are checked: plain values, each with the place it was written at.

Promises: a value that overwrites another takes its place in both senses; a place is found for every path,
if need be that of the group around it. Never: knows which settings exist or what they may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from trafficguard.errors import Place
from trafficguard.sources.scalars import Scalar, positions
from trafficguard.values import Steps

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"


@dataclass(slots=True)
class Tree:
    """Values and where each comes from."""

    origin: Place
    """Where a reader should look for what is missing altogether."""
    values: dict[str, Value] = field(default_factory=dict)
    places: dict[Steps, Place] = field(default_factory=dict)
    """Where a value stands."""
    key_places: dict[Steps, Place] = field(default_factory=dict)
    """Where the key of a value stands, for sources whose keys have a place of their own."""
    scalars: dict[Steps, Scalar] = field(default_factory=dict)
    """How each single value of a file is written."""
    text: str = ""
    """The text of the file."""

    def put(self, steps: tuple[str, ...], value: Value, place: Place) -> None:
        """Sets the value at `steps`, in place of all that an earlier source wrote there or below."""
        group = self.values
        for step in steps[:-1]:
            inner = group.get(step)
            if not isinstance(inner, dict):
                inner = group[step] = {}
            group = inner
        group[steps[-1]] = value
        known: dict[Steps, Place] | dict[Steps, Scalar]
        for known in (self.places, self.key_places, self.scalars):
            for path in [path for path in known if path[: len(steps)] == steps]:
                del known[path]
        self.places[steps] = place

    def place_of(self, steps: Steps) -> Place:
        """Where the value at `steps` stands, or else the nearest group around it."""
        while steps and steps not in self.places:
            steps = steps[:-1]
        return self.places.get(steps, self.origin)

    def place_of_key(self, steps: Steps) -> Place:
        """Where the key of the value at `steps` stands."""
        return self.key_places.get(steps) or self.place_of(steps)

    def place_in(self, steps: Steps, at: int) -> Place:
        """Where letter `at` of the text at `steps` stands; where the text begins when that is not clear."""
        start, scalar, value = self.place_of(steps), self.scalars.get(steps), self._value(steps)
        if scalar is None or not isinstance(value, str):
            return start
        letters = positions(self.text, scalar, value)
        if not letters:
            return start
        index = letters[at] if at < len(letters) else letters[-1] + 1
        line = self.text.count("\n", 0, index) + 1
        return Place(start.source, line, index - (self.text.rfind("\n", 0, index) + 1) + 1)

    def _value(self, steps: Steps) -> object:
        value: object = self.values
        for step in steps:
            try:
                value = value[step]  # type: ignore[index]
            except (LookupError, TypeError):
                return None
        return value
