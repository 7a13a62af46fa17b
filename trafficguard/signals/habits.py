"""Signals from what a browser of some version always adds to a request, or never.

Promises: as in `headers`, the tables hold what was the same in every recording of a real engine; a version is asked
for a habit only from a few versions after it was taken up. What marks HTTP/2 in a head that a front has evidently
rewritten as HTTP/1 says nothing, told of that front or not: `headers.spelling` speaks there, and once is enough.
Never: asks a media player or a socket for a page's habits.
"""

from __future__ import annotations

from typing import Final

from trafficguard.signals.catalog import Need
from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row, looks_translated

ZSTD_SINCE: Final = {"chromium": 123, "firefox": 126}
"""First major version that unpacks zstd over https; Brotli is much older."""
_ROOM: Final = 3
"""Versions that a habit is given to reach everybody."""
PRIORITY_SINCE: Final = 124
"""First Chromium that sends Priority over HTTP/2; over HTTP/1 it never does."""
_OF_A_PAGE: Final = "u=0, i"


def priority(row: Row) -> Finding | None:
    """Priority where this Chromium sends none, or a page asked for without it."""
    if not row.claims or row.agent.family != "chromium" or row.agent.embedded:
        return None
    if row.minor == 2:
        new = row.agent.major >= PRIORITY_SINCE + _ROOM
        missing = new and row.is_navigation and row.value("priority") != _OF_A_PAGE
        return Finding(1.0, "not that of a page") if missing and row.value("sec-fetch-dest") == "document" else None
    if Need.RAW_CONNECTION in row.met and row.has("priority") and not looks_translated(row.spelled):
        return Finding(1.0, "over HTTP/1")
    return None


def trailers(row: Row) -> Finding | None:
    """`TE: trailers` is Firefox's mark on HTTP/2: it is always there, others and HTTP/1 never have it."""
    if not row.claims or row.agent.family not in ("firefox", "chromium"):
        return None
    if row.minor != 2 and looks_translated(row.spelled):
        return None
    expected = row.minor == 2 and row.agent.family == "firefox"
    return None if row.has("te") == expected else Finding(1.0, "missing" if expected else "there")


def packing(row: Row) -> Finding | None:
    """Accept-Encoding of another version than the one claimed."""
    since, offer = ZSTD_SINCE.get(row.agent.family), row.value("accept-encoding")
    if not row.claims or since is None or row.agent.embedded or "gzip" not in offer or row.has("range"):
        return None
    if row.agent.major >= since + _ROOM and not ("br" in offer and "zstd" in offer):
        return Finding(1.0, "lacks what this version knows")
    if row.agent.major < since - _ROOM and "zstd" in offer:
        return Finding(1.0, "has what this version does not know")
    return None


def upgrade(row: Row) -> Finding | None:
    """A page opened without Upgrade-Insecure-Requests, which Chromium and Firefox always add."""
    if not row.claims or row.agent.family not in ("chromium", "firefox") or not row.is_navigation:
        return None
    return None if row.has("upgrade-insecure-requests") else Finding()
