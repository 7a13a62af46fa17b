"""Signals from the order and spelling of header names, and from headers that every browser of a kind sends.

Promises: the tables below hold only what was the same in every recording of a real engine (Chromium 87 to
156, Firefox 153, WebKitGTK 2.50) and, for older versions, what their sources do; whatever a page's script, an
extension or a privacy setting may change is left out. Engines and versions that are not in the tables are
unknown and never suspected. Never: compares with a whole recorded head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trafficguard.signals.finding import Finding
from trafficguard.signals.hints import SENDS_HINTS_SINCE, brands_of
from trafficguard.signals.row import Row

Chain = tuple[str, ...]

CHROMIUM_NAVIGATION: Final[Chain] = (
    "host", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "upgrade-insecure-requests", "user-agent",
    "accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-user", "sec-fetch-dest", "referer",
    "accept-encoding", "cookie", "priority",
)  # fmt: skip
CHROMIUM_PART: Final[Chain] = (
    "host", "user-agent", "accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "referer",
    "accept-encoding", "cookie", "priority",
)  # fmt: skip
"""The hints of a part stand in the order of a hash table, which changes with what else is in it."""
FIREFOX: Final[Chain] = (
    "host", "user-agent", "accept", "accept-language", "accept-encoding", "cookie",
    "upgrade-insecure-requests", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user",
    "priority", "te",
)  # fmt: skip

ORDER_KNOWN_SINCE: Final = {"chromium": 60, "firefox": 60}
"""First major version for which the chains hold; before, Chromium sent Accept ahead of User-Agent."""

_NAVIGATION_HINTS: Final[Chain] = ("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "user-agent")
_SHUFFLING: Final = frozenset(
    ("save-data", "purpose", "sec-purpose", "pragma", "cache-control", "x-requested-with")
)
_ASSETS: Final = frozenset(("script", "style", "image", "font"))
_LANGUAGE_MOVED: Final = 0.4
"""Amount when only Accept-Language stands elsewhere: extensions and one privacy browser move it too."""


def first_out_of_place(places: dict[str, int], chain: Sequence[str]) -> str:
    """The first name of `chain` that stands before an earlier one of it; empty when all are in order."""
    last = -1
    for name in chain:
        place = places.get(name, last)
        if place < last:
            return name
        last = place
    return ""


def order(row: Row) -> Finding | None:
    """Header names stand in an order that the engine behind this claim never writes.

    Client hints show a Chromium whatever the User-Agent says; whoever only changes the User-Agent (people do,
    by an extension) is `hints.foreign` and not suspected here as well.
    """
    engine = "chromium" if brands_of(row.value("sec-ch-ua")) else row.agent.family
    since = ORDER_KNOWN_SINCE.get(engine)
    if since is None or row.method == "OPTIONS" or row.kind == "socket":
        return None
    if row.agent.family == engine and row.agent.major < since:
        return None
    return _chromium_order(row) if engine == "chromium" else _misplaced(row, FIREFOX)


def _misplaced(row: Row, chain: Chain) -> Finding | None:
    name = first_out_of_place(row.places, chain)
    return Finding(1.0, f"{name} comes too early") if name else None


def _chromium_order(row: Row) -> Finding | None:
    if row.kind == "navigation":
        found = _misplaced(row, CHROMIUM_NAVIGATION)
    else:
        found = _misplaced(row, tuple(name for name in CHROMIUM_PART if not _set_by_page(row, name)))
    return found or _moved_language(row)


def _set_by_page(row: Row, name: str) -> bool:
    """Whether the page's script, or a media player, may have chosen this header and with it its place."""
    if name == "accept":
        return row.value("accept") != "*/*" and row.value("sec-fetch-dest") not in _ASSETS
    return name == "accept-encoding" and row.value("accept-encoding").startswith("identity;")


def part(row: Row) -> Finding | None:
    """An asset with its hints in the order that only page loads have."""
    if (
        row.agent.family != "chromium"
        or row.value("sec-fetch-dest") not in _ASSETS
        or row.agent.major < SENDS_HINTS_SINCE
        or _SHUFFLING & row.places.keys()
    ):
        return None
    there = [name for name in row.places if name.startswith("sec-ch-") or name == "user-agent"]
    return (
        Finding(1.0, "hints as for a page, on a part of one") if tuple(there) == _NAVIGATION_HINTS else None
    )


