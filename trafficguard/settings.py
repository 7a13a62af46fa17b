"""Every setting of the proxy: its name, unit, default and meaning, as frozen values.

Promises: a `Settings` object that exists is complete and consistent; unknown keys and wrong types are refused.
Never: reads a file, the environment or the network (`load` does), and is never handed around whole: a part of the
program takes the section it needs.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, model_validator

Mode = Literal["off", "shadow", "enforce"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: object) -> float:
    """Seconds from `250ms`, `10s`, `5m`, `1h` or a plain number of seconds; ValueError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise ValueError("not a duration: write 250ms, 10s, 5m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def parse_listen(value: object) -> str:
    """A checked listening place, `host:port`, `[v6]:port` or `unix:/path`; ValueError otherwise."""
    text = str(value)
    if text.startswith("unix:"):
        if not text[5:].startswith("/"):
            raise ValueError("a Unix socket needs an absolute path: unix:/run/trafficguard.sock")
        return text
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        port = None
        parts = urlsplit("//")
    if not parts.hostname or port is None or parts.path or parts.query or parts.username:
        raise ValueError("not a listening place: write 127.0.0.1:8080, [::1]:8080 or unix:/path")
    return text


def parse_server(value: object) -> str:
    """A checked origin, `http://host:port` or `unix:/path`; ValueError otherwise."""
    text = str(value)
    if text.startswith("unix:"):
        return parse_listen(text)
    parts = urlsplit(text)
    if parts.scheme == "https":
        raise ValueError("https to an origin is not supported; write http://host:port")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("not an origin: write http://host:port or unix:/path")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError("an origin is http://host:port without path, query or user")
    _ = parts.port  # raises ValueError when out of range
    return text.rstrip("/")


def parse_network(value: object) -> object:
    """A CIDR network or a single address; ValueError otherwise."""
    if isinstance(value, str):
        return ipaddress.ip_network(value)
    return value


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Listen = Annotated[str, BeforeValidator(parse_listen)]
Server = Annotated[str, BeforeValidator(parse_server)]
Cidr = Annotated[Network, BeforeValidator(parse_network)]
PathPrefix = Annotated[str, Field(pattern=r"^/[^?#\s]*\z")]
Bytes = Annotated[ByteSize, Field(gt=0)]


class Section(BaseModel):
    """A group of settings: frozen, and nothing unknown gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class HealthCheck(Section):
    """Active probing of the servers of one upstream."""

    path: PathPrefix = "/"
    """Path asked for with GET; any status below 500 counts as healthy."""
    interval: Duration = 5.0
    """Time between probes of one server."""
    timeout: Duration = 2.0
    """Time a probe may take in all."""
    rise: Annotated[int, Field(ge=1)] = 2
    """Good probes in a row that bring a server back."""
    fall: Annotated[int, Field(ge=1)] = 3
    """Bad probes in a row that take a server out."""


class UpstreamSettings(Section):
    """Where requests of one path prefix go."""

    path: PathPrefix = "/"
    """Path prefix, on segment borders; the longest match wins."""
    servers: Annotated[list[Server], Field(min_length=1)]
    """Origins, used in turn: `http://host:port` or `unix:/path`."""
    health: HealthCheck | None = None
    """Active health checks; without them only failures of real requests count."""


class BodyLimit(Section):
    """The largest request body that one path prefix takes."""

    path: PathPrefix
    """Path prefix, on segment borders; the longest match wins."""
    limit: Bytes
    """Largest request body."""


class SiteSettings(Section):
    """One shop: the hosts it answers to and where its requests go."""

    hosts: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] = ["*"]
    """Host names without port; `*.shop.example` for subdomains, `*` for every host not named elsewhere."""
    upstreams: Annotated[list[UpstreamSettings], Field(min_length=1)]
    """Origins by path prefix."""
    bodies: list[BodyLimit] = []
    """Body limits by path prefix; `limits.body` for the rest."""

    @model_validator(mode="after")
    def _unique_prefixes(self) -> Self:
        prefixes = [upstream.path for upstream in self.upstreams]
        if len(set(prefixes)) != len(prefixes):
            raise ValueError("two upstreams of one site have the same path")
        return self


class TrustedSettings(Section):
    """Who may say which client a request comes from. Everybody else is the client."""

    peers: list[Cidr] = []
    """Networks of the load balancers in front; `unix` sockets are always trusted peers."""
    header: Literal["none", "x-forwarded-for", "forwarded"] = "none"
    """The header trusted peers write the client address to, walked from the right."""
    proxy_protocol: Literal["off", "v1", "v2", "any"] = "off"
    """PROXY protocol that trusted peers must open every connection with."""


class LimitSettings(Section):
    """Bounds on what one client or all of them may hold."""

    head: Bytes = ByteSize(32 * 1024)
    """Largest request head, request line and all header lines."""
    headers: Annotated[int, Field(ge=1)] = 100
    """Most header lines in a request."""
    body: Bytes = ByteSize(64 * 1024 * 1024)
    """Largest request body where the site names none."""
    body_rate: Bytes = ByteSize(512)
    """Slowest a request body may come in the long run, bytes per second."""
    connections: Annotated[int, Field(ge=1)] = 20_000
    """Most client connections over all workers."""
    connections_per_address: Annotated[int, Field(ge=1)] = 512
    """Most client connections of one address (IPv6: one /64) over all workers; trusted peers are exempt."""


class TimeoutSettings(Section):
    """How long each step may take."""

    head: Duration = 10.0
    """From a request's first byte (or the connection's start) to the end of its head."""
    body: Duration = 30.0
    """Grace for a request body; each received byte earns 1 / limits.body_rate more."""
    keepalive: Duration = 75.0
    """An idle client connection between two requests."""
    connect: Duration = 5.0
    """Connecting to an origin."""
    first_byte: Duration = 60.0
    """From the request sent to the first byte of the answer."""
    answer_head: Duration = 10.0
    """From the first byte of the answer to the end of its head."""
    idle: Duration = 60.0
    """Between two pieces of an answer, and for a client that does not read."""
    tunnel: Duration = 3600.0
    """A WebSocket in which nobody says anything."""
    drain: Duration = 30.0
    """For requests in flight after SIGTERM."""


class PoolSettings(Section):
    """Kept connections to origins, per server and worker."""

    idle: Annotated[int, Field(ge=0)] = 256
    """Most idle connections kept."""
    idle_timeout: Duration = 30.0
    """How long an idle connection is kept; keep it below the origin's own keep-alive time."""
    fall: Annotated[int, Field(ge=1)] = 3
    """Failed connects in a row that take a server out of turn."""
    rest: Duration = 5.0
    """How long a server that failed is left alone."""


