"""Live stock arrives piece by piece, and an echo is an echo."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient, TestServer

from trafficguard.demo import live
from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.shop import build_shop

from .conftest import PRODUCTS, Client

DEADLINE = 10
"""Seconds in which anything that should arrive has arrived."""


async def _echo(socket: ClientWebSocketResponse[bool], text: str) -> str:
    await socket.send_str(text)
    for _ in range(100):
        message: dict[str, Any] = await socket.receive_json(timeout=DEADLINE)
        if "echo" in message:
            return str(message["echo"])
    raise AssertionError("a hundred messages and no echo")


@pytest.mark.parametrize("text", ["hello", "", "grüße ✓", "x" * 70_000, '{"echo": 1}'])
async def test_text_comes_back_as_it_was_sent(client: Client, text: str) -> None:
    async with client.ws_connect("/ws/stock") as socket:
        assert await _echo(socket, text) == text


async def test_echoes_keep_their_order(client: Client) -> None:
    async with client.ws_connect("/ws/stock") as socket:
        assert [await _echo(socket, str(number)) for number in range(20)] == [str(n) for n in range(20)]


async def test_updates_come_without_asking_and_tell_products_that_exist(
    client: Client, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TICK_SECONDS", 0.001)
    async with client.ws_connect("/ws/stock") as socket:
        updates = [await socket.receive_json(timeout=DEADLINE) for _ in range(20)]

    for update in updates:
        product = catalogue.product(update["product"])
        assert product is not None
        assert product.name == update["name"]
        assert update["stock"] == max(0, product.stock + update["change"])
    assert len({update["product"] for update in updates}) > 5


async def test_between_updates_a_second_passes(client: Client) -> None:
    loop = asyncio.get_running_loop()
    async with client.ws_connect("/ws/stock") as socket:
        await socket.receive_json(timeout=DEADLINE)
        first = loop.time()
        await socket.receive_json(timeout=DEADLINE)

    assert loop.time() - first > 0.5


async def test_without_an_upgrade_the_socket_is_a_bad_request(client: Client) -> None:
    assert (await client.get("/ws/stock")).status == 400


def _event(block: bytes) -> tuple[str, str, dict[str, Any]]:
    fields = dict(line.split(": ", 1) for line in block.decode().strip().split("\n"))
    return fields["id"], fields["event"], json.loads(fields["data"])


async def test_the_first_event_is_here_while_the_second_is_a_minute_away(client: Client) -> None:
    async with client.get("/events/stock?count=2&ms=60000") as stream, asyncio.timeout(DEADLINE):
        block = await stream.content.readuntil(b"\n\n")

    assert stream.content_type == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache"
    assert _event(block)[:2] == ("1", "stock")


async def test_the_stream_ends_after_as_many_events_as_were_asked_for(client: Client) -> None:
    async with client.get("/events/stock?count=5&ms=1") as stream, asyncio.timeout(DEADLINE):
        blocks = (await stream.read()).split(b"\n\n")

    assert blocks.pop() == b""
    assert [_event(block)[0] for block in blocks] == ["1", "2", "3", "4", "5"]
    assert all({"product", "name", "stock", "change"} == set(_event(block)[2]) for block in blocks)


@pytest.mark.parametrize(
    "query", ["count=0", "count=100001", "ms=0", "ms=60001", "ms=x", "count=-1", "ms=1.5"]
)
async def test_bounds_of_a_stream_are_kept(client: Client, query: str) -> None:
    assert (await client.get(f"/events/stock?{query}")).status == 400


async def test_the_first_updates_of_a_shop_are_always_the_same(client: Client) -> None:
    async with TestClient(TestServer(build_shop(PRODUCTS))) as other:
        texts = [await (await each.get("/events/stock?count=20&ms=1")).text() for each in (client, other)]

    assert texts[0] == texts[1]
    assert texts[0] != await (await client.get("/events/stock?count=20&ms=1")).text()
