"""The header fingerprint: a short name for the way a client writes its heads.

Format: `h1.<engine letter>.<names>.<values>`, for example `h1.c.14-5f0c9a3d.8be1f6a2`: HTTP minor version,
claimed engine (c f w for browsers, p program, u unknown, m missing), the number of header names with a hash
of their order and spelling, and a hash of the values that a client keeps for a whole visit. The third part
differs between pages and their parts, the last does not. Headers that come and go with a person's visit are
left out of both.

`marks` names the same for counters, as two 64-bit numbers: `steady` is the same for a page, its parts and its scripts'
requests and sockets, whatever hints a shop asked for; `manner` also tells pages from parts, and how their heads are
written.

Promises: equal heads have equal fingerprints in every process and release of this format. Never: contains
personal values.
"""

from __future__ import annotations

import hashlib
from typing import Final

from trafficguard.signals.row import Row

VISITING: Final = frozenset(
    (
        "authorization", "cache-control", "connection", "content-length", "content-type", "cookie", "host",
        "if-modified-since", "if-none-match", "if-range", "keep-alive", "origin", "pragma", "range",
        "referer", "sec-fetch-user", "te", "upgrade", "x-requested-with",
    )
)  # fmt: skip
"""Names that say what a visitor does, or what a proxy wrote, and not who writes the head."""

STEADY: Final = (
    "user-agent", "accept-language", "accept-encoding", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform",
)  # fmt: skip
"""Headers whose values last for a visit."""

LASTING: Final = tuple(name for name in STEADY if name != "accept-encoding")
"""Those that are also the same for media, which are asked for unpacked."""

HELD: Final = ("user-agent", "accept-language")
"""Those that browsers send even where they leave client hints out: Chrome does when it opens a WebSocket."""

PASSING: Final = frozenset(("priority", "purpose", "sec-purpose", "save-data", "service-worker"))
"""Names that differ between the parts of one page."""


def fingerprint(row: Row) -> str:
    """The fingerprint of a row."""
    names = [name for name in row.spelled if name.lower() not in VISITING]
    values = [row.value(name) for name in STEADY]
    return f"h{row.minor}.{row.agent.family[0]}.{len(names)}-{_short_hash(names)}.{_short_hash(values)}"


def marks(row: Row) -> tuple[int, int]:
    """`steady` and `manner` of a row, each from 1 to 2**64 - 1."""
    lasting = [row.value(name) for name in LASTING]
    names = [name for name in row.spelled if not _passes(name.lower())]
    return _long_hash([row.value(name) for name in HELD]), _long_hash([*lasting, str(row.minor), row.kind, *names])


def _passes(name: str) -> bool:
    """Whether a header comes and goes: with a visit, with the kind of a part, or when a shop asks for more hints."""
    return name in VISITING or name in PASSING or (name.startswith("sec-ch-") and name not in STEADY)


def _long_hash(texts: list[str]) -> int:
    data = "\n".join(texts).encode("latin-1")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=b"tg-marks").digest(), "big") or 1


def _short_hash(texts: list[str]) -> str:
    return hashlib.blake2b("\n".join(texts).encode("latin-1"), digest_size=4, person=b"tg-heads").hexdigest()
