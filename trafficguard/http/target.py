"""Request targets: their four forms, their path and query, and the path as an origin would resolve it.

Promises: `read_target` returns a `Target` or the `Refusal` for it; a fragment, a broken percent escape and an encoded
NUL are refused (RFC 9112 section 3.2, RFC 3986 section 2.1); llhttp has refused raw control and non-ASCII bytes before.
The target that is forwarded is never changed; `resolved_path` is for choosing an upstream only.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from trafficguard.http.refusal import Refusal

_BAD_ESCAPE: Final = re.compile(rb"%(?:00|(?![0-9A-Fa-f]{2}))")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)((?:[/?].*)?)", re.IGNORECASE)

BAD_TARGET: Final = Refusal(400, "bad-target", "The request target is not a valid path.")
FRAGMENT: Final = Refusal(400, "fragment", "The request target contains a fragment (#).")
BAD_ESCAPE: Final = Refusal(400, "bad-escape", "The request target contains an invalid percent escape.")
CONNECT: Final = Refusal(405, "connect", "CONNECT is not available here.")


class Target:
    """A request target, taken apart. Treat as frozen."""

    __slots__ = ("authority", "path", "query")

    def __init__(self, path: bytes, query: bytes, authority: bytes | None = None) -> None:
        self.path = path
        """Path as sent, or `*` for OPTIONS."""
        self.query = query
        """Query as sent, without the question mark."""
        self.authority = authority
        """Host and port when the target was in absolute form; it then replaces the Host header."""


def is_plain(raw: bytes) -> bool:
    """Whether `raw` is in origin form and holds nothing that needs a second look; true of nearly all targets."""
    return raw[:1] == b"/" and b"%" not in raw and b"#" not in raw


def read_target(method: bytes, raw: bytes) -> Target | Refusal:
    """The parts of the request target `raw` of a request with `method`, or why it is refused."""
    if method == b"CONNECT":
        return CONNECT
    if b"#" in raw:
        return FRAGMENT
    if b"%" in raw and _BAD_ESCAPE.search(raw):
        return BAD_ESCAPE
    if raw.startswith(b"/"):
        return split_plain(raw)
    if raw == b"*" and method == b"OPTIONS":
        return Target(raw, b"")
    return _read_absolute(method, raw)


def split_plain(raw: bytes) -> Target:
    """The parts of a target in origin form."""
    path, _, query = raw.partition(b"?")
    return Target(path, query)


def _read_absolute(method: bytes, raw: bytes) -> Target | Refusal:
    match = _ABSOLUTE.fullmatch(raw)
    if match is None:
        return BAD_TARGET
    if not match[2] and method == b"OPTIONS":
        return Target(b"*", b"", match[1])  # RFC 9112 section 3.2.4
    path, _, query = match[2].partition(b"?")
    return Target(path or b"/", query, match[1])


def resolved_path(path: bytes) -> bytes:
    """`path` with escapes decoded, dot segments removed and slashes merged, as most origins will resolve it.

    Used to match path prefixes, so that `/api/../admin` and `/%61dmin` are routed like `/admin`.
    """
    if b"%" not in path and b"/." not in path and b"//" not in path:
        return path
    segments: list[bytes] = []
    pieces = unquote_to_bytes(path).split(b"/")
    for piece in pieces:
        if piece == b"..":
            del segments[-1:]
        elif piece not in (b"", b"."):
            segments.append(piece)
    tail = b"/" if segments and pieces[-1] in (b"", b".", b"..") else b""
    return b"/" + b"/".join(segments) + tail


def has_prefix(path: bytes, prefix: bytes) -> bool:
    """Whether `path` lies under `prefix` on a segment border: `/api` covers `/api` and `/api/x`, not `/apix`."""
    if not path.startswith(prefix):
        return False
    return prefix.endswith(b"/") or len(path) == len(prefix) or path[len(prefix)] == 0x2F
