"""Hashes that are the same in every process and after every restart.

Promises: `hash64` is open to all and so names only what need not be hidden; whatever a client could gain by making
collide, or nobody may read, goes through `Keyed`. Never: uses Python's own `hash`, which differs from start to start.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

LONGEST_KEY: Final = 64
"""Bytes of a key that blake2b takes; longer secrets are hashed first."""


def hash64(text: bytes) -> int:
    """64 bits of `text`."""
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


class Keyed:
    """16-byte hashes under a secret, for one purpose: those of another purpose tell nothing about them."""

    __slots__ = ("_start",)

    def __init__(self, secret: bytes, purpose: bytes) -> None:
        """`purpose`: up to 16 bytes."""
        key = secret if len(secret) <= LONGEST_KEY else blake2b(secret).digest()
        self._start = blake2b(digest_size=16, key=key, person=purpose)

    def hash(self, text: bytes) -> bytes:
        """16 bytes of `text`."""
        state = self._start.copy()  # the key is taken in once
        state.update(text)
        return state.digest()
