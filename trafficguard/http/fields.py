"""Header lines as values, shared while they repeat.

Promises: equal header lines of the kinds that repeat (User-Agent, Accept, Host ...) become one shared `Field`, so
that recognising a line costs one dictionary look-up; the memory for that is bounded whatever clients send. Never:
judges whether a line is allowed (`framing`), and never shares lines that carry personal values (cookies, referrers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final


class Kind(IntEnum):
    """What a header means to a proxy: PLAIN nothing, up to HOP the framing of the message, above it who is speaking."""

    PLAIN = 0
    HOST = 1
    CONTENT_LENGTH = 2
    TRANSFER_ENCODING = 3
    CONNECTION = 4
    UPGRADE = 5
    EXPECT = 6
    HOP = 7
    """Hop-by-hop beside the above: Keep-Alive, Proxy-Connection, TE, Trailer, Proxy-Authorization."""
    FORWARDED = 8
    """What only trusted peers may say: Forwarded, X-Forwarded-*, X-Real-IP."""
    REQUEST_ID = 9
    OURS = 10
    """X-Bot-*: what only this program may say."""
    HANDSHAKE = 11
    """What a trusted peer that ends TLS says of the handshake, under names from the settings."""


# An enum's members are looked up slowly, and these are compared with on the path of every request.
HOST: Final = Kind.HOST
CONTENT_LENGTH: Final = Kind.CONTENT_LENGTH
TRANSFER_ENCODING: Final = Kind.TRANSFER_ENCODING
CONNECTION: Final = Kind.CONNECTION
UPGRADE: Final = Kind.UPGRADE
EXPECT: Final = Kind.EXPECT
HOP: Final = Kind.HOP

_LENGTH: Final = re.compile(rb"[0-9]{1,18}")

KINDS: Final[dict[bytes, Kind]] = {
    b"host": Kind.HOST,
    b"content-length": Kind.CONTENT_LENGTH,
    b"transfer-encoding": Kind.TRANSFER_ENCODING,
    b"connection": Kind.CONNECTION,
    b"upgrade": Kind.UPGRADE,
    b"expect": Kind.EXPECT,
    b"keep-alive": Kind.HOP,
    b"proxy-connection": Kind.HOP,
    b"proxy-authorization": Kind.HOP,
    b"te": Kind.HOP,
    b"trailer": Kind.HOP,
    b"forwarded": Kind.FORWARDED,
    b"x-real-ip": Kind.FORWARDED,
    b"x-request-id": Kind.REQUEST_ID,
}

PERSONAL: Final = frozenset(
    b"""cookie referer authorization if-none-match if-modified-since x-forwarded-for forwarded x-real-ip
    x-request-id content-length range if-range sec-websocket-key""".split()
)
"""Request headers whose values differ from request to request: their lines are not shared."""

PERSONAL_ANSWER: Final = frozenset((b"set-cookie", b"location", b"sec-websocket-accept"))
"""The same for answers. Dates, lengths and tags do repeat there."""

LONGEST_SHARED: Final = 512
"""Bytes; longer lines are parsed every time, so that the store stays small (2 x 8192 lines of 512 B: 8 MiB)."""
MOST_SHARED: Final = 8192
MOST_NAMES: Final = 1024


def read_tokens(value: bytes) -> frozenset[bytes]:
    """The members of a comma-separated list, in lower case."""
    return frozenset(token for part in value.lower().split(b",") if (token := part.strip(b" \t")))


class Field:
    """One header line. Treat as frozen."""

    __slots__ = ("kind", "length", "like", "line", "name", "raw_name", "token", "tokens", "value")

    length: int
    """CONTENT_LENGTH only: the number, or -1 when it is none."""
    tokens: frozenset[bytes]
    """CONNECTION only: what it names, in lower case."""

    def __init__(self, line: bytes, raw_name: bytes, name: bytes, value: bytes, kind: Kind, token: bytes) -> None:
        self.line = line
        """The whole line as received, without CRLF."""
        self.raw_name = raw_name
        """The name in the case it was sent in."""
        self.name = name
        """The name in lower case."""
        self.value = value
        """The value without surrounding blanks."""
        self.kind = kind
        """What the header means to a proxy."""
        self.token = token
        """What the line adds to the shape of its head: the line itself, or the name where the value is personal."""
        self.like: Field | None = None
        """The shared field that stands for all lines of this token in the shape of a head; None: this one."""
        if kind is CONTENT_LENGTH:
            self.length = int(self.value) if _LENGTH.fullmatch(self.value) else -1
        elif kind is CONNECTION:
            self.tokens = read_tokens(self.value)

    def __repr__(self) -> str:
        return f"Field({self.line!r})"


NO_KINDS: Final[Mapping[bytes, Kind]] = MappingProxyType({})


def kind_of(name: bytes, configured: Mapping[bytes, Kind] = NO_KINDS) -> Kind:
    """The kind of a lower-case header name; `configured` are kinds that the settings give to names.

    An underscore spelling of a name that matters (`X_Bot_Score`, `Content_Length`) is dropped from everyone: origins
    that build CGI variables cannot tell it from the dashed one.
    """
    kind = KINDS.get(name) or configured.get(name)
    if kind is not None:
        return kind
    dashed = name.replace(b"_", b"-")
    if dashed != name and (dashed in KINDS or dashed in configured):
        return Kind.HOP
    if dashed.startswith(b"x-bot-"):
        return Kind.OURS
    if dashed.startswith(b"x-forwarded-"):
        return Kind.HOP if dashed != name else Kind.FORWARDED
    return Kind.PLAIN


class FieldStore:
    """Two generations of shared fields: when the young one is full it becomes the old one, whose lines are dropped."""

    __slots__ = ("_judged", "_kinds", "_likes", "_old", "_private", "young")

    def __init__(
        self,
        private: frozenset[bytes],
        judged: frozenset[bytes] | None = None,
        kinds: Mapping[bytes, Kind] = NO_KINDS,
    ) -> None:
        """`private` names never share a line; of names not `judged` (None: all are) the value makes no shape.

        `kinds` are those that the settings give to names.
        """
        self._judged = judged
        self._kinds = kinds
        self.young: dict[bytes, Field] = {}
        self._old: dict[bytes, Field] = {}
        self._likes: dict[bytes, Field] = {}
        self._private = private

    def admit(self, line: bytes) -> Field:
        """The field of a checked line that is not in `young` (callers look there first, without a call)."""
        field = self._old.get(line)
        if field is None:
            raw_name, _, value = line.partition(b":")
            like = self._likes.get(raw_name) or self._learn(raw_name)
            if like.name in self._private or len(line) > LONGEST_SHARED:
                field = Field(line, raw_name, like.name, value.strip(b" \t"), like.kind, raw_name)
                field.like = like
                return field
            field = Field(line, raw_name, like.name, value.strip(b" \t"), like.kind, line)
            if self._judged is not None and like.name not in self._judged:
                # A trace id, say: were its value part of the shape, every request would have one of its own.
                field.token, field.like = raw_name, like
        if len(self.young) >= MOST_SHARED:
            self._old, self.young = self.young, {}
        self.young[line] = field
        return field

    def _learn(self, raw_name: bytes) -> Field:
        if len(self._likes) >= MOST_NAMES:
            self._likes.clear()
        name = raw_name.lower()
        like = self._likes[raw_name] = Field(raw_name + b":", raw_name, name, b"", kind_of(name, self._kinds), raw_name)
        return like
