"""The door that gives a client an address of its own."""

from __future__ import annotations

import asyncio

from loadtests.clients.gate import gate
from loadtests.run.wire import proxy_header

HEADER = proxy_header("198.18.3.7", secure=False)


async def test_bytes_go_through_behind_one_header_with_the_address() -> None:
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(len(HEADER) + 5))
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, gate(server.sockets[0].getsockname()[1], "198.18.3.7") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"ahoy!")
        assert await reader.read() == b"hello"
        writer.close()
    assert got == [HEADER + b"ahoy!"]


async def test_a_proxy_that_is_not_there_closes_the_client() -> None:
    spare = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = spare.sockets[0].getsockname()[1]
    spare.close()
    await spare.wait_closed()
    async with gate(port, "198.18.3.7") as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door)
        assert await reader.read() == b""
        writer.close()
