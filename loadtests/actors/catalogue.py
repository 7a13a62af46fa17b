"""The shop that actors see: how many items, which are popular, where they are listed.

Item numbers run from 1 without gaps. Popularity follows Zipf's law with exponent 0.8: web requests measured 0.64 to
0.83 (Breslau, Cao, Fan, Phillips, Shenker, "Web caching and Zipf-like distributions", INFOCOM 1999). Popularity says
nothing about the number: ranks are scattered over numbers by a multiplication modulo a prime. A listing shows the
most popular items of its category first, as shops do.

Promises: total for any number of items from 1 to a million; the same for everybody. Never: changes.
"""

from __future__ import annotations

import bisect
from random import Random
from typing import Final, NamedTuple

import numpy as np

from loadtests.actors.templates import Kind

ZIPF: Final = 0.8
_PRIME: Final = 1_000_003
_FACTOR: Final = 387_420_489 % _PRIME
CATEGORIES: Final = 200
PER_PAGE: Final = 24
"""Items on one page of a listing."""


class Found(NamedTuple):
    """What a target leads to in the shop."""

    status: int
    item: int = 0
    """The item whose page it is."""


class Catalogue:
    """Items 1 to `size`, and how this shop is laid out."""

    frame: tuple[tuple[Kind, bytes], ...] = (
        (Kind.STYLE, b"/static/style.css"),
        (Kind.MODULE, b"/static/live.js"),
        (Kind.SCRIPT, b"/static/shop.js"),
        (Kind.FONT, b"/static/shop.woff2"),
        (Kind.MANIFEST, b"/site.webmanifest"),
        (Kind.ICON, b"/favicon.ico"),
    )
    """What every page is framed with, in the order in which browsers load it."""
    cart_by_form = False
    """Whether items are put into the cart by a form, not by a script."""
    user_field = b"user"
    password_field = b"pass"

    def __init__(self, size: int) -> None:
        if not 1 <= size < _PRIME:
            raise ValueError(f"a catalogue has 1 to {_PRIME - 1} items")
        self.size = size
        numbers = np.arange(1, _PRIME, dtype=np.int64) * _FACTOR % _PRIME
        self.by_rank: list[int] = numbers[numbers <= size].tolist()
        """Item numbers, the most popular first."""
        self._shares: list[float] = np.cumsum(np.arange(1, size + 1, dtype=np.float64) ** -ZIPF).tolist()
        self.categories = min(CATEGORIES, size)
        self._shelves: list[list[int]] = [[] for _ in range(self.categories)]
        for item in self.by_rank:
            self._shelves[self.category_of(item) - 1].append(item)

    def popular(self, random: Random) -> int:
        """An item, as often as it is popular."""
        at = bisect.bisect_left(self._shares, random.random() * self._shares[-1])
        return self.by_rank[min(at, self.size - 1)]

    def category_of(self, item: int) -> int:
        """The category that lists an item: 1 to `categories`."""
        return item % self.categories + 1

    def leaves(self, category: int) -> int:
        """How many pages the listing of a category has."""
        return -(-len(self._shelves[category - 1]) // PER_PAGE)

    def leaf(self, category: int, page: int) -> list[int]:
        """The items on one page of a category's listing, pages from 1; none beyond the last."""
        return self._shelves[category - 1][(page - 1) * PER_PAGE : page * PER_PAGE]

    def listing_path(self, category: int, page: int) -> bytes:
        """One page of a category."""
        return listing_path(category, page)

    def find(self, path: bytes) -> Found:
        """What the shop answers to a GET."""
        bare, _, query = path.partition(b"?")
        if bare.startswith(b"/product/"):
            item = int(bare[9:]) if bare[9:].isdigit() else 0
            return Found(200, item) if 1 <= item <= self.size else Found(404)
        if bare.startswith(b"/category/"):
            category = int(bare[10:]) if bare[10:].isdigit() else 0
            page = int(query[5:]) if query.startswith(b"page=") and query[5:].isdigit() else 1
            there = 1 <= category <= self.categories and 1 <= page <= self.leaves(category)
            return Found(200 if there else 404)
        return Found(200 if bare in _PLAIN or bare.startswith(_BELOW) else 404)


_PLAIN: Final = frozenset(
    b"""/ /search /login /account /cart /checkout /static/style.css /static/shop.js /static/live.js /static/shop.woff2
    /favicon.ico /site.webmanifest /api/cart /api/cart/add""".split()
)
_BELOW: Final = (b"/images/", b"/api/products/")


def item_path(item: int) -> bytes:
    """The page of an item."""
    return b"/product/%d" % item


def listing_path(category: int, page: int) -> bytes:
    """One page of a category."""
    return b"/category/%d?page=%d" % (category, page) if page > 1 else b"/category/%d" % category
