"""What is in force: a policy, the mode of the whole proxy, and what operators have decided by hand.

Promises: one frozen value with a number that only grows, so that "all workers follow number 7" can be told; it can be
pickled, policy and all, between processes that trust each other. Never: reads a clock; what is over is asked for `now`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from trafficguard.policy.engine import Policy, weaker
from trafficguard.policy.networks import NetworkTable
from trafficguard.settings import Mode
from trafficguard.values import BadValueError, parse_network, shown

MOST_BY_HAND: Final = 10_000
"""Keys that can be allowed or blocked by hand at one time."""
_FINGERPRINT: Final = "h"
_LONGEST_KEY: Final = 128


class ByHand(NamedTuple):
    """A key that an operator has allowed or blocked for a while."""

    action: Literal["allow", "block"]
    key: str
    """An address, a network or a fingerprint, as `parse_key` spells it."""
    until: int
    """When it is over, ns since the Unix epoch."""


def parse_key(text: str) -> str:
    """The spelling of an address, a network (CIDR) or a fingerprint (`h1.c.14-...`); BadValueError otherwise."""
    remedy = "write an address, a network such as 203.0.113.0/24, or a fingerprint as the decision log has it"
    if text.startswith(_FINGERPRINT) and text.count(".") == 3 and text.isascii() and len(text) <= _LONGEST_KEY:
        return text
    try:
        network = parse_network(text)
    except BadValueError:
        raise BadValueError(f"{shown(text)} is no key", remedy) from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


class HandTable:
    """What operators have decided by hand, to be looked up."""

    __slots__ = ("_fingerprints", "_networks", "_table")

    def __init__(self, decided: Sequence[ByHand]) -> None:
        self._fingerprints = {one.key: one for one in decided if one.key.startswith(_FINGERPRINT)}
        self._networks = [one for one in decided if not one.key.startswith(_FINGERPRINT)]
        self._table = NetworkTable([[ipaddress.ip_network(one.key)] for one in self._networks])

    def find(self, address: int, fingerprint: str, now: int) -> ByHand | None:
        """What holds for an address (`networks.number_of`) and a fingerprint; of two, a block."""
        found = self._in_force(self._fingerprints.get(fingerprint), now)
        hits = self._table(address) if address >= 0 else 0
        while hits:
            low = hits & -hits
            one = self._in_force(self._networks[low.bit_length() - 1], now)
            if one is not None and (found is None or one.action == "block"):
                found = one
            hits ^= low
        return found

    @staticmethod
    def _in_force(one: ByHand | None, now: int) -> ByHand | None:
        return one if one is not None and now < one.until else None


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """All that judging follows, until the next ones."""

    number: int
    policy: Policy
    mode: Mode = "enforce"
    """Of the whole proxy: from the settings, or what an operator has ordered since."""
    by_hand: tuple[ByHand, ...] = ()

    def mode_of(self, site: str) -> Mode:
        """The mode of a site, by its first host: the weakest of those of proxy, policy and site."""
        return weaker(self.mode, self.policy.mode_of(site))

    def enforced(self, sites: Iterable[str]) -> frozenset[str]:
        """The sites on which verdicts are carried out."""
        return frozenset(site for site in sites if self.mode_of(site) == "enforce")
