"""Every setting of the proxy: its name, unit, default and meaning, as frozen values.

Promises: a `Settings` object that exists is complete and consistent; unknown keys and wrong types are
refused. Never: reads a file, the environment or the network (`load` does), and is never handed around whole:
a part of the program takes the section it needs.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, model_validator

from trafficguard.patterns import parse_pattern, read_pattern
from trafficguard.values import (
    BadValueError,
    Network,
    parse_admin_listen,
    parse_colour,
    parse_count,
    parse_domain,
    parse_duration,
    parse_header,
    parse_host,
    parse_listen,
    parse_network,
    parse_number,
    parse_path,
    parse_picture,
    parse_server,
    parse_size,
    parse_token,
)

Mode = Literal["off", "shadow", "enforce"]
Front = Literal["nginx", "caddy", "traefik"]
RouteWord = Literal["page", "item", "listing", "search", "asset", "api", "login", "checkout", "feed"]

Duration = Annotated[float, BeforeValidator(parse_duration)]
Listen = Annotated[str, BeforeValidator(parse_listen)]
Server = Annotated[str, BeforeValidator(parse_server)]
Host = Annotated[str, BeforeValidator(parse_host)]
Domain = Annotated[str, BeforeValidator(parse_domain)]
Picture = Annotated[str, BeforeValidator(parse_picture)]
Cidr = Annotated[Network, BeforeValidator(parse_network)]
PathPrefix = Annotated[str, BeforeValidator(parse_path)]
CookieName = Annotated[str, BeforeValidator(parse_token)]
HeaderName = Annotated[str, BeforeValidator(parse_header)]
RoutePattern = Annotated[str, BeforeValidator(parse_pattern)]
Bytes = Annotated[ByteSize, BeforeValidator(parse_size)]
Count = Annotated[int, BeforeValidator(parse_count)]
Status = Annotated[int, BeforeValidator(parse_count), Field(ge=100, le=599)]
Number = Annotated[float, BeforeValidator(parse_number)]
Text = Annotated[str, Field(min_length=1)]


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
    rise: Annotated[Count, Field(ge=1)] = 2
    """Good probes in a row that bring a server back."""
    fall: Annotated[Count, Field(ge=1)] = 3
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


class RouteSettings(Section):
    """What kind of place the targets of one pattern are."""

    path: RoutePattern
    """Pattern such as `/product/{id}`, `/help/**` or `/item?id={id}`; words go before captures, those before `**`."""
    route_class: RouteWord = Field(alias="class")
    """page, item, listing, search, asset, api, login, checkout or feed; `{id}` says which item."""


class SessionSettings(Section):
    """What tells one visit to a shop from another."""

    cookie: CookieName | None = None
    """Name of the shop's own session cookie; without it, mode enforce sets one named `tgs`."""


class AccountSettings(Section):
    """Which account a request is about, and how a login ended. Names are never kept, only keyed hashes of them."""

    cookie: CookieName | None = None
    """Cookie that names the visitor's account."""
    header: HeaderName | None = None
    """Request header that names it; any client may write it."""
    fields: list[Text] = ["username", "email", "login", "user"]
    """Fields of a login's form or JSON that name it, the first that is there; `[]` reads no bodies."""
    account_header: HeaderName | None = None
    """Header of the shop's answers that names it; visitors never get it."""
    login_header: HeaderName | None = None
    """Header of the shop's answers that says `ok` or `failed` of a login; visitors never get it."""
    login_cookie: CookieName | None = None
    """Cookie that the shop sets when a login succeeds, and only then."""
    failed_statuses: list[Status] = [401, 403]
    """Statuses of failed logins."""
    failed_locations: list[PathPrefix] = []
    """Path prefixes that failed logins are redirected to, beside the path of the login itself."""


class SiteSettings(Section):
    """One shop: the hosts it answers to and where its requests go."""

    hosts: Annotated[list[Host], Field(min_length=1)] = ["*"]
    """Host names without port; `*.shop.example` for subdomains, `*` for every host not named elsewhere."""
    upstreams: Annotated[list[UpstreamSettings], Field(min_length=1)]
    """Origins by path prefix."""
    bodies: list[BodyLimit] = []
    """Body limits by path prefix; `limits.body` for the rest."""
    routes: list[RouteSettings] = []
    """What the shop's paths are; guessed from the words in them where none matches."""
    cookie_domain: Domain | None = None
    """Domain for which passes are set, where several hosts share them; without it each host has its own."""
    session: SessionSettings = SessionSettings()
    """What tells one visit from another."""
    accounts: AccountSettings = AccountSettings()
    """Which account a request is about, and how a login ended."""

    @model_validator(mode="after")
    def _unique_prefixes(self) -> Self:
        """Refuses an upstream, or a body limit, that another one of the same path would hide."""
        _refuse_twice("upstreams", [upstream.path for upstream in self.upstreams])
        _refuse_twice("bodies", [body.path for body in self.bodies])
        return self

    @model_validator(mode="after")
    def _every_route_is_reached(self) -> Self:
        """Refuses a pattern that takes the same targets as an earlier one, behind which nothing would ever find it."""
        seen: dict[object, str] = {}
        for index, route in enumerate(self.routes):
            first = seen.setdefault(read_pattern(route.path).takes, route.path)
            if first is not route.path:
                message = f"{route.path} takes the same targets as {first}"
                raise BadValueError(message, "keep one of them", ("routes", index, "path"))
        return self


