"""One worker process: wires the data plane to its sockets, and runs it until it is told to drain.

Promises: after SIGTERM, or when the supervisor is gone, every connection that waits in the accept queue and every
request in flight is still answered, within `timeouts.drain`. Never: decides anything about a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import uvloop

from trafficguard.challenge.desk import Desk
from trafficguard.challenge.page.render import Brand, Renderer
from trafficguard.challenge.providers import Provider
from trafficguard.clock import SECOND, SystemClock
from trafficguard.control.dispatch import confirm, receive
from trafficguard.counters.table import Table
from trafficguard.exchange import Conditions
from trafficguard.guard import Guard
from trafficguard.net.downstream import Downstream
from trafficguard.net.forward_auth import ForwardAuth
from trafficguard.net.gauges import ConnectionGauges
from trafficguard.net.listener import take_in, turn_away
from trafficguard.net.peer import Trust
from trafficguard.net.pool import Origin
from trafficguard.net.recent import Recent
from trafficguard.net.reception import Reception
from trafficguard.net.services import Services
from trafficguard.net.sites import Sites
from trafficguard.net.verifying import Verifier
from trafficguard.net.wheel import TICK
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.signals.catalog import BEHIND_PROXY, DIRECT, intact_of
from trafficguard.signals.facts import SiteFacts, facts_of, hidden_headers
from trafficguard.storage.pump import Pump
from trafficguard.telemetry.events import EventRing
from trafficguard.telemetry.meters import Meters, Plane

_log: Final = logging.getLogger(__name__)
_PUMP_PERIOD: Final = 0.1
_SECOND: Final = 1.0
_PATIENCE: Final = 0.05
"""Seconds between two looks at whether a draining worker is done."""
_HANDSHAKE: Final = 0.1
"""Seconds that those get who are connecting when a worker begins to drain: one round trip to most of the world."""
_COLLECT_AT: Final = 20_000, 20, 50
"""Objects made, and collections of younger ones, after which rubbish is collected: rarely, for hardly anything here
refers to itself, and everybody waits meanwhile (20 ms for all that a busy worker remembers)."""
_FAREWELLS: Final = 10
"""Turns of the loop that connections get to notice that they were aborted; uvloop needs three."""


@dataclass(frozen=True, slots=True)
class Berth:
    """What a worker gets from the supervisor, and what the one that replaces it gets again."""

    index: int
    workers: int
    sockets: list[socket.socket]
    plane: Plane
    gauges: memoryview
    """Planes of all workers' connection gauges."""
    board: memoryview
    """One byte for each origin, in the order of the settings: 1 = let it take part."""
    channel: socket.socket
    """Where events go."""
    line: socket.socket
    """Where orders come from."""
    ready: int
    """File descriptor to write a byte to once connections are accepted."""
    life: int
    """File descriptor that reads end-of-file when the supervisor is gone."""
    logs: bool
    """Whether anybody takes events."""
    counters: Table
    """The counters, which all workers share."""
    secret: bytes
    """What cookies are sealed and names are hashed with; the same for all workers."""
    previous: tuple[bytes, ...] = ()
    """What cookies were sealed with before, latest first."""
    brand: Brand = field(default_factory=Brand)
    """What the shop puts on the page of a challenge."""
    provider: Provider | None = None
    """Somebody else's check, if the settings name one."""
    fronts: list[socket.socket] = field(default_factory=list)
    """Where other proxies ask, in the order of the settings."""
    recent: memoryview = field(default_factory=lambda: memoryview(bytearray()))
    """Requests of late that they let through, of all workers."""


class Door:
    """A listening socket, and what is made of each connection on it."""

    server: asyncio.Server

    def __init__(self, sock: socket.socket, connection: Callable[[], asyncio.Protocol]) -> None:
        self.connection = connection
        # Draining accepts what is still queued after the server is closed, so a second handle is kept.
        self.spare = sock.dup()
        self._sock = sock
        take_in(self.spare)

    async def open(self) -> None:
        """Accepts from now on."""
        loop = asyncio.get_running_loop()
        if self._sock.family == socket.AF_UNIX:
            self.server = await loop.create_unix_server(self.connection, sock=self._sock)
        else:
            self.server = await loop.create_server(self.connection, sock=self._sock)


