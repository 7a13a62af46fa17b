"""Active health checks against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.control.health import MOST_BODY, HealthChecks, Streak, Target, probe
from trafficguard.settings import HealthCheck

PATIENCE = 10.0


# The opinion


def test_a_server_falls_after_enough_bad_probes_in_a_row_and_rises_after_enough_good_ones():
    streak = Streak(rise=2, fall=3)
    probes = [False, False, True, False, False, False, False, True, False, True, True, True]
    changes = [(number, streak.up) for number, good in enumerate(probes) if streak.has_changed(good)]
    assert changes == [(5, False), (10, True)]


@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.booleans(), max_size=40))
def test_an_opinion_equals_that_of_someone_who_remembers_every_probe(rise, fall, probes):
    streak = Streak(rise, fall)
    up = True
    since: list[bool] = []
    for good in probes:
        since.append(good)
        needed = fall if up else rise
        turns = len(since) >= needed and all(seen is not up for seen in since[-needed:])
        assert streak.has_changed(good) is turns
        if turns:
            up, since = not up, []
        assert streak.up is up


# One probe


class Shop:
    """An origin whose answers a test decides."""

    def __init__(self):
        self.status = 200
        self.body = b""
        self.requests: list[web.BaseRequest] = []
        self.connections: set[object] = set()
        self.asked = asyncio.Condition()

    async def answer(self, request):
        async with self.asked:
            self.requests.append(request)
            self.connections.add(request.transport)
            self.asked.notify_all()
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})

    async def wait_for_requests(self, count):
        async with asyncio.timeout(PATIENCE), self.asked:
            await self.asked.wait_for(lambda: len(self.requests) >= count)


@contextlib.asynccontextmanager
async def serving(shop, path=None):
    """The server's name; a Unix socket with `path`."""
    runner = web.ServerRunner(web.Server(shop.answer))
    await runner.setup()
    site = web.UnixSite(runner, path) if path else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"unix:{path}" if path else f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
async def server(shop):
    async with serving(shop) as name:
        yield name


@pytest.fixture
def closed_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(200, ""), (302, ""), (404, ""), (499, ""), (500, "status 500"), (503, "status 503")],
)
async def test_any_status_below_500_is_healthy_and_no_redirect_is_followed(server, shop, status, trouble):
    shop.status = status
    assert await probe(server, HealthCheck()) == trouble
    assert [request.path for request in shop.requests] == ["/"]


async def test_the_configured_path_is_asked_for_with_a_name_of_our_own(server, shop):
    await probe(server, HealthCheck(path="/up/%20x"))
    (request,) = shop.requests
    assert (request.method, request.raw_path) == ("GET", "/up/%20x")
    assert request.headers["User-Agent"] == "TrafficGuard-health"
    assert request.headers["Host"] == server.removeprefix("http://")


async def test_every_probe_opens_a_connection_of_its_own(server, shop):
    for _ in range(3):
        await probe(server, HealthCheck())
    assert len(shop.connections) == 3
    assert {request.headers["Connection"] for request in shop.requests} == {"close"}


async def test_a_server_behind_a_unix_socket_is_asked_there(shop, tmp_path):
    async with serving(shop, str(tmp_path / "shop.sock")) as name:
        assert await probe(name, HealthCheck()) == ""
    assert len(shop.requests) == 1


async def test_a_server_that_refuses_connections_is_unhealthy(closed_port):
    assert "onnect" in await probe(closed_port, HealthCheck())


async def test_a_unix_socket_that_is_missing_is_unhealthy(tmp_path):
    assert await probe(f"unix:{tmp_path}/none.sock", HealthCheck()) != ""


@contextlib.asynccontextmanager
async def speaking(talk):
    """A server that does exactly what `talk(reader, writer)` does."""
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader, writer):
        talks.add(asyncio.current_task())
        await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*talks)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
