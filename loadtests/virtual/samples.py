"""Heads put aside during a run, to see later whether bytes alone tell people from crawlers.

A stratum is a browser, a kind of request and which optional lines the sender had something to say in: all that decides
the bytes but the values. Promises: at most `MOST` heads of each side in a stratum, the first ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from loadtests.actors.model import Ask
from loadtests.actors.templates import Kind

MOST: Final = 300


class Stratum(NamedTuple):
    """What decides the bytes of a head but for values."""

    browser: str
    kind: Kind
    referer: bool
    cookie: bool
    etag: bool
    site: bytes


class Side:
    """Heads of people, or of crawlers."""

    __slots__ = ("heads", "seen")

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.seen = 0


class Samples:
    """All strata."""

    def __init__(self) -> None:
        self.people: dict[Stratum, Side] = {}
        self.crawlers: dict[Stratum, Side] = {}

    def offer(self, ask: Ask, raw: bytes, is_person: bool) -> None:
        """Takes a head in, if there is room."""
        stratum = Stratum(
            ask.browser.name, ask.kind, ask.referer is not None, ask.cookie is not None, ask.etag is not None, ask.site
        )
        sides = self.people if is_person else self.crawlers
        side = sides.get(stratum)
        if side is None:
            side = sides[stratum] = Side()
        side.seen += 1
        if len(side.heads) < MOST:
            side.heads.append(raw)
