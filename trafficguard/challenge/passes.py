"""The pass: a sealed cookie named `tgp` that says until when its bearer has shown what a challenge asks.

It is bound to the network (/24 or /48) that it was given to and to the User-Agent, not to one address: phones change
theirs. It goes on to the shop with the other cookies.

Promises: a pass holds only if we have sealed it for the same kind of sender, compared in constant time, and never after
its end. Never: says why one does not hold.
"""

from __future__ import annotations

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from typing import Final

from trafficguard.actions import ChallengeAction
from trafficguard.clock import SECOND
from trafficguard.exchange import Request
from trafficguard.signals.addresses import Addresses
from trafficguard.signals.hashes import Keyed
from trafficguard.signals.sessions import cookie_value

COOKIE: Final = b"tgp"
SHOWN: Final = ChallengeAction().rank
"""What a pass proves."""
LIFETIME_S: Final = 3600
"""Seconds that a pass is good for."""

_END: Final = struct.Struct(">I")
_NETWORK: Final = struct.Struct(">QQ")
_TEXT_SIZE: Final = 28
"""Letters of a pass in base64url, padding included: 20 bytes."""


class Passes:
    """Gives and checks passes."""

    __slots__ = ("_addresses", "_seals")

    def __init__(self, secret: bytes) -> None:
        self._seals = Keyed(secret, b"tg.pass.seal")
        self._addresses = Addresses()

    def holds(self, request: Request, now: int) -> bool:
        """Whether a request carries a pass that is good at `now`, nanoseconds since the epoch."""
        cookie = request.head.cookie
        value = cookie_value(cookie, COOKIE) if cookie is not None else b""
        if len(value) != _TEXT_SIZE:
            return False
        try:
            raw = urlsafe_b64decode(value)
        except (NotBase64Error, ValueError):
            return False
        end, seal = raw[:4], raw[4:]
        # base64 can be spelled in more than one way; only the spelling that we sent counts.
        is_ours = hmac.compare_digest(self._seal(end, request), seal) and urlsafe_b64encode(raw) == value
        return is_ours and now < _END.unpack(end)[0] * SECOND

    def give(self, request: Request, now: int) -> bytes:
        """A Set-Cookie line with its CRLF: a pass for the sender of a request, from `now` on."""
        end = _END.pack((now // SECOND + LIFETIME_S) & 0xFFFF_FFFF)
        value = urlsafe_b64encode(end + self._seal(end, request))
        tail = b"; Secure" if request.secure else b""
        return b"Set-Cookie: %b=%b; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%b\r\n" % (
            COOKIE, value, LIFETIME_S, tail,
        )  # fmt: skip

    def _seal(self, end: bytes, request: Request) -> bytes:
        network = _NETWORK.pack(*self._addresses.find(request.client)[2:])
        agent = request.head.value(b"user-agent") or b""
        return self._seals.hash(b"%b%b%b\0%b" % (end, network, request.site.encode(), agent))
