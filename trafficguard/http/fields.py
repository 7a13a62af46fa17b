"""Header lines as values, shared while they repeat.

Promises: equal header lines of the kinds that repeat (User-Agent, Accept, Host ...) become one shared `Field`, so
that recognising a line costs one dictionary look-up; the memory for that is bounded whatever clients send. Never:
judges whether a line is allowed (`framing`), and never shares lines that carry personal values (cookies, referrers).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """What a header means to a proxy; everything above PLAIN must be looked at one by one."""

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


class Field:
    """One header line. Treat as frozen."""

    __slots__ = ("kind", "line", "name", "raw_name", "token", "value")

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

    def __repr__(self) -> str:
        return f"Field({self.line!r})"


def kind_of(name: bytes) -> Kind:
    """The kind of a lower-case header name.

    An underscore spelling of a name that matters (`X_Bot_Score`, `Content_Length`) is dropped from everyone: origins
    that build CGI variables cannot tell it from the dashed one.
    """
    kind = KINDS.get(name)
    if kind is not None:
        return kind
    dashed = name.replace(b"_", b"-")
    if dashed != name and dashed in KINDS:
        return Kind.HOP
    if dashed.startswith(b"x-bot-"):
        return Kind.OURS
    if dashed.startswith(b"x-forwarded-"):
        return Kind.HOP if dashed != name else Kind.FORWARDED
    return Kind.PLAIN


class FieldStore:
    """Two generations of shared fields: when the young one is full it becomes the old one, whose lines are dropped."""

    __slots__ = ("_names", "_old", "_private", "young")

    def __init__(self, private: frozenset[bytes]) -> None:
        self.young: dict[bytes, Field] = {}
        self._old: dict[bytes, Field] = {}
        self._names: dict[bytes, tuple[bytes, Kind, bool]] = {}
        self._private = private

    def admit(self, line: bytes) -> Field:
        """The field of a checked line that is not in `young` (callers look there first, without a call)."""
        field = self._old.get(line)
        if field is None:
            raw_name, _, value = line.partition(b":")
            name, kind, private = self._names.get(raw_name) or self._learn(raw_name)
            field = Field(line, raw_name, name, value.strip(b" \t"), kind, raw_name if private else line)
            if private:
                return field
        if len(line) <= LONGEST_SHARED:
            if len(self.young) >= MOST_SHARED:
                self._old, self.young = self.young, {}
            self.young[line] = field
        return field

    def _learn(self, raw_name: bytes) -> tuple[bytes, Kind, bool]:
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        name = raw_name.lower()
        facts = self._names[raw_name] = (name, kind_of(name), name in self._private)
        return facts
