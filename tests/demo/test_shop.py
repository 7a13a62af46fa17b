"""The shop as a whole serves on a real port, says it is well, and stops without keeping anyone waiting."""

from __future__ import annotations

import asyncio
import gzip
from hashlib import sha256

import pytest
from aiohttp import ClientSession, WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler

from trafficguard.demo.shop import build_shop, serve_shop

from .conftest import Client


async def test_health_is_a_word(client: Client) -> None:
    answer = await client.get("/healthz")

    assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_port_zero_is_answered_with_the_real_one() -> None:
    runner, port = await serve_shop(build_shop(10), "127.0.0.1", 0)
    try:
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/product/10") as answer:
            assert answer.status == 200
    finally:
        await runner.cleanup()


async def test_a_taken_port_is_an_os_error_and_leaves_the_first_shop_alone() -> None:
    runner, port = await serve_shop(build_shop(10), "127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await serve_shop(build_shop(10), "127.0.0.1", port)
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
    finally:
        await runner.cleanup()


async def test_two_shops_answer_alike_and_share_no_session() -> None:
    runners = [await serve_shop(build_shop(50), "127.0.0.1", 0) for _ in range(2)]
    try:
        async with ClientSession() as session:
            addresses = [f"http://127.0.0.1:{port}" for _, port in runners]
            for path in ("/", "/product/3", "/images/3.svg", "/static/shop.js", "/api/products"):
                texts = [await (await session.get(address + path)).read() for address in addresses]
                assert texts[0] == texts[1]
            login = await session.post(
                f"{addresses[0]}/login", data={"username": "demo", "password": "demo"}, allow_redirects=False
            )
            cookies = {"session": login.cookies["session"].value}
            opened = [
                (await session.get(f"{address}/account", cookies=cookies, allow_redirects=False)).status
                for address in addresses
            ]
        assert opened == [200, 303]
    finally:
        for runner, _ in runners:
            await runner.cleanup()


async def test_a_compressed_upload_is_digested_as_it_was_sent() -> None:
    runner, port = await serve_shop(build_shop(10), "127.0.0.1", 0)
    body = gzip.compress(b"0" * 10_000)
    try:
        async with ClientSession() as session:
            headers = {"Content-Encoding": "gzip"}
            answer = await session.post(f"http://127.0.0.1:{port}/upload", data=body, headers=headers)
            assert (await answer.json())["sha256"] == sha256(body).hexdigest()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("request_head", "first_answer"),
    [
        (b"GET /events/stock?count=100000&ms=1 HTTP/1.1\r\n", b"id: 1\n"),
        (b"GET /download/4294967296 HTTP/1.1\r\n", b"\x00\x01\x02"),
        (b"POST /upload HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n", b"100 Continue"),
        (b"POST /login HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n", b"100 Continue"),
    ],
)
async def test_a_visitor_who_leaves_in_the_middle_is_no_error(
    request_head: bytes, first_answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.Event()

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            done.set()

    app = build_shop(10)
    app.middlewares.insert(0, watch)
    runner, port = await serve_shop(app, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_head + b"Host: shop.test\r\n\r\n")
            await reader.readuntil(first_answer)
            writer.transport.abort()
            await done.wait()
    finally:
        await runner.cleanup()

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_stopping_shop_says_goodbye_and_waits_for_no_stream() -> None:
    runner, port = await serve_shop(build_shop(10), "127.0.0.1", 0)
    async with ClientSession() as session:
        socket = await session.ws_connect(f"http://127.0.0.1:{port}/ws/stock")
        stream = await session.get(f"http://127.0.0.1:{port}/events/stock?count=9&ms=60000")
        await stream.content.readuntil(b"\n\n")
        goodbye = asyncio.create_task(socket.receive(timeout=10))

        async with asyncio.timeout(10):
            await runner.cleanup()

        message = await goodbye
        while message.type is WSMsgType.TEXT:
            message = await socket.receive(timeout=10)
        assert message.type is WSMsgType.CLOSE
        assert message.data == WSCloseCode.GOING_AWAY
        stream.close()
