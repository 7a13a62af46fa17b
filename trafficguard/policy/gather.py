"""The facts of a request as conditions ask for them.

Promises: only what the policy in force asks for is worked out; all else stands there as "not known". The time is an
argument, and hours and days are those of UTC. Never: counts.
"""

from __future__ import annotations

from typing import Final

from trafficguard.exchange import Conditions, Request
from trafficguard.http.target import resolved_path
from trafficguard.policy.engine import Policy, network_of
from trafficguard.policy.facts import ROUTES, WEEKDAYS, Facts
from trafficguard.policy.networks import number_of
from trafficguard.signals.memory import Memory

_SECOND: Final = 1_000_000_000
_DAY_S: Final = 86_400
_FIRST_DAY: Final = 3
"""1 January 1970 was a Thursday."""

CHEAP: Final = frozenset((
    "score", "labels", "route", "load.host", "load.origin_latency", "load.error_rate", "load.origins_up",
))  # fmt: skip
"""Fields that what is found of a request and the conditions of the moment already hold."""


class Gatherer:
    """Gathers facts for one policy."""

    __slots__ = ("_addresses", "_asks_address", "_asks_headers", "_headers", "_network")

    def __init__(self, policy: Policy) -> None:
        self._headers = {name.encode("latin-1"): name for name in policy.headers}
        self._asks_headers = bool(policy.headers)
        self._asks_address = not policy.fields.isdisjoint(("address", "network"))
        self._network = "network" in policy.fields
        self._addresses: Memory[str, tuple[int, str]] = Memory()

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
        """The facts of a request at `now`."""
        head, target = request.head, request.head.target
        # As an origin resolves it: a rule for /open/ must not hold for /open/../checkout.
        path, query = resolved_path(target.path).decode("latin-1"), target.query.decode("latin-1")
        number, network = self._address(request.client) if self._asks_address else (-1, "")
        seconds = now // _SECOND
        return Facts(
            score, evidence, labels, ROUTES[route], head.method.decode("latin-1"), path, query,
            self._headers_of(request) if self._asks_headers else {}, request.client, number, network,
            host_of(request), request.site, request.secure, fingerprint, request.handshake.ja4,
            bool(request.account), session_known, request.passed, seconds // 3600 % 24,
            WEEKDAYS[(seconds // _DAY_S + _FIRST_DAY) % 7], conditions.load, conditions.origin_latency,
            conditions.error_rate, conditions.origins_up,
        )  # fmt: skip

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
            known = number_of(client), network_of(client) if self._network else ""
            self._addresses.keep(client, known)
        return known


def host_of(request: Request) -> str:
    """The host that was asked for, in lower case, without port."""
    head = request.head
    host = (head.target.authority or head.value(b"host") or b"").decode("latin-1").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
