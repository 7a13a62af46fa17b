"""A whole data plane in the test's own event loop, and origins and clients that say exactly what reached them.

Promises: the proxy is the real one, wired by `Worker`, on real sockets, but for its timers: a test turns the wheel by
hand. The recording origin parses with h11, a parser that the proxy does not use, so that both must agree on what a
request is. Never: sleeps; every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from trafficguard.exchange import Action, Conditions, Exchange, Request, Verdict
from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.pool import Origin as Server
from trafficguard.net.sites import listed_servers
from trafficguard.net.wheel import TICK
from trafficguard.settings import Settings
from trafficguard.telemetry.meters import Meters, plane_bytes, planes
from trafficguard.worker import Berth, Worker

DEADLINE = 10.0
"""Seconds after which a test that waits has failed."""
HOST = b"Host: shop.example\r\n"


def get(path: str = "/", *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without body; `lines` come after Host."""
    tail = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {path} HTTP/{version}\r\nHost: shop.example\r\n{tail}\r\n".encode("latin-1")


def post(body: bytes, path: str = "/", *lines: str) -> bytes:
    """A request with a body of stated length."""
    return get(path, *lines, f"Content-Length: {len(body)}", method="POST") + body


def chunked(*chunks: bytes, path: str = "/") -> bytes:
    """A request with a body in chunks."""
    return get(path, "Transfer-Encoding: chunked", method="POST") + in_chunks(*chunks)


def in_chunks(*chunks: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def ok(body: bytes = b"ok", extra: bytes = b"") -> bytes:
    """A plain answer; `extra` holds header lines, each with its CRLF."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), extra, body)


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
        """Sends without waiting."""
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
async def raw_origin(handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
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


class Record:
    """Stands in for the event ring: keeps every exchange that ended."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def offer(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    @property
    def errors(self) -> list[str]:
        """The error words, in the order in which exchanges ended."""
        return [exchange.error for exchange in self.exchanges]


class PathGuard:
    """Stands in for the guard: blocks what is asked for under `/bad`, so that no test here depends on signals."""

    errors = 0

    def __init__(self) -> None:
        self.judged: list[bytes] = []

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        path = request.head.target.path
        self.judged.append(path)
        if path.startswith(b"/bad"):
            return Verdict(Action.BLOCK, 99.0, (), ("ua.library",), "test")
        return Verdict(Action.PASS, 12.0, (), ("ua.browser", "bot.none"), "test")


@dataclass
class Proxy:
    """A running data plane."""

    worker: Worker
    port: int
    board: memoryview
    """What active health checks say of each server; 1 = listed."""
    record: Record
    gauges: memoryview
    """The memory of the connection counts."""
    guard: PathGuard
    """Judges, unless `mode` is `off`."""

    @property
    def meters(self) -> Meters:
        return self.worker.services.meters

    @property
    def servers(self) -> list[Server]:
        """The origin servers as the worker sees them, in the order of the settings."""
        return [server for site in self.worker.services.sites.all for server in site.origins()]

    @property
    def connections(self) -> int:
        """Client connections that the proxy holds."""
        return len(self.worker.services.wheel.items())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def line(self, first: bytes = b"") -> Line:
        """A client connection on which `first` is sent."""
        line = Line(*await self.connect())
        line.say(first)
        return line

    async def narrow_line(self, first: bytes = b"") -> Line:
        """A client connection through which little fits: what is not read stays in the proxy's own memory."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        line = Line(*await asyncio.open_connection(sock=sock, limit=1024))
        await until(lambda: self.connections == 1)
        (connection,) = self.worker.services.wheel.items()
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        line.say(first)
        return line

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer to one request on a connection of its own."""
        line = await self.line(request)
        try:
            return await line.hear_answer()
        finally:
            line.close()

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

    def pass_time(self, seconds: float) -> None:
        """Turns the wheel as often as it turns in so many seconds."""
        for _ in range(int(seconds / TICK)):
            self.worker.services.wheel.turn()

    def turn_wheel(self, seconds: float) -> None:
        """Lets a deadline of so many seconds pass, and the second in which the wheel comes by everybody."""
        self.pass_time(seconds + 1.25)


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


def statuses(answers: bytes) -> list[int]:
    """Status codes of the heads in a stream of answers whose bodies hold no status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answers)]


def value_of(head: bytes, name: str) -> str | None:
    """The value of a header in a raw head."""
    match = re.search(rb"\r\n%b: *([^\r]*)\r\n" % name.encode(), head, re.IGNORECASE)
    return match[1].decode("latin-1") if match else None


@contextlib.asynccontextmanager
async def proxy_to(
    *servers: str, listen: Path | None = None, real_guard: bool = False, **sections: Any
) -> AsyncIterator[Proxy]:
    """A data plane in front of `servers`; `sections` are settings, `mode` is `off` unless given.

    It listens on a port of 127.0.0.1, and on the Unix socket `listen` besides. A `PathGuard` judges, or the real one.
    """
    values = {"mode": "off", "sites": [{"upstreams": [{"servers": list(servers)}]}], **sections}
    if listen is not None:
        values["listen"] = ["127.0.0.1:0", f"unix:{listen}"]
    settings = Settings.model_validate(values)
    berth, is_ready, lives = make_berth(settings)
    worker = Worker(berth, settings)
    worker.services.ring = record = Record()  # type: ignore[assignment]
    guard = PathGuard()
    if worker.services.guard is not None and not real_guard:
        worker.services.guard = guard  # type: ignore[assignment]
    loop = asyncio.get_running_loop()
    doors: list[asyncio.Server] = [await loop.create_server(worker.connection, "127.0.0.1", 0)]
    port = doors[0].sockets[0].getsockname()[1]
    if listen is not None:
        doors.append(await loop.create_unix_server(worker.connection, str(listen)))
    try:
        yield Proxy(worker, port, berth.board, record, berth.gauges, guard)
    finally:
        for door in doors:
            door.close()
        for connection in worker.services.wheel.items():
            connection.abort()
        await asyncio.sleep(0)
        leave_berth(berth, is_ready, lives)


def make_berth(settings: Settings, *sockets: socket.socket) -> tuple[Berth, int, int]:
    """What a supervisor would hand to its only worker; and its own ends of the pipes: of `ready`, and of `life`."""
    channel, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    (is_ready, ready), (life, lives) = os.pipe(), os.pipe()
    berth = Berth(
        index=0,
        workers=1,
        sockets=list(sockets),
        plane=planes(bytearray(plane_bytes(1)), 1)[0],
        gauges=memoryview(bytearray(gauges_bytes(1))),
        board=memoryview(bytearray(b"\1" * len(listed_servers(settings.sites)))),
        channel=channel,
        ready=ready,
        life=life,
        logs=False,
    )
    return berth, is_ready, lives


def leave_berth(berth: Berth, *ends: int) -> None:
    """Closes what `make_berth` opened; `ends` are the supervisor's."""
    berth.channel.close()
    for end in (berth.ready, berth.life, *ends):
        os.close(end)
