"""The door to what pages load: style sheet, script, icon, product pictures.

Promises: every answer has a strong ETag made from its own bytes and a Cache-Control; a request that names
that ETag gets 304 and no body (RFC 9110 §13.1.2). Never: opens a file by a name from outside; the files are
read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from aiohttp import ETag, hdrs, web

from .browse import PRODUCT_ID
from .catalogue import Catalogue
from .drawing import draw

_FOLDER = Path(__file__).parent / "static"
_TAG_BYTES = 8

_YEAR = "public, max-age=31536000, immutable"
_DAY = "public, max-age=86400"


@dataclass(frozen=True, slots=True)
class Asset:
    """Some bytes a browser may keep."""

    body: bytes
    content_type: str
    caching: str
    tag: str
    """The value inside the ETag's quotes."""

    @classmethod
    def of(cls, body: bytes, content_type: str, caching: str) -> Asset:
        """An asset tagged by its contents."""
        return cls(body, content_type, caching, blake2b(body, digest_size=_TAG_BYTES).hexdigest())

    def answer(self, request: web.Request) -> web.Response:
        """The asset, or 304 where the client has it."""
        headers = {hdrs.ETAG: f'"{self.tag}"', hdrs.CACHE_CONTROL: self.caching}
        if _is_known(request.if_none_match, self.tag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, headers={**headers, hdrs.CONTENT_TYPE: self.content_type})


class Assets:
    """Files and pictures."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Raises OSError where the package was installed without its static files."""
        self._catalogue = catalogue
        self._style = Asset.of((_FOLDER / "style.css").read_bytes(), "text/css; charset=utf-8", _YEAR)
        self._script = Asset.of((_FOLDER / "shop.js").read_bytes(), "text/javascript; charset=utf-8", _YEAR)
        self._icon = Asset.of((_FOLDER / "favicon.svg").read_bytes(), "image/svg+xml", _DAY)

    @property
    def style_address(self) -> str:
        """Changes with the style sheet, so that browsers may keep it for a year."""
        return f"/static/style.css?v={self._style.tag}"

    @property
    def script_address(self) -> str:
        """Changes with the script, so that browsers may keep it for a year."""
        return f"/static/shop.js?v={self._script.tag}"

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/static/style.css", self.style),
            web.get("/static/shop.js", self.script),
            web.get("/favicon.ico", self.icon),
            web.get("/favicon.svg", self.icon),
            web.get(f"/images/{PRODUCT_ID}.svg", self.image),
        ]

    async def style(self, request: web.Request) -> web.Response:
        """The style sheet."""
        return self._style.answer(request)

    async def script(self, request: web.Request) -> web.Response:
        """The script."""
        return self._script.answer(request)

    async def icon(self, request: web.Request) -> web.Response:
        """The icon; browsers take SVG under its old name too."""
        return self._icon.answer(request)

    async def image(self, request: web.Request) -> web.Response:
        """A product's picture."""
        item = self._catalogue.product(int(request.match_info["id"]))
        if item is None:
            raise web.HTTPNotFound
        return Asset.of(draw(item).encode(), "image/svg+xml", _DAY).answer(request)


def _is_known(named: tuple[ETag, ...] | None, tag: str) -> bool:
    return named is not None and any(etag.value in (tag, "*") for etag in named)
