"""What a path is where no route is configured, by the words that shops use in theirs.

Promises: total on any bytes; looks at a bounded number of segments, each once. What carries a number, a hash or a
long name becomes `{id}` in the template, so that one kind of page has one template. Never: is right about every shop;
routes in the settings come first.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from trafficguard.patterns import MOST_SEGMENTS

LONGEST_WORD: Final = 20
"""Letters of a segment that passes for a word of the shop's own; a longer one is the name of something."""


class Guess(NamedTuple):
    """What is taken to be there."""

    route: str
    """A route class, as the settings spell it."""
    template: bytes
    item: bytes
    """What names the item in it; empty when there is none."""


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


ASSET_ENDS: Final = _words(
    """css js mjs map png jpg jpeg gif webp avif svg ico bmp woff woff2 ttf otf eot mp4 webm mp3 ogg wav wasm
    webmanifest"""
)
ASSET_FOLDERS: Final = _words("static assets asset images image img css js fonts media dist build bundles _next cdn")
FEED_NAMES: Final = _words("robots.txt llms.txt ads.txt feed rss atom feed.xml rss.xml atom.xml index.xml")
FEED_ENDS: Final = _words("rss atom")
LOGIN_WORDS: Final = _words("login signin sign-in sign_in log-in log_in logon sign-on signon wp-login authenticate")
API_WORDS: Final = _words("api graphql rest ajax wp-json rpc")
CHECKOUT_WORDS: Final = _words("cart basket checkout bag payment")
SEARCH_WORDS: Final = _words("search find suggest catalogsearch")
SEARCH_PARAMETERS: Final = (b"q", b"query", b"search", b"keyword", b"keywords", b"s", b"term")
ITEM_FOLDERS: Final = _words("product products p item items dp sku prod")
ITEM_PARAMETERS: Final = (b"product_id", b"item_id", b"productid", b"itemid", b"pid", b"sku")
LISTING_FOLDERS: Final = _words(
    "category categories c collection collections catalog catalogue shop brand brands department departments"
)
PAGE_FOLDERS: Final = _words(
    "blog news help page pages order orders account user users faq article articles tag author"
)
"""Where a number at the end is no item's."""

_DIGITS: Final = b"0123456789"
_LOCALE: Final = re.compile(rb"[a-z]{2}(?:[-_][a-z]{2})?")
_VERSION: Final = re.compile(rb"v[0-9]{1,2}")
_HEX: Final = re.compile(rb"[0-9a-f]{8,}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?")
_YEAR: Final = re.compile(rb"(?:19|20)[0-9]{2}")
_PAGE_ENDS: Final = _words("html htm php asp aspx jsp do json xml")


def guess(segments: list[bytes], parameters: dict[bytes, bytes]) -> Guess:
    """The guess for a resolved path, split at its slashes, and its parameters as sent."""
    words = [segment.lower() for segment in segments[:MOST_SEGMENTS]]
    if not words or words == [b""]:
        return Guess("search" if _searches(parameters) else "page", b"/", b"")
    stem, _, end = _split(words[-1])
    start = 1 if len(words) > 1 and words[0] not in ITEM_FOLDERS and _LOCALE.fullmatch(words[0]) else 0
    route = _of_whole(words, start, stem, end)
    if route is None:
        route, item_at, item = _of_goods(words, start, stem, parameters)
        if route == "page" and _searches(parameters):
            route = "search"
    else:
        item_at, item = _api_item(words) if route == "api" else (-1, b"")
    return Guess(route, _template(words, route, item_at, len(segments) > MOST_SEGMENTS), item)


def _split(name: bytes) -> tuple[bytes, bytes, bytes]:
    """A last segment without its extension, the dot, and the extension."""
    stem, dot, end = name.rpartition(b".")
    return (stem, dot, end) if stem and len(end) <= 11 else (name, b"", b"")


def _of_whole(words: list[bytes], start: int, stem: bytes, end: bytes) -> str | None:
    """Classes that one word tells, the surest first."""
    last, first = words[-1], words[start]
    if last in FEED_NAMES or end in FEED_ENDS or (last.startswith(b"sitemap") and end in (b"xml", b"gz", b"txt")):
        return "feed"
    if end in ASSET_ENDS or (len(words) > start + 1 and first in ASSET_FOLDERS):
        return "asset"
    seen = {*words[start:], stem}
    if not seen.isdisjoint(LOGIN_WORDS):
        return "login"
    if end == b"json" or first in API_WORDS or words[0] in API_WORDS:
        return "api"
    if first in CHECKOUT_WORDS or stem in CHECKOUT_WORDS:
        return "checkout"
    if first in SEARCH_WORDS or stem in SEARCH_WORDS:
        return "search"
    return None