def _refuse_twice(group: str, paths: list[str]) -> None:
    for index, path in enumerate(paths):
        if path in paths[:index]:
            steps = (group, index, "path")
            raise BadValueError(f"the path {path} is there twice", "write one entry for each path", steps)


class TrustedSettings(Section):
    """Who may say which client a request comes from. Everybody else is the client."""

    peers: list[Cidr] = []
    """Networks of the load balancers in front; `unix` sockets are always trusted peers."""
    header: Literal["none", "x-forwarded-for", "forwarded"] = "none"
    """The header trusted peers write the client address to, walked from the right."""
    proxy_protocol: Literal["off", "v1", "v2", "any"] = "off"
    """PROXY protocol that trusted peers must open every connection with."""
    ja4_header: HeaderName | None = None
    """The header in which those that end TLS write the JA4 of the client's handshake."""
    http2_header: HeaderName | None = None
    """The header in which they write the client's HTTP/2 fingerprint, in Akamai's form."""


class LimitSettings(Section):
    """Bounds on what one client or all of them may hold."""

    head: Bytes = ByteSize(32 * 1024)
    """Largest request head, request line and all header lines."""
    headers: Annotated[Count, Field(ge=1)] = 100
    """Most header lines in a request."""
    body: Bytes = ByteSize(64 * 1024 * 1024)
    """Largest request body where the site names none."""
    body_rate: Bytes = ByteSize(512)
    """Slowest a request body may come in the long run, bytes per second."""
    connections: Annotated[Count, Field(ge=1)] = 20_000
    """Most client connections over all workers."""
    connections_per_address: Annotated[Count, Field(ge=1)] = 512
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

    idle: Annotated[Count, Field(ge=0)] = 256
    """Most idle connections kept."""
    idle_timeout: Duration = 30.0
    """How long an idle connection is kept; keep it below the origin's own keep-alive time."""
    fall: Annotated[Count, Field(ge=1)] = 3
    """Failed connects in a row that take a server out of turn."""
    rest: Duration = 5.0
    """How long a server that failed is left alone."""


class ForwardAuthSettings(Section):
    """A place at which another proxy, the front, asks what to do with each of its requests."""

    listen: Listen
    """Where it asks: `host:port`, `[v6]:port` or `unix:/path`."""
    peers: list[Cidr] = []
    """Networks that it asks from; nobody else is answered, and `unix` sockets are always trusted."""
    front: Front
    """`nginx` tells of requests in X-Original-Method and -URI, `caddy` and `traefik` in X-Forwarded-Method and -Uri."""

    @model_validator(mode="after")
    def _somebody_may_ask(self) -> Self:
        """Refuses a place at which nobody would be answered."""
        if not self.peers and not self.listen.startswith("unix:"):
            raise BadValueError("nobody may ask here", "name the networks that the front asks from", ("peers",))
        return self


class ProviderSettings(Section):
    """Somebody else's check, in the place of the question of `interactive`."""

    kind: Literal["turnstile", "hcaptcha", "altcha"]
    """Who checks; `altcha` is a script of the shop's own, and nobody else is asked."""
    sitekey: Text | None = None
    """Public key of the site, for turnstile and hcaptcha."""
    secret: Text | None = None
    """File of the secret key, for turnstile and hcaptcha."""
    script: Text | None = None
    """Address of the script: for altcha its path at the shop, else the service's own."""
    verify: Text | None = None
    """Address at which tokens are checked, if it is not the service's own."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        """Refuses a check that could never be passed."""
        needed = ("script",) if self.kind == "altcha" else ("sitekey", "secret")
        for name in needed:
            if getattr(self, name) is None:
                raise BadValueError(f"{self.kind} needs {name}", f"add {name}", (name,))
        if self.kind == "altcha" and self.verify is not None:
            raise BadValueError("altcha asks nobody", "remove verify", ("verify",))
        return self


class ChallengeSettings(Section):
    """What visitors see and get who are challenged."""

    lifetime: Annotated[Duration, Field(ge=60, le=30 * 86_400)] = 3600.0
    """How long the pass is good that a solved challenge earns."""
    name: Text | None = None
    """Name of the shop on the page."""
    logo: Picture | None = None
    """Path of a picture at the shop, or a data:image address, in the place of the name."""
    accent: Annotated[str, BeforeValidator(parse_colour)] = "#1a73e8"
    """Colour of the bar and of what has the focus, as #rrggbb."""
    contact: Text | None = None
    """A line for those who need help, such as an address to write to."""
    provider: ProviderSettings | None = None
    """Somebody else's check, in the place of the question of `interactive`."""
    template: Text | None = None
    """File of a page in the place of ours: HTML with {{nonce}}, {{body}} and {{script}}; see the README."""


