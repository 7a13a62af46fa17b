"""Answers of origins: each ends where its framing says, and nothing beyond it ever reaches a client."""

from __future__ import annotations

import pytest

from tests.net.harness import proxy_to
from tests.net.lines import settle, until
from tests.net.messages import get, in_chunks, ok, post, statuses, value_of
from tests.net.origins import Seen, recording_origin, scripted_origin

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TO_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
POISON = ok(b"poison")


# Bodies


async def test_an_answer_passes_byte_for_byte() -> None:
    answer = b"HTTP/1.1 207 Odd  Phrase\r\nX-a:  b \r\nx-A:\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 3\r\n\r\n\x00\r\n"
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url) as proxy:
        assert await proxy.send(get()) == answer


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 600_000])
async def test_an_answer_of_stated_length_arrives_whole_and_the_connection_is_kept(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with recording_origin(lambda _: ok(body)) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line()
        for _ in range(3):
            line.say(get())
            assert (await line.hear_answer())[1] == body
        assert len(origin.received) == 1


async def test_a_chunked_answer_passes_with_extensions_and_trailers_and_the_connection_is_kept() -> None:
    body = b"3;a=b\r\nabc\r\n0\r\nExpires: never\r\n\r\n"
    async with recording_origin(lambda _: CHUNKED + body) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get() + get())
        for _ in range(2):
            assert await line.hear_head() == CHUNKED
            assert await line.hear(len(body)) == body
        assert len(origin.received) == 1


async def test_an_answer_may_come_in_any_pieces() -> None:
    for whole in (ok(b"length"), CHUNKED + in_chunks(b"one", b"two")):
        async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
            client = await proxy.line(get())
            shop, _ = await origin.request()
            for at in range(len(whole)):
                shop.say(whole[at : at + 1])
                await settle()
            assert await client.hear(len(whole)) == whole
            await until(lambda: len(proxy.servers[0].idle) == 1)


async def test_a_stream_of_events_arrives_event_by_event() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/events", "Accept: text/event-stream"))
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.hear_head()
        for number in range(5):
            event = b"data: %d\n\n" % number
            shop.say(b"%x\r\n%b\r\n" % (len(event), event))
            assert await client.hear_until(b"\n\n\r\n") == b"%x\r\n%b\r\n" % (len(event), event)


async def test_an_answer_that_ends_with_its_connection_ends_the_clients_too() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(TO_CLOSE + b"some")
        head = await client.hear_head()
        assert value_of(head, "Connection") == "close"
        shop.say(b" more")
        shop.close()
        assert await client.hear_all() == b"some more"
        assert proxy.record.errors == [""]


async def test_an_answer_that_ends_with_its_connection_but_is_reset_is_cut_for_the_client_too() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(TO_CLOSE + b"some")
        await client.hear_until(b"some")
        shop.reset()
        await client.hear_nothing_more()
        await until(lambda: proxy.record.errors == ["origin-left"])


@pytest.mark.parametrize("begun", [ok(b"whole")[:-2], CHUNKED + b"5\r\nab"], ids=["length", "chunked"])
async def test_an_answer_that_breaks_off_is_cut_and_never_completed(begun: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get() + get("/next"))
        shop, _ = await origin.request()
        shop.say(begun)
        assert await client.hear(len(begun)) == begun
        shop.close()
        await client.hear_nothing_more()
        await until(lambda: proxy.record.errors == ["origin-left"])


async def test_a_broken_chunk_cuts_the_answer() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(CHUNKED + b"3\r\nabc\r\n")
        await client.hear_until(b"abc\r\n")
        shop.say(b"oops\r\n")
        await client.hear_nothing_more()
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["bad-answer"]


# Heads that end an answer


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        ("HEAD", CHUNKED),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
async def test_an_answer_without_body_does_not_eat_the_next_one(method: str, answer: bytes) -> None:
    def answer_of(seen: Seen) -> bytes:
        return answer if seen.target == b"/bare" else ok(b"next")

    async with recording_origin(answer_of) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get("/bare", method=method) + get("/next"))
        assert await line.hear_head() == answer
        assert await line.hear(len(ok(b"next"))) == ok(b"next")


async def test_interim_answers_are_passed_on_as_they_come() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(hints)
        assert await client.hear_head() == hints
        shop.say(b"HTTP/1.1 102 Processing\r\n\r\n" + hints + ok())
        assert await client.hear_head() == b"HTTP/1.1 102 Processing\r\n\r\n"
        assert await client.hear_head() == hints
        assert (await client.hear_answer())[1] == b"ok"
        assert [exchange.status for exchange in proxy.record.exchanges] == [200]


async def test_old_clients_are_spared_interim_answers() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    async with recording_origin(lambda _: hints + ok()) as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get(version="1.0"))) == [200]


async def test_a_switch_of_protocols_that_nobody_asked_for_is_a_bad_answer() -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url) as proxy:
        assert statuses(await proxy.send(get())) == [502]


# Connections of this hop