def _of_goods(
    words: list[bytes], start: int, stem: bytes, parameters: dict[bytes, bytes]
) -> tuple[str, int, bytes]:
    """Item, listing or page; and where the item stands (-1: in the query, or nowhere) and what names it."""
    last = len(words) - 1
    by_parameter = _parameter_item(stem, parameters)
    if by_parameter:
        return "item", -1, by_parameter
    for at in range(start, last + 1):
        word = words[at]
        if word in ITEM_FOLDERS:
            if at == last or words[at + 1] in (b"page", b"p"):
                return "listing", -1, b""
            return "item", *_item_below(words, at + 1, stem)
    if words[start] in LISTING_FOLDERS and not (last > start + 1 and stem.isdigit()):
        return "listing", -1, b""
    number = _number_at_end(stem)
    if number and last > start and words[start] not in PAGE_FOLDERS and words[last - 1] not in (b"page", b"p"):
        return "item", last, number
    if number and not stem.isdigit() and last == start:
        return "item", last, number
    return ("listing", -1, b"") if words[start] in LISTING_FOLDERS else ("page", -1, b"")


def _item_below(words: list[bytes], at: int, stem: bytes) -> tuple[int, bytes]:
    """The item under a folder of items: a number, else a name that ends in one, else the name that comes first."""
    names = [*words[at:-1], stem]
    for index, name in enumerate(names):
        if name.isdigit():
            return at + index, name
    number = _number_at_end(names[0])
    return at, number or names[0]


def _parameter_item(stem: bytes, parameters: dict[bytes, bytes]) -> bytes:
    if not parameters:
        return b""
    for name in ITEM_PARAMETERS:
        if parameters.get(name):
            return unquote_to_bytes(parameters[name])
    return unquote_to_bytes(parameters.get(b"id", b"")) if stem in ITEM_FOLDERS else b""


def _api_item(words: list[bytes]) -> tuple[int, bytes]:
    """The item that an interface is asked about: what follows a word for items."""
    for at in range(len(words) - 1):
        if words[at] in ITEM_FOLDERS:
            name = words[at + 1].removesuffix(b".json")
            return (at + 1, name) if name.isdigit() or not name.isalpha() else (-1, b"")
    return -1, b""


def _number_at_end(stem: bytes) -> bytes:
    """The digits of `123` or `blue-lamp-123`, if there are three or more of them and they are no year; else nothing."""
    digits = stem[len(stem.rstrip(_DIGITS)) :]
    if len(digits) < 3 or (len(digits) == 4 and _YEAR.fullmatch(digits)):
        return b""
    rest = stem[: len(stem) - len(digits)]
    return digits if not rest or b"-" in rest or b"_" in rest else b""


def _searches(parameters: dict[bytes, bytes]) -> bool:
    return bool(parameters) and any(name in parameters for name in SEARCH_PARAMETERS)


def _template(words: list[bytes], route: str, item_at: int, is_cut: bool) -> bytes:
    parts: list[bytes] = []
    last = len(words) - 1
    for at, word in enumerate(words):
        if at == item_at or _is_name(word, at == last):
            _, dot, end = _split(word) if at == last else (word, b"", b"")
            parts.append(b"{id}" + dot + end if end in _PAGE_ENDS or end in ASSET_ENDS else b"{id}")
        elif route == "listing" and at and words[at - 1] in LISTING_FOLDERS:
            parts.append(b"{name}")
        else:
            parts.append(word)
    if is_cut:
        parts.append(b"**")
    return b"/" + b"/".join(parts)


def _is_name(word: bytes, is_last: bool) -> bool:
    """Whether a segment names one thing of many: a number, hash, UUID, long name, or letters mixed with digits."""
    if is_last and b"." in word:
        word = _split(word)[0]
    if word.isalpha():
        return len(word) > LONGEST_WORD
    if len(word) > LONGEST_WORD or word.isdigit() or _HEX.fullmatch(word):
        return True
    return word.translate(None, _DIGITS) != word and not _VERSION.fullmatch(word)
