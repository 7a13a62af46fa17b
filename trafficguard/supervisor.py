"""The supervisor process: owns the listening sockets, keeps workers alive, and keeps the operators' door.

Promises: nothing is started unless all of it can be (ports, kernels, log); a dead worker is replaced on the same
socket, so connections that wait there survive it; SIGTERM drains every worker within `timeouts.drain`. Kernels are
warm before the first fork, so workers inherit compiled code and never race for the cache. Never: touches a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import mmap
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from trafficguard import __version__
from trafficguard.control.admin import Admin, start_admin
from trafficguard.control.health import HealthChecks, Target
from trafficguard.control.state import AdminState, WorkerState
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm
from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.listener import bind, remove_files
from trafficguard.net.sites import listed_servers
from trafficguard.nursery import Child, fork
from trafficguard.secret import read_secret
from trafficguard.settings import Settings
from trafficguard.storage.pump import open_channel
from trafficguard.storage.sinks import JsonLines, read_events
from trafficguard.telemetry.events import Event
from trafficguard.telemetry.meters import plane_bytes, planes
from trafficguard.worker import Berth, run

OnEvents = Callable[[list[Event]], None]
"""Takes what a worker has recorded since the last call."""

_KILL_GRACE: Final = 2.0
"""Seconds beyond `timeouts.drain` after which a worker that is still there is killed."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_STABLE_AFTER: Final = 10.0
"""Seconds a worker must live for its death not to count as one more in a row."""
_LISTED: Final = 1

_log: Final = logging.getLogger("trafficguard")


