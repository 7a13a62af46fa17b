"""What the doors of the sample shop read from a request and how they answer, in one place.

Promises: every reader answers for any input, or raises the aiohttp error that names the client's fault.
Never: knows what a product is.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from .cart import COOKIE, Cart

_MAX_FIELDS = 20
_PRIVATE: dict[str, str] = {hdrs.CACHE_CONTROL: "private, no-cache"}

_PAGE_HEADERS: dict[str, str] = {
    **_PRIVATE,
    hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def cart_of(request: web.Request) -> Cart:
    """The visitor's cart."""
    return Cart.read(request.cookies.get(COOKIE, ""))


def page_of(request: web.Request) -> int:
    """The `page` parameter, 1 where it is absent, 0 where it is no page number."""
    text = request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def bounded(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """A whole-number parameter; raises HTTPBadRequest outside `low` … `high`."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and low <= int(text) <= high):
        raise web.HTTPBadRequest(text=f"{name} must be a number from {low} to {high}")
    return int(text)


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of an urlencoded form; raises HTTPBadRequest for too many, HTTPRequestEntityTooLarge."""
    body = (await request.read()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as failure:
        raise web.HTTPBadRequest(text="too many fields") from failure


def html(body: bytes, status: int = 200) -> web.Response:
    """A page, which may load from this shop only."""
    return web.Response(body=body, status=status, headers=_PAGE_HEADERS)


def see_other(address: str) -> web.Response:
    """Sends a browser on after a form."""
    return web.Response(status=303, headers={hdrs.LOCATION: address, **_PRIVATE})
