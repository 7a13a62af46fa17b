"""Where in the shop a request goes: its route class, path template, item and query shape.

Configured patterns come first: at each segment a word before a capture before `**`, more parameters before fewer; a
shop without any gets guesses (`guesses`). Paths are compared as an origin would resolve them.

Promises: a pure function of the target under the configured routes; total on any bytes; the same in every process and
after every restart; what was worked out for a target is remembered, bounded. Never: looks at headers, or keeps a
query's values beyond the targets that are remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from trafficguard.http.head import RequestHead
from trafficguard.http.target import Target, resolved_path
from trafficguard.patterns import CAPTURES, ID, MOST_SEGMENTS, NAME, Pattern, read_pattern
from trafficguard.settings import RouteSettings
from trafficguard.signals import guesses
from trafficguard.signals.hashes import hash64
from trafficguard.signals.memory import Memory

LONGEST_LINE: Final = 512
"""Bytes of a request line that is remembered; longer ones are worked out anew (2 x 8192 lines of 512 B: 8 MiB)."""
MOST_PARAMETERS: Final = 64
"""Parameters of a query that are looked at."""

_MOST_DIGITS: Final = 18
_NAMED: Final = 1 << 62
"""Set in the number of an item that has a name instead of a number of its own."""


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


class _Route(NamedTuple):
    pattern: Pattern
    route: RouteClass
    template: int


class _Node:
    """What patterns that begin alike go on with."""

    __slots__ = ("any", "here", "rest", "words")

    def __init__(self) -> None:
        self.words: dict[bytes, _Node] = {}
        self.any: _Node | None = None
        self.here: list[_Route] = []
        """Patterns that end here, those with most parameters first."""
        self.rest: list[_Route] = []
        """Patterns that take all that lies below."""


_CLASSES: Final = {one.word: one for one in RouteClass}


class Places:
    """The places of one shop."""

    __slots__ = ("_memory", "_root")

    def __init__(self, routes: Sequence[RouteSettings]) -> None:
        self._memory: Memory[bytes, Place] = Memory()
        self._root = _Node()
        for row in routes:
            pattern = read_pattern(row.path)
            _enter(self._root, _Route(pattern, _CLASSES[row.route_class], hash64(pattern.text.encode())))

    def find(self, head: RequestHead) -> Place:
        """Where a request goes. Method and version are part of what is remembered, but change nothing."""
        memory, line = self._memory, head.line
        return memory.young.get(line) or memory.recall(line) or self._learn(line, head.target)

    def _learn(self, line: bytes, target: Target) -> Place:
        place = self.place_of(target)
        if len(line) <= LONGEST_LINE:
            self._memory.keep(line, place)
        return place

    def place_of(self, target: Target) -> Place:
        """The same for a target alone, worked out anew."""
        path = resolved_path(target.path)
        segments = path.split(b"/", MOST_SEGMENTS + 1)[1:]
        while segments and not segments[-1]:
            segments.pop()
        parameters = read_parameters(target.query) if target.query else {}
        query = hash64(b"&".join(sorted(parameters))) if parameters else 0
        found = _match(self._root, segments, 0, parameters)
        if found is not None:
            item = item_number(_item_of(found, segments, parameters))
            return Place(found.route, found.template, item, hash64(path), query)
        guess = guesses.guess(segments, parameters)
        item = item_number(guess.item)
        return Place(_CLASSES[guess.route], hash64(guess.template), item, hash64(path), query)


def _enter(root: _Node, route: _Route) -> None:
    node = root
    for segment in route.pattern.segments:
        if segment in CAPTURES:
            node.any = node.any or _Node()
            node = node.any
        else:
            node = node.words.setdefault(segment, _Node())
    ends = node.rest if route.pattern.is_open else node.here
    ends.append(route)
    ends.sort(key=lambda one: (-len(one.pattern.query), sum(value in CAPTURES for _, value in one.pattern.query)))


def _match(node: _Node, segments: list[bytes], at: int, parameters: dict[bytes, bytes]) -> _Route | None:
    """The best pattern below `node` for what follows in `segments`; looks at no node twice."""
    found = None
    if at < len(segments):
        word = node.words.get(segments[at])
        if word is not None:
            found = _match(word, segments, at + 1, parameters)
        if found is None and node.any is not None and segments[at]:
            found = _match(node.any, segments, at + 1, parameters)
    elif node.here:
        found = _first(node.here, parameters)
    return found or (_first(node.rest, parameters) if node.rest else None)


def _first(routes: list[_Route], parameters: dict[bytes, bytes]) -> _Route | None:
    for route in routes:
        for name, value in route.pattern.query:
            given = parameters.get(name)
            if not given or (value not in CAPTURES and unquote_to_bytes(given) != value):
                break
        else:
            return route
    return None


_HAS_ITEMS: Final = frozenset((RouteClass.ITEM, RouteClass.API))


def _item_of(found: _Route, segments: list[bytes], parameters: dict[bytes, bytes]) -> bytes:
    """The item that a target of a configured route names: `{id}`, on item pages else `{name}`, else all of the path."""
    if found.route not in _HAS_ITEMS:
        return b""
    pairs = zip(found.pattern.segments, segments, strict=False)
    captured = {pattern: segment for pattern, segment in pairs if pattern in CAPTURES}
    for name, value in found.pattern.query:
        if value in CAPTURES:
            captured[value] = unquote_to_bytes(parameters[name])
    item = captured.get(ID, b"")
    if found.route is RouteClass.API:
        return item
    return item or captured.get(NAME) or b"/".join(segments)


def item_number(name: bytes) -> int:
    """The number that an item is counted under; 0 for an empty name."""
    if name.isdigit() and len(name) <= _MOST_DIGITS and (number := int(name)):
        return number
    return hash64(name) & (_NAMED - 1) | _NAMED if name else 0


def read_parameters(query: bytes) -> dict[bytes, bytes]:
    """Names and values of a query as sent; of a name that is there twice the first value."""
    parameters: dict[bytes, bytes] = {}
    for part in query.split(b"&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        name, _, value = part.partition(b"=")
        if name:
            parameters.setdefault(name, value)
    return parameters