def run(berth: Berth, settings: Settings, orders: Orders) -> None:
    """Serves by `orders` and those that come later, until drained; returns when the process may exit."""
    # libuv would send every epoll_ctl through an io_uring: for one connection at a time that costs more than the call
    # itself, and many containers forbid it anyway.
    os.environ.setdefault("UV_USE_IO_URING", "0")
    gc.set_threshold(*_COLLECT_AT)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Worker(berth, settings, orders).serve())


class Worker:
    """The parts of one worker process."""

    def __init__(self, berth: Berth, settings: Settings, orders: Orders) -> None:
        self._berth = berth
        self._drain_time = settings.timeouts.drain
        # A proxy in front that tells addresses in a header speaks HTTP itself, so order and case may be its own.
        intact = DIRECT if settings.trusted.header == "none" else BEHIND_PROXY
        facts = facts_of(settings.sites, berth.secret)
        berth.counters.populate()
        self._guard = Guard(orders, berth.counters.memory, facts, intact=intact)
        self._meters = Meters(berth.plane)
        self._ring = EventRing(self._meters, settings.log.sample if berth.logs else None)
        limits, provider = settings.limits, berth.provider
        self.services = Services(
            clock=SystemClock(),
            guard=self._guard,
            reserve=berth.counters.reserve,
            reception=self._reception(settings),
            trust=Trust(settings.trusted),
            gauges=ConnectionGauges(
                berth.gauges, berth.workers, berth.index, limits.connections, limits.connections_per_address
            ),
            meters=self._meters,
            ring=self._ring,
            limits=limits,
            timeouts=settings.timeouts,
            hidden=hidden_headers(settings.sites),
            verify=Verifier(provider, SystemClock()).asks if provider is not None else None,
        )
        self._turned = 0.0
        self._latest = 0.0
        """How late the wheel was turned at worst since that was last told, in seconds."""
        self._errors_told = 0
        self._rule_errors_told = 0
        self._origins: list[Origin] = []
        connect = settings.timeouts.connect

        def make_origin(server: str) -> Origin:
            origin = Origin(server, len(self._origins), berth.board, settings.pool, connect, self.services)
            self._origins.append(origin)
            return origin

        self.services.sites = Sites(settings.sites, int(limits.body), make_origin, facts)
        self.services.sites.set_modes(orders.mode_of)
        self._guards = [self._guard]
        self._fronts = self._make_fronts(settings, orders, facts) if settings.forward_auth else []
        self._pump = Pump(self._ring, berth.channel, self._meters)
        self._stop = asyncio.Event()

    def _reception(self, settings: Settings) -> Reception:
        """Where visitors who are challenged are received."""
        berth, counters = self._berth, self._berth.counters
        domains = {site.hosts[0]: site.cookie_domain for site in settings.sites if site.cookie_domain is not None}
        desk = Desk(
            berth.secret, counters.timers, counters.burn, previous=berth.previous,
            lifetime=int(settings.challenge.lifetime), domains=domains,
        )  # fmt: skip
        return Reception(desk, Renderer(berth.brand), berth.provider)

    def _make_fronts(
        self, settings: Settings, orders: Orders, facts: Mapping[str, SiteFacts]
    ) -> list[ForwardAuth]:
        """Our ends of the places where other proxies ask; all share a guard that knows what such a proxy spoils."""
        berth, services = self._berth, self.services
        guard = Guard(orders, berth.counters.memory, facts, intact=intact_of("forward-auth"), sees_answers=False)
        self._guards.append(guard)
        recent = Recent(berth.recent, berth.workers, berth.index)
        return [
            ForwardAuth(one, settings.trusted, services, guard, recent, berth.secret) for one in settings.forward_auth
        ]

    async def serve(self) -> None:
        """Accepts and serves until told to drain, then drains."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C reaches the whole group; the supervisor decides
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
        loop.add_reader(self._berth.life, self._on_supervisor_lost)
        loop.add_reader(self._berth.line, self._on_orders)
        confirm(self._berth.line, self._guard.orders.number)
        self._turned = loop.time()
        self._every(TICK, self._turn)
        self._every(_SECOND, self._each_second)
        self._every(_PUMP_PERIOD, self._pump.pump)
        for front in self._fronts:
            await front.start()
        doors = [Door(sock, self.connection) for sock in self._berth.sockets]
        doors += [
            Door(sock, front.connection) for sock, front in zip(self._berth.fronts, self._fronts, strict=True)
        ]
        for door in doors:
            await door.open()
        os.write(self._berth.ready, b"r")
        await self._stop.wait()
        await self._drain(doors)

    def connection(self) -> Downstream:
        """The protocol of a new client connection."""
        return Downstream(self.services)

    def _on_supervisor_lost(self) -> None:
        asyncio.get_running_loop().remove_reader(self._berth.life)
        self._stop.set()

    def _on_orders(self) -> None:
        """Takes over the latest orders, between two requests."""
        try:
            orders = receive(self._berth.line)
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._berth.line)
            return
        if orders is None:
            return
        for guard in self._guards:
            guard.follow(orders)
        self.services.sites.set_modes(orders.mode_of)
        for connection in self.services.wheel.items():
            connection.follow()
        for front in self._fronts:
            front.follow()
        confirm(self._berth.line, orders.number)

    def _every(self, period: float, call: Callable[[], None]) -> None:
        """Calls again and again; a call that fails is reported by the loop and does not end the series."""
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_later(period, again)
            call()

        loop.call_later(period, again)

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._latest = max(self._latest, now - self._turned - TICK)
        self._turned = now
        self.services.wheel.turn()

    def _each_second(self) -> None:
        services = self.services
        up = sum(origin.is_listed and not origin.is_resting() for origin in self._origins)
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        services.conditions = Conditions(load, up / len(self._origins), *services.strain.look())
        for origin in self._origins:
            origin.sweep()
        self._meters.loop_lag, self._latest = int(self._latest * SECOND), 0.0
        self._tell_errors()
        self._meters.flush()

    def _tell_errors(self) -> None:
        failed: Counter[str] = Counter()
        for guard in self._guards:
            failed.update(guard.rule_errors)
        count = failed.total()
        if count > self._rule_errors_told:
            self._meters.rule_errors += count - self._rule_errors_told
            self._rule_errors_told = count
            _log.error("rules have failed on requests, which they then do not match: %s", dict(failed))
        errors = sum(guard.errors for guard in self._guards)
        if errors > self._errors_told:
            fresh = errors - self._errors_told
            self._errors_told = errors
            self._meters.guard_errors += fresh  # which goes on from those of the worker before
            last = next(guard.last_error for guard in self._guards if guard.last_error)
            _log.error("%d requests could not be judged; the last one: %s", fresh, last)

    async def _drain(self, doors: list[Door]) -> None:
        services, loop = self.services, asyncio.get_running_loop()
        services.draining = True
        deadline = loop.time() + self._drain_time
        for door in doors:
            turn_away(door.spare)
        await asyncio.sleep(min(_HANDSHAKE, self._drain_time))
        for door in doors:
            door.server.close()
        for make, accepted in [(door.connection, sock) for door in doors for sock in _last_of(door.spare)]:
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(make, accepted)
        await asyncio.sleep(0)  # what the servers accepted in their last turn has its protocol after this one
        for origin in self._origins:
            origin.close_idle()
        for connection in services.wheel.items():
            connection.drain()
        for front in self._fronts:
            await front.close()
        while services.wheel.items() and loop.time() < deadline:  # noqa: ASYNC110 - they leave without a word
            await asyncio.sleep(_PATIENCE)
        for connection in services.wheel.items():
            connection.abort()
        for _ in range(_FAREWELLS):
            if not services.wheel.items():
                break
            await asyncio.sleep(0)
        while self._ring:
            self._pump.pump()
        self._tell_errors()
        self._meters.flush()


def _last_of(listening: socket.socket) -> list[socket.socket]:
    """Accepts what waits on a socket and closes it: what is left in the queue then, the kernel resets.

    In one go, for what comes meanwhile would have no end.
    """
    accepted = []
    with listening, contextlib.suppress(OSError):
        while True:
            with contextlib.suppress(ConnectionAbortedError):
                accepted.append(listening.accept()[0])
    for connection in accepted:
        connection.setblocking(False)
    return accepted
