"""Tickets: challenges that were given out, of which nothing is kept here.

All that is to be known of a challenge is sealed into the ticket that the visitor gets and brings back. That it counts
once only is not the ticket's doing: whoever takes one that is solved burns its nonce (`spend`), last of all, and
exactly one of all workers is told that it did.

Promises: what opens was given out by us, to a visitor with these marks, at most `LIFETIME_S` ago by our own clock; one
MAC is worked out before anything else is looked at. Never: takes "don't know" for yes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from trafficguard.actions import KINDS, ChallengeKind
from trafficguard.challenge.seals import Seals
from trafficguard.challenge.visitors import Visitor
from trafficguard.clock import SECOND

Cause = Literal["malformed", "expired", "foreign", "spent", "wrong", "unsure", "full"]
"""Why an attempt failed: not ours, too old, given to somebody else, used before, a wrong answer, not known, no room."""
CAUSES: Final[tuple[Cause, ...]] = ("malformed", "expired", "foreign", "spent", "wrong", "unsure", "full")

LIFETIME_S: Final = 1200
"""Seconds from its issue in which a ticket can be used; people leave tabs open. Nonces are kept for 1,800 s."""
SKEW_S: Final = 60
"""Seconds by which the clock of another machine of ours, which gave out the ticket, may be ahead."""
LONGEST_RULE: Final = 64
"""Bytes of a rule's name that a ticket carries; for the record only."""
LONGEST_TICKET: Final = 256
"""Bytes of a ticket's text; longer ones are not looked at."""

NONCE_SIZE: Final = 16
_HEAD: Final = struct.Struct(f">{NONCE_SIZE}sIBBBB16s")
_PURPOSE: Final = b"tg.ticket"

Burn = Callable[[bytes, int, int], int]
"""`Table.burn`: nonce of 16 bytes, when it expires and now, in ns; 1 burnt, 0 burnt before or expired, -1 no room."""


class Ticket(NamedTuple):
    """A challenge that was given out."""

    nonce: bytes
    issued: int
    """Seconds since the epoch."""
    kind: ChallengeKind
    bits: int
    """Zero bits that each answer to `pow` has to make; 0 for other kinds."""
    parts: int
    """Answers that `pow` takes; 0 for other kinds."""
    route: int
    """Route class of the request that was challenged."""
    rule: str
    """What asked for it, shortened."""

    @property
    def expires(self) -> int:
        """When it can no longer be used, in ns."""
        return (self.issued + LIFETIME_S) * SECOND


class Tickets:
    """Gives out tickets and knows them again."""

    __slots__ = ("_seals",)

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._seals = Seals(secret, previous, _PURPOSE)

    def issue(
        self, visitor: Visitor, kind: ChallengeKind, now: int, bits: int = 0, parts: int = 0, rule: str = "",
        route: int = 0, nonce: bytes | None = None,
    ) -> str:  # fmt: skip
        """The text of a new ticket for a visitor at `now`; `nonce`: 16 random bytes that the caller needs to know."""
        issued = now // SECOND & 0xFFFF_FFFF
        head = _HEAD.pack(nonce or os.urandom(NONCE_SIZE), issued, KINDS.index(kind), bits, parts, route, visitor.mark)
        return self._seals.seal(head + rule.encode()[:LONGEST_RULE]).decode("ascii")

    def open(self, text: bytes, visitor: Visitor, now: int) -> Ticket | Cause:
        """The ticket in a text that a visitor brought at `now`, or why it is none."""
        body = self._seals.open(text) if len(text) <= LONGEST_TICKET else None
        if body is None or len(body) < _HEAD.size:
            return "malformed"
        nonce, issued, kind, bits, parts, route, mark = _HEAD.unpack_from(body)
        if not (issued - SKEW_S) * SECOND <= now < (issued + LIFETIME_S) * SECOND:
            return "expired"
        if mark != visitor.mark:
            return "foreign"
        rule = body[_HEAD.size :].decode("utf-8", "ignore")
        return Ticket(nonce, issued, KINDS[kind], bits, parts, route, rule)


def spend(ticket: Ticket, burn: Burn, now: int) -> Cause | None:
    """Uses a ticket up; None when that was us, and for the first time."""
    burnt = burn(ticket.nonce, ticket.expires, now)
    if burnt == 1:
        return None
    return "spent" if burnt == 0 else "full"
