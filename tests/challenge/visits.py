"""Visitors of a shop, and a desk that receives them."""

from __future__ import annotations

import re

from tests.corpus.clients import head_of
from tests.counters.memories import SMALL, new_table
from trafficguard.challenge.desk import Desk
from trafficguard.challenge.visitors import Visitors
from trafficguard.clock import SECOND
from trafficguard.counters.table import Table
from trafficguard.exchange import Request

SECRET = b"a secret of at least 32 bytes ....."
NOON = 1_700_000_000 * SECOND
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)
VISITORS = Visitors()


def request(
    *cookies: bytes,
    client: str = "192.0.2.1",
    agent: str | None = AGENT,
    language: str | None = "en",
    site: str = "shop.example",
    secure: bool = True,
    line: str = "GET /item/7 HTTP/1.1",
    more: tuple[str, ...] = (),
) -> Request:
    """A visitor's request."""
    lines = [line, "Host: shop.example", *([f"User-Agent: {agent}"] if agent is not None else []), *more]
    lines += [f"Accept-Language: {language}"] if language is not None else []
    lines += [f"Cookie: {cookie.decode('latin-1')}" for cookie in cookies]
    return Request(head_of("\n".join(lines)), client, secure, site, b"0")


def new_desk(table: Table | None = None, secret: bytes = SECRET, **more: object) -> Desk:
    """A desk over a table of its own, unless one is given."""
    shared = table if table is not None else new_table(SMALL)
    return Desk(secret, shared.timers, shared.burn, **more)  # type: ignore[arg-type]


def cookie_of(lines: bytes) -> bytes:
    """Name and value of the first Set-Cookie line."""
    match = re.match(rb"Set-Cookie: ([^;]+);", lines)
    assert match is not None, lines
    return match[1]
