"""Passes that stay here, for browsers that do not bring their cookies back.

Two kinds of visitors solve a challenge and cannot show it: those who keep no cookies, and those who are sent here by a
form of another site (a bank's 3-D Secure page, a SAML login), for which browsers withhold cookies with SameSite=Lax.
For them a mark is set under the network and the kind of browser (`visitors`), which runs out. Everybody alike behind
one network shares it, so who passes by it goes at one pace with all of them, which is the door's to keep.

The receipt of a solved challenge is what a page gets beside its cookie: sealed, and good once and for a minute.

Promises: a mark is set only for a receipt of ours, or with a pass, and runs out; one MAC before anything else. Never:
says for whom a mark is.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from trafficguard.challenge.seals import Seals
from trafficguard.challenge.tickets import SKEW_S, Burn, Cause
from trafficguard.challenge.visitors import Visitor
from trafficguard.clock import SECOND
from trafficguard.counters.timers import Timers

LENT_S: Final = 600
"""Seconds that a mark lasts."""
RECEIPT_S: Final = 60
"""Seconds that a receipt is good for."""
LONGEST_RECEIPT: Final = 128
"""Bytes of a receipt's text; longer ones are not looked at."""
_RECEIPT: Final = struct.Struct(">16sIB16s")
_PURPOSE: Final = b"tg.receipt"
_LENT: Final = LENT_S * SECOND


class Lender:
    """Sets marks and looks for them; all workers share the memory."""

    __slots__ = ("_burn", "_seals", "_timers")

    def __init__(self, secret: bytes, previous: Sequence[bytes], timers: Timers, burn: Burn) -> None:
        self._seals = Seals(secret, previous, _PURPOSE)
        self._timers = timers
        self._burn = burn

    def receipt(self, visitor: Visitor, rank: int, now: int) -> bytes:
        """A receipt for who has solved a challenge of this rank at `now`."""
        body = _RECEIPT.pack(os.urandom(16), now // SECOND, rank, visitor.mark)
        return self._seals.seal(body)

    def lend(self, text: bytes, visitor: Visitor, now: int) -> Cause | None:
        """Sets the mark that a receipt stands for; else why not."""
        body = self._seals.open(text) if len(text) <= LONGEST_RECEIPT else None
        if body is None or len(body) != _RECEIPT.size:
            return "malformed"
        nonce, issued, rank, mark = _RECEIPT.unpack(body)
        end = (issued + RECEIPT_S) * SECOND
        if not (issued - SKEW_S) * SECOND <= now < end:
            return "expired"
        if mark != visitor.mark:
            return "foreign"
        burnt = self._burn(nonce, end, now)
        if burnt != 1:
            return "spent" if burnt == 0 else "full"
        return None if self._set(b"lent", visitor, rank, now) else "full"

    def lent(self, visitor: Visitor, now: int) -> int:
        """Rank of what visitors alike have shown that keep no cookies; 0 for nothing."""
        return self._rank(b"lent", visitor, now)

    def remember(self, visitor: Visitor, rank: int, now: int) -> None:
        """To be called with each pass that is given, for the forms of other sites."""
        self._set(b"back", visitor, rank, now)

    def remembered(self, visitor: Visitor, now: int) -> int:
        """Rank of what visitors alike have shown of late; 0 for nothing. For forms of other sites alone."""
        return self._rank(b"back", visitor, now)

    def _set(self, what: bytes, visitor: Visitor, rank: int, now: int) -> bool:
        key = _key(what, visitor, rank)
        # One that runs already goes on: it says the same.
        return self._timers.start(key, _LENT, now) or self._timers.left(key, now, _LENT) > 0

    def _rank(self, what: bytes, visitor: Visitor, now: int) -> int:
        for rank in (5, 4, 3, 2, 1):
            if self._timers.left(_key(what, visitor, rank), now, _LENT):
                return rank
        return 0


def _key(what: bytes, visitor: Visitor, rank: int) -> bytes:
    return blake2b(b"%d%b" % (rank, visitor.mark), digest_size=16, person=b"tg.mark." + what).digest()
