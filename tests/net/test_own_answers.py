"""Answers of our own: pages for people, problem details for programs, each with the id to ask about."""

from __future__ import annotations

import json

import pytest

from tests.net.harness import Proxy, proxy_to
from tests.net.messages import chunked, get, ok, value_of
from tests.net.origins import closed_port, recording_origin, scripted_origin

PAGE = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
PROGRAM = "Accept: */*"


async def test_people_get_a_page_and_programs_get_problem_details() -> None:
    async with proxy_to(closed_port()) as proxy:
        head, page = await proxy.ask(get("/", PAGE))
        assert value_of(head, "Content-Type") == "text/html; charset=utf-8"
        assert (value_of(head, "X-Request-Id") or "-").encode() in page
        for request in (get("/", PROGRAM), get("/")):
            head, body = await proxy.ask(request)
            assert value_of(head, "Content-Type") == "application/problem+json"
            problem = json.loads(body)
            assert problem["status"] == 502
            assert problem["request_id"] == value_of(head, "X-Request-Id")


async def test_no_answer_of_ours_is_kept_or_indexed_and_all_are_dated() -> None:
    async with proxy_to(closed_port(), mode="enforce") as proxy:
        for request in (
            get(),
            get("/bad"),
            get("/", "Content-Length: 99999999999", method="POST"),
            b"nonsense\r\n\r\n",
        ):
            head, _ = await proxy.ask(request)
            assert value_of(head, "Cache-Control") == "no-store"
            assert value_of(head, "X-Robots-Tag") == "noindex"
            assert value_of(head, "Date")
            assert value_of(head, "X-Request-Id")


async def test_every_request_has_an_id_of_its_own_which_its_record_shares() -> None:
    async with proxy_to(closed_port()) as proxy:
        ids = [value_of((await proxy.ask(get()))[0], "X-Request-Id") for _ in range(20)]
        assert len(set(ids)) == 20
        assert [exchange.request.request_id for exchange in proxy.record.exchanges if exchange.request] == ids


async def test_head_gets_the_same_head_and_no_body() -> None:
    async with proxy_to(closed_port(), mode="enforce") as proxy:
        for path in ("/", "/bad"):
            with_body = await proxy.line(get(path, PAGE))
            head, body = await with_body.hear_answer()
            without = await proxy.line(get(path, PAGE, method="HEAD") + get(path))
            bare = await without.hear_head()
            assert value_of(bare, "Content-Length") == str(len(body))
            assert bare.split(b"\r\n")[0] == head.split(b"\r\n")[0]
            assert (await without.hear_head()).startswith(b"HTTP/1.1 ")  # the next answer begins right behind


async def test_nothing_a_client_sent_is_echoed() -> None:
    async with proxy_to(closed_port(), mode="enforce") as proxy:
        for path in ("/<script>alert(1)</script>", "/bad?<script>"):
            head, body = await proxy.ask(get(path, "Accept: text/html, <script>", "User-Agent: <script>"))
            assert b"script" not in head + body


# What went wrong is told apart


async def failure(proxy: Proxy, request: bytes = get()) -> tuple[int, str]:
    head, body = await proxy.ask(request)
    assert json.loads(body)["status"] == int(head.split(b" ")[1])
    return json.loads(body)["status"], json.loads(body)["detail"]


async def test_an_origin_that_cannot_be_reached_leaves_or_talks_nonsense_is_a_502_each_with_its_own_words() -> None:
    async with proxy_to(closed_port()) as proxy:
        unreachable = await failure(proxy)
    async with recording_origin(lambda _: b"") as origin, proxy_to(origin.url) as proxy:
        gone = await failure(proxy)
    async with recording_origin(lambda _: b"nonsense\r\n\r\n") as origin, proxy_to(origin.url) as proxy:
        nonsense = await failure(proxy)
    assert {unreachable[0], gone[0], nonsense[0]} == {502}
    assert len({unreachable[1], gone[1], nonsense[1]}) == 3


async def test_no_server_in_turn_is_a_503() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        proxy.board[0] = 0
        assert (await failure(proxy))[0] == 503


async def test_no_answer_in_time_is_a_504() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        await origin.request()
        proxy.turn_wheel(60)
        head, body = await client.hear_answer()
        assert json.loads(body)["status"] == 504
        assert value_of(head, "X-Request-Id") == json.loads(body)["request_id"]


async def test_an_origin_that_dies_gives_502s_and_never_a_hang_and_is_found_again_when_it_is_back() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 200 ")
        place, proxy.servers[0].server = proxy.servers[0].server, closed_port()
        origin.answer = lambda _: b""
        for request in (get(), chunked(b"body"), get(method="DELETE")):
            client.say(request)
            head, _ = await client.hear_answer()
            assert head.startswith(b"HTTP/1.1 502 ")
            assert value_of(head, "X-Request-Id")
            assert value_of(head, "Connection") is None
        proxy.servers[0].server, origin.answer = place, None
        client.say(get())
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "answer", [ok(b"shop's own 404").replace(b"200 OK", b"404 Not Found"), ok().replace(b"200 OK", b"500 Oops")]
)
async def test_errors_of_the_shop_are_the_shops(answer: bytes) -> None:
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url) as proxy:
        assert await proxy.send(get()) == answer
