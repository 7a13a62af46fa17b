"""Which origin a request goes to: site by host, upstream by path prefix, server in turn.

Promises: a host belongs to at most one site, exact names before `*.` suffixes before `*`; the longest path prefix
wins, compared on the path as an origin would resolve it. Never: opens connections (`pool`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from trafficguard.http.target import Target, has_prefix, resolved_path
from trafficguard.net.pool import Origin
from trafficguard.settings import HealthCheck, Mode, SiteSettings, UpstreamSettings
from trafficguard.signals.facts import SiteFacts

if TYPE_CHECKING:
    from trafficguard.net.upstream import Upstream

MakeOrigin = Callable[[str], Origin]


class Route:
    """One upstream: a path prefix and its origins."""

    __slots__ = ("_next", "origins", "prefix")

    def __init__(self, prefix: str, origins: list[Origin]) -> None:
        self.prefix = prefix.encode()
        self.origins = origins
        self._next = 0

    def take(self) -> Upstream | None:
        """A kept connection to the origin whose turn it is, if there is one."""
        origins = self.origins
        if len(origins) == 1:
            return origins[0].idle.pop() if origins[0].idle and origins[0].is_listed else None
        self._next = (self._next + 1) % len(origins)
        ring = self.in_turn()
        return ring[0].take() if ring else None

    def in_turn(self) -> list[Origin]:
        """Origins to try for a new connection, best first: healthy ones in turn, then those resting after a failure.

        Empty when active health checks have taken out every one. The turn passes on with `take`.
        """
        if len(self.origins) == 1:
            return self.origins if self.origins[0].is_listed else []
        ring = self.origins[self._next :] + self.origins[: self._next]
        listed = [origin for origin in ring if origin.is_listed]
        return sorted(listed, key=Origin.is_resting)


class Site:
    """One shop."""

    __slots__ = ("_body_limit", "_body_limits", "_routes", "enforces", "facts", "judges", "name", "only")

    def __init__(
        self, settings: SiteSettings, body_limit: int, make_origin: MakeOrigin, facts: Mapping[str, SiteFacts]
    ) -> None:
        self.name = settings.hosts[0]
        self.facts = facts[self.name]
        self.judges = True
        """Whether verdicts are formed on its requests."""
        self.enforces = True
        """Whether they are carried out."""
        self._routes = [
            Route(upstream.path, [make_origin(server) for server in upstream.servers])
            for upstream in by_length(settings.upstreams)
        ]
        self.only = self._routes[0] if len(self._routes) == 1 and self._routes[0].prefix == b"/" else None
        """The upstream of every target, where there is but one."""
        self._body_limit = body_limit
        self._body_limits = sorted(
            ((limit.path.encode(), int(limit.limit)) for limit in settings.bodies), key=lambda pair: -len(pair[0])
        )

    def route(self, target: Target) -> Route | None:
        """The upstream for a target; None when no prefix covers it."""
        path = resolved_path(target.path) if target.path != b"*" else b"/"
        return next((route for route in self._routes if has_prefix(path, route.prefix)), None)

    def body_limit(self, target: Target) -> int:
        """Bytes the body of a request for `target` may have."""
        if self._body_limits:
            path = resolved_path(target.path)
            for prefix, limit in self._body_limits:
                if has_prefix(path, prefix):
                    return limit
        return self._body_limit

    def origins(self) -> list[Origin]:
        """All origins of this site."""
        return [origin for route in self._routes for origin in route.origins]


class Sites:
    """All shops behind this proxy."""

    __slots__ = ("_exact", "_fallback", "_suffixes", "all")

    def __init__(
        self, settings: list[SiteSettings], body_limit: int, make_origin: MakeOrigin, facts: Mapping[str, SiteFacts]
    ) -> None:
        """`facts`: what judging knows of each site, under its first host."""
        self.all: list[Site] = []
        self._exact: dict[bytes, Site] = {}
        self._suffixes: list[tuple[bytes, Site]] = []
        self._fallback: Site | None = None
        for one in settings:
            site = Site(one, body_limit, make_origin, facts)
            self.all.append(site)
            for host in one.hosts:
                self._claim(host.lower().encode("idna" if not host.isascii() else "ascii"), site)
        self._suffixes.sort(key=lambda pair: -len(pair[0]))

    def _claim(self, host: bytes, site: Site) -> None:
        if host == b"*":
            self._fallback = site
        elif host.startswith(b"*."):
            self._suffixes.append((host[1:], site))
        else:
            self._exact[host] = site

    def set_modes(self, mode_of: Callable[[str], Mode]) -> None:
        """Sets the mode of every site; `mode_of` knows it by the site's name."""
        for site in self.all:
            mode = mode_of(site.name)
            site.judges, site.enforces = mode != "off", mode == "enforce"

    def find(self, host: bytes) -> Site | None:
        """The site that answers to a lower-case `host` without port."""
        site = self._exact.get(host)
        if site is not None:
            return site
        for suffix, candidate in self._suffixes:
            if host.endswith(suffix):
                return candidate
        return self._fallback


def listed_servers(settings: list[SiteSettings]) -> list[tuple[str, HealthCheck | None]]:
    """Every origin server with its health check, in the order in which `Sites` makes them."""
    return [
        (server, upstream.health)
        for site in settings
        for upstream in by_length(site.upstreams)
        for server in upstream.servers
    ]


def by_length(upstreams: list[UpstreamSettings]) -> list[UpstreamSettings]:
    """Longest path prefix first."""
    return sorted(upstreams, key=lambda upstream: -len(upstream.path))