def _moved_language(row: Row) -> Finding | None:
    if _set_by_page(row, "accept-encoding"):
        return None
    name = first_out_of_place(row.places, ("accept", "accept-encoding", "accept-language"))
    return Finding(_LANGUAGE_MOVED, "accept-language comes too early") if name else None


_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "chromium": (
        "Host", "Connection", "User-Agent", "Accept-Encoding", "Sec-Fetch-Site", "Sec-Fetch-Mode",
        "Sec-Fetch-Dest", "Upgrade-Insecure-Requests", "Cookie", "Referer", "sec-ch-ua", "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
    ),
    "firefox": (
        "Host", "Connection", "User-Agent", "Accept-Encoding", "Sec-Fetch-Site", "Sec-Fetch-Mode",
        "Sec-Fetch-Dest", "Cookie", "Referer",
    ),
    "webkit": ("User-Agent", "Accept-Encoding", "Cookie"),
}  # fmt: skip
"""Names whose spelling on HTTP/1 no page and no extension chooses."""


def spelling(row: Row) -> Finding | None:
    """A header name in a case that the claimed engine does not write it in."""
    for name in _SPELLINGS.get(row.agent.family, ()):
        place = row.places.get(name.lower())
        if place is not None and row.spelled[place] != name:
            return Finding(1.0, f"not {name} as written by {row.agent.name}")
    return None


def accept_missing(row: Row) -> Finding | None:
    """No Accept, which every browser sends; asked of whoever poses as one (`Mozilla/`) or has no name."""
    poses = row.value("user-agent").startswith("Mozilla/") or row.agent.family == "missing"
    if not poses or row.method != "GET" or row.kind == "socket" or row.has("accept"):
        return None
    return Finding()


_PACKAGES: Final = "application/signed-exchange"
_ASKING_FOR_PACKAGES: Final = ('"Google Chrome"', '"Microsoft Edge"')
"""Brands whose page loads ask for signed exchanges; privacy browsers on the same engine leave them out."""


def accept_odd(row: Row) -> Finding | None:
    """Accept fits nothing that the claimed browser does: neither its page loads nor what its pages load."""
    accept = row.value("accept")
    if not row.claims or not accept:
        return None
    if row.kind == "navigation":
        if "text/html" not in accept:
            return Finding(1.0, "opens a page but does not ask for HTML")
        asks = row.agent.major >= SENDS_HINTS_SINCE and any(
            b in row.value("sec-ch-ua") for b in _ASKING_FOR_PACKAGES
        )
        return Finding(1.0, "not as Chrome asks for a page") if asks and _PACKAGES not in accept else None
    if accept != "*/*" or any(
        row.has(name) for name in ("referer", "origin", "sec-fetch-mode", "x-requested-with")
    ):
        return None
    return Finding(1.0, "asks for anything, from no page")


def language_missing(row: Row) -> Finding | None:
    """No Accept-Language from a claimed browser; embedded engines may have none."""
    if not row.claims or row.agent.embedded or row.has("accept-language"):
        return None
    return Finding()


def encoding_missing(row: Row) -> Finding | None:
    """A claimed browser that cannot unpack anything; media players and resumed downloads do ask so."""
    if not row.claims or row.has("range") or row.value("sec-fetch-dest") in ("audio", "video", "track"):
        return None
    return None if "gzip" in row.value("accept-encoding") else Finding()


def connection_missing(row: Row) -> Finding | None:
    """No Connection header on HTTP/1.1, where all three engines say keep-alive."""
    return Finding() if row.claims and row.minor == 1 and not row.has("connection") else None


def old_protocol(row: Row) -> Finding | None:
    """A claimed browser on HTTP/1.0, which browsers gave up around 2000."""
    return Finding() if row.claims and row.minor == 0 else None


def h2c(row: Row) -> Finding | None:
    """Offers to go on in HTTP/2 without encryption, which curl does and no browser ever did."""
    return Finding() if row.agent.is_browser and "h2c" in row.value("upgrade").lower() else None
