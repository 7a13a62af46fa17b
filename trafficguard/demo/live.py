"""The door to live stock: a WebSocket that also echoes, and a stream of server-sent events.

Promises: the n-th update the shop sends is the same in every run; events leave one at a time, as soon as
they exist; open sockets are closed with 1001 when the shop stops. Never: queues updates for a slow reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import weakref
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from .catalogue import Catalogue, mix
from .requests import bounded

TICK_SECONDS = 1.0
"""Between two updates on a WebSocket, and before the first, so that an echo comes back first."""

MAX_EVENTS = 100_000
MAX_INTERVAL_MS = 60_000

_MAX_MESSAGE = 1 << 20
_GOODBYE_SECONDS = 2.0
"""How long a closing socket waits for the other side to close too."""

_STREAM_HEADERS = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-cache",
    "X-Accel-Buffering": "no",
}


class Live:
    """Stock as it changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._products = catalogue.products
        self._sent = itertools.count(1)
        self._open: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/ws/stock", self.socket, allow_head=False),
            web.get("/events/stock", self.events, allow_head=False),
        ]

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Sends an update every second and echoes text as `{"echo": text}`."""
        socket = web.WebSocketResponse(timeout=_GOODBYE_SECONDS, max_msg_size=_MAX_MESSAGE, compress=False)
        await socket.prepare(request)
        self._open.add(socket)
        ticking = asyncio.create_task(self._tick(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_json({"echo": message.data})
        finally:
            ticking.cancel()
        return socket

    async def events(self, request: web.Request) -> web.StreamResponse:
        """`count` events, `ms` milliseconds apart; the first at once."""
        count = bounded(request, "count", 10, 1, MAX_EVENTS)
        pause = bounded(request, "ms", 1_000, 1, MAX_INTERVAL_MS) / 1_000
        stream = web.StreamResponse(headers=_STREAM_HEADERS)
        await stream.prepare(request)
        for number in range(1, count + 1):
            event = f"id: {number}\nevent: stock\ndata: {json.dumps(self._update())}\n\n"
            await stream.write(event.encode())
            if number < count:
                await asyncio.sleep(pause)
        return stream

    async def close(self, _app: web.Application) -> None:
        """Says goodbye on every open socket."""
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in tuple(self._open)))

    async def _tick(self, socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):  # the visitor left; the reading side sees it too
            while not socket.closed:
                await asyncio.sleep(TICK_SECONDS)
                await socket.send_json(self._update())

    def _update(self) -> dict[str, Any]:
        number = next(self._sent)
        item = self._products[mix(number, 51) % len(self._products)]
        change = mix(number, 52) % 7 - 3
        return {"product": item.id, "name": item.name, "stock": max(0, item.stock + change), "change": change}
