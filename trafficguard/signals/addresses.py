"""The numbers under which a client's address, and the network around it, are counted.

Promises: IPv4 counts as one address and its /24, IPv6 as its /64 (one household) and its /48; an IPv4 address that is
mapped into IPv6 is the IPv4 address; a text that is no address (`unix`) has numbers of its own. Never: resolves a
name.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from trafficguard.signals.hashes import hash64
from trafficguard.signals.memory import Memory

Numbers = tuple[int, int, int, int]
"""Address, low and high 64 bits, then network, low and high 64 bits."""

_MAPPED: Final = 0xFFFF << 32
"""What an IPv4 address looks like in the low half of IPv6 (RFC 4291 section 2.5.5.2)."""
_IPV4_NETWORK: Final = ~0xFF
_IPV6_NETWORK: Final = ~0xFFFF
_NOT_ONE: Final = 0xFFFF << 48
"""High bits of what is no address: in the multicast range of IPv6, from which nobody connects."""
_LONGEST: Final = 64


class Addresses:
    """Numbers by client address."""

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self._memory: Memory[str, Numbers] = Memory()

    def find(self, client: str) -> Numbers:
        """The numbers of `client`, an address in text form."""
        memory = self._memory
        return memory.young.get(client) or memory.recall(client) or self._learn(client)

    def _learn(self, client: str) -> Numbers:
        numbers = _numbers_of(client)
        if len(client) <= _LONGEST:
            self._memory.keep(client, numbers)
        return numbers


def _numbers_of(client: str) -> Numbers:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        low = hash64(client.encode("utf-8", "surrogatepass"))
        return low, _NOT_ONE, low, _NOT_ONE
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    number = int(address)
    if address.version == 4:
        number |= _MAPPED
        return number, 0, number & _IPV4_NETWORK, 0
    high = number >> 64
    return 0, high, 0, high & _IPV6_NETWORK
