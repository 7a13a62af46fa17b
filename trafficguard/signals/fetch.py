"""Signals from fetch metadata, the Sec-Fetch-* headers that browsers add by themselves.

Promises: follows W3C Fetch Metadata (@6d0c5bf): unknown values are ignored, browsers from before the headers
are exempt, and over plain http nothing is expected. Combinations that the standard rules out count for every
sender, since no page can make a browser send them. Never: reads the value of Referer.
"""

from __future__ import annotations

from typing import Final

from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row

PART_DESTINATIONS: Final = frozenset(
    (
        "audio", "audioworklet", "font", "image", "manifest", "paintworklet", "report", "script",
        "serviceworker", "sharedworker", "style", "track", "video", "worker", "xslt",
    )
)  # fmt: skip
"""Sec-Fetch-Dest of what is never navigated to. `empty` is left out: downloads may use it."""

SENDS_FETCH_SINCE: Final = {"chromium": 80, "firefox": 90}
"""First major version that sends all of Sec-Fetch-Site, -Mode and -Dest. Safari's habits are not known."""

_TRIO: Final = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


def impossible(row: Row) -> Finding | None:
    """Fetch metadata that contradicts itself."""
    mode = row.value("sec-fetch-mode")
    if mode == "navigate":
        if row.value("sec-fetch-dest") in PART_DESTINATIONS:
            return Finding(1.0, "opens a page that is to be used as part of one")
        if row.method not in ("GET", "POST"):
            return Finding(1.0, "opens a page with another method than GET or POST")
    elif mode and row.has("sec-fetch-user"):
        return Finding(1.0, "a person's click that opens no page")
    if row.value("sec-fetch-site") == "none" and row.has("referer"):
        return Finding(1.0, "typed in by hand, yet coming from another page")
    return None


def partial(row: Row) -> Finding | None:
    """Some of the three headers that always come together."""
    there = [name for name in _TRIO if row.has(name)]
    if not there or len(there) == len(_TRIO) or (row.agent.family == "chromium" and row.agent.major < 80):
        return None
    return Finding(1.0, "only " + ", ".join(there))


def missing(row: Row) -> Finding | None:
    """None of the three headers over https, from a browser that sends them."""
    since = SENDS_FETCH_SINCE.get(row.agent.family)
    if not row.claims or since is None or row.agent.major < since or any(row.has(name) for name in _TRIO):
        return None
    return Finding(1.0, f"{row.agent.name} has sent them since version {since}")
