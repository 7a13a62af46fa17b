"""What stands behind the proxy: shops that answer, that hold their answers back, and that die in every way.

Promises: each is gone at the end of its block; a held answer is held until the test lets it go. Never: understands
more of HTTP than where a head ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
HOLD = b"/hold"
"""Requests for paths that start so are answered once the test says so."""


class Shop:
    """Answers everything with `ok`, on connections that stay open."""

    def __init__(self) -> None:
        self.url = ""
        self.held = 0
        """Requests whose answer is being held back."""
        self.answered = 0
        self._release = asyncio.Event()
        self._changed = asyncio.Condition()

    def release(self) -> None:
        """Lets all held answers go, and holds none from now on."""
        self._release.set()

    async def wait_until_it_holds(self, count: int, deadline: float) -> None:
        """Waits for so many requests to be held."""
        async with asyncio.timeout(deadline), self._changed:
            await self._changed.wait_for(lambda: self.held >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.split(b" ")[1].startswith(HOLD):
                    await self._hold()
                writer.write(OK)
                self.answered += 1

    async def _hold(self) -> None:
        async with self._changed:
            self.held += 1
            self._changed.notify_all()
        await self._release.wait()


@contextlib.asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    """A `Shop` in the running loop."""
    one = Shop()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, backlog=1024)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        one.release()
        server.close()


@contextlib.contextmanager
def raw(serve: Callable[[socket.socket], None], port: int = 0) -> Iterator[str]:
    """An origin that does with every connection what `serve` says, each in a thread; gives its URL."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listening, contextlib.ExitStack() as open_ones:

        def serve_one(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                serve(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    thread = threading.Thread(target=serve_one, args=(connection,))
                    thread.start()
                    open_ones.callback(thread.join)
                    open_ones.callback(_shut, connection)

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            _shut(listening)
            accepting.join()


def _shut(sock: socket.socket) -> None:
    """Wakes whoever waits for a socket; harmless when it is closed."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def answering(connection: socket.socket) -> None:
    """Answers with `ok` for as long as requests come."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while b"\r\n\r\n" in data:
            data = data.partition(b"\r\n\r\n")[2]
            connection.sendall(OK)


def leaving_at_once(_connection: socket.socket) -> None:
    """Closes before a byte is read."""


def leaving_after_the_request(connection: socket.socket) -> None:
    """Reads the request, and closes without a word."""
    connection.recv(65536)


def leaving_in_the_head(connection: socket.socket) -> None:
    """Dies while it writes the head of its answer."""
    connection.recv(65536)
    connection.sendall(OK[:30])


def leaving_in_the_body(connection: socket.socket) -> None:
    """Dies while it writes the body of its answer."""
    connection.recv(65536)
    connection.sendall(OK[:-1])


def talking_nonsense(connection: socket.socket) -> None:
    """Answers with something that is not HTTP."""
    connection.recv(65536)
    connection.sendall(b"220 mail.example ESMTP\r\n\r\n")


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """An origin whose kernel takes connections, while the program behind it never looks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """A port on which nobody listens, and that nobody else can take meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"
