"""One end of a connection in the hands of a test, and waiting for what others bring about.

Promises: every wait has a deadline, so that a hang is a failure. Never: sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

DEADLINE = 10.0
"""Seconds after which a test that waits has failed."""


class Line:
    """One end of a connection, at which a test says and hears bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to_unix(cls, place: Path) -> Line:
        """A connection to a Unix socket."""
        return cls(*await asyncio.open_unix_connection(str(place)))

    def say(self, data: bytes) -> None:
        """Sends without waiting; into the void where the connection is gone."""
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    async def say_all(self, data: bytes) -> None:
        """Sends, as fast as the other end takes it."""
        self._writer.write(data)
        async with asyncio.timeout(DEADLINE):
            await self._writer.drain()

    async def hear(self, size: int) -> bytes:
        """Exactly so many bytes."""
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readexactly(size)

    async def hear_until(self, end: bytes) -> bytes:
        """Everything up to and with `end`."""
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readuntil(end)

    async def hear_head(self) -> bytes:
        """One head with its empty line."""
        return await self.hear_until(b"\r\n\r\n")

    async def hear_answer(self) -> tuple[bytes, bytes]:
        """Head and body of one message with Content-Length, or without any body."""
        head = await self.hear_head()
        length = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
        return head, await self.hear(int(length[1]) if length else 0)

    async def hear_all(self) -> bytes:
        """Everything until the other end closes or resets."""
        return await read_all(self._reader)

    async def hear_nothing_more(self) -> None:
        """The other end has closed, and said nothing before that."""
        rest = await self.hear_all()
        assert rest == b"", rest

    def stop_hearing(self) -> None:
        """Takes nothing more from the socket, until `hear_again`."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def hear_again(self) -> None:
        """Takes back `stop_hearing`."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    def end(self) -> None:
        """Says that nothing more will be said."""
        self._writer.write_eof()

    def close(self) -> None:
        """Closes in order."""
        self._writer.close()

    def reset(self) -> None:
        """Goes without a word: the other end sees a reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other end closes or resets."""
    out = b""
    async with asyncio.timeout(DEADLINE):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                out += piece
    return out


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition that other tasks of this loop bring about."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.001)


async def settle() -> None:
    """Lets the loop deliver all that has been sent, before a test says that something did not happen."""
    for _ in range(50):
        await asyncio.sleep(0)