async def test_headers_for_this_hop_are_taken_out_of_an_answer() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: a\r\nUpgrade: h2c\r\n"
        b"Proxy-Connection: close\r\nX-Stays: b\r\nContent-Length: 2\r\n\r\nok"
    )
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get())
        assert (await line.hear_answer())[0] == b"HTTP/1.1 200 OK\r\nX-Stays: b\r\nContent-Length: 2\r\n\r\n"
        line.say(get())  # the client's connection goes on although the origin's does not
        await line.hear_answer()
        assert len(origin.received) == 2


@pytest.mark.parametrize(
    "pieces", [[(ok(extra=b"Connection: close\r\n"))], [ok(extra=b"Connection: close\r\n")[:-1], b"k"]]
)
async def test_a_connection_that_the_origin_is_about_to_close_is_not_kept(pieces: list[bytes]) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        for piece in pieces:
            shop.say(piece)
            await settle()
        assert (await client.hear_answer())[1] == b"ok"
        assert not proxy.servers[0].idle
        await shop.hear_nothing_more()


async def test_an_origin_of_the_old_version_is_spoken_for_in_the_new_one() -> None:
    async with recording_origin(lambda _: b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") as origin:
        async with proxy_to(origin.url) as proxy:
            assert (await proxy.ask(get()))[0] == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
            assert not proxy.servers[0].idle


# What must never reach anybody


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_answer_behind_an_answer_is_dropped_with_its_connection(method: str) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get(method=method))
        shop, _ = await origin.request()
        shop.say(ok() + POISON)
        assert (await client.hear_answer())[1] == b"ok"
        client.say(get("/second"))
        fresh, head = await origin.request()
        assert head.startswith(b"GET /second ")
        fresh.say(ok(b"fresh"))
        assert (await client.hear_answer())[1] == b"fresh"
        await shop.hear_nothing_more()


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + in_chunks(b"ok"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["chunked", "204", "304", "empty"],
)
async def test_bytes_beyond_any_kind_of_answer_are_dropped_with_its_connection(answer: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(answer + POISON)
        assert await client.hear(len(answer)) == answer
        await shop.hear_nothing_more()
        client.say(get())
        fresh, _ = await origin.request()
        fresh.say(ok(b"fresh"))
        assert (await client.hear_answer())[1] == b"fresh"


async def test_bytes_on_an_idle_connection_close_it_and_reach_nobody() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        await until(lambda: len(proxy.servers[0].idle) == 1)
        shop.say(POISON)
        await shop.hear_nothing_more()
        assert not proxy.servers[0].idle
        client.say(post(b"body"))
        fresh, _ = await origin.request()
        await fresh.hear(4)
        fresh.say(ok(b"fresh"))
        assert (await client.hear_answer())[1] == b"fresh"


async def test_a_body_sent_in_answer_to_head_reaches_nobody() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get(method="HEAD") + get("/second"))
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(POISON) + POISON)
        await client.hear_head()
        fresh, head = await origin.request()
        assert head.startswith(b"GET /second ")
        fresh.say(ok(b"fresh"))
        assert (await client.hear_answer())[1] == b"fresh"


async def test_a_body_sent_late_in_answer_to_head_reaches_nobody() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get(method="HEAD"))
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(POISON))
        await client.hear_head()
        client.say(get("/second"))
        fresh, _ = await origin.request()
        shop.say(POISON)
        fresh.say(ok(b"fresh"))
        assert (await client.hear_answer())[1] == b"fresh"


async def test_an_answer_in_pieces_on_an_idle_connection_reaches_nobody() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok(b"first"))
        assert (await client.hear_answer())[1] == b"first"
        shop.say(POISON[:10])
        await until(lambda: not proxy.servers[0].idle)
        client.say(get())
        fresh, _ = await origin.request()
        shop.say(POISON[10:])
        fresh.say(ok(b"second"))
        assert (await client.hear_answer())[1] == b"second"


# Answers that cannot be understood in one way only


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nBad Name: x\r\n\r\n" + ok(),
        CHUNKED + b"zz\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_an_answer_of_doubtful_form_becomes_a_502(answer: bytes) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(answer)
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 502 ")
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["bad-answer"]
        client.say(get())  # the client is not to blame, and its connection goes on
        fresh, _ = await origin.request()
        fresh.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_an_answer_head_without_end_becomes_a_502_in_bounded_memory() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %b\r\n" % (b"x" * 1000) * 200)
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
        await shop.hear_nothing_more()


async def test_an_origin_that_leaves_without_a_word_becomes_a_502() -> None:
    for leave in ("close", "reset"):
        async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
            client = await proxy.line(get())
            shop, _ = await origin.request()
            getattr(shop, leave)()
            assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 502 ")
            assert proxy.record.errors == ["origin-left"]


async def test_an_origin_that_half_closes_behind_its_answer_is_let_go() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        shop.say(ok())
        shop.end()
        assert (await client.hear_answer())[1] == b"ok"
        await shop.hear_nothing_more()
        assert not proxy.servers[0].idle
