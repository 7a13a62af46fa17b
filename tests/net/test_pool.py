"""Connections to origins: which are kept, which are tried, and when a request may be sent a second time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.net.harness import proxy_to
from tests.net.lines import until
from tests.net.messages import get, ok, post, statuses
from tests.net.origins import ScriptedOrigin, closed_port, recording_origin, scripted_origin

# Kept connections

PUT = post(b"body").replace(b"POST", b"PUT")
"""It might be sent twice, but its body is gone."""


async def test_a_get_on_a_kept_connection_that_the_origin_closes_is_sent_once_more_on_a_new_one() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        client.say(get("/again"))
        await shop.hear_head()  # the origin had decided to close before it read this
        shop.reset()
        fresh, head = await origin.request()
        assert head.startswith(b"GET /again ")
        fresh.say(ok(b"second"))
        assert (await client.hear_answer())[1] == b"second"
        assert proxy.meters.retries == 1
        assert proxy.record.errors == ["", ""]


async def test_a_request_is_sent_a_second_time_but_never_a_third() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        client.say(get("/again"))
        await shop.hear_head()
        shop.close()
        fresh, _ = await origin.request()
        fresh.close()
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
        assert origin.accepted == 2
        assert proxy.meters.retries == 1


@pytest.mark.parametrize("request_", [post(b"body"), post(b""), get(method="POST"), get(method="PATCH"), PUT])
async def test_a_request_that_may_have_changed_something_is_never_sent_twice(request_: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        client.say(request_)
        await shop.hear_head()
        shop.reset()
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
        assert origin.accepted == 1
        assert proxy.record.errors == ["", "origin-left"]


async def test_a_get_on_a_new_connection_is_not_repeated() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.close()
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
        assert origin.accepted == 1


async def test_a_get_whose_answer_has_begun_is_not_repeated() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        client.say(get())
        await shop.hear_head()
        shop.say(b"HTTP/1.1 2")
        shop.close()
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
        assert origin.accepted == 1


async def test_a_connection_that_the_origin_closes_while_idle_is_not_used_again() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        shop.close()
        await until(lambda: not proxy.servers[0].idle)
        client.say(post(b"body"))
        fresh, _ = await origin.request()
        fresh.say(ok(b"second"))
        assert (await client.hear_answer())[1] == b"second"
        assert proxy.meters.retries == 0


async def test_a_closing_connection_is_out_of_the_pool_before_the_loop_says_that_it_is_lost() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        await proxy.ask(get())
        (upstream,) = proxy.servers[0].idle
        upstream.eof_received()
        assert not proxy.servers[0].idle
        await proxy.ask(get())
        (upstream,) = proxy.servers[0].idle
        upstream.data_received(b"x")
        assert not proxy.servers[0].idle


async def test_the_connection_used_last_is_taken_first_and_the_rest_age_out() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, pool={"idle_timeout": 30}) as proxy:
        answers = await asyncio.gather(*(proxy.ask(get()) for _ in range(8)))
        assert {body for _, body in answers} == {b"ok"}
        kept = len(proxy.servers[0].idle)
        assert kept == len(origin.received) > 1
        proxy.pass_time(20)
        for _ in range(5):
            await proxy.ask(get())
        assert len(origin.received) == kept
        proxy.pass_time(15)
        proxy.servers[0].sweep()
        assert len(proxy.servers[0].idle) == 1
        await until(lambda: origin.open == 1)


async def test_no_more_connections_are_kept_than_configured() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, pool={"idle": 2}) as proxy:
        clients = [await proxy.line(get()) for _ in range(4)]
        shops = [(await origin.request())[0] for _ in range(4)]
        for shop in shops:
            shop.say(ok())
        for client in clients:
            await client.hear_answer()
        assert len(proxy.servers[0].idle) == 2


async def test_no_connection_is_kept_where_none_may_be() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, pool={"idle": 0}) as proxy:
        assert statuses(await proxy.send(get() * 3)) == [200] * 3
        await until(lambda: origin.open == 0)
        assert len(origin.received) == 3


async def test_no_connection_is_kept_by_a_worker_that_is_going() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        proxy.worker.services.draining = True
        shop.say(ok())
        await client.hear_answer()
        await shop.hear_nothing_more()


# Several servers


async def test_servers_take_turns_on_new_and_on_kept_connections() -> None:
    async with recording_origin() as one, recording_origin() as two, proxy_to(one.url, two.url) as proxy:
        for _ in range(10):
            await proxy.ask(get())
        assert (len(one.requests), len(two.requests)) == (5, 5)
        assert (len(one.received), len(two.received)) == (1, 1)


async def test_requests_that_come_at_once_are_spread_over_the_servers() -> None:
    async with recording_origin() as one, recording_origin() as two, proxy_to(one.url, two.url) as proxy:
        lines = [await proxy.line() for _ in range(20)]
        for line in lines:
            line.say(get())
        for line in lines:
            await line.hear_answer()
        assert (len(one.requests), len(two.requests)) == (10, 10)


@pytest.mark.parametrize("request_", [get(), post(b"body")], ids=["get", "post"])
async def test_a_server_that_cannot_be_reached_is_passed_over(request_: bytes) -> None:
    async with recording_origin() as alive, proxy_to(closed_port(), closed_port(), alive.url) as proxy:
        for _ in range(6):
            assert statuses((await proxy.ask(request_))[0]) == [200]
        assert len(alive.requests) == 6


async def test_a_server_that_keeps_failing_rests_and_is_tried_again_later() -> None:
    dead = closed_port()
    async with recording_origin() as alive, proxy_to(dead, alive.url, pool={"fall": 2, "rest": 5}) as proxy:
        broken = proxy.servers[0]
        while not broken.is_resting():
            await proxy.ask(get())
        assert proxy.meters.upstream_connect_failures == 2
        for _ in range(6):
            await proxy.ask(get())
        assert proxy.meters.upstream_connect_failures == 2
        proxy.pass_time(6)
        assert not broken.is_resting()
        await proxy.ask(get())
        await proxy.ask(get())
        assert proxy.meters.upstream_connect_failures == 3
        assert broken.is_resting()


async def test_a_server_that_was_reached_in_between_does_not_rest() -> None:
    dead = closed_port()
    async with recording_origin() as origin, proxy_to(origin.url, pool={"fall": 2, "idle": 0}) as proxy:
        (server,) = proxy.servers
        for place in (dead, origin.url, dead):
            server.server = place
            await proxy.ask(get())
        assert proxy.meters.upstream_connect_failures == 2
        assert not server.is_resting()
        server.server = dead
        await proxy.ask(get())
        assert server.is_resting()


async def test_resting_servers_are_better_than_none() -> None:
    async with proxy_to(closed_port(), pool={"fall": 1}) as proxy:
        for _ in range(3):
            assert statuses((await proxy.ask(get()))[0]) == [502]
        assert proxy.meters.upstream_connect_failures == 3
        assert proxy.record.errors == ["connect"] * 3


async def test_a_server_that_health_checks_have_taken_out_gets_no_request() -> None:
    async with recording_origin() as one, recording_origin() as two, proxy_to(one.url, two.url) as proxy:
        await proxy.ask(get())
        await proxy.ask(get())
        proxy.board[0] = 0
        for _ in range(4):
            await proxy.ask(get())
        assert (len(one.requests), len(two.requests)) == (1, 5)
        proxy.board[0] = 1
        await proxy.ask(get())
        await proxy.ask(get())
        assert len(one.requests) == 2


@pytest.mark.parametrize("count", [1, 2])
async def test_without_any_server_on_the_board_the_answer_is_503(count: int) -> None:
    async with recording_origin() as origin, proxy_to(*[origin.url] * count) as proxy:
        await proxy.ask(get())
        proxy.board[:] = bytes(count)
        head, _ = await proxy.ask(get())
        assert head.startswith(b"HTTP/1.1 503 ")
        assert len(origin.requests) == 1
        assert proxy.record.errors == ["", "no-origin"]


async def test_a_retry_goes_to_the_next_server_when_the_first_is_gone() -> None:
    async with recording_origin() as dying, recording_origin() as alive, proxy_to(dying.url, alive.url) as proxy:
        await proxy.ask(get())
        await proxy.ask(get())
        dying.answer = lambda _: b""
        proxy.servers[0].server = closed_port()  # being restarted: nobody listens there for now
        for _ in range(2):
            assert statuses((await proxy.ask(get()))[0]) == [200]
        assert proxy.meters.retries == 1
        assert proxy.meters.upstream_connect_failures == 1
        assert len(alive.requests) == 3


# Places


async def test_an_origin_behind_a_unix_socket_is_served(tmp_path: Path) -> None:
    place = tmp_path / "shop.sock"
    origin = ScriptedOrigin()
    server = await asyncio.start_unix_server(origin.serve, str(place))
    async with proxy_to(f"unix:{place}") as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"unix"))
        assert (await client.hear_answer())[1] == b"unix"
        assert proxy.record.exchanges[0].origin == f"unix:{place}"
    server.close()


async def test_a_unix_socket_that_is_missing_becomes_a_502(tmp_path: Path) -> None:
    async with proxy_to(f"unix:{tmp_path}/nobody.sock") as proxy:
        assert statuses((await proxy.ask(get()))[0]) == [502]
