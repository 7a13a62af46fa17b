"""What every page of the sample shop shares: head, header, navigation, footer.

Promises: everything that is the same on all pages is rendered once; a page is one joining of ready pieces;
whatever is handed in as text (titles, summaries) leaves escaped. Never: escapes `main`, which is markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .words import Category

SHOP_NAME = "Larkfield"

TRAP_PATH = "/trap/"
"""Forbidden in robots.txt and linked invisibly: nobody with a screen or a screen reader goes there."""

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{style}">
<script src="{script}" defer></script>
<title>"""

_HEADER = """</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<div class="wrap bar">
<a class="logo" href="/"><svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
<path d="M4 21c6 4 13 3 17-2 2-3 3-6 7-7-3-4-9-4-12 0-3 5-7 7-12 9z" fill="currentColor"/>
<path d="M9 27h12" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg> {name}</a>
<form class="find" role="search" action="/search"><label class="hush" for="q">Search the shop</label>
<input id="q" name="q" type="search" placeholder="Search lamps, mugs, blankets …" maxlength="100">
<button>Search</button></form>
<nav class="mine" aria-label="Your shop"><a href="/account">Account</a>
<a href="/cart">Cart <span class="count" id="cart-count" aria-label="items in cart">"""

_NAVIGATION = """</span></a></nav>
</div>
<nav class="shelves" aria-label="Categories"><ul class="wrap">{links}</ul></nav>
</header>
<main id="main" class="wrap">
"""

_FOOTER = """
</main>
<footer class="bottom"><div class="wrap">
<section class="ticker" id="ticker" aria-label="Live stock"><span class="dot" aria-hidden="true"></span>
<span id="ticker-line">Stock is counted live while you browse.</span>
<button type="button" id="ticker-pause" aria-pressed="false" hidden>Pause</button></section>
<div class="columns"><div><p class="logo">{name}</p><p>Things for the house, made to be kept.</p></div>
<nav aria-label="Departments"><h2>Departments</h2><ul>{links}</ul></nav>
<nav aria-label="Service"><h2>Service</h2><ul><li><a href="/account">Your account</a></li>
<li><a href="/cart">Your cart</a></li><li><a href="/sitemap.xml">Sitemap</a></li></ul></nav></div>
<p class="small">A sample shop: nothing here is for sale, and no parcel will ever arrive.</p>
<a href="{trap}" rel="nofollow" tabindex="-1" hidden>Complete price list</a>
</div></footer>
<p class="toast" id="toast" role="status"></p>
</body>
</html>
"""


class Frame:
    """Puts a page's own part between the parts that all pages share."""

    def __init__(self, categories: Sequence[Category], style: str, script: str) -> None:
        """`style` and `script` are the addresses of the shop's own style sheet and script."""
        links = "".join(f'<li><a href="/category/{c.slug}">{escape(c.name)}</a></li>' for c in categories)
        self._head = _HEAD.format(style=style, script=script)
        self._header = _HEADER.format(name=SHOP_NAME)
        self._navigation = _NAVIGATION.format(links=links)
        self._footer = _FOOTER.format(name=SHOP_NAME, links=links, trap=TRAP_PATH)

    def around(self, title: str, main: str, items: int, *, summary: str = "", indexed: bool = True) -> bytes:
        """The whole page in UTF-8; `items` are the pieces in the visitor's cart."""
        meta = f'<meta name="description" content="{escape(summary)}">\n' if summary else ""
        if not indexed:
            meta += '<meta name="robots" content="noindex">\n'
        pieces = (
            self._head, escape(title), f" · {SHOP_NAME}</title>\n", meta,
            self._header, str(items), self._navigation, main, self._footer,
        )  # fmt: skip
        return "".join(pieces).encode("utf-8", "replace")
