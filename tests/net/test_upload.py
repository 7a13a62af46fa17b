"""Request bodies on their way to the origin: exactly what was sent, within its limit, and never slower than agreed."""

from __future__ import annotations

import pytest

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import Line, settle, until
from tests.net.messages import chunked, get, in_chunks, ok, post, statuses, value_of
from tests.net.origins import ScriptedOrigin, recording_origin, scripted_origin
from trafficguard.http.framing import BAD_CHUNK, BODY_TOO_LARGE, CHUNKED
from trafficguard.net.upload import Upload
from trafficguard.net.upstream import Upstream

UPLOAD_HEAD = get("/upload", "Content-Length: 10", method="POST")
CHUNKED_HEAD = get("/upload", "Transfer-Encoding: chunked", method="POST")


# One body


def test_a_body_of_stated_length_ends_there() -> None:
    upload = Upload(4, limit=100, rate=512, started=0, grace=120)
    assert (upload.take(b"ab"), upload.done) == ((b"ab", 2), False)
    assert (upload.take(b"cdGET /"), upload.done) == ((b"cd", 2), True)
    assert upload.received == 4


def test_chunks_are_framed_anew_without_extensions_and_trailers() -> None:
    upload = Upload(CHUNKED, limit=100, rate=512, started=0, grace=120)
    sent = b"3;a=b\r\nabc\r\n0\r\nX-Bot-Score: 0\r\n\r\n"
    assert upload.take(sent + b"next") == (b"3\r\nabc\r\n0\r\n\r\n", len(sent))
    assert upload.done


def test_a_broken_chunk_is_refused() -> None:
    upload = Upload(CHUNKED, limit=100, rate=512, started=0, grace=120)
    assert upload.take(b"3\r\nabcd\r\n") == BAD_CHUNK


def test_chunks_beyond_the_limit_are_refused_with_their_framing_counted() -> None:
    upload = Upload(CHUNKED, limit=20, rate=512, started=0, grace=120)
    assert isinstance(upload.take(in_chunks(b"123456789")[:-5]), tuple)
    assert upload.take(b"1\r\na\r\n1\r\na\r\n") == BODY_TOO_LARGE


def test_time_runs_out_for_a_sender_below_the_rate() -> None:
    upload = Upload(1_000_000, limit=1_000_000, rate=512, started=10, grace=120)
    assert upload.due(10) == 130
    upload.take(b"x" * 128)  # a tick's worth at 512 bytes a second
    assert upload.due(200) == 131


def test_a_fast_sender_does_not_win_time_in_which_to_say_nothing() -> None:
    upload = Upload(1_000_000, limit=1_000_000, rate=512, started=0, grace=120)
    upload.take(b"x" * 900_000)
    assert upload.due(8) == 128


def test_time_in_which_we_did_not_read_is_not_held_against_the_sender() -> None:
    upload = Upload(1_000_000, limit=1_000_000, rate=512, started=0, grace=120)
    upload.postpone(400)
    assert upload.due(500) == 520


# On the wire


async def test_a_body_is_sent_on_while_it_comes() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(UPLOAD_HEAD + b"12345")
        shop, head = await origin.request()
        assert value_of(head, "Content-Length") == "10"
        assert await shop.hear(5) == b"12345"
        client.say(b"67890")
        assert await shop.hear(5) == b"67890"
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_chunks_are_sent_on_while_they_come_and_trailers_are_not() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(CHUNKED_HEAD + b"5;ext=1\r\n123")
        shop, _ = await origin.request()
        assert await shop.hear_until(b"123\r\n") == b"3\r\n123\r\n"
        client.say(b"45\r\n0\r\nX-Bot-Score: 0\r\n\r\n")
        assert await shop.hear_until(b"0\r\n\r\n") == b"2\r\n45\r\n0\r\n\r\n"
        shop.say(ok())
        await client.hear_answer()


@pytest.mark.parametrize("request_", [post(b"hello"), chunked(b"he", b"llo")], ids=["length", "chunked"])
async def test_a_body_that_comes_byte_by_byte_arrives_whole(request_: bytes) -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        pieces = [request_[at : at + 1] for at in range(len(request_))]
        assert statuses(await proxy.send(*pieces)) == [200]
        assert [seen.body for seen in origin.requests] == [b"hello"]


async def test_a_client_that_expects_a_100_gets_it_from_the_origin_before_it_sends_its_body() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 4", "Expect: 100-continue", method="PUT"))
        shop, head = await origin.request()
        assert value_of(head, "Expect") == "100-continue"
        shop.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.hear_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.say(b"body")
        assert await shop.hear(4) == b"body"
        shop.say(ok())
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 200 ")


