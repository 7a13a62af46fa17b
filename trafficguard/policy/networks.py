"""Addresses and networks as whole numbers, and all CIDR lists of a policy as one sorted table.

IPv4 and IPv6 share one line of numbers: an IPv4 address stands where its IPv4-mapped IPv6 form (::ffff:0:0/96) does.

Promises: a look-up is one binary search however many lists there are; its result has one bit per list. Never: parses
text on the way of a request.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from trafficguard.policy.nodes import Network

Range = tuple[int, int]
"""First number, and the number after the last."""

_MAPPED: Final = 0xFFFF << 32


def number_of(address: str) -> int:
    """The number of an address; -1 for text that is none (a Unix socket's peer)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return -1
    return int(parsed) | _MAPPED if parsed.version == 4 else int(parsed)


def range_of(network: Network) -> Range:
    """The numbers of a network."""
    start = int(network.network_address) | (_MAPPED if network.version == 4 else 0)
    return start, start + network.num_addresses


def merged(networks: Iterable[Network]) -> tuple[Range, ...]:
    """The numbers of all networks: sorted, apart from each other."""
    result: list[Range] = []
    for start, end in sorted(range_of(network) for network in networks):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)


def within(inner: Sequence[Range], outer: Sequence[Range]) -> bool:
    """Whether every number of `inner` is one of `outer`; both merged."""
    starts = [start for start, _ in outer]
    for start, end in inner:
        at = bisect_right(starts, start) - 1
        if at < 0 or outer[at][1] < end:
            return False
    return True


def apart(first: Sequence[Range], second: Sequence[Range]) -> bool:
    """Whether no number is in both; both merged."""
    starts = [start for start, _ in second]
    for start, end in first:
        at = bisect_right(starts, start) - 1
        if at >= 0 and second[at][1] > start:
            return False
        if at + 1 < len(second) and second[at + 1][0] < end:
            return False
    return True


class NetworkTable:
    """Which of some sets of networks an address is in."""

    __slots__ = ("_borders", "_masks")

    def __init__(self, sets: Sequence[Iterable[Network]]) -> None:
        flips: dict[int, int] = {}
        for bit, networks in enumerate(sets):
            for start, end in merged(networks):
                flips[start] = flips.get(start, 0) ^ 1 << bit
                flips[end] = flips.get(end, 0) ^ 1 << bit
        self._borders: list[int] = sorted(flips)
        self._masks = [0]
        for border in self._borders:
            self._masks.append(self._masks[-1] ^ flips[border])

    def __call__(self, number: int) -> int:
        """The sets that hold `number`, one bit each, the first lowest."""
        return self._masks[bisect_right(self._borders, number)]

    def masks(self) -> frozenset[int]:
        """Every result that there can be."""
        return frozenset(self._masks)
