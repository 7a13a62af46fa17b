"""Whom a challenge and a pass are for: a network, a kind of browser and its language, not one address.

Telephones change addresses within a network, households share one, and a browser sends other headers with a page than
with what its scripts ask for; so a visitor is known by the /24 or /48, by family, system and make of the browser that
its User-Agent names (not by its version: browsers update themselves in the middle of a visit), and by Accept-Language,
which browsers send with everything. Whoever claims no known browser is known by the whole User-Agent.

Promises: the same visitor has the same marks for a page, its parts, its scripts and its forms. Never: keeps a value of
a header; marks are hashes.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final, NamedTuple

from trafficguard.exchange import Request
from trafficguard.signals.addresses import Addresses
from trafficguard.signals.agents import read_agent

MARK_SIZE: Final = 8
_NETWORK: Final = struct.Struct(">QQ")


class Visitor(NamedTuple):
    """Two marks of 8 bytes each."""

    network: bytes
    """Of the /24 or /48 that it comes from."""
    traits: bytes
    """Of what its browser is, and of the site."""

    @property
    def mark(self) -> bytes:
        """Both, 16 bytes."""
        return self.network + self.traits


class Visitors:
    """Tells visitors apart."""

    __slots__ = ("_addresses",)

    def __init__(self) -> None:
        self._addresses = Addresses()

    def of(self, request: Request) -> Visitor:
        """Who sends a request; noted on its block of header lines."""
        block = request.head.block
        noted = block.visiting
        if noted is None or noted[:2] != (request.client, request.site):
            block.visiting = noted = request.client, request.site, self._read(request)
        visitor: Visitor = noted[2]
        return visitor

    def _read(self, request: Request) -> Visitor:
        agent = language = b""
        for field in request.head.fields:
            if field.name == b"user-agent":
                agent = agent or field.value
            elif field.name == b"accept-language":
                language = language or field.value
        claim = read_agent(agent.decode("latin-1"))
        if claim.is_browser:
            who = f"{claim.family} {claim.name} {claim.system} {claim.mobile:d} {claim.embedded:d}".encode()
        else:
            who = agent
        network = _NETWORK.pack(*self._addresses.find(request.client)[2:])
        traits = b"%d %b %d %b %b" % (len(who), who, len(language), language, request.site.encode())
        return Visitor(_mark(network), _mark(traits))


def _mark(text: bytes) -> bytes:
    return blake2b(text, digest_size=MARK_SIZE, person=b"tg.visitor").digest()
