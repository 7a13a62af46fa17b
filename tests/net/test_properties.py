"""Whatever valid requests come in whatever pieces: the origin sees exactly them, and the client exactly their answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import h11
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.net.harness import proxy_to
from tests.net.lines import Line, settle, until
from tests.net.messages import get, in_chunks, ok
from tests.net.origins import Seen, recording_origin, scripted_origin

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "S")), max_size=20)
BODIES = st.binary(max_size=300) | st.binary(min_size=1, max_size=4).map(lambda piece: piece * 20_000)


@dataclass(frozen=True)
class Ask:
    """One request, and the answer it gets."""

    method: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    chunks: tuple[int, ...] | None
    """Where the body is cut into chunks; None for a stated length."""
    status: int
    answer: bytes
    answer_chunks: tuple[int, ...] | None

    def raw(self, number: int) -> bytes:
        lines = [b"%b /%d HTTP/1.1" % (self.method, number), b"Host: shop.example"]
        lines += [b"X-%b: %b" % header for header in self.headers]
        if self.chunks is not None:
            lines.append(b"Transfer-Encoding: chunked")
            return b"\r\n".join((*lines, b"", b"")) + in_chunks(*cut(self.body, self.chunks))
        if self.body:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join((*lines, b"", b"")) + self.body

    def raw_answer(self) -> bytes:
        start = b"HTTP/1.1 %d Fine\r\n" % self.status
        if self.status == 204:
            return start + b"\r\n"
        bare = self.method == b"HEAD" or self.status == 304
        if self.answer_chunks is not None:
            return (
                start
                + b"Transfer-Encoding: chunked\r\n\r\n"
                + (b"" if bare else in_chunks(*cut(self.answer, self.answer_chunks)))
            )
        return start + b"Content-Length: %d\r\n\r\n" % len(self.answer) + (b"" if bare else self.answer)

    @property
    def answer_body(self) -> bytes:
        return b"" if self.method == b"HEAD" or self.status in (204, 304) else self.answer


def cut(data: bytes, places: tuple[int, ...]) -> list[bytes]:
    """`data` in pieces that end at `places` (taken modulo its length), none of them empty."""
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


PLACES = st.lists(st.integers(0, 1 << 20), max_size=8).map(tuple)
ASKS = st.builds(
    Ask,
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS"]),
    headers=st.lists(
        st.tuples(TOKENS.map(str.encode), VALUES.map(lambda text: text.encode("latin-1"))), max_size=5
    ).map(tuple),
    body=BODIES,
    chunks=st.none() | PLACES,
    status=st.sampled_from([200, 201, 204, 302, 304, 404, 500]),
    answer=BODIES,
    answer_chunks=st.none() | PLACES,
)


def ours(name: bytes) -> bool:
    return name in (
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-request-id",
    )


async def converse(line: Line, pieces: list[bytes], asks: list[Ask]) -> list[tuple[int, bytes]]:
    """Says the pieces while it hears; status and body of every answer, as h11 understands them."""

    async def say() -> None:
        for piece in pieces:
            await line.say_all(piece)
            await asyncio.sleep(0)

    saying = asyncio.create_task(say())
    answers = [await hear_one(line, ask) for ask in asks]
    await saying
    return answers


async def hear_one(line: Line, ask: Ask) -> tuple[int, bytes]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=ask.method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(await line.hear_head())
    status, body = 0, b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(await line.hear(1))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return status, body


SMALL = ASKS.filter(lambda ask: len(ask.answer) < 1000)


@QUICK
@given(st.lists(SMALL, min_size=1, max_size=8), PLACES, st.booleans())
async def test_any_pipeline_in_any_pieces_reaches_the_origin_unchanged_and_is_answered_in_order(
    asks: list[Ask], places: tuple[int, ...], at_once: bool
) -> None:
    async with (
        recording_origin(lambda seen: asks[int(seen.target[1:])].raw_answer()) as origin,
        proxy_to(origin.url) as proxy,
    ):
        stream = b"".join(ask.raw(number) for number, ask in enumerate(asks))
        line = await proxy.line()
        answers = await converse(line, [stream] if at_once else cut(stream, places), asks)
        assert answers == [(ask.status, ask.answer_body) for ask in asks]
        assert [shown(seen) for seen in origin.requests] == [expected(number, ask) for number, ask in enumerate(asks)]
        assert proxy.record.errors == [""] * len(asks)


def shown(seen: Seen) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]:
    plain = [(name, value) for name, value in seen.headers if not ours(name.lower())]
    return seen.method, seen.target, plain, seen.body


def expected(number: int, ask: Ask) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]:
    plain = [(b"X-" + name, value) for name, value in ask.headers if not refused_to_strangers(name)]
    return ask.method, b"/%d" % number, plain, ask.body


def refused_to_strangers(name: bytes) -> bool:
    return name.lower() in (b"real-ip", b"request-id") or name.lower().startswith((b"bot-", b"forwarded-"))


@QUICK
@given(BODIES, st.none() | PLACES, PLACES, st.sampled_from([200, 206, 404]))
async def test_any_answer_in_any_pieces_reaches_the_client_byte_for_byte(
    body: bytes, chunks: tuple[int, ...] | None, places: tuple[int, ...], status: int
) -> None:
    ask = Ask(b"GET", (), b"", None, status, body, chunks)
    answer = ask.raw_answer()
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        for piece in cut(answer, places):
            shop.say(piece)
            await asyncio.sleep(0)
        assert await client.hear(len(answer)) == answer
        await until(lambda: len(proxy.servers[0].idle) == 1)


@QUICK
@given(st.binary(min_size=1, max_size=200), PLACES)
async def test_any_bytes_beyond_an_answer_reach_nobody(extra: bytes, places: tuple[int, ...]) -> None:
    answer = ok()
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        client = await proxy.line(get())
        shop, _ = await origin.request()
        for piece in cut(answer + extra, places):
            shop.say(piece)
            await settle()
        assert await client.hear(len(answer)) == answer
        await until(lambda: not proxy.servers[0].idle)
        client.say(get())
        fresh, _ = await origin.request()
        fresh.say(answer)
        assert await client.hear(len(answer)) == answer


@QUICK
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: get()[:-2] + tail), PLACES)
async def test_any_bytes_at_all_end_in_answers_or_the_end_of_the_connection(
    raw: bytes, places: tuple[int, ...]
) -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        whole = await proxy.send(raw)
        in_pieces = await proxy.send(*cut(raw, places))
        assert bool(whole) == bool(in_pieces)
        await until(lambda: proxy.connections == 0)
        assert not any(proxy.gauges)
        assert proxy.meters.connections_open == 0
