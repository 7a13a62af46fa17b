"""Who is at the other end: the socket's peer, whether it is trusted, and the client it speaks for.

Promises: the client address comes from the socket unless the peer is configured as trusted; a chain of forwarded
addresses is walked from the right, over trusted hops only, and stops at the first that is not trusted or not an
address. This is the only validator of client addresses. Never: believes a header of an untrusted peer.
"""

from __future__ import annotations

import re
import socket
from typing import Final, Literal

from trafficguard.exchange import Handshake
from trafficguard.http.fields import Kind
from trafficguard.http.head import RequestHead
from trafficguard.settings import TrustedSettings

_MOST_KNOWN: Final = 4096
_LONGEST_HANDSHAKE: Final = 512
_MAPPED: Final = b"\0" * 10 + b"\xff\xff"
"""RFC 4291 section 2.5.5.2: what an IPv4 address mapped into IPv6 starts with."""
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_JA4: Final = re.compile(r"[tqd](?:[0-9]{2}|[sd][0-9])[di][0-9]{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_HTTP2: Final = re.compile(r"[0-9:;,]{0,128}\|[0-9]{1,10}\|[0-9:,]{0,128}\|[masp](?:,[masp]){0,3}")
UNIX: Final = "unix"
"""The address of a peer on a Unix socket."""


class Peer:
    """The other end of one connection. Treat as frozen."""

    __slots__ = ("address", "forwarding", "secure", "trusted")

    def __init__(self, address: str, trusted: bool, secure: bool = False) -> None:
        self.address = address
        """Its address, or `unix`."""
        self.trusted = trusted
        """Whether its forwarding headers count."""
        self.secure = secure
        """Whether clients speak https to it, where the connection itself says so."""
        self.forwarding = forwarding_lines(address, secure)
        """The forwarding lines of a request without a chain of its own."""


def forwarding_lines(chain: str, secure: bool) -> bytes:
    """Our X-Forwarded lines for a chain of addresses, client first; nothing is said of a Unix socket."""
    known = "" if chain == UNIX else f"X-Forwarded-For: {chain}\r\n"
    return f"{known}X-Forwarded-Proto: {'https' if secure else 'http'}\r\n".encode()


def pack_address(text: str) -> bytes | None:
    """The 4 or 16 bytes of an address without port, zone or brackets; None when it is none.

    IPv4 addresses mapped into IPv6 come out as IPv4.
    """
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None
    return packed.removeprefix(_MAPPED)


def address_text(packed: bytes) -> str:
    """The one spelling of an address of 4 or 16 bytes; IPv4 addresses mapped into IPv6 come out as IPv4."""
    packed = packed.removeprefix(_MAPPED)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


class Trust:
    """The configured trusted peers."""

    __slots__ = (
        "_handshakes", "_http2_header", "_ja4_header", "_known", "_networks", "cuts_chain", "handshake_kinds", "header",
        "proxy_protocol",
    )  # fmt: skip

    def __init__(self, settings: TrustedSettings) -> None:
        self._networks: dict[int, list[tuple[int, int]]] = {4: [], 16: []}
        for network in settings.peers:
            base = int(network.network_address), int(network.netmask)
            self._networks[network.max_prefixlen // 8].append(base)
        self._known: dict[str, Peer] = {UNIX: Peer(UNIX, True)}
        self.header: Literal["none", "x-forwarded-for", "forwarded"] = settings.header
        self.proxy_protocol: Literal["off", "v1", "v2", "any"] = settings.proxy_protocol
        self.cuts_chain = settings.header == "x-forwarded-for"
        """Whether the chain of addresses is the only thing that differs between the heads of many visitors."""

        self._ja4_header = (settings.ja4_header or "").encode()
        self._http2_header = (settings.http2_header or "").encode()
        self.handshake_kinds = {name: Kind.HANDSHAKE for name in (self._ja4_header, self._http2_header) if name}
        """The headers in which trusted peers tell of the client's handshake; empty where none do."""
        self._handshakes: dict[tuple[bytes, bytes], Handshake] = {}

    def peer(self, address: str) -> Peer:
        """The peer with this address; remembered, for clients come back."""
        peer = self._known.get(address)
        if peer is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known = {UNIX: Peer(UNIX, True)}
            packed = pack_address(address)
            peer = self._known[address] = Peer(address, packed is not None and self._covers_packed(packed))
        return peer

    def _covers_packed(self, packed: bytes) -> bool:
        number = int.from_bytes(packed, "big")
        for base, mask in self._networks[len(packed)]:  # noqa: SIM110 - a generator costs twice as much
            if number & mask == base:
                return True
        return False

    def client_of(self, peer: Peer, head: RequestHead) -> tuple[str, bytes, bool]:
        """Client address, our forwarding lines, and https-ness of a request from a trusted peer."""
        secure = peer.secure
        hops: list[str] = []
        if head.chain:
            text = head.chain.decode("latin-1")
            is_plain = ":" not in text and not head.block.claims
            if is_plain and (packed := pack_address(text)) and not self._covers_packed(packed):
                chain = text if peer.address == UNIX else f"{text}, {peer.address}"
                return text, forwarding_lines(chain, secure), secure  # one hop, as mostly
            hops = _hops_of(head.chain, "x-forwarded-for")
        for field in head.block.claims:
            if field.name == b"x-forwarded-proto":
                secure = field.value.lower() == b"https"
            elif self.header != "none" and field.name == self.header.encode():
                hops += _hops_of(field.value, self.header)
        client, chain = peer.address, peer.address
        for hop in reversed(hops):
            packed = pack_address(hop)
            if packed is None:
                break
            if ":" in hop:
                hop = address_text(packed)  # one client, one spelling
            client, chain = hop, hop if chain == UNIX else f"{hop}, {chain}"
            if not self._covers_packed(packed):
                break
        return client, forwarding_lines(chain, secure), secure

    def handshake_of(self, head: RequestHead) -> Handshake:
        """What a trusted peer says of the client's handshake; a word that is malformed, or there twice, is none."""
        ja4: list[bytes] = []
        http2: list[bytes] = []
        for field in head.block.claims:
            if field.kind is Kind.HANDSHAKE:
                (ja4 if field.name == self._ja4_header else http2).append(field.value)
        said = _only(ja4), _only(http2)
        known = self._handshakes.get(said)
        if known is None:
            known = Handshake(_matching(_JA4, said[0]), _matching(_HTTP2, said[1]))
            if len(self._handshakes) >= _MOST_KNOWN:
                self._handshakes.clear()
            if len(said[0]) + len(said[1]) <= _LONGEST_HANDSHAKE:
                self._handshakes[said] = known
        return known


def _only(values: list[bytes]) -> bytes:
    return values[0] if len(values) == 1 else b""


def _matching(form: re.Pattern[str], value: bytes) -> str:
    text = value.decode("latin-1")
    return text if form.fullmatch(text) else ""


def request_id_of(head: RequestHead) -> bytes:
    """The request id a trusted peer gave, if it is one: up to 64 letters, digits and `._-`, no sign first."""
    for field in head.block.claims:
        if field.kind is Kind.REQUEST_ID and _REQUEST_ID.fullmatch(field.value):
            return field.value
    return b""


def _hops_of(value: bytes, header: str) -> list[str]:
    """The addresses of one header line, left to right; what is not an address stays as a text that is none."""
    text = value.decode("latin-1")
    if header != "forwarded" and "," not in text and ":" not in text:
        return [text.strip(" \t")]
    items = text.split(",")
    if header == "forwarded":
        items = [_for_of(item) for item in items]
    return [_bare(item.strip(" \t")) for item in items]


def _for_of(element: str) -> str:
    """The `for` of one Forwarded element (RFC 7239 section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip(" \t").partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _bare(node: str) -> str:
    """An address without brackets and port."""
    if node.startswith("["):
        return node[1:].partition("]")[0]
    return node.partition(":")[0] if node.count(":") == 1 else node
