"""Bounds on what one client, or all of them, may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import Line, until
from tests.net.messages import get, statuses, value_of
from tests.net.origins import recording_origin, scripted_origin

# Heads


def padded(size: int) -> bytes:
    """A request head of exactly `size` bytes."""
    filler = "x" * (size - len(get("/", "X-Filler: ")))
    return get("/", f"X-Filler: {filler}")


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_a_head_of_exactly_the_limit_passes_and_one_byte_more_does_not(bytewise: bool) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"head": 600}) as proxy:
        for size, status in ((600, 200), (601, 431)):
            request = padded(size)
            pieces = [request[at : at + 1] for at in range(len(request))] if bytewise else [request]
            assert statuses(await proxy.send(*pieces)) == [status]
        assert len(origin.requests) == 1
        assert proxy.record.errors == ["", "head-too-large"]


async def test_a_head_that_does_not_end_is_refused_at_the_limit_without_waiting_for_more() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(b"GET /" + b"x" * 40_000)
        head, _ = await line.hear_answer()
        assert head.startswith(b"HTTP/1.1 431 ")
        assert value_of(head, "Connection") == "close"
        await line.hear_nothing_more()


async def test_a_body_does_not_count_as_head() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"head": 600}) as proxy:
        request = get("/", "Content-Length: 5000", method="POST") + b"x" * 5000
        assert statuses(await proxy.send(request + get())) == [200, 200]


async def test_pipelined_heads_are_measured_one_by_one() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"head": 600}) as proxy:
        assert statuses(await proxy.send(padded(600) * 5 + padded(601) + padded(600))) == [200] * 5 + [431]


async def test_a_request_may_have_so_many_header_lines_and_no_more() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"headers": 10}) as proxy:
        for extra, status in ((9, 200), (10, 431)):
            lines = [f"X-{number}: a" for number in range(extra)]
            assert statuses(await proxy.send(get("/", *lines))) == [status]
        assert proxy.record.errors == ["", "too-many-headers"]


# Connections


async def test_an_address_may_hold_so_many_connections_and_no_more() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"connections_per_address": 3}) as proxy:
        held = await hold(proxy, 3)
        assert await refused(proxy)
        assert proxy.meters.connections_refused == 1
        assert proxy.meters.connections_open == 3
        held.pop().close()
        await until(lambda: proxy.meters.connections_open == 2)
        assert statuses(await proxy.send(get())) == [200]


async def test_all_clients_together_may_hold_so_many_connections_and_no_more() -> None:
    limits = {"connections": 4, "connections_per_address": 100}
    async with recording_origin() as origin, proxy_to(origin.url, limits=limits) as proxy:
        held = await hold(proxy, 4)
        assert await refused(proxy)
        for line in held:
            line.close()
        await until(lambda: proxy.meters.connections_open == 0)
        assert statuses(await proxy.send(get())) == [200]


async def test_a_trusted_peer_may_hold_more_than_one_address_may_but_not_more_than_all() -> None:
    limits = {"connections": 5, "connections_per_address": 1}
    async with (
        recording_origin() as origin,
        proxy_to(origin.url, limits=limits, trusted={"peers": ["127.0.0.1"]}) as proxy,
    ):
        await hold(proxy, 5)
        assert await refused(proxy)


async def test_peers_on_a_unix_socket_are_not_counted_as_one_address(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    async with recording_origin() as origin:
        async with proxy_to(origin.url, listen=place, limits={"connections_per_address": 1}) as proxy:
            lines = [await Line.to_unix(place) for _ in range(3)]
            for line in lines:
                line.say(get())
                assert (await line.hear_answer())[0].startswith(b"HTTP/1.1 200 ")
            assert proxy.meters.connections_refused == 0


async def test_a_refused_connection_leaves_no_trace_however_it_ends() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"connections_per_address": 1}) as proxy:
        (held,) = await hold(proxy, 1)
        for _ in range(20):
            line = await proxy.line(get())
            line.reset()
        assert await refused(proxy)
        held.close()
        await until(lambda: proxy.meters.connections_open == 0)
        assert not any(proxy.gauges)
        assert proxy.connections == 0
        assert not origin.requests[1:]


async def hold(proxy: Proxy, count: int) -> list[Line]:
    """So many connections, each of which has been served."""
    lines = [await proxy.line() for _ in range(count)]
    for line in lines[:1]:
        line.say(get())
        await line.hear_answer()
    await until(lambda: proxy.meters.connections_open == count)
    return lines


async def refused(proxy: Proxy) -> bool:
    line = await proxy.line()
    head = await line.hear_head()
    await line.hear_nothing_more()
    return head.startswith(b"HTTP/1.1 503 ") and value_of(head, "Retry-After") is not None


# What is going on while all is full


async def test_requests_in_flight_go_on_while_new_connections_are_refused() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, limits={"connections": 1}) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        assert await refused(proxy)
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert (await client.hear_answer())[1] == b"ok"
