"""Where in the shop a request goes: its route class, path template, item and query shape.

Promises: a pure function of method and target under the configured routes, with sensible guesses where nothing is
configured; total on any bytes; what was worked out for a target is remembered, bounded. Never: looks at headers, or
keeps a query's values.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class RouteClass(IntEnum):
    """What kind of place a path is. The numbers are part of the counters' layout."""

    PAGE = 0
    ITEM = 1
    LISTING = 2
    SEARCH = 3
    ASSET = 4
    API = 5
    LOGIN = 6
    CHECKOUT = 7
    FEED = 8

    @property
    def word(self) -> str:
        """The class as labels, logs and configuration spell it."""
        return self.name.lower()


class Place(NamedTuple):
    """What a target says about where a request goes."""

    route: RouteClass
    template: int
    """64-bit hash of the path template (`/product/{id}`)."""
    item: int
    """The item that is asked for: its number, or a hash of its name with bit 62 set; 0 when there is none."""
    path: int
    """64-bit hash of the path."""
    query: int
    """64-bit hash of the sorted names of the query's parameters; 0 without a query."""
