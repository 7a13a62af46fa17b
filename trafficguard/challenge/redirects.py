"""Where a visitor may be sent after a challenge: back to a path of the same site, and nowhere else.

The one validator of every redirect of ours. Browsers read addresses by the WHATWG URL standard, which takes backslashes
for slashes, leaves out tabs and line ends, and goes elsewhere for `//host`; so a path may hold printable ASCII only, no
backslash, and no two slashes at its beginning, neither plain nor encoded, however often.

Promises: what is let through, resolved against any page of an origin, is at that origin. Never: mends an address.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

LONGEST: Final = 4096
"""Bytes of a path with its query."""
_MOST_ENCODED: Final = 4
"""How often a path is decoded in search of something hidden."""
_PRINTABLE: Final = frozenset(range(0x21, 0x7F)) - frozenset(b'\\"<>^`{|}')


def safe_path(text: bytes) -> bytes | None:
    """`text` if it is a path of the same site (with its query, without a fragment); else None."""
    target = text.partition(b"#")[0]
    if not 0 < len(target) <= LONGEST or not _PRINTABLE.issuperset(target):
        return None
    path = target.partition(b"?")[0]
    for _ in range(_MOST_ENCODED):
        if not _begins_well(path):
            return None
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return target
        path = decoded
    return None


def _begins_well(path: bytes) -> bool:
    """Whether a path begins with one slash, without control characters or backslashes anywhere."""
    if path[:1] != b"/" or path[1:2] == b"/" or b"\\" in path:
        return False
    return all(byte >= 0x20 and byte != 0x7F for byte in path)
