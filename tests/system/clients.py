"""Clients that say exactly the bytes a test wants, and read answers with the standard library's parser.

Promises: the heads are those of a current Chromium, so that nobody is blocked by accident; every wait has a deadline.
Never: asks twice, or hides how a connection ended.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import NamedTuple

from tests.system.program import DEADLINE

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
_HINTS = 'sec-ch-ua: "Not:A-Brand";v="8", "Chromium";v="156"\r\nsec-ch-ua-mobile: ?0\r\n'
_TAIL = "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"
PAGE = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
CURL = "GET {} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"


def page(path: str, accept: str = PAGE) -> bytes:
    """A browser's request for a page that its user typed in."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n{_HINTS}"
        'sec-ch-ua-platform: "Linux"\r\nUpgrade-Insecure-Requests: 1\r\n'
        f"User-Agent: {USER_AGENT}\r\nAccept: {accept}\r\n"
        "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n" + _TAIL
    ).encode()


def script(path: str, *, accept: str = "*/*", body: int | None = None) -> bytes:
    """A request that a page's script makes; with `body`, the head of a POST of so many bytes."""
    sent = f"Content-Length: {body}\r\n" if body is not None else ""
    kind = "Content-Type: application/octet-stream\r\n" if body is not None else ""
    origin = "Origin: http://shop.example\r\n" if body is not None else ""
    return (
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n{sent}"
        f'sec-ch-ua-platform: "Linux"\r\nUser-Agent: {USER_AGENT}\r\n{_HINTS}{kind}Accept: {accept}\r\n{origin}'
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
        "Referer: http://shop.example/\r\n" + _TAIL
    ).encode()


def admin(path: str) -> bytes:
    """An operator's request, to the admin listener."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes


@contextmanager
def connected(place: int | str) -> Iterator[socket.socket]:
    """A connection to a port of 127.0.0.1 or to a Unix socket."""
    is_path = isinstance(place, str)
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(place if is_path else ("127.0.0.1", place))
        yield sock


def read_answer(sock: socket.socket, method: str = "GET") -> Answer:
    """One whole answer to a request of this method; http.client's errors or OSError when it does not come."""
    response = HTTPResponse(sock, method=method)
    try:
        response.begin()
        body = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)
    finally:
        response.close()


def ask(place: int | str, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    with connected(place) as sock:
        sock.sendall(request)
        return read_answer(sock)


def is_refused(place: int | str) -> bool:
    """Whether nobody listens there."""
    try:
        with connected(place):
            return False
    except (ConnectionRefusedError, FileNotFoundError):
        return True
