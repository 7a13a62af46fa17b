"""How a worker is wired out of its settings, and what it still does when it is told to go.

How connections fare while it drains is in `tests/net/test_drain.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.corpus.clients import request_of
from tests.counters.memories import TINY, new_table
from tests.net.harness import NOON, orders_of
from trafficguard.clock import SECOND
from trafficguard.control.dispatch import Parcel, confirmed, open_line
from trafficguard.exchange import Conditions, Exchange
from trafficguard.net.gauges import gauges_bytes
from trafficguard.net.listener import bind, take_in, turn_away
from trafficguard.net.wheel import TICK
from trafficguard.policy.build import build
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.signals.catalog import BEHIND_PROXY, DIRECT
from trafficguard.storage.pump import open_channel
from trafficguard.telemetry.events import RING_CAPACITY
from trafficguard.telemetry.meters import plane_bytes, planes, totals
from trafficguard.worker import Berth, Worker

DEADLINE = 10.0
needs_ipv6 = pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
ORIGINS = ["http://127.0.0.1:9", "http://127.0.0.1:10"]


def settings_of(**sections: Any) -> Settings:
    return Settings.model_validate({"sites": [{"upstreams": [{"servers": ORIGINS}]}], **sections})


@dataclass
class Supervising:
    """A berth, and what the supervisor holds of it."""

    berth: Berth
    channel: socket.socket
    line: socket.socket
    """Where it sends orders."""
    ready: int
    life: int

    def events(self) -> list[Any]:
        """All recorded requests that have come."""
        found: list[Any] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found += msgpack.unpackb(self.channel.recv(1 << 20))
        return found


@pytest.fixture
def supervising() -> Iterator[Supervising]:
    (sockets,) = bind(["127.0.0.1:0"], workers=1)
    channel, writing = open_channel()
    line, worker_line = open_line()
    (ready, telling), (life, held) = os.pipe(), os.pipe()
    plane = planes(bytearray(plane_bytes(1)), 1)[0]
    gauges, board = memoryview(bytearray(gauges_bytes(1))), memoryview(bytearray(b"\1\1"))
    berth = Berth(
        0, 1, sockets, plane, gauges, board, writing, worker_line, telling, life,
        logs=True, counters=new_table(TINY), secret=b"s" * 32,
    )  # fmt: skip
    yield Supervising(berth, channel, line, ready, held)
    for sock in (channel, writing, line, worker_line, *sockets):
        sock.close()
    for fd in (ready, telling, life, held):
        os.close(fd)


@contextlib.asynccontextmanager
async def serving(worker: Worker, ready: int) -> AsyncIterator[asyncio.Task[None]]:
    """The worker at work, from when it says so; it is told to go at the latest at the end of the block."""
    is_ready, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(ready, is_ready.set)
    task = asyncio.create_task(worker.serve())
    try:
        async with asyncio.timeout(DEADLINE):
            await is_ready.wait()
        loop.remove_reader(ready)
        os.read(ready, 1)
        yield task
    finally:
        worker._stop.set()
        async with asyncio.timeout(DEADLINE):
            await task


# ---- wiring


def worker_of(berth: Berth, settings: Settings) -> Worker:
    return Worker(berth, settings, orders_of(settings))


@pytest.mark.parametrize(
    ("mode", "judges", "acts"), [("off", False, False), ("shadow", True, False), ("enforce", True, True)]
)
def test_the_mode_says_who_judges_and_who_acts(supervising: Supervising, mode: str, judges: bool, acts: bool) -> None:
    (site,) = worker_of(supervising.berth, settings_of(mode=mode)).services.sites.all
    assert (site.judges, site.enforces) == (judges, acts)


@pytest.mark.parametrize(
    ("trusted", "intact"),
    [
        ({}, DIRECT),
        ({"peers": ["127.0.0.0/8"], "proxy_protocol": "v2"}, DIRECT),
        ({"peers": ["127.0.0.0/8"], "header": "forwarded"}, BEHIND_PROXY),
    ],
)
def test_a_front_that_writes_headers_may_have_changed_their_order(
    supervising: Supervising, trusted: dict[str, Any], intact: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr("trafficguard.worker.Guard", lambda *_, intact, **__: told.append(intact))
    worker_of(supervising.berth, settings_of(trusted=trusted))
    assert told == [intact]


async def test_conditions_tell_which_share_of_the_origins_is_up(supervising: Supervising) -> None:
    worker = worker_of(supervising.berth, settings_of())
    assert worker.services.conditions == Conditions()
    supervising.berth.board[1] = 0
    worker._each_second()
    assert worker.services.conditions.origins_up == 0.5
    assert worker.services.conditions.load >= 0


def test_numbers_of_the_worker_before_are_kept_and_its_connections_are_not(supervising: Supervising) -> None:
    dead = worker_of(supervising.berth, settings_of())
    dead.services.meters.retries = 7
    dead.services.meters.connections_open = 3
    assert dead.services.gauges.enter("192.0.2.7", exempt=False) is not None
    dead.services.meters.flush()
    limits = {"connections": 1}
    alive = worker_of(supervising.berth, settings_of(limits=limits))
    assert alive.services.gauges.enter("192.0.2.7", exempt=False) is not None
    numbers = totals([supervising.berth.plane])
    assert (numbers["retries"], numbers["connections_open"]) == ([7], [0])


async def test_errors_while_judging_are_counted_on_from_the_worker_before_and_told_once(
    supervising: Supervising, caplog: pytest.LogCaptureFixture
) -> None:
    dead = worker_of(supervising.berth, settings_of())
    dead.services.meters.guard_errors = 5
    dead.services.meters.flush()
    worker = worker_of(supervising.berth, settings_of())
    worker._each_second()
    assert totals([supervising.berth.plane])["guard_errors"] == [5]
    assert caplog.messages == []
    guard = worker.services.guard
    assert guard is not None
    for _ in range(2):
        guard.judge(None, 0, Conditions())  # type: ignore[arg-type]
    for _ in range(2):
        worker._each_second()
    assert totals([supervising.berth.plane])["guard_errors"] == [7]
    (message,) = caplog.messages
    assert message.startswith("2 requests could not be judged; the last one: Traceback")
    assert "AttributeError" in message


async def test_a_second_tells_how_late_timers_ran_in_it(supervising: Supervising) -> None:
    worker = worker_of(supervising.berth, settings_of())
    worker._turned = asyncio.get_running_loop().time() - TICK - 3.0  # as if something had blocked the loop
    worker._turn()
    worker._turn()
    worker._each_second()
    assert 3.0 <= totals([supervising.berth.plane])["loop_lag"][0] / SECOND < 4.0
    worker._each_second()
    assert totals([supervising.berth.plane])["loop_lag"] == [0]


# ---- orders

FAILS = PolicyFile.model_validate({"rules": [{"name": "odd", "when": 'int(headers["x-n"]) > 5', "action": "block"}]})


def give(supervisor_line: socket.socket, orders: Orders) -> None:
    parcel = Parcel(orders)
    assert parcel.send(supervisor_line)
    parcel.close()


async def test_a_worker_confirms_what_it_starts_with_and_follows_the_latest_of_what_comes(supervising: Supervising) -> None:
    worker = worker_of(supervising.berth, settings_of())
    site = worker.services.sites.all[0]
    line = supervising.line
    async with serving(worker, supervising.ready):
        assert confirmed(line) == 1
        for number, mode in ((2, "off"), (3, "shadow")):
            give(line, Orders(number, build(FAILS), mode))  # type: ignore[arg-type]
        async with asyncio.timeout(DEADLINE):
            while confirmed(line) != 3:
                await asyncio.sleep(0)
        assert worker.services.guard.orders.policy.file == FAILS
        assert (site.judges, site.enforces) == (True, False)


async def test_orders_that_cannot_be_followed_are_not_confirmed_and_those_before_stay(
    supervising: Supervising, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_of(supervising.berth, settings_of())
    before = worker.services.guard.orders
    with monkeypatch.context() as broken:
        broken.setattr("trafficguard.guard.Gatherer", lambda _: 1 / 0)
        give(supervising.line, Orders(2, build(FAILS), "off"))
        with pytest.raises(ZeroDivisionError):
            worker._on_orders()
    assert confirmed(supervising.line) is None
    assert worker.services.guard.orders is before
    assert worker.services.sites.all[0].enforces
    give(supervising.line, Orders(3, build(FAILS), "off"))
    worker._on_orders()
    assert confirmed(supervising.line) == 3
    assert not worker.services.sites.all[0].judges


async def test_a_line_that_is_gone_is_not_listened_to_any_more(supervising: Supervising) -> None:
    async with serving(worker_of(supervising.berth, settings_of()), supervising.ready) as task:
        supervising.line.close()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asyncio.get_running_loop().remove_reader(supervising.berth.line)
        assert not task.done()


async def test_rules_that_fail_are_counted_and_told_once(
    supervising: Supervising, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of()
    dead = worker_of(supervising.berth, settings)
    dead.services.meters.rule_errors = 5
    dead.services.meters.flush()
    worker = Worker(supervising.berth, settings, orders_of(settings, FAILS))
    request = request_of("GET / HTTP/1.1\nHost: shop.example\nX-N: many", secure=True)
    request.site = "*"
    for _ in range(2):
        assert worker.services.guard.judge(request, NOON, Conditions()).rule == "default"
    worker.services.guard.follow(Orders(2, build(FAILS)))
    worker.services.guard.judge(request, NOON, Conditions())
    for _ in range(2):
        worker._each_second()
    assert totals([supervising.berth.plane])["rule_errors"] == [8]
    (message,) = caplog.messages
    assert message.endswith("which they then do not match: {'odd': 3}")


async def test_conditions_are_those_of_the_host_and_its_origins(
    supervising: Supervising, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_of(supervising.berth, settings_of())
    monkeypatch.setattr(os, "getloadavg", lambda: (6.0, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    supervising.berth.board[0] = 0
    worker.services.strain.add(2 * SECOND, 503)
    worker._each_second()
    assert worker.services.conditions == Conditions(load=1.5, origins_up=0.5, origin_latency=2.0, error_rate=1.0)


# ---- going


def failed_exchange() -> Exchange:
    """A request that is recorded whatever the sample."""
    exchange = Exchange(None, 1_700_000_000_000_000_000)
    exchange.error = "malformed"
    return exchange


@pytest.mark.parametrize("logs", [True, False])
async def test_all_that_was_recorded_is_handed_over_before_it_goes(supervising: Supervising, logs: bool) -> None:
    worker = worker_of(replace(supervising.berth, logs=logs), settings_of())
    async with serving(worker, supervising.ready):
        for _ in range(RING_CAPACITY):
            worker.services.ring.offer(failed_exchange())
        worker._stop.set()
    assert len(supervising.events()) == (RING_CAPACITY if logs else 0)


async def test_requests_that_the_drain_deadline_cuts_are_recorded_too(supervising: Supervising) -> None:
    asked = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    sites = [{"upstreams": [{"servers": [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"]}]}]
    settings = settings_of(sites=sites, mode="off", timeouts={"drain": "50ms"}, log={"sample": 1})
    async with serving(worker_of(supervising.berth, settings), supervising.ready):
        reader, writer = await asyncio.open_connection(*supervising.berth.sockets[0].getsockname())
        writer.write(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            await asked.wait()
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    server.close()
    (event,) = supervising.events()
    assert (event["target"], event["status"]) == ("/never", 0)
    assert totals([supervising.berth.plane])["connections_open"] == [0]


async def test_clients_that_have_left_the_queue_already_keep_nobody_else_from_being_served(
    supervising: Supervising,
) -> None:
    place = supervising.berth.sockets[0].getsockname()
    clients = [socket.create_connection(place) for _ in range(6)]
    for client in clients[::2]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # a reset
    for client in clients[1::2]:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
    worker = worker_of(supervising.berth, settings_of())
    worker._stop.set()  # so that none is accepted but while it drains
    async with serving(worker, supervising.ready):
        for client in clients[1::2]:
            client.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=client)
            async with asyncio.timeout(DEADLINE):
                assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()


async def test_sigterm_and_a_lost_supervisor_both_end_it(supervising: Supervising) -> None:
    async with serving(worker_of(supervising.berth, settings_of()), supervising.ready) as task:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            await task


# ---- newcomers


@pytest.mark.parametrize("place", ["127.0.0.1:0", pytest.param("[::1]:0", marks=needs_ipv6)])
def test_a_socket_that_turns_newcomers_away_keeps_those_who_are_there(place: str) -> None:
    ((listening,),) = bind([place], workers=1)
    with listening, socket.create_connection(listening.getsockname()[:2]) as early:
        turn_away(listening)
        with socket.socket(listening.family) as late:
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            early.sendall(b"hello")
            accepted.settimeout(DEADLINE)
            assert accepted.recv(5) == b"hello"

        take_in(listening)
        with socket.create_connection(listening.getsockname()[:2], timeout=DEADLINE):
            assert listening.accept()


def test_a_unix_socket_is_left_as_it_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("s") / "s"
    ((listening,),) = bind([f"unix:{path}"], workers=1)
    with listening, socket.socket(socket.AF_UNIX) as client:
        turn_away(listening)
        client.connect(str(path))
        take_in(listening)


async def test_the_next_worker_on_a_socket_takes_newcomers_in_again(supervising: Supervising) -> None:
    (listening,) = supervising.berth.sockets
    kept, place = listening.dup(), listening.getsockname()  # a worker closes its own
    async with serving(worker_of(supervising.berth, settings_of()), supervising.ready):
        pass
    berth = replace(supervising.berth, sockets=[kept])
    async with serving(worker_of(berth, settings_of()), supervising.ready), asyncio.timeout(DEADLINE):
        _, writer = await asyncio.open_connection(*place)
        writer.close()
