"""Memory stays bounded however fast one side sends and however slowly the other reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import Line, settle, until
from tests.net.messages import get, ok
from tests.net.origins import recording_origin, scripted_origin
from trafficguard.net.connection import Connection

MOST_HELD = 512 * 1024
"""One read (256 KB) beyond the mark at which uvloop asks for a pause (64 KiB), with room to spare."""
MANY = 64 * 1024 * 1024
PIECE = bytes(range(256)) * 256
NEVER_READ = 24 * 1024 * 1024
"""More than the socket buffers of this machine hold between two ends of which one does not read."""


def only(proxy: Proxy) -> Connection:
    (connection,) = proxy.worker.services.wheel.items()
    return connection


async def pour(line: Line, size: int) -> None:
    for _ in range(size // len(PIECE)):
        await line.say_all(PIECE)


async def drink(line: Line, size: int, watch: Callable[[], int]) -> int:
    """Reads so much in slow sips; the most that `watch` saw meanwhile."""
    most = 0
    for number in range(size // len(PIECE)):
        assert await line.hear(len(PIECE)) == PIECE
        if number % 16 == 0:
            line.stop_hearing()
            await settle()
            most = max(most, watch())
            line.hear_again()
    return most


async def test_a_large_download_to_a_slow_reader_passes_in_bounded_memory() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MANY)
        pouring = asyncio.create_task(pour(shop, MANY))
        await client.hear_head()
        held = await drink(client, MANY, only(proxy).transport.get_write_buffer_size)
        await pouring
        assert 0 < held <= MOST_HELD
        await until(lambda: proxy.record.errors == [""])


async def test_a_large_upload_to_a_slow_origin_passes_in_bounded_memory() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", f"Content-Length: {MANY}", method="POST"))
        shop, _ = await origin.request()
        upstream = only(proxy)._upstream  # type: ignore[attr-defined]
        pouring = asyncio.create_task(pour(client, MANY))
        held = await drink(shop, MANY, upstream.transport.get_write_buffer_size)
        await pouring
        assert 0 < held <= MOST_HELD
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_a_client_that_reads_nothing_stops_the_origin() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        client.stop_hearing()
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * NEVER_READ)
        await until(lambda: only(proxy).is_unread)
        await settle()
        assert only(proxy).transport.get_write_buffer_size() <= MOST_HELD
        assert not only(proxy)._upstream.transport.is_reading()  # type: ignore[attr-defined]


async def test_a_client_that_reads_no_answer_gets_no_second_one_into_our_memory() -> None:
    large = ok(b"x" * 200_000)
    async with recording_origin(lambda _: large) as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line()
        client.stop_hearing()
        client.say(get() * 2000)
        await until(lambda: only(proxy).is_unread)
        await settle()
        served = len(origin.requests)
        await settle()
        assert len(origin.requests) == served < 500
        assert only(proxy).transport.get_write_buffer_size() <= MOST_HELD
        client.hear_again()
        for _ in range(2000):
            assert len((await client.hear_answer())[1]) == 200_000


async def test_a_client_that_reads_no_refusals_of_ours_is_not_heard_on() -> None:
    async with proxy_to("http://127.0.0.1:9", mode="enforce") as proxy:
        client = await proxy.line()
        client.stop_hearing()
        client.say(get("/bad") * 60_000)
        await until(lambda: only(proxy).is_unread)
        await settle()
        judged = len(proxy.guard.judged)
        await settle()
        assert len(proxy.guard.judged) == judged < 60_000
        assert only(proxy).transport.get_write_buffer_size() <= MOST_HELD


async def test_a_kept_origin_connection_is_read_from_although_its_client_has_yet_to_read_the_answer() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        slow = await proxy.narrow_line(get("/slow"))
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 100_001)[:-100_000])
        await slow.hear_until(b"\r\n\r\nx")
        shop.say(b"x" * 100_000)
        await until(lambda: proxy.record.errors == [""])
        assert only(proxy).is_unread  # because of the very piece that ends the answer
        other = await proxy.line(get("/other"))
        assert (await shop.hear_head()).startswith(b"GET /other ")
        shop.say(ok())
        assert (await other.hear_answer())[1] == b"ok"
        await slow.hear(100_000)


async def test_an_origin_connection_paused_by_interim_answers_is_not_kept() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get())
        shop, _ = await origin.request()
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: %b\r\n\r\n" % (b"x" * 9_000)
        shop.say(hints * 6)
        await client.hear(1)
        await settle()
        assert not only(proxy).is_unread
        shop.say(hints * 5 + ok())  # little enough to come in one read, and too much for the client
        await until(lambda: proxy.record.errors == [""])
        assert only(proxy).is_unread
        assert await client.hear(len(hints) - 1) == hints[1:]
        for _ in range(10):
            assert await client.hear(len(hints)) == hints
        assert (await client.hear_answer())[1] == b"ok"
        client.say(get("/next"))
        fresh, _ = await origin.request()
        fresh.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_an_answer_that_came_in_one_read_leaves_its_origin_connection_to_others() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get("/slow"))
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 60_000))
        await client.hear_head()
        await until(lambda: len(proxy.servers[0].idle) == 1)
        other = await proxy.line(get("/other"))
        assert (await shop.hear_head()).startswith(b"GET /other ")
        shop.say(ok())
        assert (await other.hear_answer())[1] == b"ok"
        await client.hear(60_000)


# Deadlines of clients that do not read


async def test_a_client_that_stops_reading_is_cut_when_its_time_is_over() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        client.stop_hearing()
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * NEVER_READ)
        await until(lambda: only(proxy).is_unread)
        await settle()
        proxy.pass_time(58)
        assert proxy.connections == 1
        proxy.turn_wheel(62)
        await until(lambda: proxy.connections == 0)
        assert proxy.record.errors == ["client-slow"]
        await shop.hear_all()


async def test_a_client_that_leaves_a_finished_answer_unread_is_cut_when_its_time_is_over() -> None:
    async with recording_origin(lambda _: ok(b"x" * NEVER_READ)) as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Connection: close"))
        client.stop_hearing()
        await until(lambda: only(proxy).is_unread)
        await settle()
        proxy.turn_wheel(62)
        proxy.turn_wheel(62)
        await until(lambda: proxy.connections == 0)


async def test_a_slow_reader_that_goes_on_reading_is_not_cut() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get("/", "Connection: close"))
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 1_000_000))
        await client.hear_head()
        for _ in range(20):
            await until(lambda: proxy.record.errors == [""] or only(proxy).is_unread)
            await client.hear(50_000)
            await settle()
            proxy.pass_time(50)
        await client.hear_nothing_more()
        assert proxy.record.errors == [""]


async def test_a_reader_of_a_few_bytes_a_second_is_cut_when_its_time_is_over() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 1_000_000))
        await client.hear_head()
        await until(lambda: only(proxy).is_unread)
        held = only(proxy).transport.get_write_buffer_size()
        for _ in range(8):
            if proxy.connections:
                await client.hear(6_000)  # in 30 seconds: 200 bytes a second
                await settle()
                proxy.pass_time(30)
                await settle()
        assert proxy.record.errors == ["client-slow"]
        assert held > 48_000  # it was not cut because it had read all of it


async def test_a_client_that_is_still_reading_when_the_worker_drains_gets_all_of_its_answer() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.narrow_line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 100_001)[:-100_000])
        await client.hear_until(b"\r\n\r\nx")
        shop.say(b"x" * 100_000)
        await until(lambda: only(proxy).is_unread and len(proxy.record.exchanges) == 1)
        only(proxy).drain()
        proxy.turn_wheel(3)
        await client.hear(100_000)
        await client.hear_nothing_more()
