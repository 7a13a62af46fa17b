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

from trafficguard.http.blocks import AnswerBlock, BlockStore, RequestBlock, Shape
from trafficguard.http.fields import PERSONAL, PERSONAL_ANSWER, Field, FieldStore
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


class RequestHead:
    """A request head. Treat as frozen."""

    __slots__ = ("block", "chain", "line", "method", "minor", "raw", "target")

    def __init__(
        self, raw: bytes, line: bytes, method: bytes, target: Target, minor: int, block: RequestBlock, chain: bytes
    ) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.line = line
        """The request line without CRLF."""
        self.method = method
        self.target = target
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
        self.block = block
        """Its header lines, and what follows from them alone."""
        self.chain = chain
        """The value of an X-Forwarded-For line that was cut out of the block; empty when there is none."""

    @property
    def fields(self) -> list[Field]:
        """All header lines in the order received."""
        return self.block.fields

    @property
    def shape(self) -> Shape:
        """What it shares with other heads."""
        return self.block.shape

    @property
    def special(self) -> list[Field]:
        """Those of `fields` that frame the message or the connection: kinds up to HOP."""
        return self.block.special

    @property
    def claims(self) -> list[Field]:
        """Those of `fields` that only a trusted peer, or only we, may say: kinds above HOP."""
        return self.block.claims

    def value(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case), or None."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None


class RequestReader:
    """Reads request heads, one at a time, for all connections of a worker."""

    __slots__ = ("_blocks", "_most_headers", "_parser", "_shape_lines", "_shapes", "_store")

    def __init__(self, most_headers: int = 100) -> None:
        self._most_headers = most_headers
        self._store = FieldStore(PERSONAL)
        self._blocks: BlockStore[RequestBlock] = BlockStore()
        self._shapes: dict[tuple[Field, ...], Shape] = {}
        self._shape_lines = 0
        self._parser = _new_parser()

    def read(self, raw: bytes, cuts_chain: bool = False) -> RequestHead | Refusal:
        """The head in `raw`, which must be a whole head up to and with its empty line.

        `cuts_chain` takes a single X-Forwarded-For line out of the block: behind a proxy of our own it would make
        the header lines of every visitor different.
        """
        try:
            # llhttp's verdict: strict line ends, names, values, methods, lengths.
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self.forget_body()
        except httptools.HttpParserError:
            return self._refuse(MALFORMED)
        end = raw.index(b"\r\n")
        line = raw[:end]
        words = line.split(b" ")
        if len(words) != 3 or raw[0] < _FIRST_LETTER:
            return self._refuse(BAD_REQUEST_LINE)
        minor = _VERSIONS.get(words[2])
        if minor is None:
            return self._refuse(BAD_VERSION)
        target = read_target(words[0], words[1])
        if isinstance(target, Refusal):
            return self._refuse(target)
        rest, chain = raw[end:], b""
        if cuts_chain:
            rest, chain = _without_chain(rest)
        block = self._blocks.young.get(rest) or self._blocks.recall(rest) or self._read_block(rest)
        if block is None:
            return self._refuse(TOO_MANY_HEADERS)
        if block.shape.announces_body:
            self.forget_body()
        return RequestHead(raw, line, words[0], target, minor, block, chain)

    def _read_block(self, rest: bytes) -> RequestBlock | None:
        """The header lines in `rest`, which starts with the end of the request line; None when there are too many."""
        lines = rest.split(b"\r\n")
        if len(lines) - 3 > self._most_headers:
            return None
        fields: list[Any] = list(map(self._store.young.get, lines[1:-2]))
        # Either all lines are known, or the None among `fields` are filled in.
        likes = tuple(fields) if all(fields) else self._read_unknown(fields, lines)
        block = RequestBlock(fields, self._shapes.get(likes) or self._learn(likes))
        self._blocks.keep(rest, block)
        return block

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

    def _refuse(self, refusal: Refusal) -> Refusal:
        self.forget_body()
        return refusal

    def forget_body(self) -> None:
        """Starts llhttp afresh: after a head that announces a body it would take the next head for that body.

        `read` does this itself, whatever becomes of the head: were it forgotten once, as many bytes of other
        people's heads as the Content-Length says would go unjudged.
        """
        self._parser = _new_parser()


_CHAINS: Final = (b"\r\nX-Forwarded-For: ", b"\r\nx-forwarded-for: ")


def _without_chain(rest: bytes) -> tuple[bytes, bytes]:
    """Header lines without their X-Forwarded-For, and its value; as they are where it stands more than once."""
    for start in _CHAINS:
        at = rest.find(start)
        if at >= 0:
            end = rest.index(b"\r\n", at + 2)
            if b"\r\nx-forwarded-for:" in rest[end:].lower():
                break
            return rest[:at] + rest[end:], rest[at + len(start) : end]
    return rest, b""


def _new_parser() -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(None)
    # One parser sees the heads of many connections, so a head with `Connection: close` must not end it.
    parser.set_dangerous_leniencies(lenient_keep_alive=True)
    return parser


_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?")
_ANSWER_LINE: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")


class AnswerHead:
    """The head of an origin's answer. Treat as frozen."""

    __slots__ = ("block", "date", "raw")

    def __init__(self, raw: bytes, date: bytes, block: AnswerBlock) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.date = date
        """The Date line with the CRLF before it, where the block does not hold it; else empty."""
        self.block = block
        """Its lines (without Date, where it is shared), and what follows from them alone."""

    @property
    def status(self) -> int:
        """The status code."""
        return self.block.status

    @property
    def minor(self) -> int:
        """Minor HTTP version: 1 or 0."""
        return self.block.minor

    @property
    def special(self) -> list[Field]:
        """The header lines whose kind is not PLAIN."""
        return self.block.special

    def value(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case; not Date), or None."""
        for field in self.block.fields:
            if field.name == name:
                return field.value
        return None


_DATE_LINE: Final = re.compile(rb"\r\nDate: [A-Za-z0-9 ,:]{29}(?=\r\n)")


class AnswerReader:
    """Reads heads of answers, one at a time, for all origin connections of a worker."""

    __slots__ = ("_blocks", "_store")

    def __init__(self) -> None:
        self._store = FieldStore(PERSONAL_ANSWER)
        self._blocks: BlockStore[AnswerBlock] = BlockStore()

    def read(self, raw: bytes) -> AnswerHead | None:
        """The head in `raw` (a whole head with its empty line); None when its grammar is broken."""
        key, date = raw, b""
        match = _DATE_LINE.search(raw)
        if match is not None:
            # Without its date, the head of one resource stays the same for longer than a second.
            at, end = match.span()
            key, date = raw[:at] + raw[end:], match[0]
        block = self._blocks.young.get(key) or self._blocks.recall(key) or self._read_block(key)
        return AnswerHead(raw, date, block) if block is not None else None

    def _read_block(self, key: bytes) -> AnswerBlock | None:
        lines = key.split(b"\r\n")
        status = _STATUS_LINE.fullmatch(lines[0])
        if status is None:
            return None
        fields: list[Any] = list(map(self._store.young.get, lines[1:-2]))
        for index, line in enumerate(lines[1:-2]):
            if fields[index] is None:
                if _ANSWER_LINE.fullmatch(line) is None:
                    return None
                fields[index] = self._store.admit(line)
        block = AnswerBlock(lines[0], int(status[1]), int(status[2]), fields)
        self._blocks.keep(key, block)
        return block
