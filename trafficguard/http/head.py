"""Heads of requests and answers, split into lines and shared fields.

Promises: `RequestReader.read` returns the head of a request whose grammar llhttp has accepted, or a `Refusal`;
`AnswerReader.read` returns the head of an origin's answer or None when it cannot be understood in one way only.
Readers belong to one worker and are reused for every connection. Never: looks at bodies, changes a byte, or decides
how long a body is (`framing`).
"""

from __future__ import annotations

import re
from typing import Any, Final

import httptools

from trafficguard.http.fields import CONTENT_LENGTH, HOP, PERSONAL, PERSONAL_ANSWER, TRANSFER_ENCODING, Field, FieldStore
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import Target, read_target

MALFORMED: Final = Refusal(400, "malformed", "The request is not valid HTTP/1.1.")
BAD_VERSION: Final = Refusal(505, "version", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
BAD_REQUEST_LINE: Final = Refusal(400, "request-line", "The request line is not METHOD TARGET HTTP/1.1.")
TOO_MANY_HEADERS: Final = Refusal(431, "too-many-headers", "The request has too many header lines.")

_VERSIONS: Final = {b"HTTP/1.1": 1, b"HTTP/1.0": 0}
# llhttp skips CR and LF, even bare ones, in front of a request line; they would stay part of our method.
_FIRST_LETTER: Final = ord("A")


MOST_SHAPE_LINES: Final = 32_768
"""Lines in all shapes together. Each may hold a line of its own alive, of about 1 KiB: 32 MiB."""
NOTHING: Final[list[Field]] = []


class Shape:
    """What a head is without its target and its personal values; heads of one shape share it. Treat as frozen."""

    __slots__ = ("announces_body", "claims_at", "fields", "special_at")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        """The header lines in order; personal ones with their name only."""
        self.special_at = tuple(at for at, field in enumerate(fields) if 0 < field.kind <= HOP)
        self.claims_at = tuple(at for at, field in enumerate(fields) if field.kind > HOP)
        self.announces_body = any(field.kind in (CONTENT_LENGTH, TRANSFER_ENCODING) for field in fields)


class RequestHead:
    """A request head. Treat as frozen."""

    __slots__ = ("claims", "fields", "line", "method", "minor", "raw", "shape", "special", "target")

    def __init__(
        self,
        raw: bytes,
        line: bytes,
        method: bytes,
        target: Target,
        minor: int,
        fields: list[Field],
        shape: Shape,
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
        self.shape = shape
        self.special = [fields[at] for at in shape.special_at]
        """Those of `fields` that frame the message or the connection: kinds up to HOP."""
        self.claims = [fields[at] for at in shape.claims_at] if shape.claims_at else NOTHING
        """Those of `fields` that only a trusted peer, or only we, may say: kinds above HOP."""

    def value(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case), or None."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None


class RequestReader:
    """Reads request heads, one at a time, for all connections of a worker."""

    __slots__ = ("_most_headers", "_parser", "_shape_lines", "_shapes", "_store")

    def __init__(self, most_headers: int = 100) -> None:
        self._most_headers = most_headers
        self._store = FieldStore(PERSONAL)
        self._shapes: dict[tuple[Field, ...], Shape] = {}
        self._shape_lines = 0
        self._parser = _new_parser()

    def read(self, raw: bytes) -> RequestHead | Refusal:
        """The head in `raw`, which must be a whole head up to and with its empty line."""
        if not self._has_valid_grammar(raw):
            return MALFORMED
        lines = raw.split(b"\r\n")
        words = lines[0].split(b" ")
        if len(words) != 3 or raw[0] < _FIRST_LETTER:
            return self._refuse(BAD_REQUEST_LINE)
        minor = _VERSIONS.get(words[2])
        if minor is None:
            return self._refuse(BAD_VERSION)
        if len(lines) - 3 > self._most_headers:
            return self._refuse(TOO_MANY_HEADERS)
        target = read_target(words[0], words[1])
        if isinstance(target, Refusal):
            return self._refuse(target)
        store = self._store
        fields: list[Any] = list(map(store.young.get, lines[1:-2]))
        # Either all lines are known, or the None among `fields` are filled in.
        likes = tuple(fields) if all(fields) else self._read_unknown(fields, lines)
        shape = self._shapes.get(likes) or self._learn(likes)
        if shape.announces_body:
            self.forget_body()
        return RequestHead(raw, lines[0], words[0], target, minor, fields, shape)

    def _read_unknown(self, fields: list[Any], lines: list[bytes]) -> tuple[Field, ...]:
        """Fills in the fields of lines that are not shared; the fields that stand for all of them in a shape."""
        likes: list[Field] = []
        for index, field in enumerate(fields):
            if field is None:
                field = fields[index] = self._store.admit(lines[index + 1])
            likes.append(field.like)
        return tuple(likes)

    def _learn(self, likes: tuple[Field, ...]) -> Shape:
        self._shape_lines += len(likes) + 1
        if self._shape_lines > MOST_SHAPE_LINES:
            self._shapes.clear()
            self._shape_lines = 0
        shape = self._shapes[likes] = Shape(likes)
        return shape

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

    def _refuse(self, refusal: Refusal) -> Refusal:
        self.forget_body()
        return refusal

    def forget_body(self) -> None:
        """Starts llhttp afresh: after a head that announces a body it would take the next head for that body.

        `read` does this itself, whatever becomes of the head: were it forgotten once, as many bytes of other
        people's heads as the Content-Length says would go unjudged.
        """
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

    def __init__(self, raw: bytes, line: bytes, minor: int, status: int, fields: list[Field]) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.line = line
        """The status line without CRLF."""
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
        self.status = status
        self.fields = fields
        """All header lines in the order received."""
        self.special = [field for field in fields if field.kind]
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
        store = self._store
        fields: list[Any] = list(map(store.young.get, lines[1:-2]))
        if not all(fields):
            for index, line in enumerate(lines[1:-2]):
                if fields[index] is None:
                    if _ANSWER_LINE.fullmatch(line) is None:
                        return None
                    fields[index] = store.admit(line)
        return AnswerHead(raw, lines[0], status[0], status[1], fields)

    def _read_status(self, line: bytes) -> tuple[int, int] | None:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            return None
        if len(self._status_lines) >= _MOST_STATUS_LINES:
            self._status_lines.clear()
        result = self._status_lines[line] = (int(match[1]), int(match[2]))
        return result


