"""What counting is told of a request: who asks, where it goes, what kind of request it is.

Promises: a pure function of the request, its head's assessment and the site's facts; no personal value leaves it but as
a keyed hash. Everything that repeats (targets, addresses, sessions) is looked up, not worked out. Never: counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trafficguard.counters import slot
from trafficguard.exchange import Request
from trafficguard.scoring.shapes import Assessment
from trafficguard.settings import SiteSettings
from trafficguard.signals.addresses import Addresses
from trafficguard.signals.hashes import hash64
from trafficguard.signals.places import Place, Places, RouteClass
from trafficguard.signals.sessions import Sessions

_ROW: Final = struct.Struct(f"<{slot.ASK_WORDS}Q")
ASK_BYTES: Final = _ROW.size
_PAIR: Final = struct.Struct("<QQ")
_NOBODY: Final = (0, 0)
_ROBOTS: Final = hash64(b"/robots.txt")
_NO_PAGES: Final = frozenset((RouteClass.ASSET, RouteClass.API, RouteClass.FEED))


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is known of one site beforehand."""

    places: Places
    sessions: Sessions
    takes_cookies: bool
    """Whether visitors are given a session, so that one without it has not brought it back."""
    mark: int
    """64 bits that tell the site's keys from those of others."""


def facts_of(sites: Iterable[SiteSettings], secret: bytes, gives_sessions: bool) -> dict[str, SiteFacts]:
    """The facts of all sites by name,.

    `secret` keys the hashes of what visitors carry; `gives_sessions` says that those without a session are given one.
    """
    facts = {}
    for site in sites:
        sessions = Sessions(secret, site.session.cookie)
        takes = gives_sessions or site.session.cookie is not None
        facts[site.hosts[0]] = SiteFacts(Places(site.routes), sessions, takes, hash64(site.hosts[0].encode()))
    return facts


class Asker:
    """Writes rows of facts for counting."""

    __slots__ = ("_addresses", "_sites")

    def __init__(self, sites: Mapping[str, SiteFacts]) -> None:
        """`sites` by the name that requests carry."""
        self._sites = sites
        self._addresses = Addresses()

    def place(self, request: Request) -> tuple[SiteFacts, Place]:
        """The site and the place that a request goes to."""
        site = self._sites[request.site]
        return site, site.places.find(request.head)

    def row(self, request: Request, known: Assessment, site: SiteFacts, place: Place, now: int) -> bytes:
        """The facts of a request as `counters.slot` lays them out."""
        fields = request.head.fields
        flags, route = known.flags, place.route
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
        if site.takes_cookies:
            flags |= slot.TAKES_COOKIES
        cookie = fields[known.cookie_at].value if known.cookie_at >= 0 else None
        session = site.sessions.find(cookie, now) if cookie is not None else None
        session_low, session_high = _PAIR.unpack(session) if session is not None else _NOBODY
        account_low, account_high = _PAIR.unpack(request.account) if request.account else _NOBODY
        return _ROW.pack(
            now, site.mark, *self._addresses.find(request.client), session_low, session_high, known.steady,
            known.manner, account_low, account_high, route, place.template, place.item, place.path, place.query, flags,
        )  # fmt: skip


def _referrer(value: bytes, host: bytes) -> int:
    """Whether a Referer is a page of this host (by name and port) or of another."""
    start = value.find(b"//") + 2
    end = start + len(host)
    if start > 1 and host and value[start:end] == host and value[end : end + 1] in (b"/", b""):
        return slot.REFERRER_OWN
    return slot.REFERRER_FOREIGN
