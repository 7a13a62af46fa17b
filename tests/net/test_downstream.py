"""Requests on one client connection: each is judged at its turn and answered in order, and each ends exactly once."""

from __future__ import annotations

import asyncio

import pytest

from tests.net.harness import proxy_to
from tests.net.lines import settle, until
from tests.net.messages import chunked, get, ok, post, statuses, value_of
from tests.net.origins import Seen, recording_origin, scripted_origin


def echo_target(seen: Seen) -> bytes:
    return ok(seen.target)


# Keep-alive


async def test_many_requests_one_after_the_other_share_one_connection_on_both_sides() -> None:
    async with recording_origin(echo_target) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line()
        for number in range(5):
            line.say(get(f"/{number}"))
            head, body = await line.hear_answer()
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert value_of(head, "Connection") is None
            assert body == b"/%d" % number
        assert len(origin.received) == 1
        assert proxy.meters.upstream_reused == 4


async def test_connection_close_ends_the_connection_after_the_answer() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get("/", "Connection: close"))
        head, body = await line.hear_answer()
        assert value_of(head, "Connection") == "close"
        assert body == b"ok"
        await line.hear_nothing_more()
        assert origin.requests[0].values(b"connection") == []


async def test_what_follows_a_request_that_closes_is_not_read() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(get("/a", "Connection: close") + get("/b"))
        assert statuses(answers) == [200]
        assert [seen.target for seen in origin.requests] == [b"/a"]


async def test_an_idle_connection_is_closed_in_silence_when_its_time_is_over() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get())
        await line.hear_answer()
        proxy.pass_time(74)
        line.say(get())
        await line.hear_answer()
        proxy.turn_wheel(75)
        await line.hear_nothing_more()


async def test_every_exchange_ends_exactly_once_with_its_facts() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(get("/a") + post(b"12345", "/b") + b"nonsense\r\n\r\n")
        assert statuses(answers) == [200, 200, 400]
        first, second, third = proxy.record.exchanges
        assert first.request is not None
        assert (first.request.head.target.path, first.status, first.error) == (b"/a", 200, "")
        assert first.origin == origin.url
        assert second.bytes_in == 5
        assert first.bytes_out + second.bytes_out + third.bytes_out == len(answers)
        assert (third.request, third.status, third.framing_refusal) == (None, 400, True)
        assert all(exchange.started <= exchange.ended for exchange in proxy.record.exchanges)


# Pipelining


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with recording_origin(echo_target) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(b"".join(get(f"/{number}") for number in range(300)))
        for number in range(300):
            assert await line.hear_answer() == (ok(b"/%d" % number)[: -len(b"/%d" % number)], b"/%d" % number)


async def test_the_next_request_is_not_sent_on_before_the_answer_is_complete() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/a") + get("/b"))
        shop, head = await origin.request()
        assert head.startswith(b"GET /a ")
        shop.say(ok(b"first")[:-1])
        await client.hear_until(b"firs")
        await settle()
        assert origin.accepted == 1
        shop.say(b"t")
        assert (await shop.hear_head()).startswith(b"GET /b ")
        shop.say(ok(b"second"))
        assert (await client.hear_until(b"second")).startswith(b"tHTTP/1.1 200")


async def test_reading_pauses_while_requests_wait_and_holds_at_most_one_read() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/first"))
        shop, _ = await origin.request()
        flood = get("/more") * 40_000
        client.say(flood)
        (connection,) = proxy.worker.services.wheel.items()
        await until(lambda: bool(connection._queued))  # type: ignore[attr-defined]
        await settle()
        held = len(connection._queued)  # type: ignore[attr-defined]
        assert held <= 256 * 1024
        assert not connection.transport.is_reading()
        shop.say(ok())
        await client.hear_answer()
        assert (await shop.hear_head()).startswith(b"GET /more ")


async def test_each_pipelined_request_is_judged_at_its_turn() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        pipeline = b"".join(get(f"/bad/{number}") + get(f"/{number}") for number in range(100))
        answers = await proxy.send(pipeline)
        assert statuses(answers) == [403, 200] * 100
        assert [seen.target for seen in origin.requests] == [b"/%d" % number for number in range(100)]
        assert proxy.guard.judged == [path for number in range(100) for path in (b"/bad/%d" % number, b"/%d" % number)]


async def test_a_request_is_not_judged_before_the_one_in_front_of_it_is_answered() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/a") + get("/bad"))
        shop, _ = await origin.request()
        await settle()
        assert proxy.guard.judged == [b"/a"]
        shop.say(ok())
        await client.hear_answer()
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 403 ")


async def test_a_pipeline_goes_on_behind_a_request_that_nobody_serves() -> None:
    sites = [{"hosts": ["shop.example"], "upstreams": [{"path": "/shop", "servers": ["http://127.0.0.1:1"]}]}]
    async with recording_origin() as origin:
        sites[0]["upstreams"][0]["servers"] = [origin.url]  # type: ignore[index]
        async with proxy_to(sites=sites) as proxy:
            other = get("/shop").replace(b"shop.example", b"elsewhere.example")
            answers = await proxy.send(get("/nothing") + other + get("/shop"))
            assert statuses(answers) == [404, 421, 200]
            assert proxy.record.errors == ["no-route", "no-site", ""]


