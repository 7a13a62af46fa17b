"""The facts of one request that signals look at.

Promises: a `Row` holds header names in their order and spelling, and the values of the few headers in `READ`,
and nothing else, so that two requests with the same shape (`http.fields.Field.token`) have the same row.
Lines of a proxy's own (X-Forwarded-*, Via ...) are left out. Never: looks at personal values, paths,
addresses or the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from trafficguard.http.fields import Kind
from trafficguard.http.head import RequestHead
from trafficguard.signals.agents import Agent, read_agent
from trafficguard.signals.catalog import Need
from trafficguard.signals.handshake import UNKNOWN_HELLO, UNKNOWN_PREFACE, Hello, Preface, read_http2, read_ja4

READ: Final = frozenset(
    b"""user-agent accept accept-language accept-encoding sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform
    sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user upgrade priority""".split()
)
"""Headers whose values signals read; none of them may be personal (a test holds them apart)."""

PROXY_KINDS: Final = frozenset((Kind.FORWARDED, Kind.REQUEST_ID, Kind.OURS, Kind.HANDSHAKE))
PROXY_NAMES: Final = frozenset(
    b"via cdn-loop x-amzn-trace-id cf-ray cf-connecting-ip cf-ipcountry cf-visitor".split()
)

RequestKind = Literal["navigation", "part", "socket"]
FetchSite = Literal["none", "same-origin", "same-site", "cross-site", ""]

_SITES: Final[dict[str, FetchSite]] = {
    "none": "none", "same-origin": "same-origin", "same-site": "same-site", "cross-site": "cross-site",
}  # fmt: skip


class Row:
    """Facts of one request. Treat as frozen."""

    __slots__ = (
        "agent", "hello", "kind", "met", "method", "minor", "places", "preface", "reuse", "spelled", "told", "values",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        minor: int,
        spelled: list[str],
        values: dict[str, str],
        met: frozenset[Need],
        hello: Hello = UNKNOWN_HELLO,
        preface: Preface = UNKNOWN_PREFACE,
        told: int = 0,
        reuse: int = 0,
    ) -> None:
        self.method = method
        self.minor = minor
        """Minor HTTP version: 1 or 0; 2 stands for HTTP/2."""
        self.hello = hello
        """How TLS was opened, as far as a trusted peer told."""
        self.preface = preface
        """How HTTP/2 was opened, the same."""
        self.told = told
        """What the page of a challenge told, one bit for each of `page.PROBES`."""
        self.reuse = reuse
        """How far the pass that it shows has spread, 0 to 3."""
        self.spelled = spelled
        """Header names in the order and the case they arrived in."""
        self.places: dict[str, int] = {}
        """Where each header name, in lower case, stands first; in that order."""
        for place, name in enumerate(spelled):
            self.places.setdefault(name.lower(), place)
        self.values = values
        """Values by lower-case name, of the headers in `READ` that are there; the first of repeated ones."""
        self.met = met
        """Needs that this request meets."""
        self.agent: Agent = read_agent(values.get("user-agent"))
        self.kind: RequestKind = _kind_of(self)

    def has(self, name: str) -> bool:
        """Whether a header of this lower-case name is there."""
        return name in self.places

    def value(self, name: str) -> str:
        """The value of a header in `READ`, or an empty text."""
        return self.values.get(name, "")

    @property
    def claims(self) -> bool:
        """Whether it is a GET that claims to come from a browser: most known habits are those of GET."""
        return self.agent.is_browser and self.method == "GET" and self.kind != "socket"

    @property
    def is_navigation(self) -> bool:
        """Whether a browser that sends such a head opens a page."""
        return self.kind == "navigation"

    @property
    def is_part(self) -> bool:
        """Whether a browser that sends such a head loads something for a page."""
        return self.kind == "part"

    @property
    def site(self) -> FetchSite:
        """Sec-Fetch-Site: where it says that the wish came from, `none` for typed in; empty when it does not say."""
        return _SITES.get(self.value("sec-fetch-site"), "")


def read_row(
    head: RequestHead,
    secure: bool,
    intact: Iterable[Need],
    ja4: str = "",
    http2: str = "",
    told: int = 0,
    reuse: int = 0,
) -> Row:
    """The facts in a head and about its connection.

    `secure` says that the client spoke https, `intact` what a front leaves alone, `ja4` and `http2` what a trusted
    peer told of how the connection was opened, `told` and `reuse` what its pass says.
    """
    spelled: list[str] = []
    values: dict[str, str] = {}
    for field in head.fields:
        if field.kind in PROXY_KINDS or field.name in PROXY_NAMES:
            continue
        spelled.append(field.raw_name.decode("latin-1"))
        if field.name in READ:
            values.setdefault(field.name.decode("latin-1"), field.value.decode("latin-1"))
    hello, preface = read_ja4(ja4), read_http2(http2)
    met = _met(head.minor, spelled, secure, intact, hello, preface)
    if told:
        met.add(Need.PAGE)
    return Row(
        head.method.decode("latin-1"), head.minor, spelled, values, frozenset(met), hello, preface, told, reuse
    )


def _met(
    minor: int, spelled: list[str], secure: bool, intact: Iterable[Need], hello: Hello, preface: Preface
) -> set[Need]:
    met = set(intact)
    if minor == 2:
        met -= {Need.RAW_CASE, Need.RAW_CONNECTION}
    if secure:
        met.add(Need.HTTPS)
        if minor != 2 and looks_translated(spelled):
            met -= {Need.RAW_CASE, Need.RAW_CONNECTION, Need.RAW_VERSION}
    if hello != UNKNOWN_HELLO:
        met.add(Need.TLS)
    if preface != UNKNOWN_PREFACE:
        met.add(Need.HTTP2)
    return met


def looks_translated(spelled: list[str]) -> bool:
    """Whether a front that spoke HTTP/2 to the browser wrote these names: all in lower case but its own.

    https is known only by a trusted peer's word, so no client can hide behind this.
    """
    return all(name.islower() or name in ("Host", "Connection", "X-Real-IP") for name in spelled)


def _kind_of(row: Row) -> RequestKind:
    """What a browser that sends such a head is doing. On plain http there is no Sec-Fetch-Mode to tell."""
    if "websocket" in row.value("upgrade").lower():
        return "socket"
    mode = row.value("sec-fetch-mode")
    if mode:
        return "navigation" if mode == "navigate" else "part"
    accept = row.value("accept")
    if row.has("upgrade-insecure-requests") or accept.startswith(
        "text/html,application/xhtml+xml,application/xml"
    ):
        return "navigation"
    return "part"