def serve(settings: Settings, on_events: OnEvents | None = None, on_ready: Callable[[], None] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; the exit code. StartError when something is in the way, with nothing started.

    `on_events` gets the recorded requests (all of `settings.log.sample`), `on_ready` is called once all workers serve.
    """
    doors = Doors(settings.listen, settings.workers)
    try:
        report = warm()
        _log.info("kernels are warm after %.1f s", report.seconds)
        return asyncio.run(Supervisor(settings, doors, on_events, on_ready).run())
    finally:
        doors.close()


class Doors:
    """The places where clients connect, and the listening sockets of all workers."""

    def __init__(self, listen: list[str], workers: int) -> None:
        """StartError when a place cannot be had."""
        self.sockets = bind(listen, workers)
        """For each worker one for each place."""
        self.places = [_place_of(sock) for sock in self.sockets[0]]
        """For people to read."""
        self._listen = listen
        self._are_ours = True

    def close(self) -> None:
        """Gives the places up, once: from then on another program may be there. Workers hold handles of their own."""
        if self._are_ours:
            self._are_ours = False
            remove_files(self._listen)
            for sock in chain.from_iterable(self.sockets):
                sock.close()


def _place_of(sock: socket.socket) -> str:
    name = sock.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"http://[{name[0]}]:{name[1]}" if ":" in name[0] else f"http://{name[0]}:{name[1]}"


def _admin_place(listen: str, port: int | None) -> str:
    return listen if port is None else f"http://{listen.rpartition(':')[0]}:{port}"


@dataclass(slots=True)
class Place:
    """One worker's place, whichever process fills it."""

    berth: Berth
    state: WorkerState
    channel: socket.socket
    """Where this worker's events come from."""
    ready: int
    """File descriptor on which it says that it serves."""
    child: Child | None = None
    deaths: int = 0
    """In a row, without a stable time between them."""
    born: float = field(default=0.0)


class Supervisor:
    """Workers, admin listener, health checks and decision log."""

    def __init__(
        self,
        settings: Settings,
        doors: Doors,
        on_events: OnEvents | None,
        on_ready: Callable[[], None] | None,
    ) -> None:
        self._secret = read_secret(settings.secrets)
        self._counters = Table.create()
        self._settings = settings
        self._doors = doors
        self._on_events = on_events
        self._on_ready = on_ready
        count = settings.workers
        self._planes = planes(mmap.mmap(-1, plane_bytes(count)), count)
        gauges = memoryview(mmap.mmap(-1, gauges_bytes(count)))
        self._servers = listed_servers(settings.sites)
        self._board = memoryview(mmap.mmap(-1, len(self._servers)))
        self._board[:] = bytes([_LISTED]) * len(self._servers)
        self._life, self._life_held = os.pipe()
        self._log_file = JsonLines(settings.log.file, int(settings.log.max_size)) if settings.log.file else None
        logs = self._log_file is not None or on_events is not None
        self._places = [self._place(index, own, gauges, logs) for index, own in enumerate(doors.sockets)]
        self._state = AdminState(__version__, [place.state for place in self._places], warm=True)
        self._rubbish = 0
        self._was_ready = False
        self._stop = asyncio.Event()
        self._gone = asyncio.Event()
        self._admin: Admin | None = None
        self._checks: HealthChecks | None = None

    def _place(self, index: int, sockets: list[socket.socket], gauges: memoryview, logs: bool) -> Place:
        reading, writing = open_channel()
        ready, ready_told = os.pipe()
        os.set_blocking(ready, False)
        count = self._settings.workers
        berth = Berth(
            index, count, sockets, self._planes[index], gauges, self._board, writing, ready_told, self._life, logs,
            self._counters.memory, self._secret,
        )  # fmt: skip
        return Place(berth, WorkerState(), reading, ready)

    async def run(self) -> int:
        """Starts everything, waits to be stopped, drains; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        if self._log_file is not None:
            self._log_file.open()
        try:
            if self._settings.admin.listen is not None:
                self._admin = await start_admin(self._settings.admin.listen, self._state, self._planes)
                _log.info("health and metrics on %s", _admin_place(self._settings.admin.listen, self._admin.port))
            for place in self._places:
                loop.add_reader(place.channel, self._take_events, place)
                loop.add_reader(place.ready, self._on_worker_ready, place)
                self._spawn(place)
            self._start_health_checks()
            await self._stop.wait()
            await self._drain()
        finally:
            await self._close()
        return 0

    # Workers

    def _spawn(self, place: Place) -> None:
        place.born = asyncio.get_running_loop().time()
        berth, settings = place.berth, self._settings
        keep = [berth.channel.fileno(), berth.ready, berth.life, *(sock.fileno() for sock in berth.sockets)]
        place.child = fork(lambda: run(berth, settings), keep)
        place.state.pid, place.state.alive, place.state.ready = place.child.pid, True, False

    def _on_worker_ready(self, place: Place) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(place.ready, 16)
        place.state.ready = True
        if self._was_ready or not self._state.ready:
            return
        self._was_ready = True
        _log.info("listening on %s, workers: %d", ", ".join(self._doors.places), len(self._places))
        if self._on_ready is not None:
            self._on_ready()

    def _reap(self) -> None:
        """Finds out which workers have ended, and replaces those that were not meant to."""
        for place in self._places:
            if place.child is None or not place.child.has_ended():
                continue
            how, place.child = place.child.how, None
            place.state.alive = place.state.ready = False
            if self._stop.is_set():
                continue
            self._replace_soon(place, how)
        if all(place.child is None for place in self._places):
            self._gone.set()

    def _replace_soon(self, place: Place, why: str) -> None:
        loop = asyncio.get_running_loop()
        place.deaths = place.deaths + 1 if loop.time() - place.born < _STABLE_AFTER else 0
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (place.deaths - 1)) if place.deaths else 0.0
        _log.error("worker %d %s; it is replaced in %.2f s", place.berth.index, why, pause)
        loop.call_later(pause, self._replace, place)

    def _replace(self, place: Place) -> None:
        if self._stop.is_set():
            return
        try:
            self._spawn(place)
            place.state.restarts += 1
        except OSError as error:
            self._replace_soon(place, f"cannot be started: {error.strerror}")

    def _on_stop(self) -> None:
        """The first request to stop drains, a second one does not wait."""
        if self._stop.is_set():
            self._signal_workers(signal.SIGKILL)
        self._stop.set()

    def _signal_workers(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.child is not None:
                place.child.send(number)

    async def _drain(self) -> None:
        self._state.draining = True
        _log.info("draining; requests in flight have %g s", self._settings.timeouts.drain)
        self._doors.close()
        self._gone.clear()
        self._signal_workers(signal.SIGTERM)
        self._reap()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.timeouts.drain + _KILL_GRACE):
                await self._gone.wait()
                return
        _log.warning("killing workers that did not end in time")
        self._signal_workers(signal.SIGKILL)
        await self._gone.wait()

    # Records, health, door

    def _take_events(self, place: Place) -> bool:
        """Records what waits in a worker's channel, up to a bound; whether that was anything."""
        events = list(read_events(place.channel, self._count_rubbish))
        if not events:
            return False
        if self._log_file is not None:
            self._log_file.write(events)
        self._state.log_lost = self._rubbish + (self._log_file.lost if self._log_file is not None else 0)
        if self._on_events is not None:
            self._on_events(events)
        return True

    def _count_rubbish(self) -> None:
        self._rubbish += 1

    def _start_health_checks(self) -> None:
        targets = [
            Target(slot, server, check) for slot, (server, check) in enumerate(self._servers) if check is not None
        ]
        if targets:
            self._checks = HealthChecks(targets, self._board, self._on_health)
            self._checks.start()

    def _on_health(self, server: str, up: bool, why: str) -> None:
        _log.warning("origin %s is %s: %s", server, "up" if up else "down", why)

    async def _close(self) -> None:
        if self._checks is not None:
            await self._checks.close()
        self._signal_workers(signal.SIGKILL)
        for place in self._places:
            while self._take_events(place):
                pass
        if self._admin is not None:
            await self._admin.close()
        if self._log_file is not None:
            self._log_file.close()