async def test_a_blocked_post_leaves_its_connection_usable() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        line = await proxy.line(post(b"body", "/bad"))
        assert (await line.hear_answer())[0].startswith(b"HTTP/1.1 403 ")
        line.say(get())
        assert (await line.hear_answer())[0].startswith(b"HTTP/1.1 200 ")
        assert [seen.method for seen in origin.requests] == [b"GET"]


async def test_a_refusal_ends_a_pipeline_and_nothing_behind_it_is_read() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(get("/a") + b"GET /b HTTP/1.1\r\nBad Name: x\r\n\r\n" + get("/c"))
        assert statuses(answers) == [200, 400]
        assert [seen.target for seen in origin.requests] == [b"/a"]


async def test_pipelined_bodies_of_both_kinds_reach_the_origin_as_they_were() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(post(b"one") + chunked(b"t", b"wo") + get() + post(b"") + chunked() + post(b"three"))
        assert statuses(answers) == [200] * 6
        assert [seen.body for seen in origin.requests] == [b"one", b"two", b"", b"", b"", b"three"]


# Forms of request


async def test_an_absolute_target_is_served_under_the_host_it_names() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        request = b"GET http://other.example:8080/a?b=c HTTP/1.1\r\nHost: shop.example\r\n\r\n"
        assert statuses(await proxy.send(request)) == [200]
        (seen,) = origin.requests
        assert seen.target == b"/a?b=c"
        assert seen.values(b"host") == [b"other.example:8080"]


async def test_options_for_the_whole_server_reaches_the_origin_as_it_is() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get("*", method="OPTIONS"))) == [200]
        assert [(seen.method, seen.target) for seen in origin.requests] == [(b"OPTIONS", b"*")]


@pytest.mark.parametrize("target", ["shop.example:443", "/"])
async def test_connect_is_refused_and_never_reaches_the_origin(target: str) -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get(target, method="CONNECT"), b"tunnel bytes")) == [405]
        assert not origin.received


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
async def test_other_methods_pass(method: str) -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get(method=method))) == [200]
        assert origin.requests[0].method == method.encode()


# HTTP/1.0


async def test_an_old_client_gets_one_answer_and_the_end_of_the_connection() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get(version="1.0"))
        head, _ = await line.hear_answer()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert value_of(head, "Connection") == "close"
        await line.hear_nothing_more()


async def test_an_old_client_without_host_is_served_by_the_site_for_all_hosts() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(b"GET /old HTTP/1.0\r\n\r\n")) == [200]
        assert origin.requests[0].target == b"/old"
        assert len(origin.requests[0].values(b"host")) == 1


@pytest.mark.parametrize("path", ["/served", "/not-served"])
async def test_an_old_client_that_asks_to_stay_is_told_that_it_may(path: str) -> None:
    async with recording_origin() as origin:
        sites = [{"upstreams": [{"path": "/served", "servers": [origin.url]}]}]
        async with proxy_to(sites=sites) as proxy:
            line = await proxy.line()
            for _ in range(2):
                line.say(get(path, "Connection: keep-alive", version="1.0"))
                head, _ = await line.hear_answer()
                assert value_of(head, "Connection") == "keep-alive"


async def test_an_old_client_gets_a_chunked_answer_without_chunks() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer-Field: x\r\n\r\n"
    )
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get("/", "Connection: keep-alive", version="1.0"))
        head = await line.hear_head()
        assert value_of(head, "Transfer-Encoding") is None
        assert value_of(head, "Connection") == "close"
        assert await line.hear_all() == b"abcde"


# Clients that leave


async def test_a_client_that_half_closes_gets_its_answer() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        client.end()
        await settle()
        shop.say(ok(b"late"))
        assert await client.hear_all() == ok(b"late")


async def test_a_client_that_pipelines_and_half_closes_gets_all_its_answers() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get() * 50)) == [200] * 50


async def test_a_client_that_half_closes_inside_a_head_or_a_body_is_let_go() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        assert await proxy.send(get()[:-2]) == b""
        assert await proxy.send(post(b"12345")[:-1]) == b""
        await until(lambda: origin.open == 0)
        assert not origin.requests
        assert proxy.record.errors == ["client-left"]


async def test_a_client_that_leaves_inside_an_answer_takes_the_origin_connection_with_it() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 100)[:-50])
        await client.hear_head()
        client.reset()
        await shop.hear_nothing_more()
        await until(lambda: proxy.record.errors == ["client-left"])
        assert proxy.connections == 0
        assert proxy.meters.connections_open == 0


async def test_a_client_that_closes_inside_an_answer_is_noticed_when_more_of_it_comes() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 1_000_000)[:-900_000])
        await client.hear_head()
        client.close()
        while proxy.connections:
            shop.say(b"x" * 1000)
            await settle()
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["client-left"]


async def test_a_client_that_leaves_while_we_connect_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting, gone = asyncio.Event(), asyncio.Event()

    async def connect_for_ever(*_: object, **__: object) -> None:
        connecting.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    async with proxy_to("http://127.0.0.1:9") as proxy:
        monkeypatch.setattr("trafficguard.net.pool.Origin.connect", connect_for_ever)
        client = await proxy.line(get())
        await asyncio.wait_for(connecting.wait(), 5)
        client.reset()
        await asyncio.wait_for(gone.wait(), 5)
        await until(lambda: proxy.record.errors == ["client-left"])


async def test_empty_lines_in_front_of_a_request_are_passed_over() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        request = b"\r\n\r\n" + get()
        assert statuses(await proxy.send(request)) == [200]
        assert statuses(await proxy.send(*[request[at : at + 1] for at in range(len(request))])) == [200]
