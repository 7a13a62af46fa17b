"""The door for crawlers: robots.txt and sitemap.xml.

Promises: the sitemap lists the front page, every category and every product with absolute addresses under
the host that was asked (sitemaps.org protocol). Never: lists a page that robots.txt forbids.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from aiohttp import web

from .api import API_PREFIX
from .catalogue import Catalogue
from .frame import TRAP_PATH

_FORBIDDEN = ("/cart", "/account", "/checkout", API_PREFIX, TRAP_PATH)
_RULES = "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in _FORBIDDEN)

_XML = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
"""
_ORIGIN = "{origin}"
"""Stands for scheme and host in the sitemap that was rendered at the start."""


class Crawling:
    """What the shop tells crawlers."""

    def __init__(self, catalogue: Catalogue) -> None:
        paths = ["/", *(f"/category/{category.slug}" for category in catalogue.categories)]
        paths += (f"/product/{item.id}" for item in catalogue.products)
        places = "".join(f"<url><loc>{_ORIGIN}{path}</loc></url>\n" for path in paths)
        self._sitemap = f"{_XML}{places}</urlset>\n"

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [web.get("/robots.txt", self.robots), web.get("/sitemap.xml", self.sitemap)]

    async def robots(self, request: web.Request) -> web.Response:
        """Where crawlers may not go, and where the sitemap is (RFC 9309)."""
        return web.Response(text=f"{_RULES}\nSitemap: {_origin(request)}/sitemap.xml\n")

    async def sitemap(self, request: web.Request) -> web.Response:
        """All public addresses."""
        text = self._sitemap.replace(_ORIGIN, escape(_origin(request)))
        return web.Response(text=text, content_type="application/xml", charset="utf-8")


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
