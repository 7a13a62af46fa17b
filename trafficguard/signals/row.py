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

READ: Final = frozenset(
    b"""user-agent accept accept-language accept-encoding sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform
    sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user upgrade""".split()
)
"""Headers whose values signals read; none of them may be personal (a test holds them apart)."""

PROXY_KINDS: Final = frozenset((Kind.FORWARDED, Kind.REQUEST_ID, Kind.OURS, Kind.HANDSHAKE))
PROXY_NAMES: Final = frozenset(
    b"via cdn-loop x-amzn-trace-id cf-ray cf-connecting-ip cf-ipcountry cf-visitor".split()
)

RequestKind = Literal["navigation", "part", "socket"]


class Row:
    """Facts of one request. Treat as frozen."""

    __slots__ = ("agent", "kind", "met", "method", "minor", "places", "spelled", "values")

    def __init__(
        self, method: str, minor: int, spelled: list[str], values: dict[str, str], met: frozenset[Need]
    ) -> None:
        self.method = method
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
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


def read_row(head: RequestHead, secure: bool, intact: Iterable[Need]) -> Row:
    """The facts in a head; `secure` says that the client spoke https, `intact` what a front leaves alone."""
    spelled: list[str] = []
    values: dict[str, str] = {}
    for field in head.fields:
        if field.kind in PROXY_KINDS or field.name in PROXY_NAMES:
            continue
        spelled.append(field.raw_name.decode("latin-1"))
        if field.name in READ:
            values.setdefault(field.name.decode("latin-1"), field.value.decode("latin-1"))
    met = set(intact)
    if secure:
        met.add(Need.HTTPS)
        if _looks_translated(spelled):
            met -= {Need.RAW_CASE, Need.RAW_CONNECTION}
    return Row(head.method.decode("latin-1"), head.minor, spelled, values, frozenset(met))


def _looks_translated(spelled: list[str]) -> bool:
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
