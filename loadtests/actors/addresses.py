"""Public-looking addresses for actors, each given out once.

Promises: no address is drawn twice by one `Addresses`; the order depends on the seed alone. Never: an address of the
machine or of a private network.
"""

from __future__ import annotations

from random import Random

_FIRST = tuple(octet for octet in range(11, 200) if octet not in (100, 127, 169, 172, 192, 198))


class Addresses:
    """A source of fresh addresses."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._given: set[str] = set()

    def v4(self) -> str:
        """An IPv4 address that nobody has."""
        random = self._random
        while True:
            last = random.randrange(1, 255)
            text = f"{random.choice(_FIRST)}.{random.randrange(256)}.{random.randrange(256)}.{last}"
            if text not in self._given:
                self._given.add(text)
                return text

    def v6(self) -> str:
        """An IPv6 address in a /64 of its own."""
        random = self._random
        while True:
            net = f"2a02:{random.randrange(1 << 16):x}:{random.randrange(1 << 16):x}:{random.randrange(1 << 16):x}"
            if net not in self._given:
                self._given.add(net)
                return f"{net}::{random.randrange(1, 1 << 16):x}"
