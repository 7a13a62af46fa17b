"""Connections of senders: each has one of its own for each address, kept as browsers keep theirs.

How a sender's address reaches the other side is said by `Via`: a PROXY header (version 2, with TLS told) at the start
of each connection, header lines that a trusted front would write, or nothing but the source address of the socket,
taken from 127.0.0.0/8.

Promises: a request that finds its kept connection closed is sent once more on a new one, if nothing of an answer came;
an answer is read whole. Never: connects to anything but loopback.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from enum import Enum
from hashlib import blake2b
from typing import Final, NamedTuple, cast

import httptools

from loadtests.actors.model import Ask
from loadtests.run.settings import HTTP2_HEADER, JA4_HEADER

KEPT_BODY: Final = 64 * 1024
"""Bytes of a refusal that are kept, to read a challenge from."""
PATIENCE_S: Final = 30.0
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_TLS: Final = struct.pack(">BHBI", 0x20, 5, 1, 0)
_TOLD: Final = frozenset((b"location", b"x-pass-receipt", b"retry-after"))


class NotLoopbackError(ValueError):
    """The target is not on this machine."""


class Via(Enum):
    """How the address of a sender gets across."""

    PROXY = "proxy"
    HEADER = "header"
    LOOPBACK = "loopback"


class Got(NamedTuple):
    """An answer as it came; status 0 for none."""

    status: int
    cookies: tuple[bytes, ...] = ()
    lines: bytes = b""
    """Those that visitors go by."""
    body: bytes = b""


NOTHING: Final = Got(0)


def loopback(host: str, port: int) -> tuple[str, int]:
    """An address of this machine by its name; NotLoopbackError for any other."""
    for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not ipaddress.ip_address(place[0]).is_loopback:
            raise NotLoopbackError(f"{host} is {place[0]}, and nothing is ever sent beyond loopback")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
    return str(found[0]), port


def proxy_header(address: str, secure: bool) -> bytes:
    """A PROXY header, version 2 (haproxy.org, proxy-protocol.txt, section 2.2)."""
    source = ipaddress.ip_address(address).packed
    family, target = (0x11, bytes((127, 0, 0, 1))) if len(source) == 4 else (0x21, bytes(15) + b"\x01")
    rest = source + target + struct.pack(">HH", 40000, 443 if secure else 80) + (_TLS if secure else b"")
    return _SIGNATURE + struct.pack(">BBH", 0x21, family, len(rest)) + rest


def front_lines(ask: Ask) -> bytes:
    """What a front that ends TLS adds to a head."""
    browser = ask.browser
    lines = f"X-Forwarded-For: {ask.address}\r\nX-Forwarded-Proto: {'https' if browser.secure else 'http'}\r\n"
    if browser.handshake.ja4:
        lines += f"{JA4_HEADER}: {browser.handshake.ja4}\r\n"
    if browser.handshake.http2:
        lines += f"{HTTP2_HEADER}: {browser.handshake.http2}\r\n"
    return lines.encode()


def local_address(address: str) -> str:
    """An address of 127.0.0.0/8 that stands for a sender's; networks of 24 bits stay apart."""
    packed = ipaddress.ip_address(address).packed
    network = blake2b(packed[:3] if len(packed) == 4 else packed[:6], digest_size=2).digest()
    return f"127.{network[0]}.{network[1]}.{packed[-1] % 253 + 1}"


class Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Got | None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._lines = b""
        self._cookies: list[bytes] = []
        self._began = False
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(NOTHING if self._began else None)

    async def ask(self, data: bytes) -> Got | None:
        """The answer to a request; None where the connection had been closed before."""
        if self._transport is None or not self.is_open:
            return None
        self._body, self._lines, self._cookies, self._began = b"", b"", [], False
        self._waiting = self._loop.create_future()
        self._transport.write(data)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._waiting
        except TimeoutError:
            self.close()
            return NOTHING

    def close(self) -> None:
        """Ends it at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the parser tells

    def data_received(self, data: bytes) -> None:
        self._began = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        low = name.lower()
        if low == b"set-cookie":
            self._cookies.append(value.partition(b";")[0].strip())
        elif low in _TOLD:
            self._lines += b"%b: %b\r\n" % (name, value)

    def on_body(self, body: bytes) -> None:
        if self._parser.get_status_code() == 403 and len(self._body) < KEPT_BODY:
            self._body += body

    def on_message_complete(self) -> None:
        parser = self._parser
        got = Got(parser.get_status_code(), tuple(self._cookies), self._lines, self._body)
        if not parser.should_keep_alive():
            self.is_open = False
        self._parser = httptools.HttpResponseParser(self)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(got)


class Sender:
    """All connections of one actor."""

    def __init__(self, host: str, port: int, via: Via) -> None:
        self._host, self._port, self._via = host, port, via
        self._lines: dict[tuple[str, bool], Line] = {}

    async def send(self, ask: Ask, data: bytes) -> Got:
        """Sends a request over the connection of its address."""
        key = ask.address, ask.browser.secure
        line = self._lines.get(key)
        if line is not None and line.is_open:
            got = await line.ask(data)
            if got is not None:
                return got
        fresh = await self._connect(*key)
        if fresh is None:
            return NOTHING
        if line is not None:
            line.close()
        elif len(self._lines) > 8:  # those of addresses that it has left
            self.close()
        self._lines[key] = fresh
        return await fresh.ask(data) or NOTHING

    async def _connect(self, address: str, secure: bool) -> Line | None:
        local = None
        if self._via is Via.LOOPBACK and ":" not in self._host:
            local = (local_address(address), 0)
        try:
            async with asyncio.timeout(PATIENCE_S):
                transport, line = await asyncio.get_running_loop().create_connection(
                    Line, self._host, self._port, local_addr=local
                )
        except (OSError, TimeoutError):
            return None
        if self._via is Via.PROXY:
            transport.write(proxy_header(address, secure))
        return line

    def close(self) -> None:
        """Ends them all."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
