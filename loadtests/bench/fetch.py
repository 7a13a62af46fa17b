"""Sends one exact request head and reads the answer: for readiness and verification, not for load.

Promises: the bytes of the head leave as given. Never: retries, follows or decodes anything.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from loadtests.bench.errors import BenchError

TIMEOUT = 5.0
"""Seconds for connecting and for each read."""
PLAIN = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    closes: bool
    """The connection ends with this answer."""


class Connection:
    """One connection to a port of this machine."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def ask(self, head: bytes) -> Answer:
        """Send a GET and read its answer whole. BenchError when none comes."""
        response = HTTPResponse(self._sock, method="GET")
        try:
            self._sock.sendall(head)
            response.begin()
            return Answer(response.status, response.read(), response.will_close)
        except (OSError, HTTPException) as error:
            raise BenchError(f"no answer: {error!r}") from error
        finally:
            response.close()


@contextmanager
def connection(port: int) -> Iterator[Connection]:
    """A connection to 127.0.0.1, closed at the end. BenchError when nobody listens."""
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    except OSError as error:
        raise BenchError(f"no connection to port {port}: {error}") from error
    with sock:
        yield Connection(sock)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
