"""Signals from the low-entropy client hints sec-ch-ua, -mobile and -platform.

Promises: Chromium sends them over https, other engines never do (WICG UA Client Hints @6cf1025). The list in
sec-ch-ua is a pure function of the major version from 110 on; that was seen to hold for nine majors from 116
to 156. Embedded engines (Qt, WebView) are exempt: they may send none. Never: expects hints on plain http.
"""

from __future__ import annotations

import re
from itertools import permutations
from typing import Final, NamedTuple

from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row

SENDS_HINTS_SINCE: Final = 110
"""Chromium has sent hints since 89; the rule for their text is known from here on."""

_FILLERS: Final = (" ", "(", ":", "-", ".", "/", ")", ";", "=", "?", "_")
_FILLER_VERSIONS: Final = ("8", "99", "24")
_ORDERS: Final = tuple(permutations(range(3)))
"""Places of filler, Chromium and brand by major version modulo 6: 012 021 102 120 201 210."""
_ENTRY: Final = re.compile(r'"([^"]{0,80})";v="([^"]{0,20})"')
_MOST_ENTRIES: Final = 8

SYSTEM_NAMES: Final = {
    "windows": ("Windows",),
    "macos": ("macOS",),
    "linux": ("Linux", "Android", "Chrome OS", "Chromium OS"),
    "android": ("Android",),
    "chromeos": ("Chrome OS", "Chromium OS"),
}
"""Values of sec-ch-ua-platform by system in User-Agent. Telephones asking for the desktop site say Linux."""


class Brand(NamedTuple):
    """One entry of sec-ch-ua."""

    name: str
    version: str


def brands_of(text: str) -> list[Brand]:
    """The entries of a sec-ch-ua value, in order."""
    return [Brand(*entry) for entry in _ENTRY.findall(text[:1024])[:_MOST_ENTRIES]]


def filler_of(major: int) -> Brand:
    """The made-up brand that Chromium of this major version mixes in."""
    count = len(_FILLERS)
    name = f"Not{_FILLERS[major % count]}A{_FILLERS[(major + 1) % count]}Brand"
    return Brand(name, _FILLER_VERSIONS[major % len(_FILLER_VERSIONS)])


def expected_order(major: int) -> tuple[int, int, int]:
    """Places of the filler, Chromium and the product in a three-entry list."""
    first, second, third = _ORDERS[major % len(_ORDERS)]
    return first, second, third


def _chromium_of(brands: list[Brand]) -> int:
    version = next((brand.version for brand in brands if brand.name == "Chromium"), "")
    return int(version) if version.isascii() and version.isdigit() else 0


def missing(row: Row) -> Finding | None:
    """Claims a Chromium that sends hints, over https, without any."""
    agent = row.agent
    if not row.claims or agent.family != "chromium" or agent.embedded or agent.major < SENDS_HINTS_SINCE:
        return None
    return None if row.has("sec-ch-ua") else Finding(1.0, f"{agent.name} has sent them since version 89")


def foreign(row: Row) -> Finding | None:
    """Claims an engine that has no client hints, and sends them."""
    if row.agent.family not in ("firefox", "webkit") or not brands_of(row.value("sec-ch-ua")):
        return None
    return Finding(1.0, f"{row.agent.name} has none")


def version(row: Row) -> Finding | None:
    """The major version in User-Agent is not the one in the hints."""
    major = _chromium_of(brands_of(row.value("sec-ch-ua")))
    if row.agent.family != "chromium" or row.agent.embedded or not major or not row.agent.major:
        return None
    return None if major == row.agent.major else Finding(1.0, f"{row.agent.major} and {major}")


def system(row: Row) -> Finding | None:
    """The operating system, or being a telephone, differs between User-Agent and hints."""
    agent, platform = row.agent, row.value("sec-ch-ua-platform").strip('"')
    if agent.family != "chromium" or agent.embedded:
        return None
    known = SYSTEM_NAMES.get(agent.system)
    if known and platform and platform != "Unknown" and platform not in known:
        return Finding(1.0, "another operating system")
    if row.value("sec-ch-ua-mobile") == "?1" and not agent.mobile and agent.system != "android":
        return Finding(1.0, "a telephone in the hints only")
    return None


def formula(row: Row) -> Finding | None:
    """The list in sec-ch-ua is not the one that Chromium of that version makes.

    Lists of two entries have an order of their own, and of more than three it is unknown: there only the
    filler is compared.
    """
    brands = brands_of(row.value("sec-ch-ua"))
    major = _chromium_of(brands)
    if major < SENDS_HINTS_SINCE or len(brands) < 2:
        return None
    filler = filler_of(major)
    if filler not in brands:
        return Finding(1.0, "its filler entry is made up")
    places = expected_order(major)
    if len(brands) == 3 and (brands.index(filler), _place_of_chromium(brands)) != places[:2]:
        return Finding(1.0, "its entries are out of order")
    return None


def _place_of_chromium(brands: list[Brand]) -> int:
    return next(place for place, brand in enumerate(brands) if brand.name == "Chromium")
