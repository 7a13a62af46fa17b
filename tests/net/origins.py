"""Origins on real sockets that say exactly what reached them.

Promises: the recording origin parses with h11, a parser that the proxy does not use, so that both must agree on what a
request is; the scripted one hands its connections to the test. Never: answers anything a test did not ask for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import h11

from tests.net.lines import DEADLINE, Line, settle
from tests.net.messages import ok


@dataclass
class Seen:
    """One request as the origin understood it."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    connection: int

    def values(self, name: bytes) -> list[bytes]:
        """All values of a header, by lower-case name."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Origin:
    """An origin that records all bytes and answers each request that h11 accepts."""

    requests: list[Seen] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    """Bytes by connection."""
    open: int = 0
    port: int = 0
    answer: Callable[[Seen], bytes] | None = None
    """Raw answer to a request; `200 ok` without one, and the end of the connection when it is empty."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.received)
        self.received.append(b"")
        self.writers.append(writer)
        self.open += 1
        connection = h11.Connection(h11.SERVER)
        try:
            while data := await reader.read(65536):
                self.received[number] += data
                connection.receive_data(data)
                if not await self._take(connection, number, writer):
                    break
        except (h11.RemoteProtocolError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _take(self, connection: h11.Connection, number: int, writer: asyncio.StreamWriter) -> bool:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return True
            if isinstance(event, h11.Request):
                self._head, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                head = self._head
                seen = Seen(head.method, head.target, head.headers.raw_items(), self._body, number)
                self.requests.append(seen)
                answer = self.answer(seen) if self.answer else ok(b"ok")
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer.lower().partition(b"\r\n\r\n")[0] or not answer:
                    return False
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return False
                connection.start_next_cycle()
            else:
                return False


@dataclass
class ScriptedOrigin:
    """An origin whose every connection is handed to the test."""

    url: str = ""
    accepted: int = 0
    _waiting: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._waiting.put_nowait(Line(reader, writer))

    async def line(self) -> Line:
        """The next connection that the proxy has opened."""
        async with asyncio.timeout(DEADLINE):
            return await self._waiting.get()

    async def request(self) -> tuple[Line, bytes]:
        """The next connection, and the head of the first request on it."""
        line = await self.line()
        return line, await line.hear_head()


@contextlib.asynccontextmanager
async def scripted_origin() -> AsyncIterator[ScriptedOrigin]:
    """A `ScriptedOrigin` that listens."""
    origin = ScriptedOrigin()
    async with raw_origin(origin.serve) as origin.url:
        yield origin


@contextlib.asynccontextmanager
async def raw_origin(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """An origin of the test's own making; gives its URL."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def recording_origin(answer: Callable[[Seen], bytes] | None = None) -> AsyncIterator[Origin]:
    """An `Origin` that listens."""
    origin = Origin(answer=answer)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for writer in origin.writers:
            writer.transport.abort()
        await settle()


def closed_port() -> str:
    """URL of a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
