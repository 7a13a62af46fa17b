"""A visitor's cart, kept whole in one cookie so that the shop remembers nothing about it.

Promises: any cookie text reads as a cart, a broken one as an empty cart; a cart holds at most MAX_LINES
products and MAX_PIECES of each. Never: trusts a number from outside to be a product that exists; ask the
catalogue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .catalogue import Catalogue, Product

COOKIE = "cart"
MAX_LINES = 40
MAX_PIECES = 99

_LINE = r"[1-9][0-9]{0,5}\.[1-9][0-9]?"
_TEXT = re.compile(rf"{_LINE}(?:-{_LINE}){{0,{MAX_LINES - 1}}}")


@dataclass(frozen=True, slots=True)
class Cart:
    """Product numbers with their quantities."""

    lines: tuple[tuple[int, int], ...] = ()
    """(product number, pieces), oldest first."""

    @classmethod
    def read(cls, text: str) -> Cart:
        """The cart that `text` was written from."""
        if not _TEXT.fullmatch(text):
            return cls()
        pairs = (line.split(".") for line in text.split("-"))
        return cls(tuple({int(number): int(pieces) for number, pieces in pairs}.items()))

    def text(self) -> str:
        """The cookie value: `12.1-44.2` is one piece of product 12 and two of 44."""
        return "-".join(f"{number}.{pieces}" for number, pieces in self.lines)

    def with_one_more(self, number: int) -> Cart:
        """One more piece of a product; a full cart or a full line stays as it is."""
        pieces = dict(self.lines)
        if number not in pieces and len(pieces) >= MAX_LINES:
            return self
        pieces[number] = min(MAX_PIECES, pieces.get(number, 0) + 1)
        return Cart(tuple(pieces.items()))

    def without(self, number: int) -> Cart:
        """All pieces of a product taken out."""
        return Cart(tuple(line for line in self.lines if line[0] != number))

    @property
    def items(self) -> int:
        """Pieces in all."""
        return sum(pieces for _, pieces in self.lines)

    def contents(self, catalogue: Catalogue) -> list[tuple[Product, int]]:
        """The products that exist, with their quantities."""
        found = ((catalogue.product(number), pieces) for number, pieces in self.lines)
        return [(product, pieces) for product, pieces in found if product is not None]

    def total(self, catalogue: Catalogue) -> int:
        """What it costs, in cents."""
        return sum(product.price * pieces for product, pieces in self.contents(catalogue))
