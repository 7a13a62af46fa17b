"""What counting is told of a request: who asks, where it goes, what kind of request it is.

Promises: a pure function of the request, its head's assessment and the site's facts; no personal value leaves it but as
a keyed hash. Everything that repeats (targets, addresses, sessions) is looked up, not worked out. Never: counts.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Final

from trafficguard.counters import slot
from trafficguard.exchange import Request
from trafficguard.scoring.shapes import Assessment
from trafficguard.signals.addresses import Addresses
from trafficguard.signals.facts import SiteFacts
from trafficguard.signals.hashes import hash64
from trafficguard.signals.places import Place, RouteClass

_ROW: Final = struct.Struct(f"<{slot.ASK_WORDS}Q")
ASK_BYTES: Final = _ROW.size
_PAIR: Final = struct.Struct("<QQ")
_NOBODY: Final = (0, 0)
_ROBOTS: Final = hash64(b"/robots.txt")
_NO_PAGES: Final = frozenset((RouteClass.ASSET, RouteClass.API, RouteClass.FEED))


class Asker:
    """Writes rows of facts for counting."""

    __slots__ = ("_addresses", "_known", "sites")

    def __init__(self, sites: Mapping[str, SiteFacts]) -> None:
        """`sites` by the name that requests carry."""
        self.sites = sites
        self._known: dict[str, tuple[SiteFacts, int, int]] = {}
        self._addresses = Addresses()
        self.give_sessions(())

    def give_sessions(self, sites: Collection[str]) -> None:
        """Notes that visitors of these sites, and no others, are given a session where the shop has none."""
        self._known = {
            name: (site, hash64(name.encode()), _takes_cookies(site, name in sites))
            for name, site in self.sites.items()
        }

    def place(self, request: Request) -> Place:
        """The place that a request goes to."""
        return self._known[request.site][0].places.find(request.head)

    def row(self, request: Request, known: Assessment, place: Place, now: int, more: int = 0) -> bytes:
        """The facts of a request as `counters.slot` lays them out, with `more` flags."""
        site, mark, takes_cookies = self._known[request.site]
        fields = request.head.fields
        flags, route = known.flags | takes_cookies | more, place.route
        referrer = 0
        if known.referer_at >= 0:
            host = fields[known.host_at].value if known.host_at >= 0 else b""
            referrer = _referrer(fields[known.referer_at].value, host)
        if route not in _NO_PAGES:
            if known.may_be_page:
                flags |= slot.IS_PAGE | referrer
                if known.typed or (known.typed is None and not referrer):
                    flags |= slot.IS_TYPED
            elif route is RouteClass.LOGIN and flags & slot.IS_POST:
                flags |= slot.IS_LOGIN | referrer
        elif route is RouteClass.ASSET:
            flags |= slot.IS_ASSET
        elif place.path == _ROBOTS:
            flags |= slot.IS_ROBOTS
        session = site.sessions.find(request.head.cookie, now)
        session_low, session_high = _PAIR.unpack(session) if session is not None else _NOBODY
        account_low, account_high = _PAIR.unpack(request.account) if request.account else _NOBODY
        return _ROW.pack(
            now, mark, *self._addresses.find(request.client), session_low, session_high, known.steady,
            known.manner, account_low, account_high, route, place.template, place.item, place.path, place.query, flags,
        )  # fmt: skip


def _takes_cookies(site: SiteFacts, gives_sessions: bool) -> int:
    return 0 if site.sessions.is_ours and not gives_sessions else slot.TAKES_COOKIES


def _referrer(value: bytes, host: bytes) -> int:
    """Whether a Referer is a page of this host (by name and port) or of another."""
    start = value.find(b"//") + 2
    end = start + len(host)
    if start > 1 and host and value[start:end] == host and value[end : end + 1] in (b"/", b""):
        return slot.REFERRER_OWN
    return slot.REFERRER_FOREIGN
