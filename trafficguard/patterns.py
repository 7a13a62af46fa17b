"""Patterns of targets, as settings name routes by them: `/product/{id}`, `/help/**`, `/item?id={id}`.

A segment is a word or a capture: `{id}` and `{name}` take any one segment, and `{id}` says which is the item. `**` at
the end takes all that lies under a path, and the path itself. Behind a `?` stand parameters that must be there, with
a value or with a capture for any value. A slash at the end means nothing.

Promises: `read_pattern` returns a `Pattern` or raises `BadValueError`; what can never be asked for is an error.
Never: matches a target (`signals.places` does).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from trafficguard.values import BadValueError, shown

ID: Final = b"{id}"
NAME: Final = b"{name}"
CAPTURES: Final = frozenset((ID, NAME))
REST: Final = "**"
MOST_SEGMENTS: Final = 16
"""Segments of a path that are looked at; a pattern has no more of them."""

_WORD: Final = re.compile(r"[^{}*?#%&\s/]+")
_EXAMPLE: Final = "write /product/{id}, /help/** or /item?id={id}"


class Pattern(NamedTuple):
    """A pattern, taken apart. Literal parts are bytes as a resolved path holds them."""

    text: str
    """As configured, without a slash at the end."""
    segments: tuple[bytes, ...]
    """Words, `{id}` and `{name}`."""
    is_open: bool
    """Whether it takes all that lies below, too."""
    query: tuple[tuple[bytes, bytes], ...]
    """Parameters that must be there, sorted: name and value, or a capture for any value."""

    @property
    def takes(self) -> tuple[object, ...]:
        """Equal for two patterns that take the same targets."""
        segments = tuple(None if segment in CAPTURES else segment for segment in self.segments)
        query = tuple((name, None if value in CAPTURES else value) for name, value in self.query)
        return segments, self.is_open, query


def parse_pattern(value: object) -> str:
    """The text of a checked pattern; BadValueError otherwise."""
    if not isinstance(value, str) or not value.startswith("/") or "#" in value:
        raise BadValueError(f"{shown(value)} is not a pattern of paths", _EXAMPLE)
    return read_pattern(value).text


def read_pattern(text: str) -> Pattern:
    """The parts of a pattern that starts with a slash; BadValueError when it is none."""
    path, question, query = text.partition("?")
    words = path.rstrip("/").split("/")[1:]
    is_open = words[-1:] == [REST]
    if is_open:
        words.pop()
    if len(words) > MOST_SEGMENTS:
        raise BadValueError(f"{shown(text)} has more than {MOST_SEGMENTS} segments", "end it with /** earlier")
    segments = tuple(_segment(word, text) for word in words)
    parameters = tuple(sorted(_parameter(part, text) for part in query.split("&"))) if question else ()
    names = [name for name, _ in parameters]
    if len(set(names)) < len(names):
        raise BadValueError(f"{shown(text)} names a parameter twice", "name each parameter once")
    shortened = (path.rstrip("/") or "/") + question + query
    return Pattern(shortened, segments, is_open, parameters)


def _segment(word: str, text: str) -> bytes:
    if word in ("", ".", ".."):
        remedy = "leave out empty segments, . and .., which no path has once it is resolved"
        raise BadValueError(f"{shown(text)} can never be asked for", remedy)
    return _part(word, text)


def _parameter(part: str, text: str) -> tuple[bytes, bytes]:
    name, equals, value = part.partition("=")
    if not equals or not _WORD.fullmatch(name):
        raise BadValueError(f"{shown(part)} in {shown(text)} is not a parameter", "write /item?id={id}")
    value = value.replace("/", "\0")  # a slash is nothing special in a value
    return name.encode(), _part(value, text).replace(b"\0", b"/")


def _part(word: str, text: str) -> bytes:
    raw = word.encode("utf-8", "surrogatepass")
    if raw in CAPTURES or _WORD.fullmatch(word):
        return raw
    if REST in word:
        raise BadValueError(f"{shown(text)} has ** before its end", "write ** as the last segment only")
    if "{" in word or "}" in word:
        remedy = "write {id} or {name} in place of one whole segment"
        raise BadValueError(f"{shown(word)} in {shown(text)} is not a capture", remedy)
    if "%" in word:
        raise BadValueError(f"{shown(text)} holds an escape", "write the character itself, as paths are decoded first")
    raise BadValueError(f"{shown(word)} in {shown(text)} is not a segment", _EXAMPLE)
