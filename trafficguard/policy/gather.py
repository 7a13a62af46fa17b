"""The facts of a request as conditions ask for them.

Promises: only what the policy in force asks for is worked out; all else stands there as "not known". The time is an
argument, and hours and days are those of UTC. What a header block says is noted on it, for it comes again with every
request of a kept connection. Never: counts.
"""

from __future__ import annotations

from typing import Final

from trafficguard.exchange import Conditions, Request
from trafficguard.http.target import resolved_path
from trafficguard.policy.engine import Policy, network_of, plain_facts
from trafficguard.policy.facts import ROUTES, WEEKDAYS, Facts
from trafficguard.policy.networks import number_of
from trafficguard.signals.memory import Memory

_HOUR: Final = 3600 * 1_000_000_000
_METHODS: Final = {word.encode(): word for word in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")}
_FIRST_DAY: Final = 3
"""1 January 1970 was a Thursday."""

CHEAP: Final = frozenset((
    "score", "labels", "route", "load.host", "load.origin_latency", "load.error_rate", "load.origins_up",
))  # fmt: skip
"""Fields that what is found of a request and the conditions of the moment already hold."""


class Gatherer:
    """Gathers facts for one policy."""

    __slots__ = (
        "_addresses", "_asks_address", "_asks_block", "_asks_network", "_asks_path", "_asks_query", "_conditions",
        "_facts", "_headers", "_hour",
    )  # fmt: skip

    def __init__(self, policy: Policy) -> None:
        fields = policy.fields
        self._headers = {name.encode("latin-1"): name for name in policy.headers}
        self._asks_block = bool(policy.headers) or "host" in fields
        self._asks_address = not fields.isdisjoint(("address", "network"))
        self._asks_network = "network" in fields
        self._asks_path = "path" in fields
        self._asks_query = "query" in fields
        self._addresses: Memory[str, tuple[int, str]] = Memory()
        self._conditions: Conditions | None = None
        self._hour = -1
        self._facts = facts = plain_facts(path="", host="")
        facts.address_number, facts.network = -1, ""

    def gather(
        self,
        request: Request,
        now: int,
        conditions: Conditions,
        score: float,
        evidence: float,
        labels: frozenset[str],
        route: int,
        fingerprint: str,
        session_known: bool,
    ) -> Facts:
        """The facts of a request at `now`, which are true until the next call."""
        facts, head = self._facts, request.head
        facts.score = score
        facts.evidence = evidence
        facts.labels = labels
        facts.route = ROUTES[route]
        method = head.method
        facts.method = _METHODS.get(method) or method.decode("latin-1")
        if self._asks_path:
            # As an origin resolves it: a rule for /open/ must not hold for /open/../checkout.
            facts.path = resolved_path(head.target.path).decode("latin-1")
        if self._asks_query:
            facts.query = head.target.query.decode("latin-1")
        if self._asks_block:
            noted = head.block.noted
            if noted is None or noted[0] is not self:
                noted = head.block.noted = self, (self._headers_of(request), _host_in(request))
            facts.headers, facts.host = noted[1]
            if head.target.authority:
                facts.host = host_of(request)
        facts.address = request.client
        if self._asks_address:
            facts.address_number, facts.network = self._address(request.client)
        facts.site = request.site
        facts.secure = request.secure
        facts.fingerprint = fingerprint
        facts.ja4 = request.handshake.ja4
        facts.account_known = bool(request.account)
        facts.session_known = session_known
        facts.passed = request.passed
        if now // _HOUR != self._hour:
            self._tell_time(now // _HOUR)
        if conditions is not self._conditions:
            self._tell_conditions(conditions)
        return facts

    def _tell_time(self, hour: int) -> None:
        """`hour`: whole hours since the Unix epoch."""
        self._hour = hour
        self._facts.hour = hour % 24
        self._facts.weekday = WEEKDAYS[(hour // 24 + _FIRST_DAY) % 7]

    def _tell_conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        facts = self._facts
        facts.load, facts.origin_latency = conditions.load, conditions.origin_latency
        facts.error_rate, facts.origins_up = conditions.error_rate, conditions.origins_up

    def _headers_of(self, request: Request) -> dict[str, str]:
        wanted, found = self._headers, {}
        for field in reversed(request.head.fields):
            name = wanted.get(field.name)
            if name is not None:
                found[name] = field.value.decode("latin-1")
        return found

    def _address(self, client: str) -> tuple[int, str]:
        known = self._addresses.young.get(client) or self._addresses.recall(client)
        if known is None:
            known = number_of(client), network_of(client) if self._asks_network else ""
            self._addresses.keep(client, known)
        return known


def host_of(request: Request) -> str:
    """The host that was asked for, in lower case, without port."""
    authority = request.head.target.authority
    return _without_port(authority) if authority else _host_in(request)


def _host_in(request: Request) -> str:
    """The same by the Host header alone."""
    return _without_port(request.head.value(b"host") or b"")


def _without_port(authority: bytes) -> str:
    host = authority.decode("latin-1").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
