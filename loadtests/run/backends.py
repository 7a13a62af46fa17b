"""Programs behind the proxy, each a process of its own: the sample shop, and an origin that costs next to nothing.

    python -m loadtests.run.backends shop PRODUCTS PORT
    python -m loadtests.run.backends plain PORT

The shop takes any name with the password `secret`, so that every person has an account of its own. The plain origin
answers 1 KiB to anything.

Promises: each listens on 127.0.0.1 alone and ends with SIGTERM. Never: knows who asks.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import sys
from typing import Final, cast

import uvloop

from trafficguard.demo.sessions import Sessions
from trafficguard.demo.shop import build_shop, serve_shop

_BODY: Final = b"<!doctype html><title>Shop</title>".ljust(1024)
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1024\r\n\r\n" + _BODY
_PASSWORD: Final = b"secret"


class OpenDoor(Sessions):
    """Everybody who knows the one password is who they say they are."""

    def login(self, user: str, password: str) -> str | None:
        """A new token, or None for the wrong password."""
        if not user or not hmac.compare_digest(password.encode("utf-8", "replace"), _PASSWORD):
            return None
        token = secrets.token_urlsafe(16)
        self._users[token] = user
        return token


class Plain(asyncio.Protocol):
    """Answers heads, and drops bodies."""

    def __init__(self) -> None:
        self._left = b""
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        while data:
            if self._body:
                taken = min(self._body, len(data))
                self._body -= taken
                data = data[taken:]
                continue
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            head = data[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            if at >= 0:
                self._body = int(head[at + 17 :].partition(b"\r\n")[0])
            data = data[end + 4 :]
            self._transport.write(_ANSWER)
        self._left = data


async def _shop(products: int, port: int) -> None:
    await serve_shop(build_shop(products, OpenDoor()), "127.0.0.1", port)
    await asyncio.Event().wait()


async def _plain(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Plain, "127.0.0.1", port)
    await server.serve_forever()


def main(arguments: list[str]) -> None:
    """Serves until it is ended."""
    match arguments:
        case ["shop", products, port]:
            uvloop.run(_shop(int(products), int(port)))
        case ["plain", port]:
            uvloop.run(_plain(int(port)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
