"""A whole data plane in the test's own event loop, and an origin that says exactly what reached it.

Promises: the proxy is the real one, wired by `Worker`, on real sockets; the origin parses with h11, a parser that the
proxy does not use, so that both must agree on what a request is. Never: sleeps; every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import h11

from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.sites import listed_servers
from trafficguard.net.wheel import TICK
from trafficguard.settings import Settings
from trafficguard.telemetry.meters import plane_bytes, planes
from trafficguard.worker import Berth, Worker

DEADLINE = 10.0
"""Seconds after which a test that waits has failed."""


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
    """Raw answer to a request; `200 ok` without one."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.received)
        self.received.append(b"")
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


def ok(body: bytes, extra: bytes = b"") -> bytes:
    """A plain answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), extra, body)


@contextlib.asynccontextmanager
async def raw_origin(handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """An origin of the test's own making; gives its URL."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def recording_origin() -> AsyncIterator[Origin]:
    """An `Origin` that listens."""
    origin = Origin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()


@dataclass
class Proxy:
    """A running data plane."""

    worker: Worker
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, *pieces: bytes, end: bool = True) -> bytes:
        """Sends pieces one by one, then (with `end`) half-closes; everything that came back until the close."""
        reader, writer = await self.connect()
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if len(pieces) > 1:
                    await asyncio.sleep(0)
            if end:
                writer.write_eof()
        try:
            return await read_all(reader)
        finally:
            writer.close()

    def turn_wheel(self, seconds: float) -> None:
        """Lets deadlines pass without waiting for them."""
        for _ in range(int(seconds / TICK) + 5):
            self.worker.services.wheel.turn()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other end closes or resets."""
    out = b""
    async with asyncio.timeout(DEADLINE):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                out += piece
    return out


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one answer with Content-Length."""
    async with asyncio.timeout(DEADLINE):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        return head, await reader.readexactly(length)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition that other tasks of this loop bring about."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.001)


def statuses(answers: bytes) -> list[int]:
    """Status codes of the heads in a stream of answers whose bodies hold no status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answers)]


@contextlib.asynccontextmanager
async def proxy_to(*servers: str, **sections: Any) -> AsyncIterator[Proxy]:
    """A data plane in front of `servers`; `sections` are settings, `mode` is `off` unless given."""
    upstream = {"servers": list(servers)}
    values = {"mode": "off", "sites": [{"upstreams": [upstream]}], **sections}
    settings = Settings.model_validate(values)
    berth = make_berth(settings)
    worker = Worker(berth, settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(worker.connection, "127.0.0.1", 0)
    try:
        yield Proxy(worker, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for connection in worker.services.wheel.items():
            connection.abort()
        await asyncio.sleep(0)
        berth.channel.close()
        os.close(berth.ready)
        os.close(berth.life)


def make_berth(settings: Settings) -> Berth:
    """What a supervisor would hand to its only worker."""
    channel, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    life, ready = os.pipe()
    return Berth(
        index=0,
        workers=1,
        sockets=[],
        plane=planes(bytearray(plane_bytes(1)), 1)[0],
        gauges=memoryview(bytearray(gauges_bytes(1))),
        board=memoryview(bytearray(b"\1" * len(listed_servers(settings.sites)))),
        channel=channel,
        ready=ready,
        life=life,
        logs=False,
    )
