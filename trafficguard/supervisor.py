"""The supervisor process: owns the listening sockets, keeps workers alive, and keeps the operators' door.

Promises: nothing is started unless all of it can be (ports, kernels, log); a dead worker is replaced on the same
socket, so connections that wait there survive it; SIGTERM drains every worker within `timeouts.drain`. Kernels are
warm before the first fork, so workers inherit compiled code and never race for the cache. Never: touches a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import mmap
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from trafficguard import __version__
from trafficguard.branding import read_brand, read_provider
from trafficguard.clock import SystemClock
from trafficguard.control.admin import Admin, start_admin
from trafficguard.control.dispatch import Parcel, confirmed, open_line, receive
from trafficguard.control.health import HealthChecks, Target
from trafficguard.control.state import AdminState, WorkerState
from trafficguard.counters.layout import layout
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm
from trafficguard.errors import StartError
from trafficguard.load import load_policy_of
from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.listener import bind, remove_files
from trafficguard.net.recent import recent_bytes
from trafficguard.net.sites import listed_servers
from trafficguard.nursery import Child, fork
from trafficguard.policy.engine import Policy
from trafficguard.policy.orders import Orders
from trafficguard.secret import read_previous, read_secret
from trafficguard.settings import Settings
from trafficguard.steering import Steering, Tally
from trafficguard.storage.pump import open_channel
from trafficguard.storage.sinks import JsonLines, read_events
from trafficguard.telemetry.events import Event
from trafficguard.telemetry.meters import plane_bytes, planes, totals, verdicts_of
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
_LOOK: Final = 0.5
"""Seconds between two looks at the policy's files."""
_MOST_VERSIONS: Final = 20
"""Policies of which verdicts are counted apart."""

_log: Final = logging.getLogger("trafficguard")