async def test_an_origin_that_does_not_want_the_expected_body_can_say_so() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 4", "Expect: 100-continue", method="PUT"))
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
        head, body = await client.hear_answer()
        assert (head[:13], body) == (b"HTTP/1.1 401 ", b"no")
        assert value_of(head, "Connection") == "close"
        await client.hear_nothing_more()
        await shop.hear_nothing_more()


# Answers before the body is complete


async def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(UPLOAD_HEAD + b"12345")
        shop, _ = await origin.request()
        await shop.hear(5)
        shop.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        head, body = await client.hear_answer()
        assert (head[:13], body) == (b"HTTP/1.1 413 ", b"big")
        assert value_of(head, "Connection") == "close"
        client.say(b"678")  # must not be taken for a request, nor reset the connection
        await client.hear_nothing_more()
        await shop.hear_nothing_more()


async def test_a_body_goes_on_while_a_long_answer_comes_back() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(CHUNKED_HEAD)
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.hear_head()
        for piece in (b"a", b"bc", b"def"):
            client.say(b"%x\r\n%b\r\n" % (len(piece), piece))
            echo = await shop.hear_until(piece + b"\r\n")
            shop.say(echo)
            assert await client.hear_until(piece + b"\r\n") == echo
        client.say(b"0\r\n\r\n")
        assert await shop.hear_until(b"0\r\n\r\n") == b"0\r\n\r\n"
        shop.say(b"0\r\n\r\n")
        assert await client.hear_until(b"0\r\n\r\n") == b"0\r\n\r\n"
        await client.hear_nothing_more()


async def test_an_origin_connection_whose_request_was_not_all_sent_is_not_used_again() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(UPLOAD_HEAD + b"1")
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        await shop.hear(1)
        await shop.hear_nothing_more()
        assert not proxy.servers[0].idle


async def stuck_upload(proxy: Proxy, origin: ScriptedOrigin) -> tuple[Line, Line, Upstream]:
    """Client, origin and our connection to it, when the origin has stopped to read the body in the middle.

    The client has sent all but the last byte.
    """
    client = await proxy.line(get("/", "Content-Length: 50000001", method="POST"))
    shop, _ = await origin.request()
    shop.stop_hearing()
    client.say(b"x" * 50_000_000)
    (connection,) = proxy.worker.services.wheel.items()
    await until(lambda: not connection.transport.is_reading())
    await settle()
    upstream = connection._upstream  # type: ignore[attr-defined]
    assert upstream.transport.get_write_buffer_size() > 0
    return client, shop, upstream


@pytest.mark.parametrize("pieces", [(b"", b"big"), (b"bi", b"g")], ids=["one read", "two reads"])
async def test_an_origin_that_answers_but_does_not_read_on_is_let_go(pieces: tuple[bytes, bytes]) -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client, shop, upstream = await stuck_upload(proxy, origin)
        begun = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\n" + pieces[0]
        if pieces[0]:
            shop.say(begun)
            assert (await client.hear_head()).startswith(b"HTTP/1.1 413 ")
            shop.say(pieces[1])
        else:
            shop.say(begun + pieces[1])
            assert (await client.hear_head()).startswith(b"HTTP/1.1 413 ")
        assert await client.hear(3) == b"big"
        await until(lambda: upstream.lost)


async def test_an_answer_to_the_end_of_the_connection_ends_although_the_origin_does_not_read_on() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client, shop, upstream = await stuck_upload(proxy, origin)
        shop.say(b"HTTP/1.1 200 OK\r\n\r\nenough")
        shop.end()
        await client.hear_until(b"enough")
        await until(lambda: upstream.lost)
        assert proxy.record.errors == [""]


async def test_an_origin_connection_that_has_not_taken_all_of_a_request_is_not_used_again() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(post(b"body"))
        shop, _ = await origin.request()
        (connection,) = proxy.worker.services.wheel.items()
        connection._upstream.pause_writing()  # type: ignore[attr-defined]  # as when the last piece fills its buffer
        shop.say(ok())
        await client.hear_answer()
        assert not proxy.servers[0].idle
        client.say(get("/next"))
        fresh, head = await origin.request()
        assert head.startswith(b"GET /next ")
        fresh.say(ok())
        await client.hear_answer()


# Limits


