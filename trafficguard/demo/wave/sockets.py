"""Connections of the crowd: one for each address, kept, opened with a PROXY header that names the address.

Promises: the bytes of a head leave as they are; an answer is read whole; a connection that the other side closed is
opened anew. Never: connects to anything but the Unix socket it was given.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path
from typing import Final

from trafficguard.demo.wave.life import Answer, Ask

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_PROXY_TCP4: Final = b"\x21\x11"
_SSL: Final = struct.pack("!BHBI", 0x20, 5, 1, 0)
"""The TLV PP2_TYPE_SSL: the client spoke TLS."""
_LARGEST_HEAD: Final = 1 << 16
_SHOP: Final = "192.0.2.1"
_ANSWER_S: Final = 30.0
"""Longest wait for an answer."""


def proxy_header(address: str) -> bytes:
    """A PROXY header, version 2, of a client with TLS at an IPv4 address (haproxy.org, proxy-protocol.txt)."""
    addresses = socket.inet_aton(address) + socket.inet_aton(_SHOP) + struct.pack("!HH", 40_000, 443)
    return _SIGNATURE + _PROXY_TCP4 + struct.pack("!H", len(addresses) + len(_SSL)) + addresses + _SSL


class Connection:
    """A visitor's connection; it is made anew when the visitor's address changes."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._address = ""
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, ask: Ask) -> Answer:
        """Sends a request and reads its answer. OSError (TimeoutError is one) or EOFError when there is none."""
        reader, writer = await self._open(ask.address)
        writer.write(ask.head + ask.body)
        async with asyncio.timeout(_ANSWER_S):
            answer, is_last = await read_answer(reader)
        if is_last:
            await self.close()
        return answer

    async def _open(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._ends is not None and self._address == address and not self._ends[0].at_eof():
            return self._ends
        await self.close()
        reader, writer = await asyncio.open_unix_connection(str(self._place), limit=_LARGEST_HEAD)
        self._address, self._ends = address, (reader, writer)
        writer.write(proxy_header(address))
        return self._ends

    async def close(self) -> None:
        """Leaves."""
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None


async def read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """The answer to a request that was no HEAD, and whether the connection ends with it."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields: dict[str, str] = {}
    cookies = []
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
        if name.lower() == "set-cookie":
            cookies.append(value.strip())
    status = int(first.split(" ")[1])
    is_last = fields.get("connection", "").lower() == "close"
    body = b""
    if status not in (204, 304):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = await _chunks(reader)
        elif "content-length" in fields:
            body = await reader.readexactly(int(fields["content-length"]))
        else:
            body, is_last = await reader.read(), True
    return Answer(status, tuple(cookies), body), is_last


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(pieces)
