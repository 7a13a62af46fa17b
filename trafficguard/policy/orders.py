"""What is in force: a policy, the modes of proxy and sites, and what operators have decided by hand.

Promises: one frozen value with a number that only grows, so that "all workers follow number 7" can be told; it can be
pickled, policy and all, between processes that trust each other. Never: reads a clock; what is over is asked for `now`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from trafficguard.policy.engine import Policy, weaker
from trafficguard.policy.networks import number_of, range_of
from trafficguard.settings import Mode
from trafficguard.values import BadValueError, parse_network, shown

MOST_BY_HAND: Final = 10_000
"""Keys that can be allowed or blocked by hand at one time."""
_MAPPED_BITS: Final = 96
"""Bits before an IPv4 address in its IPv6 form."""
_FINGERPRINT: Final = re.compile(r"h\d\.[a-z]\.\d{1,5}-[0-9a-f]{8}\.[0-9a-f]{8}", re.ASCII)
"""As `signals.fingerprint` makes them."""


class ByHand(NamedTuple):
    """A key that an operator has allowed or blocked for a while."""

    action: Literal["allow", "block"]
    key: str
    """An address, a network or a fingerprint, as `parse_key` spells it."""
    until: int
    """When it is over, ns since the Unix epoch."""
    reason: str = ""
    """Why, in the operator's words."""


def parse_key(text: str) -> str:
    """The spelling of an address, a network (CIDR) or a fingerprint (`h1.c.14-...`); BadValueError otherwise."""
    remedy = "write an address, a network such as 203.0.113.0/24, or a fingerprint as the decision log has it"
    if _FINGERPRINT.fullmatch(text):
        return text
    try:
        network = parse_network(text)
    except BadValueError:
        raise BadValueError(f"{shown(text)} is no key", remedy) from None
    mapped = network.network_address.ipv4_mapped if network.version == 6 and network.prefixlen >= _MAPPED_BITS else None
    if mapped is not None:  # one spelling for one key, so that it can be taken back
        network = ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS))
    return str(network.network_address) if network.num_addresses == 1 else str(network)


class HandTable:
    """What operators have decided by hand, to be looked up: quick to make, for all workers make it while they serve."""

    __slots__ = ("_fingerprints", "_networks")

    def __init__(self, decided: Iterable[ByHand]) -> None:
        self._fingerprints: dict[str, list[ByHand]] = {}
        self._networks: dict[int, dict[int, list[ByHand]]] = {}
        """By the bits of an address that do not matter, and the number that the others make."""
        for one in decided:
            if _FINGERPRINT.fullmatch(one.key):
                self._fingerprints.setdefault(one.key, []).append(one)
            elif "/" in one.key:
                start, end = range_of(ipaddress.ip_network(one.key))
                self._add(one, start, (end - start).bit_length() - 1)
            else:
                self._add(one, number_of(one.key), 0)

    def _add(self, one: ByHand, start: int, shift: int) -> None:
        self._networks.setdefault(shift, {}).setdefault(start >> shift, []).append(one)

    def find(self, address: int, fingerprint: str, now: int) -> ByHand | None:
        """What holds for an address (`networks.number_of`) and a fingerprint; of two, a block."""
        found = _in_force(self._fingerprints.get(fingerprint, ()), now, None)
        if address >= 0:
            for shift, known in self._networks.items():
                found = _in_force(known.get(address >> shift, ()), now, found)
        return found


def _in_force(decided: Iterable[ByHand], now: int, found: ByHand | None) -> ByHand | None:
    for one in decided:
        if now < one.until and (found is None or one.action == "block"):
            found = one
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """All that judging follows, until the next ones."""

    number: int
    policy: Policy
    mode: Mode = "enforce"
    """Of the whole proxy: from the settings, or what an operator has ordered since."""
    by_hand: tuple[ByHand, ...] = ()
    sites: Mapping[str, Mode] = field(default_factory=dict)
    """What an operator has ordered for single sites, by their first hosts."""

    def mode_of(self, site: str) -> Mode:
        """The mode of a site, by its first host: the weakest of those of proxy, policy and site."""
        return weaker(self.ordered(site), self.policy.mode_of(site))

    def ordered(self, site: str) -> Mode:
        """The mode of a site, but for what the policy says."""
        return weaker(self.mode, self.sites.get(site, self.mode))

    def enforced(self, sites: Iterable[str]) -> frozenset[str]:
        """The sites on which verdicts are carried out."""
        return frozenset(site for site in sites if self.mode_of(site) == "enforce")