async def test_a_body_announced_too_large_is_refused_before_the_origin_hears_of_it() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"body": 100}) as proxy:
        line = await proxy.line(get("/", "Content-Length: 101", "Expect: 100-continue", method="POST"))
        head, _ = await line.hear_answer()
        assert head.startswith(b"HTTP/1.1 413 ")
        assert value_of(head, "Connection") == "close"
        assert not origin.received
        assert proxy.record.errors == ["body-too-large"]


async def test_a_body_of_exactly_the_limit_passes() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"body": 100}) as proxy:
        assert statuses(await proxy.send(post(b"x" * 100))) == [200]


async def test_a_chunked_body_that_grows_too_large_never_becomes_a_whole_request() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, limits={"body": 100}) as proxy:
        assert statuses(
            await proxy.send(CHUNKED_HEAD + b"8\r\n12345678\r\n", b"60\r\n%b\r\n0\r\n\r\n" % (b"x" * 96))
        ) == [413]
        await until(lambda: origin.open == 0)
        assert not origin.requests


async def test_every_path_has_its_own_body_limit() -> None:
    async with recording_origin() as origin:
        bodies = [{"path": "/images", "limit": 1000}, {"path": "/images/small", "limit": 10}]
        sites = [{"upstreams": [{"servers": [origin.url]}], "bodies": bodies}]
        async with proxy_to(sites=sites, limits={"body": 100}) as proxy:
            for path, largest in (
                ("/", 100),
                ("/images/a", 1000),
                ("/images/small/a", 10),
                ("/x/../%69mages/small", 10),
            ):
                assert statuses(await proxy.send(post(b"x" * largest, path))) == [200]
                assert statuses(await proxy.send(post(b"x" * (largest + 1), path))) == [413]


async def test_a_fault_inside_a_streamed_body_ends_both_connections() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(CHUNKED_HEAD + b"3\r\nabc\r\n")
        shop, _ = await origin.request()
        await shop.hear_until(b"abc\r\n")
        client.say(b"zz\r\n")
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 400 ")
        await shop.hear_nothing_more()
        await client.hear_nothing_more()
        assert proxy.record.exchanges[0].framing_refusal


async def test_a_fault_inside_a_body_whose_answer_has_begun_cuts_the_answer() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(CHUNKED_HEAD + b"3\r\nabc\r\n")
        shop, _ = await origin.request()
        await shop.hear_until(b"abc\r\n")
        shop.say(ok(b"0123456789")[:-5])
        await client.hear_until(b"01234")
        client.say(b"zz\r\n")
        await client.hear_nothing_more()
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["bad-chunk"]


# Slow bodies


async def test_a_body_of_one_byte_a_second_is_cut_when_its_time_is_over() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 1000", method="POST"))
        shop, _ = await origin.request()
        for _ in range(29):
            client.say(b"x")
            await shop.hear(1)
            proxy.pass_time(1)
        proxy.pass_time(3)
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 408 ")
        assert value_of(head, "Connection") == "close"
        await shop.hear_nothing_more()
        assert proxy.record.errors == ["slow-body"]
        assert proxy.meters.deadline_cuts == 1


async def test_a_large_body_does_not_buy_a_long_silence() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 1000001", method="POST"))
        shop, _ = await origin.request()
        client.say(b"x" * 1_000_000)
        await shop.hear(1_000_000)
        proxy.turn_wheel(30)
        assert (await client.hear_answer())[0].startswith(b"HTTP/1.1 408 ")


async def test_a_steady_body_may_take_much_longer_than_the_grace() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get("/", "Content-Length: 200000", method="POST"))
        shop, _ = await origin.request()
        for _ in range(20):
            client.say(b"x" * 10_000)
            await shop.hear(10_000)
            proxy.pass_time(10)
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_an_origin_that_does_not_take_the_body_is_to_blame_not_the_client() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client, _, _ = await stuck_upload(proxy, origin)
        proxy.pass_time(50)  # longer than a client may be silent, but it is not the client that is
        assert not proxy.record.exchanges
        proxy.turn_wheel(60)
        head, _ = await client.hear_answer()
        assert head.startswith(b"HTTP/1.1 504 ")
        assert proxy.record.errors == ["first-byte"]


async def test_time_in_which_the_origin_did_not_read_is_not_held_against_the_client() -> None:
    limits = {"body_rate": "1GB"}  # so that what it sends does not earn it any time
    async with scripted_origin() as origin, proxy_to(origin.url, limits=limits) as proxy:
        client, shop, _ = await stuck_upload(proxy, origin)
        proxy.pass_time(50)
        shop.hear_again()
        await shop.hear(50_000_000)
        await settle()
        proxy.pass_time(20)
        assert proxy.connections == 1
        client.say(b"x")
        await shop.hear(1)
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"
