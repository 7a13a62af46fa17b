"""What a rule may ask about a request: the record of facts, and the name and kind of each field in CEL.

Promises: a field of `FIELDS` is an attribute of `Facts` of the kind that stands there, so that a condition that was
checked cannot fail for its types. Never: works a fact out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from trafficguard.signals.places import RouteClass


class Kind(Enum):
    """What a value is. CEL's whole and decimal numbers are one kind here."""

    BOOL = "true or false"
    NUMBER = "a number"
    TEXT = "text"
    ADDRESS = "an address"
    LABELS = "a set of labels"
    HEADERS = "headers"


class Facts:
    """All that a policy may look at. Treat as frozen."""

    __slots__ = (
        "account_known", "address", "address_number", "error_rate", "evidence", "fingerprint", "headers", "host",
        "hour", "ja4", "labels", "load", "method", "network", "origin_latency", "origins_up", "passed", "path",
        "query", "route", "score", "secure", "session_known", "site", "weekday",
    )  # fmt: skip

    def __init__(
        self,
        score: float,
        evidence: float,
        labels: frozenset[str],
        route: str,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        address: str,
        address_number: int,
        network: str,
        host: str,
        site: str,
        secure: bool,
        fingerprint: str,
        ja4: str,
        account_known: bool,
        session_known: bool,
        passed: bool,
        hour: int,
        weekday: str,
        load: float,
        origin_latency: float,
        error_rate: float,
        origins_up: float,
    ) -> None:
        self.score = score
        """Bot score, 0 to 100, of `evidence`."""
        self.evidence = evidence
        """Nats."""
        self.labels = labels
        self.route = route
        """Word of the route class."""
        self.method = method
        self.path = path
        """Path of the target as an origin would resolve it, without query."""
        self.query = query
        """What stands behind the `?` of the target; empty without one."""
        self.headers = headers
        """Values by lower-case name; of a repeated header the first."""
        self.address = address
        """Client address as text."""
        self.address_number = address_number
        """The address as `networks.number_of` gives it; -1 when there is none."""
        self.network = network
        """The /24 or /48 around the address, as text."""
        self.host = host
        """Host that was asked for, in lower case, without port."""
        self.site = site
        """First host of the site in the settings."""
        self.secure = secure
        """Whether the client spoke https."""
        self.fingerprint = fingerprint
        self.ja4 = ja4
        """JA4 of the client's handshake; empty when it is not known."""
        self.account_known = account_known
        """Whether the request is about an account."""
        self.session_known = session_known
        """Whether it belongs to a session that was seen before."""
        self.passed = passed
        """Whether it carries a valid pass."""
        self.hour = hour
        """0 to 23."""
        self.weekday = weekday
        """One of `WEEKDAYS`."""
        self.load = load
        """Load average of the host over one minute, divided by its cores."""
        self.origin_latency = origin_latency
        """Seconds that origins take to answer."""
        self.error_rate = error_rate
        """Share of answers of origins with a status from 500, 0 to 1."""
        self.origins_up = origins_up
        """Share of origins that are healthy, 0 to 1."""


WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROUTES: Final = tuple(route.word for route in RouteClass)


@dataclass(frozen=True, slots=True)
class Fact:
    """A field as conditions see it."""

    attribute: str
    """Its name in `Facts`."""
    kind: Kind
    text: str
    """What it says, for people."""
    words: tuple[str, ...] = ()
    """All values that it can have, where there are few."""
    low: float = -math.inf
    high: float = math.inf
    proves: bool = False
    """Whether a client cannot have it for free: negative evidence may rest on it."""


FIELDS: Final[dict[str, Fact]] = {
    "score": Fact("score", Kind.NUMBER, "bot score", low=0, high=100),
    "labels": Fact("labels", Kind.LABELS, "labels of signals and of rules above"),
    "route": Fact("route", Kind.TEXT, "route class", words=ROUTES),
    "method": Fact("method", Kind.TEXT, "method, in capitals"),
    "path": Fact("path", Kind.TEXT, "path, with escapes and dots resolved, without query"),
    "query": Fact("query", Kind.TEXT, "query as sent, without ?"),
    "headers": Fact("headers", Kind.HEADERS, 'headers["name"]; empty text when it is not there'),
    "address": Fact("address", Kind.ADDRESS, "client address", proves=True),
    "network": Fact("network", Kind.TEXT, "the /24 or /48 around the address", proves=True),
    "host": Fact("host", Kind.TEXT, "host asked for, in lower case, without port"),
    "site": Fact("site", Kind.TEXT, "first host of the site in the settings"),
    "secure": Fact("secure", Kind.BOOL, "the client spoke https"),
    "fingerprint": Fact("fingerprint", Kind.TEXT, "fingerprint of the head"),
    "ja4": Fact("ja4", Kind.TEXT, "JA4 of the handshake; empty when not known"),
    "account.known": Fact("account_known", Kind.BOOL, "the request is about an account"),
    "session.known": Fact("session_known", Kind.BOOL, "the session was seen before"),
    "session.passed": Fact("passed", Kind.BOOL, "there is a valid pass", proves=True),
    "time.hour": Fact("hour", Kind.NUMBER, "hour of the day, in UTC", low=0, high=23),
    "time.weekday": Fact("weekday", Kind.TEXT, "day of the week, in UTC", words=WEEKDAYS),
    "load.host": Fact("load", Kind.NUMBER, "load of the host for each of its cores", low=0),
    "load.origin_latency": Fact("origin_latency", Kind.NUMBER, "seconds origins take to answer", low=0),
    "load.error_rate": Fact("error_rate", Kind.NUMBER, "share of origins' answers from 500", low=0, high=1),
    "load.origins_up": Fact("origins_up", Kind.NUMBER, "share of origins that are healthy", low=0, high=1),
}
"""All fields by the name that conditions call them."""

VERIFIED: Final = "bot.verified."
"""How labels begin that a sender has proved, and not only claimed."""
