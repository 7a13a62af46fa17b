"""Nothing waits for ever: every step has its time, and the wheel ends what takes longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import settle, until
from tests.net.messages import get, ok, post, value_of
from tests.net.origins import recording_origin, scripted_origin
from trafficguard.net.pool import Origin
from trafficguard.net.upstream import Upstream

# Clients


async def test_a_client_that_sends_a_head_byte_by_byte_is_cut() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line()
        request = get("/" + "x" * 100)
        for at in range(9):
            client.say(request[at : at + 1])
            await settle()
            proxy.pass_time(1)
        assert proxy.connections == 1
        proxy.pass_time(3)
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 408 ")
        assert value_of(head, "Connection") == "close"
        await client.hear_nothing_more()
        assert not origin.received
        assert proxy.record.errors == ["slow-head"]
        assert proxy.meters.deadline_cuts == 1


async def test_a_client_that_says_nothing_at_all_is_closed() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line()
        await until(lambda: proxy.connections == 1)
        proxy.turn_wheel(10)
        await client.hear_nothing_more()


async def test_empty_lines_do_not_keep_a_connection_alive() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line()
        await until(lambda: proxy.connections == 1)
        for second in range(12):
            for byte in (b"\r", b"\n") if proxy.connections else ():
                client.say(byte)
                await settle()
            proxy.pass_time(1)
            await settle()
            assert proxy.connections == 1 or second > 8
        await client.hear_nothing_more()
        assert proxy.connections == 0


async def test_a_second_request_has_its_own_time_for_its_head() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        await client.hear_answer()
        proxy.pass_time(60)
        client.say(b"GET / ")
        await settle()
        proxy.pass_time(9)
        assert proxy.connections == 1
        proxy.pass_time(3)
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_does_not_close_after_its_last_answer_is_cut() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(b"nonsense\r\n\r\n")
        await client.hear_all()
        assert proxy.connections == 1  # it may still be sending; a reset would destroy what it has not read
        proxy.turn_wheel(2)
        proxy.turn_wheel(60)
        await until(lambda: proxy.connections == 0)


async def test_a_client_that_goes_on_sending_after_its_last_answer_is_cut() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(b"nonsense\r\n\r\n")
        await client.hear_all()
        for _ in range(200):
            client.say(b"x" * 100_000)
        await until(lambda: proxy.connections == 0)


async def test_a_last_answer_that_is_read_slowly_arrives_whole() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get("/", "Connection: close") + get("/never-read"))
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 60_000))
        await client.hear_head()
        await until(lambda: proxy.record.errors == [""])
        proxy.turn_wheel(2)
        await client.hear(30_000)
        await settle()
        proxy.turn_wheel(30)
        await client.hear(30_000)
        await client.hear_nothing_more()


# Origins


async def test_an_origin_that_cannot_be_connected_to_in_time_becomes_a_504(monkeypatch: pytest.MonkeyPatch) -> None:
    async def too_late(*_: Any, **__: Any) -> None:
        raise TimeoutError

    async with proxy_to("http://127.0.0.1:9") as proxy:
        monkeypatch.setattr("trafficguard.net.pool.Origin.connect", too_late)
        head, _ = await proxy.ask(get())
        assert head.startswith(b"HTTP/1.1 504 ")
        assert proxy.record.errors == ["connect-timeout"]


async def test_connecting_ends_by_itself_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async with proxy_to("http://127.0.0.1:9", timeouts={"connect": "10ms"}, pool={"fall": 1}) as proxy:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never, raising=False)
        with pytest.raises(TimeoutError):
            await proxy.servers[0].connect()
        assert proxy.servers[0].is_resting()
        assert proxy.meters.upstream_connect_failures == 1


async def test_the_wheel_ends_connecting_to_many_servers_that_are_all_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async with proxy_to("http://127.0.0.1:9") as proxy:
        monkeypatch.setattr("trafficguard.net.pool.Origin.connect", never)
        for request in (get(), get("/", "Content-Length: 5", method="POST") + b"abc"):
            client = await proxy.line(request)
            await until(lambda: proxy.connections == 1)
            await settle()
            proxy.turn_wheel(60)
            assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 504 ")
            client.close()
            await until(lambda: proxy.connections == 0)
        assert proxy.record.errors == ["connect-timeout"] * 2


async def test_an_origin_that_does_not_begin_to_answer_becomes_a_504() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        proxy.pass_time(59)
        assert proxy.connections == 1
        proxy.pass_time(3)
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 504 ")
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["first-byte"]
        client.say(get())
        fresh, _ = await origin.request()
        fresh.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_time_for_the_answer_begins_when_the_body_is_complete() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 2", method="POST") + b"a")
        shop, _ = await origin.request()
        await shop.hear(1)
        proxy.pass_time(25)
        client.say(b"b")
        await shop.hear(1)
        proxy.pass_time(55)
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_time_for_the_answer_begins_when_a_slow_connect_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    may_connect, connect = asyncio.Event(), Origin.connect

    async def connect_late(origin: Origin) -> Upstream:
        await may_connect.wait()
        return await connect(origin)

    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        monkeypatch.setattr(Origin, "connect", connect_late)
        client = await proxy.line(post(b"body"))
        await until(lambda: proxy.connections == 1)
        await settle()
        proxy.pass_time(50)
        may_connect.set()
        shop, _ = await origin.request()
        proxy.pass_time(50)
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1"])
async def test_an_answer_head_that_does_not_end_becomes_a_504(begun: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(begun)
        await settle()
        for _ in range(12):
            shop.say(b"x")
            await settle()
            proxy.pass_time(1)
        assert b"HTTP/1.1 504 " in await client.hear_until(b"HTTP/1.1 504 ")
        await shop.hear_nothing_more()


async def test_an_answer_that_stops_in_the_middle_is_cut() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"0123456789")[:-5])
        await client.hear_until(b"01234")
        proxy.pass_time(59)
        assert proxy.connections == 1
        shop.say(b"5")
        await client.hear(1)
        proxy.pass_time(59)
        assert proxy.connections == 1
        proxy.pass_time(3)
        await client.hear_nothing_more()
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["idle"]


async def test_an_answer_that_goes_on_is_not_cut_however_long_it_takes() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.hear_head()
        for _ in range(20):
            shop.say(b"1\r\nx\r\n")
            assert await client.hear(6) == b"1\r\nx\r\n"
            proxy.pass_time(50)
        shop.say(b"0\r\n\r\n")
        await client.hear(5)
        assert proxy.record.errors == [""]


# Every way to stop in the middle

STOPS: list[tuple[str, bytes, bytes]] = [
    ("nothing", b"", b""),
    ("half a head", get()[:-2], b""),
    ("a head", get(), b""),
    ("no body", get("/", "Content-Length: 5", method="POST"), b""),
    ("half a body", get("/", "Content-Length: 5", method="POST") + b"ab", b""),
    ("half a chunk", get("/", "Transfer-Encoding: chunked", method="POST") + b"5\r\nab", b""),
    ("half a body, answer begun", get("/", "Content-Length: 5", method="POST") + b"ab", ok(b"abc")[:-1]),
    ("half a body, answer complete", get("/", "Content-Length: 5", method="POST") + b"ab", ok(b"abc")),
    ("more requests", get() * 3, b""),
    ("more requests, half an answer", get() * 3, ok()[:-1]),
    ("a refusal and more", b"BAD\r\n\r\n" + get(), b""),
    ("an answer to the end of the connection", get(), b"HTTP/1.1 200 OK\r\n\r\nsome"),
    ("an interim answer", get(), b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ("an answered request", get(), ok()),
    ("an old client", get(version="1.0"), ok()),
]


@pytest.mark.parametrize("half_closed", [False, True], ids=["open", "half-closed"])
@pytest.mark.parametrize(("request_", "answer"), [case[1:] for case in STOPS], ids=[case[0] for case in STOPS])
async def test_however_everybody_stops_the_connections_end(request_: bytes, answer: bytes, half_closed: bool) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(request_)
        await until(lambda: proxy.connections == 1)
        await settle()
        if origin.accepted:
            shop = await origin.line()
            shop.say(answer)
        if half_closed:
            client.end()
        await settle()
        for _ in range(5):
            assert all(connection.due < 1 << 40 for connection in proxy.worker.services.wheel.items())
            proxy.turn_wheel(76)
            await settle()
        await until(lambda: proxy.connections == 0)
        await client.hear_all()
        assert proxy.meters.connections_open == 0
        assert gauges_are_empty(proxy)


def gauges_are_empty(proxy: Proxy) -> bool:
    return not any(proxy.gauges)