class AdminSettings(Section):
    """The operators' door."""

    listen: Annotated[Listen | None, Field()] = "127.0.0.1:9180"
    """Loopback address or Unix socket of /healthz, /readyz and /metrics; `null` for none."""

    @model_validator(mode="after")
    def _stays_at_home(self) -> Self:
        if self.listen is None or self.listen.startswith("unix:"):
            return self
        host = urlsplit(f"//{self.listen}").hostname or ""
        if host != "localhost" and not (_is_address(host) and ipaddress.ip_address(host).is_loopback):
            raise ValueError("admin.listen must be a loopback address or a Unix socket")
        return self


class LogSettings(Section):
    """The decision log: one JSON object a line."""

    file: str | None = None
    """Path of the log; none is written without it."""
    sample: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of passed requests that is logged; blocked and failed ones always are."""
    max_size: Bytes = ByteSize(256 * 1024 * 1024)
    """The file is rotated to `FILE.1` at this size, so that at most twice as much is kept."""


class PolicySettings(Section):
    """What a bot score leads to."""

    block: Annotated[float, Field(ge=0, le=101)] = 75.0
    """Bot score from which a request is blocked; 101 never blocks."""
    pass_labels: list[str] = ["bot.search", "bot.preview", "bot.monitor", "bot.feed"]
    """Labels whose requests pass whatever their score. They are claims until crawlers are verified."""


class Settings(Section):
    """All settings. Precedence: flag, then TRAFFICGUARD_ environment variable, then file, then default."""

    listen: Annotated[list[Listen], Field(min_length=1)] = ["127.0.0.1:8080"]
    """Where clients connect."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Worker processes."""
    mode: Mode = "enforce"
    """`enforce` acts, `shadow` judges and records but acts on nothing, `off` does not judge."""
    sites: Annotated[list[SiteSettings], Field(min_length=1)]
    """The shops behind this proxy."""
    policy: PolicySettings = PolicySettings()
    """What a bot score leads to."""
    trusted: TrustedSettings = TrustedSettings()
    """Whose word on the client address counts."""
    limits: LimitSettings = LimitSettings()
    """Bounds on what clients may hold."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long each step may take."""
    pool: PoolSettings = PoolSettings()
    """Kept connections to origins."""
    admin: AdminSettings = AdminSettings()
    """The operators' door."""
    log: LogSettings = LogSettings()
    """The decision log."""

    @model_validator(mode="after")
    def _one_site_per_host(self) -> Self:
        hosts = [host.lower() for site in self.sites for host in site.hosts]
        doubled = sorted({host for host in hosts if hosts.count(host) > 1})
        if doubled:
            raise ValueError(f"two sites claim the host {doubled[0]}")
        return self