def serve(settings: Settings, on_events: OnEvents | None = None, on_ready: Callable[[], None] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; the exit code. StartError when something is in the way, with nothing started.

    `on_events` gets the recorded requests (all of `settings.log.sample`), `on_ready` is called once all workers serve.
    """
    doors = Doors([*settings.listen, *(one.listen for one in settings.forward_auth)], settings.workers)
    try:
        policy, files = load_policy_of(settings)
        report = warm()
        _log.info("kernels are warm after %.1f s", report.seconds)
        return asyncio.run(Supervisor(settings, policy, files, doors, on_events, on_ready).run())
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
    line: socket.socket
    """Where orders go to it, and its word comes from."""
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
        policy: Policy,
        files: Sequence[Path],
        doors: Doors,
        on_events: OnEvents | None,
        on_ready: Callable[[], None] | None,
    ) -> None:
        self._secret = read_secret(settings.secrets)
        self._previous = read_previous(settings.previous_secrets)
        self._brand = read_brand(settings.challenge)
        self._provider = read_provider(settings.challenge, self._secret)
        self._counters = _make_counters()
        self._settings = settings
        self._doors = doors
        self._on_events = on_events
        self._on_ready = on_ready
        count = settings.workers
        self._planes = planes(mmap.mmap(-1, plane_bytes(count)), count)
        gauges = memoryview(mmap.mmap(-1, gauges_bytes(count)))
        # Nothing is taken of it before it is used.
        self._recent = memoryview(mmap.mmap(-1, recent_bytes(count))) if settings.forward_auth else memoryview(b"")
        self._servers = listed_servers(settings.sites)
        self._board = memoryview(mmap.mmap(-1, len(self._servers)))
        self._board[:] = bytes([_LISTED]) * len(self._servers)
        self._life, self._life_held = os.pipe()
        self._log_file = JsonLines(settings.log.file, int(settings.log.max_size)) if settings.log.file else None
        logs = self._log_file is not None or on_events is not None
        self._places = [self._place(index, own, gauges, logs) for index, own in enumerate(doors.sockets)]
        self._state = AdminState(__version__, [place.state for place in self._places], warm=True)
        self._steering = Steering(settings, policy, files, self._state, SystemClock(), self._send, self._audit)
        self._tasks: set[asyncio.Task[list[str]]] = set()
        self._counted: dict[str, int] = {}
        self._rubbish = 0
        self._was_ready = False
        self._stop = asyncio.Event()
        self._gone = asyncio.Event()
        self._admin: Admin | None = None
        self._checks: HealthChecks | None = None

    def _place(self, index: int, sockets: list[socket.socket], gauges: memoryview, logs: bool) -> Place:
        reading, writing = open_channel()
        line, worker_line = open_line()
        ready, ready_told = os.pipe()
        os.set_blocking(ready, False)
        count = self._settings.workers
        own = len(self._settings.listen)
        berth = Berth(
            index, count, sockets[:own], self._planes[index], gauges, self._board, writing, worker_line, ready_told,
            self._life, logs, self._counters, self._secret, self._previous, self._brand,
            self._provider, sockets[own:], self._recent,
        )  # fmt: skip
        return Place(berth, WorkerState(), reading, line, ready)

    async def run(self) -> int:
        """Starts everything, waits to be stopped, drains; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon, "SIGHUP")
        if self._log_file is not None:
            self._log_file.open()
        # A collection that looks at all that was imported takes a tenth of a second, and each reload would bring one.
        gc.collect()
        gc.freeze()
        try:
            if self._settings.admin.listen is not None:
                self._admin = await start_admin(
                    self._settings.admin.listen, self._state, self._planes, self._steering
                )
                _log.info("health and metrics on %s", _admin_place(self._settings.admin.listen, self._admin.port))
            for place in self._places:
                loop.add_reader(place.channel, self._take_events, place)
                loop.add_reader(place.ready, self._on_worker_ready, place)
                loop.add_reader(place.line, self._on_confirmed, place)
                self._spawn(place)
            self._start_health_checks()
            watching = asyncio.create_task(self._watch())
            await self._stop.wait()
            watching.cancel()
            await self._drain()
        finally:
            await self._close()
        return 0

    # Orders

    def _send(self, orders: Orders) -> None:
        try:
            parcel = Parcel(orders)
        except OSError as error:
            _log.error("orders %d cannot be sent, workers go on with those before: %s", orders.number, error)
            return
        for place in self._places:
            if place.child is not None and not parcel.send(place.line):
                _log.error("worker %d takes no orders; it is replaced", place.berth.index)
                place.child.send(signal.SIGKILL)
        parcel.close()

    def _on_confirmed(self, place: Place) -> None:
        number = confirmed(place.line)
        if number is not None:
            self._steering.confirm(place.berth.index, number)

    def _reload_soon(self, who: str) -> None:
        task = asyncio.get_running_loop().create_task(self._steering.reload(who))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Looks at the files of the policy twice a second, and at the fuse every second."""
        while True:
            for _ in range(2):
                await asyncio.sleep(_LOOK)
                if self._steering.files_changed():
                    await self._steering.reload("the file")
            try:
                self._steering.each_second(self._count_verdicts())
            except Exception:  # noqa: BLE001 - files are watched whatever happens here
                _log.exception("the fuse cannot be watched")

    def _count_verdicts(self) -> Tally:
        """Verdicts so far; those since the last look count for the policy that was in force."""
        by_action = verdicts_of(totals(self._planes)["requests"])
        state = self._state.policy
        for word, count in by_action.items():
            fresh = count - self._counted.get(word, 0)
            if fresh:
                key = state.version, word
                state.verdicts[key] = state.verdicts.get(key, 0) + fresh
        self._counted = by_action
        while len({version for version, _ in state.verdicts}) > _MOST_VERSIONS:
            oldest = next(iter(state.verdicts))[0]
            state.verdicts = {key: count for key, count in state.verdicts.items() if key[0] != oldest}
        hard = sum(by_action[word] for word in ("challenge", "block", "tarpit"))
        return Tally(sum(by_action.values()), hard)

    def _audit(self, what: str, particulars: Mapping[str, Any]) -> None:
        if self._log_file is not None:
            self._log_file.write([{"t": SystemClock().now(), "audit": what, **particulars}])

    # Workers

    def _spawn(self, place: Place) -> None:
        place.born = asyncio.get_running_loop().time()
        berth, settings, orders = place.berth, self._settings, self._steering.orders
        receive(berth.line)  # what its predecessor did not read is out of date
        ends = [berth.channel, berth.line, *berth.sockets, *berth.fronts]
        keep = [berth.ready, berth.life, *(end.fileno() for end in ends)]
        place.child = fork(lambda: run(berth, settings, orders), keep)
        place.state.pid, place.state.alive, place.state.ready = place.child.pid, True, False

    def _on_worker_ready(self, place: Place) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(place.ready, 16)
        place.state.ready = True
        if self._was_ready or not self._state.ready:
            return
        self._was_ready = True
        own = len(self._settings.listen)
        if self._settings.forward_auth:
            _log.info("asked by other proxies on %s", ", ".join(self._doors.places[own:]))
        _log.info("listening on %s, workers: %d", ", ".join(self._doors.places[:own]), len(self._places))
        if self._on_ready is not None:
            self._on_ready()

    def _reap(self) -> None:
        """Finds out which workers have ended, and replaces those that were not meant to."""
        for place in self._places:
            if place.child is None or not place.child.has_ended():
                continue
            how, place.child = place.child.how, None
            confirmed(place.line)
            self._steering.forget_worker(place.berth.index)
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


def _make_counters() -> Table:
    try:
        return Table.create()
    except OSError as error:
        size = layout().size >> 20
        raise StartError(f"the counters need {size} MiB of memory: {(error.strerror or str(error)).lower()}") from error
