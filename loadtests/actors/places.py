"""The sample shop as actors see it: the same items, shelves and addresses as `trafficguard.demo`, without asking it.

Promises: every path that it gives is one of the sample shop's, and `find` answers as the shop does. Never: opens a
socket.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from loadtests.actors.catalogue import PER_PAGE, ZIPF, Catalogue, Found
from loadtests.actors.templates import Kind
from trafficguard.demo.assets import Assets
from trafficguard.demo.catalogue import Catalogue as Stock

_PLAIN: Final = frozenset(
    b"""/ /search /login /account /cart /checkout /static/style.css /static/shop.js /favicon.ico /favicon.svg
    /robots.txt /sitemap.xml /api/products /api/search /api/cart /healthz /trap/""".split()
)


class SampleShop(Catalogue):
    """A catalogue of as many items as the sample shop is started with."""

    cart_by_form = True
    user_field = b"username"
    password_field = b"password"

    def __init__(self, size: int) -> None:
        """Raises ValueError for a size that the sample shop cannot have."""
        stock = Stock(size)
        assets = Assets(stock)
        self.size = size
        self.frame = (
            (Kind.STYLE, assets.style_address.encode()),
            (Kind.SCRIPT, assets.script_address.encode()),
            (Kind.ICON, b"/favicon.svg"),
        )
        self.by_rank = [item.id for item in stock.popular]
        self._shares = np.cumsum(np.arange(1, size + 1, dtype=np.float64) ** -ZIPF).tolist()
        self.categories = len(stock.categories)
        self._slugs = [category.slug.encode() for category in stock.categories]
        self._numbers = {slug: number for number, slug in enumerate(self._slugs, 1)}
        self._shelves = [[item.id for item in stock.shelf(category)] for category in stock.categories]
        self._homes = [0] * (size + 1)
        for number, shelf in enumerate(self._shelves, 1):
            for item in shelf:
                self._homes[item] = number

    def category_of(self, item: int) -> int:
        """The category that lists an item: 1 to `categories`."""
        return self._homes[item] if item <= self.size else 1

    def listing_path(self, category: int, page: int) -> bytes:
        """One page of a category."""
        slug = self._slugs[category - 1]
        return b"/category/%b?page=%d" % (slug, page) if page > 1 else b"/category/%b" % slug

    def find(self, path: bytes) -> Found:
        """What the shop answers to a GET."""
        bare, _, query = path.partition(b"?")
        for start in (b"/product/", b"/api/products/", b"/images/"):
            if bare.startswith(start):
                text = bare[len(start) :].removesuffix(b".svg")
                item = int(text) if text.isdigit() and len(text) < 7 else 0
                there = 1 <= item <= self.size
                return Found(200 if there else 404, item if there and start != b"/images/" else 0)
        if bare.startswith(b"/category/"):
            category = self._numbers.get(bare[10:], 0)
            page = int(query[5:]) if query.startswith(b"page=") and query[5:].isdigit() else 1
            return Found(200 if category and 1 <= page <= max(1, self.leaves(category)) else 404)
        if bare == b"/account":
            return Found(303)
        return Found(200 if bare in _PLAIN or bare.startswith(b"/trap/") else 404)


assert PER_PAGE == 24, "the sample shop's listings have as many"
