"""Connections of the crowd say what they should, and read answers whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.demo.wave.lives import lead
from trafficguard.demo.wave.crawlers import steady, walk
from trafficguard.demo.wave.heads import browsers
from trafficguard.demo.wave.life import Answer, Ask, Visitor
from trafficguard.demo.wave.sockets import Connection, proxy_header, read_answer
from trafficguard.net.proxy_header import ProxyHeader, read_proxy_header


def ask(address: str = "203.0.113.9", target: str = "/a") -> Ask:
    return lead(walk(Visitor(browsers()["requests"], address), [target], 0, steady(0), 1))[0]


def test_the_proxy_header_names_the_address_and_says_that_it_spoke_tls() -> None:
    header = proxy_header("203.0.113.9")
    assert read_proxy_header(header + b"GET", "v2") == ProxyHeader("203.0.113.9", True, len(header))


@pytest.mark.parametrize(
    ("text", "answer", "is_last"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Answer(200, (), b"ok"), False),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", Answer(403, (), b"no"), True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Answer(200, (), b"abcde"), False),
        (b"HTTP/1.1 303 See Other\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n", Answer(303, ("a=1; Path=/", "b=2")), False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204), False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", Answer(200, (), b"until the end"), True),
    ],
)  # fmt: skip
async def test_an_answer_is_read_whole_and_no_further(text: bytes, answer: Answer, is_last: bool) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(text if is_last and b"Content-Length" not in text else text + b"HTTP/1.1 500")
    reader.feed_eof()
    assert await read_answer(reader) == (answer, is_last)


async def test_half_an_answer_is_none() -> None:
    for text in (b"", b"HTTP/1.1 200 OK\r\nCont", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"):
        reader = asyncio.StreamReader()
        reader.feed_data(text)
        reader.feed_eof()
        with pytest.raises(EOFError):
            await read_answer(reader)


async def test_a_connection_is_kept_for_one_address_and_opened_anew_when_it_was_closed(tmp_path: Path) -> None:
    opened: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = proxy_header("203.0.113.9")
        opened.append(await reader.readexactly(len(header)))
        while head := await reader.readuntil(b"\r\n\r\n"):
            is_last = b"/last" in head
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b\r\n" % (b"Connection: close\r\n" if is_last else b""))
            if is_last:
                break
        writer.close()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_unix_server(quietly, tmp_path / "place"):
        connection = Connection(tmp_path / "place")
        for address, target in (("203.0.113.9", "/a"), ("203.0.113.9", "/last"), ("203.0.113.9", "/b"), ("203.0.113.8", "/c")):
            assert (await connection.send(ask(address, target))).status == 200
        await connection.close()
    assert opened == [proxy_header(address) for address in ("203.0.113.9", "203.0.113.9", "203.0.113.8")]


async def test_no_proxy_is_an_error_that_a_crowd_knows(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        await Connection(tmp_path / "nothing").send(ask())
