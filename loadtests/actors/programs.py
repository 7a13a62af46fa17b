"""Programs that do not pose as a browser, or only in their name: their heads as they were recorded.

Read off the captures `requests`, `go-net-http` and `requests-googlebot`: HTTP/1.1 over TLS. The name of the polite
robot is ours, so that it is nobody's.

Promises: each sends one kind of head, for pages.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Final

from loadtests.actors.templates import SYSTEMS, Browser, Kind, Template
from trafficguard.exchange import Handshake

PYTHON_JA4: Final = "t13d1812h1_85036bcba153_b26ce05bbdd6"
GO_JA4: Final = "t13d1910h2_9dc949149365_97f8aa674fd9"
_COOKIE: Final = "Cookie: {cookie}"
_REQUESTS: Final = ("Accept-Encoding: gzip, deflate, br, zstd", "Accept: */*", "Connection: keep-alive", _COOKIE)
_GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_POLITE: Final = "Mozilla/5.0 (compatible; PriceLibraryBot/1.0; +https://price-library.example/bot)"
_HEADS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "requests": (PYTHON_JA4, ("Host: {host}", "User-Agent: python-requests/2.34.2", *_REQUESTS)),
    "go": (GO_JA4, ("Host: {host}", "User-Agent: Go-http-client/1.1", _COOKIE, "Accept-Encoding: gzip")),
    "googlebot": (PYTHON_JA4, ("Host: {host}", f"User-Agent: {_GOOGLEBOT}", *_REQUESTS)),
    "polite": (PYTHON_JA4, ("Host: {host}", f"User-Agent: {_POLITE}", *_REQUESTS)),
}
PREFIX: Final = "program-"
"""Begins the names of programs, which claim to be no browser."""


@cache
def programs() -> dict[str, Browser]:
    """All programs by name, `program-requests`."""
    found = {}
    linux = SYSTEMS["chromium"][0]
    for name, (ja4, lines) in _HEADS.items():
        templates = [Template(f"program-{name}", "tls", Kind.PAGE, "HTTP/1.1", lines, ja4, "", 1)]
        browser = Browser(templates, linux)
        found[browser.name.removesuffix("-tls-linux")] = browser
    return found


def claims_a_browser(browser: Browser) -> bool:
    """Whether a head says that it is a browser's."""
    return not browser.name.startswith(PREFIX)


def by_library(browser: Browser) -> Browser:
    """A browser's heads, sent by a program whose handshake is its own."""
    other = copy.copy(browser)
    other.handshake = Handshake(PYTHON_JA4)
    return other
