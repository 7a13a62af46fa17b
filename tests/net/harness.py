"""A whole data plane in the test's own event loop.

Promises: it is the real one, wired by `Worker`, on real sockets, but for its timers: a test turns the wheel by hand.
Never: sleeps; every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.counters.memories import TINY, new_table
from tests.net.lines import Line, read_all, until
from trafficguard.actions import BLOCK, PASS, ActionValue
from trafficguard.branding import read_provider
from trafficguard.clock import SECOND
from trafficguard.control.dispatch import open_line
from trafficguard.exchange import Conditions, Exchange, Outcome, Request, Verdict
from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.pool import Origin as Server
from trafficguard.net.sites import listed_servers
from trafficguard.net.wheel import TICK
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.telemetry.meters import Meters, plane_bytes, planes
from trafficguard.worker import Berth, Worker

NOON = 1_700_000_000 * SECOND
SECRET = b"the secret of the tests, which is no secret"


def orders_of(settings: Settings, policy: PolicyFile = BALANCED) -> Orders:
    """What a worker follows from its start on."""
    return Orders(1, build(policy), settings.mode)


class PathGuard:
    """Stands in for the guard: blocks what is asked for under `/bad`, so that no test here depends on signals."""

    errors = 0
    rule_errors: ClassVar[dict[str, int]] = {}

    def __init__(self, orders: Orders, action: ActionValue = BLOCK) -> None:
        self.orders = orders
        self.action = action
        """What is done about `/bad`."""
        self.labels: tuple[str, ...] = ("ua.library",)
        """What it is labelled."""
        self.judged: list[bytes] = []
        self.requests: list[Request] = []
        self.observed: list[tuple[Request, Outcome]] = []

    def judge(self, request: Request, now: int, conditions: Conditions) -> Verdict:
        path = request.head.target.path
        self.judged.append(path)
        self.requests.append(request)
        if path.startswith(b"/bad"):
            return Verdict(self.action, 99.0, (), self.labels, "test")
        return Verdict(PASS, 12.0, (), ("ua.browser", "bot.none"), "test")

    def observe(self, request: Request, outcome: Outcome, now: int) -> None:
        self.observed.append((request, outcome))


class Still:
    """A clock in a test's hand."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> int:
        return self.time


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

    def stop_time(self) -> None:
        """From now on its clock stands still, and the ids that it gives to requests are those of every such proxy."""
        services = self.worker.services
        services.clock = Still()  # type: ignore[assignment]
        services._request_prefix = b"0" * 12
        services._request_page = b"0" * 18

    def pass_time(self, seconds: float) -> None:
        """Turns the wheel as often as it turns in so many seconds."""
        for _ in range(int(seconds / TICK)):
            self.worker.services.wheel.turn()

    def turn_wheel(self, seconds: float) -> None:
        """Lets a deadline of so many seconds pass, and the second in which the wheel comes by everybody."""
        self.pass_time(seconds + 1.25)


@contextlib.asynccontextmanager
async def proxy_to(
    *servers: str,
    listen: Path | None = None,
    real_guard: bool = False,
    policy: PolicyFile = BALANCED,
    action: ActionValue = BLOCK,
    **sections: Any,
) -> AsyncIterator[Proxy]:
    """A data plane in front of `servers`; `sections` are settings, `mode` is `off` unless given.

    It listens on a port of 127.0.0.1, and on the Unix socket `listen` besides. A `PathGuard` judges, whose verdict on
    `/bad` is `action`, or the real one does, by `policy`.
    """
    values = {"mode": "off", "sites": [{"upstreams": [{"servers": list(servers)}]}], **sections}
    if listen is not None:
        values["listen"] = ["127.0.0.1:0", f"unix:{listen}"]
    settings = Settings.model_validate(values)
    berth, is_ready, lives = make_berth(settings)
    orders = orders_of(settings, policy)
    worker = Worker(berth, settings, orders)
    worker.services.ring = record = Record()  # type: ignore[assignment]
    guard = PathGuard(orders, action)
    if not real_guard:
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
        line=open_line()[1],
        ready=ready,
        life=life,
        logs=False,
        counters=new_table(TINY),
        secret=SECRET,
        provider=read_provider(settings.challenge, SECRET),
    )
    return berth, is_ready, lives


def leave_berth(berth: Berth, *ends: int) -> None:
    """Closes what `make_berth` opened; `ends` are the supervisor's."""
    berth.channel.close()
    berth.line.close()
    for end in (berth.ready, berth.life, *ends):
        os.close(end)
