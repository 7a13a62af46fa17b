"""Visitors that never stop asking, and an account of every request they sent.

Promises: every request is accounted for, as answered or lost, and no wait is without a deadline. Never: asks again
for what was lost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.system.clients import page
from tests.system.program import DEADLINE

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


class Line:
    """A visitor's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.port: int = writer.get_extra_info("sockname")[1]
        """Our own port, by which the connection is known on the other side."""
        self.is_over = False
        """Whether the last answer was the last one."""

    def say(self, path: str) -> None:
        """Sends a browser's request."""
        self._writer.write(page(path))

    async def status(self) -> int:
        """The status of the next answer; IncompleteReadError or ConnectionError when it is lost."""
        async with asyncio.timeout(DEADLINE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await self._reader.readexactly(int(length[1]) if length else 0)
        self.is_over = b"connection: close" in head.lower()
        status = _STATUS.match(head)
        assert status, head
        return int(status[1])

    async def is_closed_in_silence(self) -> bool:
        """Waits for the end of the connection; whether nothing came before it."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self._reader.read() == b""
            except ConnectionError:
                return True

    def close(self) -> None:
        """Leaves."""
        self._writer.close()


async def call(port: int) -> Line:
    """A new connection to a port of 127.0.0.1; ConnectionError."""
    async with asyncio.timeout(DEADLINE):
        return Line(*await asyncio.open_connection("127.0.0.1", port))


@dataclass
class Account:
    """What became of all requests."""

    answered: list[int] = field(default_factory=list)
    """Their status."""
    lost: list[int] = field(default_factory=list)
    """Our ports of connections that ended without an answer to what had been sent."""
    refused: int = 0
    """Visitors who left because nobody listened any more."""
    _waiting: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    def take(self, status: int) -> None:
        """Notes an answer."""
        self.answered.append(status)
        for wanted, event in self._waiting:
            if len(self.answered) >= wanted:
                event.set()

    async def wait_for_more(self, count: int) -> None:
        """Waits for so many more answers."""
        event = asyncio.Event()
        self._waiting.append((len(self.answered) + count, event))
        async with asyncio.timeout(DEADLINE):
            await event.wait()


@asynccontextmanager
async def load(port: int, visitors: int) -> AsyncIterator[Account]:
    """Visitors who ask for the whole block, half on connections that they keep, half on a new one each time."""
    account, stop = Account(), asyncio.Event()
    tasks = [
        asyncio.create_task(_visit(port, account, stop.is_set, keeps=number % 2 == 0)) for number in range(visitors)
    ]
    try:
        yield account
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks)


async def _visit(port: int, account: Account, is_over: Callable[[], bool], *, keeps: bool) -> None:
    while not is_over():
        try:
            line = await call(port)
        except ConnectionError:
            account.refused += 1
            return
        try:
            while not line.is_over and not is_over():
                line.say("/page")
                account.take(await line.status())
                if not keeps:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            account.lost.append(line.port)
        finally:
            line.close()


async def quietly(line: Line) -> int | None:
    """The status of the next answer, or None when the connection ended without one."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        return await line.status()
    return None
