"""Heads of requests and answers, split into lines and shared fields.

Promises: `RequestReader.read` returns the head of a request whose grammar llhttp has accepted, or a `Refusal`;
`AnswerReader.read` returns the head of an origin's answer or None when it cannot be understood in one way only.
Readers belong to one worker and are reused for every connection. Never: looks at bodies, changes a byte, or decides
how long a body is (`framing`).
"""

from __future__ import annotations

import re
from typing import Final

import httptools

from trafficguard.http.fields import PERSONAL, PERSONAL_ANSWER, Field, FieldStore
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import Target, read_target

MALFORMED: Final = Refusal(400, "malformed", "The request is not valid HTTP/1.1.")
BAD_VERSION: Final = Refusal(505, "version", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
BAD_REQUEST_LINE: Final = Refusal(400, "request-line", "The request line is not METHOD TARGET HTTP/1.1.")
TOO_MANY_HEADERS: Final = Refusal(431, "too-many-headers", "The request has too many header lines.")

_VERSIONS: Final = {b"HTTP/1.1": 1, b"HTTP/1.0": 0}


class RequestHead:
    """A request head. Treat as frozen."""

    __slots__ = ("fields", "line", "method", "minor", "raw", "special", "target")

    def __init__(
        self, raw: bytes, line: bytes, method: bytes, target: Target, minor: int, fields: list[Field], special: list[Field]
    ) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.line = line
        """The request line without CRLF."""
        self.method = method
        self.target = target
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
        self.fields = fields
        """All header lines in the order received."""
        self.special = special
        """Those of `fields` whose kind is not PLAIN."""

    def value(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case), or None."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None


class RequestReader:
    """Reads request heads, one at a time, for all connections of a worker."""

    __slots__ = ("_most_headers", "_parser", "_store")

    def __init__(self, most_headers: int = 100) -> None:
        self._most_headers = most_headers
        self._store = FieldStore(PERSONAL)
        self._parser = _new_parser()

    def read(self, raw: bytes) -> RequestHead | Refusal:
        """The head in `raw`, which must be a whole head up to and with its empty line."""
        if not self._has_valid_grammar(raw):
            return MALFORMED
        lines = raw.split(b"\r\n")
        words = lines[0].split(b" ")
        if len(words) != 3:
            return BAD_REQUEST_LINE
        minor = _VERSIONS.get(words[2])
        if minor is None:
            return BAD_VERSION
        if len(lines) - 3 > self._most_headers:
            return TOO_MANY_HEADERS
        target = read_target(words[0], words[1])
        if target.__class__ is Refusal:
            return target
        store, fields, special = self._store, [], []
        for line in lines[1:-2]:
            field = store.young.get(line) or store.admit(line)
            fields.append(field)
            if field.kind:
                special.append(field)
        return RequestHead(raw, lines[0], words[0], target, minor, fields, special)  # type: ignore[arg-type]

    def _has_valid_grammar(self, raw: bytes) -> bool:
        """llhttp's verdict on a head: strict line ends, names, values, methods, lengths."""
        try:
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self._parser = _new_parser()
        except httptools.HttpParserError:
            self._parser = _new_parser()
            return False
        return True

    def forget_body(self) -> None:
        """To be called after a head that announces a body: llhttp now waits for that body, but will not get it."""
        self._parser = _new_parser()


def _new_parser() -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(None)
    # One parser sees the heads of many connections, so a head with `Connection: close` must not end it.
    parser.set_dangerous_leniencies(lenient_keep_alive=True)
    return parser


_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?")
_ANSWER_LINE: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_MOST_STATUS_LINES: Final = 256


class AnswerHead:
    """The head of an origin's answer. Treat as frozen."""

    __slots__ = ("fields", "line", "minor", "raw", "special", "status")

    def __init__(self, raw: bytes, line: bytes, minor: int, status: int, fields: list[Field], special: list[Field]) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.line = line
        """The status line without CRLF."""
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
        self.status = status
        self.fields = fields
        """All header lines in the order received."""
        self.special = special
        """Those of `fields` whose kind is not PLAIN."""

    def value(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case), or None."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None


class AnswerReader:
    """Reads heads of answers, one at a time, for all origin connections of a worker."""

    __slots__ = ("_status_lines", "_store")

    def __init__(self) -> None:
        self._store = FieldStore(PERSONAL_ANSWER)
        self._status_lines: dict[bytes, tuple[int, int]] = {}

    def read(self, raw: bytes) -> AnswerHead | None:
        """The head in `raw` (a whole head with its empty line); None when its grammar is broken."""
        lines = raw.split(b"\r\n")
        status = self._status_lines.get(lines[0]) or self._read_status(lines[0])
        if status is None:
            return None
        store, fields, special = self._store, [], []
        for line in lines[1:-2]:
            field = store.young.get(line)
            if field is None:
                if _ANSWER_LINE.fullmatch(line) is None:
                    return None
                field = store.admit(line)
            fields.append(field)
            if field.kind:
                special.append(field)
        return AnswerHead(raw, lines[0], status[0], status[1], fields, special)

    def _read_status(self, line: bytes) -> tuple[int, int] | None:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            return None
        if len(self._status_lines) >= _MOST_STATUS_LINES:
            self._status_lines.clear()
        result = self._status_lines[line] = (int(match[1]), int(match[2]))
        return result


