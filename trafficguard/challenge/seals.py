"""Seals: what we hand to visitors so that we need not keep it, and know again when they bring it back.

A sealed text is `key mark (1 byte) | body | MAC (16 bytes)` in base64url without padding. The MAC is over the body and
over whatever else it is bound to, each behind its length, so that no two different lists of fields are the same bytes
(the field-boundary fault of ALTCHA, advisory of December 2025). The mark says under which secret it was made: secrets
change with an overlap, and nobody has to try them one after the other.

Promises: only what we have sealed under a secret that is still named opens, in the one spelling that we sent; one MAC,
compared in constant time. Never: raises, whatever it is given to open.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from trafficguard.signals.hashes import Keyed

MAC_SIZE: Final = 16
OVERHEAD: Final = 1 + MAC_SIZE
"""Bytes that sealing adds."""
_LENGTH_BYTES: Final = 2


class Seals:
    """Seals for one purpose."""

    __slots__ = ("_first", "_keys")

    def __init__(self, secret: bytes, previous: Sequence[bytes], purpose: bytes) -> None:
        """`secret` seals; `previous` ones, latest first, only open. `purpose`: up to 16 bytes."""
        self._keys: dict[int, Keyed] = {}
        for one in reversed((secret, *previous)):  # of two with one mark the newer counts
            key = Keyed(one, purpose)
            self._first = key.hash(b"mark")[0]
            self._keys[self._first] = key

    def seal(self, body: bytes, *bound: bytes) -> bytes:
        """The sealed text of a body, bound to more that is not part of it."""
        mac = self._keys[self._first].hash(canonical(body, *bound))
        return urlsafe_b64encode(b"%c%b%b" % (self._first, body, mac)).rstrip(b"=")

    def open(self, text: bytes, *bound: bytes) -> bytes | None:
        """The body of a sealed text; None when we have not sealed it so."""
        try:
            raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except ValueError:  # binascii's is one
            return None
        key = self._keys.get(raw[0]) if len(raw) >= OVERHEAD else None
        if key is None:
            return None
        body, mac = raw[1:-MAC_SIZE], raw[-MAC_SIZE:]
        if not hmac.compare_digest(key.hash(canonical(body, *bound)), mac):
            return None
        # base64 can be spelled in more than one way; only the spelling that we sent counts.
        return body if urlsafe_b64encode(raw).rstrip(b"=") == text else None


def canonical(*parts: bytes) -> bytes:
    """Texts of up to 65,535 bytes as one text that no other texts make. Raises OverflowError for longer ones."""
    return b"".join([len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts])
