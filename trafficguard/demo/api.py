"""The door for programs: the same shop as JSON.

Promises: answers `application/json`; lists come in pages with `page`, `pages` and `total` beside the
products. Never: changes anything, never answers with HTML.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import hdrs, web

from .browse import MAX_QUERY, PRODUCT_ID
from .catalogue import Catalogue, Leaf, Product, leaf
from .requests import cart_of, page_of

API_PREFIX = "/api/"

_HEADERS = {hdrs.CACHE_CONTROL: "no-store"}


class Api:
    """The JSON side of the shop."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/api/products", self.products),
            web.get(f"/api/products/{PRODUCT_ID}", self.product),
            web.get(f"/api/products/{PRODUCT_ID}/stock", self.stock),
            web.get("/api/cart", self.cart),
            web.get("/api/search", self.search),
        ]

    async def products(self, request: web.Request) -> web.Response:
        """All products by number, one page at a time."""
        return _answer(_page(leaf(self._catalogue.products, page_of(request))))

    async def product(self, request: web.Request) -> web.Response:
        """Everything about one product."""
        item = self._product(request)
        words = {"description": item.description, "material": item.material}
        return _answer({**_brief(item), **words, "rating": item.rating, "rank": item.rank})

    async def stock(self, request: web.Request) -> web.Response:
        """Pieces left of one product."""
        item = self._product(request)
        return _answer({"id": item.id, "stock": item.stock})

    async def cart(self, request: web.Request) -> web.Response:
        """The visitor's cart."""
        cart = cart_of(request)
        lines = [{**_brief(item), "pieces": pieces} for item, pieces in cart.contents(self._catalogue)]
        return _answer({"items": cart.items, "total": cart.total(self._catalogue), "lines": lines})

    async def search(self, request: web.Request) -> web.Response:
        """Products that fit `q`, best sellers first."""
        query = request.query.get("q", "")[:MAX_QUERY]
        return _answer({"query": query, **_page(leaf(self._catalogue.search(query), page_of(request)))})

    def _product(self, request: web.Request) -> Product:
        item = self._catalogue.product(int(request.match_info["id"]))
        if item is None:
            raise web.HTTPNotFound
        return item


def problem(status: int, title: str) -> web.Response:
    """An error as `application/problem+json` (RFC 9457)."""
    text = json.dumps({"type": "about:blank", "title": title, "status": status})
    return web.Response(text=text, status=status, content_type="application/problem+json", headers=_HEADERS)


def _brief(item: Product) -> dict[str, Any]:
    return {
        "id": item.id, "name": item.name, "category": item.category.slug,
        "price_cents": item.price, "currency": "EUR", "stock": item.stock,
        "url": f"/product/{item.id}", "image": f"/images/{item.id}.svg",
    }  # fmt: skip


def _page(found: Leaf | None) -> dict[str, Any]:
    if found is None:
        raise web.HTTPNotFound
    products = [_brief(item) for item in found.products]
    return {"page": found.number, "pages": found.last, "total": found.total, "products": products}


def _answer(content: dict[str, Any]) -> web.Response:
    return web.json_response(content, headers=_HEADERS)
