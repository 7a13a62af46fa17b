"""What an actor is: a life that asks, is answered, and asks again.

An actor is a generator. It yields one `Ask` at a time, each with the moment at which it is to be sent, and is sent the
`Answer` back, so that it can react: follow a link, keep a cookie, slow down, give up. Moments never go backwards. One
model drives the guard under a manual clock and real sockets; a driver with real sockets may send what follows at once
where `Kind` says that a page's parts are asked for, since no browser waits between those.

Never: knows what judges it, or any threshold of it.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from loadtests.actors.templates import Browser, Kind

SECOND: Final = 1_000_000_000


class Work(NamedTuple):
    """A proof of work that a request has to bring, and what its page tells beside it."""

    ticket: str
    bits: int
    parts: int
    took_ms: float
    told: Mapping[str, object]
    """Probes, as the page reports them."""

    def body(self, answers: Sequence[bytes]) -> bytes:
        """The body of the request, as the page writes it."""
        said = {
            "challenge": self.ticket, "answers": [answer.decode() for answer in answers], "took": self.took_ms,
            "probes": dict(self.told), "motion": {},
        }  # fmt: skip
        return json.dumps(said, separators=(",", ":")).encode()


class Ask(NamedTuple):
    """One request to be sent."""

    at: int
    """When, in nanoseconds since the start of the scenario."""
    address: str
    """Where it comes from."""
    browser: Browser
    kind: Kind
    path: bytes
    """The target: path and query."""
    method: bytes = b"GET"
    referer: bytes | None = None
    site: bytes = b"same-origin"
    """Sec-Fetch-Site of a page."""
    cookie: bytes | None = None
    etag: bytes | None = None
    variant: int = 0
    """Which template of its kind."""
    body: bytes = b""
    account: bytes = b""
    """Whose login is tried; empty when none is."""
    right_password: bool = False
    work: Work | None = None
    """What has to be computed first; then it makes the body."""


class Answer(NamedTuple):
    """What became of a request, as its sender sees it."""

    status: int
    cookie: bytes | None = None
    """A cookie to bring back: `name=value`."""
    more_cookies: tuple[bytes, ...] = ()
    """Others, in the same form."""
    at: int = 0
    """When it came, in nanoseconds since the start of the scenario; 0: at once."""
    lines: bytes = b""
    """Header lines that a visitor goes by, each with its CRLF; empty for most."""
    body: bytes = b""
    """Of an answer that is not the shop's; empty for most."""

    @property
    def is_refused(self) -> bool:
        """Whether it was turned away instead of answered."""
        return self.status in (403, 429, 503)


Life = Generator[Ask, Answer, None]
Step = Generator[Ask, Answer, Answer]
"""A part of a life that ends with an answer."""


@dataclass(slots=True)
class Actor:
    """One visitor, or one crawler with all its addresses."""

    name: str
    """Of a crawler its own; people are numbered."""
    life: Life
    groups: frozenset[str] = field(default_factory=frozenset)
    """What people are counted under; crawlers have none."""
    is_person: bool = True
