"""A door of its own for each client: what goes through it gets the client's address in a PROXY header.

Clients know nothing of PROXY headers and all come from one machine, so each is told another port.

Promises: bytes go through as they are in both directions, behind one header. Never: connects or listens beyond
loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from loadtests.run.wire import proxy_header

_SIZE: Final = 64 * 1024


@asynccontextmanager
async def gate(port: int, address: str) -> AsyncIterator[int]:
    """Listens as long as the block lasts, in front of the proxy at `port`; its own port."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        back.write(proxy_header(address, secure=False))
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on what comes until either side has had enough."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_SIZE):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
