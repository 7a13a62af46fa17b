"""WebSockets: a tunnel is opened only for a real handshake and its matching answer; every other Upgrade is dropped."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.net.harness import proxy_to
from tests.net.lines import Line, settle, until
from tests.net.messages import get, ok, statuses, value_of
from tests.net.origins import recording_origin, scripted_origin

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
HANDSHAKE = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: WebSocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)


def switch(accept: str = ACCEPT, upgrade: str = "websocket", connection: str = "Upgrade") -> bytes:
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {upgrade}\r\nConnection: {connection}\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: stock\r\n\r\n"
    ).encode()


async def test_a_websocket_is_tunnelled_in_both_directions_after_the_matching_101() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, head = await origin.request()
        assert value_of(head, "Connection") == "Upgrade"
        assert value_of(head, "Upgrade") == "websocket"
        assert value_of(head, "Sec-WebSocket-Key") == KEY
        shop.say(switch() + b"\x81\x05early")
        answer = await client.hear_head()
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert value_of(answer, "Connection") == "Upgrade"
        assert value_of(answer, "Upgrade") == "websocket"
        assert value_of(answer, "Sec-WebSocket-Accept") == ACCEPT
        assert value_of(answer, "Sec-WebSocket-Protocol") == "stock"
        assert await client.hear(7) == b"\x81\x05early"
        assert proxy.meters.tunnels_open == 1
        frames = bytes(range(256)) * 4
        client.say(frames)
        assert await shop.hear(1024) == frames
        shop.say(get())  # bytes are bytes now
        assert await client.hear(len(get())) == get()
        shop.close()
        await client.hear_nothing_more()
        await until(lambda: proxy.connections == 0)
        assert proxy.meters.tunnels_open == 0
        (exchange,) = proxy.record.exchanges
        assert (exchange.status, exchange.error, exchange.bytes_in) == (101, "", 1024)


async def test_what_a_client_sends_before_the_101_waits_for_it() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE) + b"early frames")
        shop, _ = await origin.request()
        await settle()
        shop.say(switch())
        await client.hear_head()
        assert await shop.hear(12) == b"early frames"


async def test_early_bytes_behind_a_handshake_that_is_turned_down_are_requests_like_any_other() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        answers = await proxy.send(get("/ticker", *HANDSHAKE) + get("/bad") + get("/good"))
        assert statuses(answers) == [200, 403, 200]
        assert [seen.target for seen in origin.requests] == [b"/ticker", b"/good"]
        assert proxy.guard.judged == [b"/ticker", b"/bad", b"/good"]


async def test_a_handshake_is_judged_like_any_request() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        assert (await proxy.ask(get("/bad", *HANDSHAKE)))[0].startswith(b"HTTP/1.1 403 ")
        assert origin.accepted == 0


@pytest.mark.parametrize(
    "answer",
    [
        switch(accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        switch(accept=""),
        switch(accept=ACCEPT.lower()),
        switch(upgrade="h2c"),
        switch(connection="close"),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
async def test_a_101_that_does_not_match_becomes_a_502_and_no_tunnel(answer: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(answer + ok(b"poison"))
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 502 ")
        await shop.hear_nothing_more()
        assert proxy.meters.tunnels_open == 0


FAKES = {
    "no key": (*HANDSHAKE[:2], HANDSHAKE[3]),
    "a short key": (*HANDSHAKE[:2], "Sec-WebSocket-Key: AAAA", HANDSHAKE[3]),
    "a key that is none": (*HANDSHAKE[:2], "Sec-WebSocket-Key: !GhlIHNhbXBsZSBub25jZQ==", HANDSHAKE[3]),
    "two keys": (*HANDSHAKE[:2], HANDSHAKE[2], HANDSHAKE[2], HANDSHAKE[3]),
    "an old version": (*HANDSHAKE[:3], "Sec-WebSocket-Version: 8"),
    "no version": HANDSHAKE[:3],
    "no word in Connection": ("Connection: keep-alive", *HANDSHAKE[1:]),
    "no Connection": HANDSHAKE[1:],
    "two protocols": (HANDSHAKE[0], "Upgrade: websocket, h2c", *HANDSHAKE[2:]),
    "two Upgrades": (HANDSHAKE[0], "Upgrade: websocket", "Upgrade: websocket", *HANDSHAKE[2:]),
}


@pytest.mark.parametrize("lines", FAKES.values(), ids=FAKES.keys())
async def test_a_fake_websocket_is_a_normal_request(lines: tuple[str, ...]) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *lines) + get("/second"))
        shop, head = await origin.request()
        assert value_of(head, "Upgrade") is None
        assert value_of(head, "Connection") in (None, "keep-alive")
        await settle()
        shop.say(ok(b"plain"))
        assert (await client.hear_answer())[1] == b"plain"
        assert (await shop.hear_head()).startswith(b"GET /second ")


@pytest.mark.parametrize("lines", FAKES.values(), ids=FAKES.keys())
async def test_a_fake_websocket_gets_no_tunnel_even_if_the_origin_agrees(lines: tuple[str, ...]) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *lines))
        shop, _ = await origin.request()
        shop.say(switch())
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0", "anything"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
async def test_an_upgrade_with_a_body_is_a_normal_request_and_its_body_no_second_one(
    method: str, protocol: str
) -> None:
    inner = get("/smuggled")
    lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABk", *HANDSHAKE[2:])
    for framing, body in (
        (f"Content-Length: {len(inner)}", inner),
        ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)),
    ):
        async with recording_origin() as origin, proxy_to(origin.url) as proxy:
            answers = await proxy.send(get("/outer", *lines, framing, method=method) + body + get("/next"))
            assert statuses(answers) == [200, 200]
            assert [seen.target for seen in origin.requests] == [b"/outer", b"/next"]
            assert origin.requests[0].body == inner
            assert not origin.requests[0].values(b"upgrade")
            assert not origin.requests[0].values(b"http2-settings")


async def test_the_preface_of_http2_is_refused() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert all(status >= 400 for status in statuses(answers))
        assert not origin.received


async def test_an_old_client_gets_no_tunnel() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get("/ticker", *HANDSHAKE, version="1.0"))) == [200]
        assert not origin.requests[0].values(b"upgrade")


# Ends of tunnels


async def test_the_last_words_of_a_client_that_closes_reach_the_origin() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        client.say(b"x" * 1_000_000 + b"bye")
        client.close()
        assert await shop.hear(1_000_003) == b"x" * 1_000_000 + b"bye"
        await shop.hear_nothing_more()
        shop.close()
        await until(lambda: proxy.connections == 0)
        assert proxy.meters.tunnels_open == 0
        assert proxy.record.errors == [""]


async def test_a_client_that_half_closes_a_tunnel_hears_the_rest() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        client.end()
        await shop.hear_nothing_more()
        shop.say(b"x" * 1_000_000)
        shop.close()
        assert await client.hear_all() == b"x" * 1_000_000


async def test_a_client_that_half_closes_before_the_101_still_gets_its_tunnel() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        client.end()
        await settle()
        shop.say(switch() + b"hello")
        await client.hear_head()
        await shop.hear_nothing_more()
        shop.close()
        assert await client.hear_all() == b"hello"


async def test_a_tunnel_of_a_client_that_is_gone_is_closed() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        client.reset()
        await shop.hear_nothing_more()
        await until(lambda: proxy.connections == 0)
        assert proxy.meters.tunnels_open == 0


@pytest.mark.parametrize("half_closed", [False, True])
async def test_a_silent_tunnel_ends_when_its_time_is_over(half_closed: bool) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, timeouts={"tunnel": 300}) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        proxy.pass_time(290)
        await say_something(client, shop)
        proxy.pass_time(290)
        await say_something(shop, client)
        if half_closed:
            client.end()
            await shop.hear_nothing_more()
        proxy.turn_wheel(60 if half_closed else 300)
        await client.hear_nothing_more()
        await until(lambda: proxy.connections == 0)
        assert proxy.meters.tunnels_open == 0
        assert proxy.record.errors == ["idle"]


async def say_something(speaker: Line, listener: Line) -> None:
    speaker.say(b"ping")
    assert await listener.hear(4) == b"ping"


async def test_a_tunnel_holds_bounded_memory_in_both_directions() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/ticker", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        (connection,) = proxy.worker.services.wheel.items()
        upstream = connection._upstream  # type: ignore[attr-defined]
        client.stop_hearing()
        shop.stop_hearing()
        client.say(b"x" * 24_000_000)
        shop.say(b"y" * 24_000_000)
        await until(lambda: not connection.transport.is_reading() and not upstream.transport.is_reading())
        await settle()
        assert connection.transport.get_write_buffer_size() <= 512 * 1024
        assert upstream.transport.get_write_buffer_size() <= 512 * 1024
        client.hear_again()
        shop.hear_again()
        assert await client.hear(24_000_000) == b"y" * 24_000_000
        assert await shop.hear(24_000_000) == b"x" * 24_000_000