async def test_an_answer_that_is_not_whole_in_time_is_unhealthy(first):
    async def talk(reader, writer):
        writer.write(first)
        await reader.read()

    async with speaking(talk) as name:
        assert await probe(name, HealthCheck(timeout=0.05)) == "no whole answer within 0.05 s"


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"]
)
async def test_an_answer_that_is_no_whole_http_answer_is_unhealthy(answer):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with speaking(talk) as name:
        assert await probe(name, HealthCheck(timeout=PATIENCE)) != ""


async def test_an_endless_answer_is_cut_off_and_healthy():
    sent = 0

    async def talk(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sent < 1000 * MOST_BODY:
                writer.write(b"x" * MOST_BODY)
                sent += MOST_BODY
                await writer.drain()

    async with speaking(talk) as name:
        assert await probe(name, HealthCheck(timeout=PATIENCE)) == ""
    assert sent < 1000 * MOST_BODY


# The board


class Watcher:
    """Remembers every change and lets a test wait for one."""

    def __init__(self):
        self.changes: list[tuple[str, bool, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, server, up, why):
        self.changes.append((server, up, why))
        self._changed.set()

    async def next_change(self):
        async with asyncio.timeout(PATIENCE):
            await self._changed.wait()
        self._changed.clear()
        return self.changes[-1]


@pytest.fixture
def watcher():
    return Watcher()


def quick(**parts):
    return HealthCheck(interval=0.01, timeout=PATIENCE, **parts)


@contextlib.asynccontextmanager
async def watching(targets, board, watcher):
    checks = HealthChecks(targets, board, watcher)
    checks.start()
    yield
    await checks.close()


async def test_a_server_goes_down_and_comes_back_on_the_board(server, shop, watcher):
    board = memoryview(bytearray(3))
    async with watching([Target(1, server, quick())], board, watcher):
        assert board.tolist() == [0, 1, 0]
        shop.status = 503
        assert await watcher.next_change() == (server, False, "status 503")
        assert board.tolist() == [0, 0, 0]
        assert len(shop.requests) >= 3
        shop.status = 200
        assert await watcher.next_change() == (server, True, "answers again")
        assert board.tolist() == [0, 1, 0]


async def test_a_healthy_server_stays_up_without_a_word(server, shop, watcher):
    board = bytearray(1)
    async with watching([Target(0, server, quick(fall=1))], board, watcher):
        await shop.wait_for_requests(5)
    assert (list(board), watcher.changes) == ([1], [])


async def test_one_sick_server_does_not_touch_its_neighbour(server, closed_port, watcher):
    board = bytearray(2)
    targets = [Target(0, server, quick(fall=1)), Target(1, closed_port, quick(fall=1))]
    async with watching(targets, board, watcher):
        sick, up, _ = await watcher.next_change()
    assert (sick, up, list(board)) == (closed_port, False, [1, 0])


async def test_first_probes_are_spread_over_a_second_or_the_interval_if_that_is_shorter(
    closed_port, watcher, monkeypatch
):
    delays: list[float] = []
    pause = asyncio.sleep

    async def note_and_wait_forever(seconds):
        delays.append(seconds)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "sleep", note_and_wait_forever)
    targets = [
        Target(number, closed_port, HealthCheck(interval=5.0 if number < 2 else 0.4)) for number in range(4)
    ]
    async with watching(targets, bytearray(4), watcher):
        await pause(0)
    assert delays == pytest.approx([0.0, 0.25, 0.2, 0.3])


async def test_nothing_goes_on_after_closing(server, shop, watcher):
    before = asyncio.all_tasks()
    async with watching([Target(0, server, quick())], bytearray(1), watcher):
        await shop.wait_for_requests(2)
        during = asyncio.all_tasks()
    assert any("_watch" in repr(task.get_coro()) for task in during - before)
    assert not any("_watch" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_closing_gives_up_a_probe_under_way(watcher):
    begun = asyncio.Event()
    ended = asyncio.Event()

    async def talk(reader, writer):
        begun.set()
        await reader.read()
        ended.set()

    async with speaking(talk) as name:
        checks = HealthChecks([Target(0, name, quick())], bytearray(1), watcher)
        checks.start()
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
            await checks.close()
            await ended.wait()
    assert watcher.changes == []
