"""Request heads that arrive as HTTP/2 header lists.

A list is put down as the HTTP/1.1 head that an origin would get for it, and read into the same `RequestHead`, with
minor version 2: pseudo headers become the request line and a Host line in front, a cookie sent in crumbs becomes one
line (RFC 9113 sections 8.2.3 and 8.3.1). So the names have no case of the client's own, but their order is its own.

Promises: what RFC 9113 sections 8.2 and 8.3 call malformed is refused, above all what would end or add a line in an
HTTP/1.1 head. Never: knows frames, streams or compression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from trafficguard.http.head import MALFORMED, TOO_MANY_HEADERS, RequestHead, RequestReader
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import is_plain, read_target

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
_PSEUDO: Final = frozenset((b":method", b":scheme", b":authority", b":path"))
_OF_CONNECTIONS: Final = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)


class ListReader:
    """Reads HTTP/2 header lists, one at a time, for all connections of a worker."""

    __slots__ = ("_reader",)

    def __init__(self, most_headers: int = 100, judged: frozenset[bytes] | None = None) -> None:
        """As for `RequestReader`."""
        self._reader = RequestReader(most_headers, judged)

    def read(self, fields: Iterable[tuple[bytes, bytes]]) -> RequestHead | Refusal:
        """The head in a decoded header list, pseudo headers first."""
        pseudo: dict[bytes, bytes] = {}
        names: list[bytes] = []
        values: list[bytes] = []
        for name, value in fields:
            if not _VALUE.fullmatch(value):
                return MALFORMED
            if name.startswith(b":"):
                if names or name in pseudo or name not in _PSEUDO:
                    return MALFORMED
                pseudo[name] = value
            elif name == b"cookie" and name in names:
                values[names.index(name)] += b"; " + value
            elif not _NAME.fullmatch(name) or name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
                return MALFORMED
            else:
                names.append(name)
                values.append(value)
        return self._head(pseudo, [b"%b: %b" % line for line in zip(names, values, strict=True)])

    def _head(self, pseudo: dict[bytes, bytes], lines: list[bytes]) -> RequestHead | Refusal:
        method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(path) or b":scheme" not in pseudo:
            return MALFORMED
        target = None if is_plain(path) and method != b"CONNECT" else read_target(method, path)
        if isinstance(target, Refusal):
            return target
        if b":authority" in pseudo:
            lines = [b"host: " + pseudo[b":authority"], *(line for line in lines if not line.startswith(b"host:"))]
        rest = b"\r\n".join((b"", *lines, b"", b""))
        block = self._reader.block(rest)
        if block is None:
            return TOO_MANY_HEADERS
        line = b"%b %b HTTP/1.1" % (method, path)
        return RequestHead(line + rest, line, method, target, 2, block, b"")
