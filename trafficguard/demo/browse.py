"""The door to everything one can look at without touching it: home, categories, products, search, the trap.

Promises: answers GET and HEAD with pages made from the catalogue. Never: changes anything.
"""

from __future__ import annotations

from aiohttp import web

from . import pages
from .catalogue import Catalogue, Leaf, leaf
from .frame import TRAP_PATH, Frame
from .requests import cart_of, html, page_of

PRODUCT_ID = "{id:[1-9][0-9]{0,5}}"
"""The part of an address that is a product number."""

MAX_QUERY = 100
"""Characters of a search query that are read."""

_RELATED = 4
_SUMMARY = "Lamps, pots, blankets and paper from small workshops."


class Browse:
    """Reading the shop."""

    def __init__(self, catalogue: Catalogue, frame: Frame) -> None:
        self._catalogue = catalogue
        self._frame = frame
        self._home = pages.home(catalogue)
        self._trap = pages.trap()

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/", self.home),
            web.get("/category/{slug}", self.category),
            web.get(f"/product/{PRODUCT_ID}", self.product),
            web.get("/search", self.search),
            web.get(f"{TRAP_PATH}{{rest:.*}}", self.trap),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """The front page."""
        items = cart_of(request).items
        return html(self._frame.around("Things for the house", self._home, items, summary=_SUMMARY))

    async def category(self, request: web.Request) -> web.Response:
        """One page of a category."""
        category = self._catalogue.category(request.match_info["slug"])
        if category is None:
            raise web.HTTPNotFound
        main = pages.listing(category, _leaf(leaf(self._catalogue.shelf(category), page_of(request))))
        return html(self._frame.around(category.name, main, cart_of(request).items, summary=category.line))

    async def product(self, request: web.Request) -> web.Response:
        """One product."""
        item = self._catalogue.product(int(request.match_info["id"]))
        if item is None:
            raise web.HTTPNotFound
        main = pages.product(item, self._catalogue.related(item, _RELATED))
        return html(self._frame.around(item.name, main, cart_of(request).items, summary=item.description))

    async def search(self, request: web.Request) -> web.Response:
        """One page of search results."""
        query = request.query.get("q", "")[:MAX_QUERY]
        main = pages.results(query, _leaf(leaf(self._catalogue.search(query), page_of(request))))
        return html(self._frame.around(f"Search: {query}", main, cart_of(request).items, indexed=False))

    async def trap(self, request: web.Request) -> web.Response:
        """The page that robots.txt forbids and nobody can see a link to."""
        return html(self._frame.around("Nothing here", self._trap, cart_of(request).items, indexed=False))


def _leaf(found: Leaf | None) -> Leaf:
    if found is None:
        raise web.HTTPNotFound
    return found
