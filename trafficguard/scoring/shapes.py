"""What the shape of a head says, and the pass that comes with it, worked out once per shape and remembered.

Promises: two generations of bounded size, whatever clients send; a shape that does not say all that signals read is
worked out anew each time. Never: looks at personal values, paths, addresses or the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from trafficguard.counters import slot
from trafficguard.exchange import Reason, Request
from trafficguard.http.fields import Field
from trafficguard.scoring.weigh import Share, total, weigh
from trafficguard.signals.catalog import CATALOG, Need, Signal
from trafficguard.signals.fingerprint import fingerprint, marks
from trafficguard.signals.labels import labels_of
from trafficguard.signals.measures import find
from trafficguard.signals.places import RouteClass
from trafficguard.signals.row import READ, Row, read_row

MOST_SHAPES: Final = 4096
"""Shapes in one generation; two are kept."""
LONGEST_SHAPE: Final = 4096
"""Bytes of a shape that is remembered; longer ones are judged anew (2 x 4096 x 4 KiB: at most 32 MiB)."""


class Assessment:
    """All that the shape of a head says. Treat as frozen."""

    __slots__ = (
        "evidence", "fingerprint", "flags", "host_at", "labels", "labels_at", "manner", "may_be_page",
        "reasons", "referer_at", "shares", "steady", "typed",
    )  # fmt: skip

    def __init__(self, row: Row, fields: Sequence[Field], catalog: Mapping[str, Signal]) -> None:
        self.shares: tuple[Share, ...] = weigh(find(row, catalog), catalog)
        """What signals found, strongest first."""
        self.evidence = total(self.shares)
        """Their capped sum in nats."""
        self.reasons = tuple(
            Reason(share.signal.name, share.evidence, share.text) for share in self.shares if share.counts
        )
        """Those that count, as a verdict names them."""
        self.labels = labels_of(row)
        self.labels_at = tuple((*self.labels, f"route.{route.word}") for route in RouteClass)
        """The labels of a request for a place, by route class."""
        self.fingerprint = fingerprint(row)
        self.steady, self.manner = marks(row)
        self.flags = _METHODS.get(row.method, 0)
        """What counting is told of the method."""
        site = row.value("sec-fetch-site")
        self.may_be_page = row.method in ("GET", "HEAD") and row.value("sec-fetch-mode") in ("", "navigate")
        """Whether it may open a page, if there is one under its target: not a part, script or socket."""
        self.may_be_page = self.may_be_page and row.kind != "socket"
        self.typed: bool | None = site == "none" if site else None
        """Whether the page was opened out of nowhere; None: only a missing Referer can tell."""
        places = {field.name: at for at, field in reversed(list(enumerate(fields)))}
        self.referer_at = places.get(b"referer", -1)
        self.host_at = places.get(b"host", -1)
        """Where these lines stand in every head of this shape; -1: nowhere."""


_METHODS: Final = {"HEAD": slot.IS_HEAD, "POST": slot.IS_POST}


class Shapes:
    """The memory of shapes."""

    __slots__ = ("_catalog", "_intact", "_old", "young")

    def __init__(self, intact: frozenset[Need], catalog: Mapping[str, Signal] = CATALOG) -> None:
        """`intact`: what a proxy in front leaves as clients sent it; signals that need more stay silent."""
        self._catalog = catalog
        self._intact = intact
        self.young: dict[tuple[object, ...], Assessment] = {}
        self._old: dict[tuple[object, ...], Assessment] = {}

    def recall(self, shape: tuple[object, ...], request: Request) -> Assessment:
        """The assessment of a shape that is not in `young`, where callers look first; now it is there, if it may be."""
        known = self._old.get(shape) or self.assess(request)
        if _may_be_remembered(request.head.shape.fields):
            if len(self.young) >= MOST_SHAPES:
                self._old, self.young = self.young, {}
            self.young[shape] = known
        return known

    def read(self, request: Request) -> Row:
        """The facts in a request's head."""
        return read_row(
            request.head, request.secure, self._intact, *request.handshake, request.told, request.reuse
        )

    def assess(self, request: Request) -> Assessment:
        """What the head says, worked out."""
        return Assessment(self.read(request), request.head.fields, self._catalog)

    @property
    def catalog(self) -> Mapping[str, Signal]:
        """The signals that are asked."""
        return self._catalog


def _may_be_remembered(fields: Sequence[Field]) -> bool:
    """Whether a shape of these fields is short and says all that signals read.

    Of very long lines a shape has the name only: two heads that differ there must be judged one by one.
    """
    if any(field.name in READ and field.token == field.raw_name for field in fields):
        return False
    return sum(len(field.token) for field in fields) <= LONGEST_SHAPE