class AdminSettings(Section):
    """The operators' door."""

    listen: Annotated[str | None, BeforeValidator(parse_admin_listen)] = "127.0.0.1:9180"
    """Loopback address or Unix socket of /healthz, /readyz, /metrics and what steers the proxy; `none` for none."""


class LogSettings(Section):
    """The decision log: one JSON object a line."""

    file: Text | None = None
    """Path of the log; none is written without it."""
    sample: Annotated[Number, Field(ge=0, le=1)] = 0.01
    """Share of passed requests that is logged; blocked and failed ones always are."""
    max_size: Bytes = ByteSize(256 * 1024 * 1024)
    """The file is rotated to `FILE.1` at this size, so that at most twice as much is kept."""


class Settings(Section):
    """All settings. Precedence: flag, then TRAFFICGUARD_ environment variable, then file, then default."""

    listen: Annotated[list[Listen], Field(min_length=1)] = ["127.0.0.1:8080"]
    """Where clients connect."""
    workers: Annotated[Count, Field(ge=1, le=256)] = 1
    """Worker processes."""
    mode: Mode = "enforce"
    """`enforce` acts, `shadow` judges and records but acts on nothing, `off` does not judge."""
    sites: Annotated[list[SiteSettings], Field(min_length=1)]
    """The shops behind this proxy."""
    policy: Text | None = None
    """What scores lead to: `balanced`, `strict`, `monitor` or a policy file; without one `balanced`."""
    fuse: Annotated[Number, Field(gt=0, le=1)] = 0.2
    """By how much the share of challenges and blocks may jump in the minute after a change, 0 to 1; 1 never blows."""
    trusted: TrustedSettings = TrustedSettings()
    """Whose word on the client address counts."""
    forward_auth: list[ForwardAuthSettings] = []
    """Where other proxies ask about requests that do not come through here."""
    limits: LimitSettings = LimitSettings()
    """Bounds on what clients may hold."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long each step may take."""
    pool: PoolSettings = PoolSettings()
    """Kept connections to origins."""
    challenge: ChallengeSettings = ChallengeSettings()
    """What visitors see and get who are challenged."""
    admin: AdminSettings = AdminSettings()
    """The operators' door."""
    log: LogSettings = LogSettings()
    """The decision log."""
    secrets: Text | None = None
    """File of the secret that cookies are sealed and names hashed with; without it, a new one at each start."""

    previous_secrets: list[Text] = []
    """Files of earlier secrets: passes that they sealed still count, new ones are sealed with that in `secrets`."""

    @model_validator(mode="after")
    def _one_site_per_host(self) -> Self:
        """Refuses a host that would find two sites, of which the second would never see a request."""
        seen: set[str] = set()
        for number, site in enumerate(self.sites):
            for index, host in enumerate(site.hosts):
                if host in seen:
                    message, remedy = f"the host {host} is there twice", "name each host in one site only"
                    raise BadValueError(message, remedy, ("sites", number, "hosts", index))
                seen.add(host)
        return self

    @model_validator(mode="after")
    def _no_place_twice(self) -> Self:
        """Refuses a place that we would find taken by ourselves; port 0 asks for a new one each time."""
        taken: set[str] = set()
        asked = [(one.listen, ("forward_auth", index, "listen")) for index, one in enumerate(self.forward_auth)]
        steps: tuple[str | int, ...]
        for place, steps in [*((place, ("listen", index)) for index, place in enumerate(self.listen)), *asked]:
            if place in taken and not place.endswith(":0"):
                raise BadValueError(f"{place} is there twice", "write each place once", steps)
            taken.add(place)
        return self

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> Self:
        """Refuses to name what trusted peers say where nobody is trusted: it would mean nothing."""
        inert = next((name for name, off in _UNSAID.items() if getattr(self.trusted, name) != off), None)
        if inert and not self.trusted.peers and not any(place.startswith("unix:") for place in self.listen):
            remedy = "name the load balancers in trusted.peers, or remove this"
            raise BadValueError("nobody is trusted to say it", remedy, ("trusted", inert))
        return self


_UNSAID: Final = {"header": "none", "proxy_protocol": "off", "ja4_header": None, "http2_header": None}
