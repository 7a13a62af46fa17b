"""Heads of requests and answers, split into lines and shared fields.

Promises: `RequestReader.read` returns the head of a request whose grammar llhttp has accepted, or a `Refusal`;
`AnswerReader.read` returns the head of an origin's answer or None when it cannot be understood in one way only.
Readers belong to one worker and are reused for every connection. Never: looks at bodies, changes a byte, or decides
how long a body is (`framing`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import httptools

from trafficguard.http.blocks import AnswerBlock, BlockStore, RequestBlock, Shape
from trafficguard.http.fields import NO_KINDS, PERSONAL, PERSONAL_ANSWER, Field, FieldStore, Kind
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import Target, is_plain, read_target, split_plain

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

    __slots__ = ("_target", "authority", "block", "chain", "line", "method", "minor", "raw")

    def __init__(
        self,
        raw: bytes,
        line: bytes,
        method: bytes,
        target: Target | None,
        minor: int,
        block: RequestBlock,
        chain: bytes,
    ) -> None:
        self.raw = raw
        """All bytes of the head, with the empty line."""
        self.line = line
        """The request line without CRLF; of an HTTP/2 request, as an HTTP/1.1 origin gets it."""
        self.method = method
        self._target = target
        self.authority = target.authority if target is not None else None
        """Host and port of a target in absolute form; it then replaces the Host header."""
        self.minor = minor
        """Minor HTTP version: 1 or 0; 2 stands for HTTP/2."""
        self.block = block
        """Its header lines, and what follows from them alone."""
        self.chain = chain
        """The value of an X-Forwarded-For line that was cut out of the block; empty when there is none."""

    @property
    def target(self) -> Target:
        """The request target, taken apart."""
        if self._target is None:
            self._target = split_plain(self.line.split(b" ", 2)[1])
        return self._target

    @property
    def fields(self) -> list[Field]:
        """All header lines in the order received."""
        return self.block.fields

    @property
    def shape(self) -> Shape:
        """What it shares with other heads."""
        return self.block.shape

    @property
    def cookie(self) -> bytes | None:
        """The value of Cookie, of all such lines if there are more; None without one."""
        return self.block.cookie

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

    def __init__(
        self,
        most_headers: int = 100,
        judged: frozenset[bytes] | None = None,
        kinds: Mapping[bytes, Kind] = NO_KINDS,
    ) -> None:
        """`judged` are the headers (lower case) whose values judging looks at; None: any of them.

        `kinds` are those that the settings give to names.
        """
        self._most_headers = most_headers
        self._store = FieldStore(PERSONAL, judged, kinds)
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
        plain = is_plain(words[1]) and words[0] != b"CONNECT"
        target = None if plain else read_target(words[0], words[1])
        if isinstance(target, Refusal):
            return self._refuse(target)
        rest, chain = raw[end:], b""
        if cuts_chain:
            rest, chain = _without_chain(rest)
        block = self.block(rest)
        if chain and block is not None and block.has_chain:
            block, chain = self.block(raw[end:]), b""  # two of them, whose order counts
        if block is None:
            return self._refuse(TOO_MANY_HEADERS)
        if block.shape.announces_body:
            self.forget_body()
        return RequestHead(raw, line, words[0], target, minor, block, chain)

    def block(self, rest: bytes) -> RequestBlock | None:
        """The header lines in checked bytes that start with the end of a request line; None when there are too many."""
        return self._blocks.young.get(rest) or self._blocks.recall(rest) or self._read_block(rest)

    def _read_block(self, rest: bytes) -> RequestBlock | None:
        lines = rest.split(b"\r\n")
        if len(lines) - 3 > self._most_headers:
            return None
        fields: list[Any] = list(map(self._store.young.get, lines[1:-2]))
        likes = self._fill_in(fields, lines)
        block = RequestBlock(fields, self._shapes.get(likes) or self._learn(likes))
        self._blocks.keep(rest, block)
        return block

    def _fill_in(self, fields: list[Any], lines: list[bytes]) -> tuple[Field, ...]:
        """Fills in the fields of lines that were not known; the fields that stand for all of them in a shape."""
        likes: list[Field] = []
        for index, field in enumerate(fields):
            if field is None:
                field = fields[index] = self._store.admit(lines[index + 1])
            likes.append(field if field.like is None else field.like)
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
    """Header lines without their first X-Forwarded-For in one of its usual spellings, and its value."""
    for start in _CHAINS:
        at = rest.find(start)
        if at >= 0:
            end = rest.index(b"\r\n", at + 2)
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
        """The value of the first header called `name` (lower case), or None."""
        if self.date and name == b"date":
            return self.date.partition(b": ")[2]
        for field in self.block.fields:
            if field.name == name:
                return field.value
        return None


_DATE_LINE: Final = re.compile(rb"\r\nDate: [A-Za-z0-9 ,:]{29}\r\n")
_DATE_SIZE: Final = len(b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
_MOST_DATES: Final = 64


class AnswerReader:
    """Reads heads of answers, one at a time, for all origin connections of a worker."""

    __slots__ = ("_blocks", "_dates", "_store")

    def __init__(self, hidden: frozenset[bytes] = frozenset()) -> None:
        """`hidden` are headers (lower case) that the shop means for us: they end at this hop."""
        self._dates: set[bytes] = set()
        self._store = FieldStore(PERSONAL_ANSWER, kinds=dict.fromkeys(hidden, Kind.HOP))
        self._blocks: BlockStore[AnswerBlock] = BlockStore()

    def read(self, raw: bytes) -> AnswerHead | None:
        """The head in `raw` (a whole head with its empty line); None when its grammar is broken."""
        key, date = raw, b""
        at = raw.find(b"\r\nDate: ")
        if at > 0:
            line = raw[at : at + _DATE_SIZE]
            if line in self._dates or self._is_date(line):
                # Without its date, the head of one resource stays the same for longer than a second.
                date = line[:-2]
                key = raw.replace(date, b"", 1)
        block = self._blocks.young.get(key) or self._blocks.recall(key) or self._read_block(key)
        return AnswerHead(raw, date, block) if block is not None else None

    def _is_date(self, line: bytes) -> bool:
        if _DATE_LINE.fullmatch(line) is None:
            return False
        if len(self._dates) >= _MOST_DATES:
            self._dates.clear()
        self._dates.add(line)
        return True

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
