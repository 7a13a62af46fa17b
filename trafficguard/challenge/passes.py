"""The pass: a sealed cookie that says what its bearer has shown, for how long that counts, and what its page told.

Its name says how it may travel (RFC 6265bis section 4.1.3): `__Host-tg` where the browser speaks https, `__Secure-tg`
there for a configured domain, and `tg` on plain http; on https no other spelling counts, so that nobody on plain http
can plant one. It goes on to the shop with the other cookies, which does not mind: taking it out would mean to rewrite
the head of every request.

It is bound to a visitor (`visitors`). One that comes from another network is no pass there, but is known again, so that
a pass that is handed around can be told (`reuse`). Whoever has solved `MOST_SOLVED` challenges within an hour gets one
that is good for a day and for every kind of challenge: whatever goes wrong with us or the browser, it ends there.

Promises: a pass counts only as we sealed it, for the same kind of visitor, never after its end; what was read of a
block of header lines is noted on it. Never: says to a client why one does not count.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from trafficguard.actions import KINDS, ChallengeKind
from trafficguard.challenge.seals import OVERHEAD, Seals
from trafficguard.challenge.visitors import Visitor, Visitors
from trafficguard.clock import SECOND
from trafficguard.exchange import Request
from trafficguard.signals.sessions import cookie_value

LIFETIME_S: Final = 3600
"""Seconds that a pass is good for."""
MOST_SOLVED: Final = 5
"""Challenges that anybody has to solve within an hour."""
SAFEGUARD_S: Final = 86_400
"""Seconds that the pass is good for that ends a row of challenges."""
WINDOW_S: Final = 3600
"""Seconds in which solved challenges are counted."""
SKEW_S: Final = 60
"""Seconds by which the clock of another machine of ours may be ahead."""

PLAIN: Final = b"tg"
_HOST: Final = b"__Host-tg"
_DOMAIN: Final = b"__Secure-tg"
_PURPOSE: Final = b"tg.pass"
_BODY: Final = struct.Struct(">8sBBIIIBI8s")
_TEXT_SIZE: Final = (8 * (_BODY.size + OVERHEAD) + 5) // 6
"""Letters of a pass in base64url without padding."""


class Pass(NamedTuple):
    """What a visitor has shown."""

    id: bytes
    """8 bytes, anew with each pass."""
    rank: int
    """Of the kind of challenge that was solved, as in `Request.proof`."""
    bits: int
    """Difficulty of the `pow` that was solved, else 0."""
    told: int
    """What pages told of the browser, as in `Request.told`."""
    issued: int
    """Seconds since the epoch."""
    until: int
    """The same, when it ends."""
    solved: int
    """Challenges solved since `since`."""
    since: int
    """Seconds since the epoch."""
    is_foreign: bool
    """Whether it comes from another network than that it was given to, where it is no pass."""


class Passes:
    """Gives and knows passes."""

    __slots__ = ("_domains", "_lifetime", "_seals", "visitors")

    def __init__(
        self,
        secret: bytes,
        previous: Sequence[bytes] = (),
        *,
        lifetime: int = LIFETIME_S,
        domains: Mapping[str, str] | None = None,
    ) -> None:
        """`lifetime` in seconds. `domains`: by site, that of cookies that all its hosts share."""
        self._seals = Seals(secret, previous, _PURPOSE)
        self._lifetime = lifetime
        self._domains = {site: domain.encode("ascii") for site, domain in (domains or {}).items()}
        self.visitors = Visitors()

    def find(self, request: Request, now: int) -> Pass | None:
        """The pass that a request carries at `now`, ns since the epoch, be it foreign or not; None without one."""
        block = request.head.block
        noted = block.passing
        if noted is None or noted[0] is not self or noted[1:4] != (request.client, request.secure, request.site):
            block.passing = noted = self, request.client, request.secure, request.site, self._read(request)
        found: Pass | None = noted[4]
        if found is None or not (found.issued - SKEW_S) * SECOND <= now < found.until * SECOND:
            return None
        return found

    def give(
        self, request: Request, kind: ChallengeKind, bits: int, told: int, before: Pass | None, now: int
    ) -> bytes:
        """A Set-Cookie line with its CRLF for who has solved a challenge at `now`; `before`: the pass it came with."""
        issued = now // SECOND
        counts = before is not None and issued - before.since < WINDOW_S
        solved, since = (before.solved + 1, before.since) if before is not None and counts else (1, issued)
        rank, lifetime = KINDS.index(kind) + 1, self._lifetime
        if before is not None and not before.is_foreign:
            rank, told = max(rank, before.rank), told | before.told
        if solved >= MOST_SOLVED:
            rank, lifetime = len(KINDS), max(lifetime, SAFEGUARD_S)
        visitor = self.visitors.of(request)
        body = _BODY.pack(
            os.urandom(8), rank, bits, told, issued, issued + lifetime, min(solved, 255), since, visitor.network
        )
        return self.cookie(request, self._seals.seal(body, visitor.traits), lifetime)

    def cookie(self, request: Request, value: bytes, lifetime: int, suffix: bytes = b"") -> bytes:
        """A Set-Cookie line with its CRLF; `suffix` ends the name of a cookie that is no pass."""
        domain = self._domains.get(request.site)
        more = b"; Secure" if request.secure else b""
        if domain is not None:
            more += b"; Domain=%b" % domain
        return b"Set-Cookie: %b%b=%b; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%b\r\n" % (
            self.name(request), suffix, value, lifetime, more,
        )  # fmt: skip

    def name(self, request: Request) -> bytes:
        """Name of the cookie for the sender of a request."""
        if not request.secure:
            return PLAIN
        return _DOMAIN if request.site in self._domains else _HOST

    def _read(self, request: Request) -> Pass | None:
        header = request.head.cookie
        value = cookie_value(header, self.name(request)) if header is not None else b""
        if len(value) != _TEXT_SIZE:
            return None
        visitor: Visitor = self.visitors.of(request)
        body = self._seals.open(value, visitor.traits)
        if body is None or len(body) != _BODY.size:
            return None
        *shown, network = _BODY.unpack(body)
        return Pass._make((*shown, network != visitor.network))
