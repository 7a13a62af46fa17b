"""A raw HTTP request in a file, as people save or type it, to the bytes a client would have sent.

Promises: line ends of LF alone become CR LF and a missing empty line is added, each with a note that says
so; all else stays as it is, so that a broken request is refused as it would be on the wire. Never: judges.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_BLANK: Final = re.compile(rb"\r?\n\r?\n")


class RequestText(NamedTuple):
    """A request head and what was done to get it."""

    raw: bytes
    """The head with its empty line."""
    notes: tuple[str, ...]
    """What was changed or left out, one sentence each."""


def read_request_text(data: bytes) -> RequestText:
    """The head at the beginning of `data`."""
    notes: list[str] = []
    data = data.lstrip(b"\r\n")  # RFC 9112 section 2.2: empty lines before a request are skipped
    blank = _BLANK.search(data)
    head, rest = (data[: blank.end()], data[blank.end() :]) if blank else (data, b"")
    if b"\n" in head and b"\r" not in head:
        head = head.replace(b"\n", b"\r\n")
        notes.append("Line ends were LF alone; they are read as CR LF.")
    if blank is None:
        head = head.removesuffix(b"\r\n") + b"\r\n\r\n"
        notes.append("The empty line that ends a head was missing; it is added.")
    if rest:
        notes.append("What follows the head is not looked at.")
    return RequestText(head, tuple(notes))
