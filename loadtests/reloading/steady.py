"""Requests at a steady rate over kept connections, and how long each answer took.

Promises: a request is due at its time whether or not the one before has been answered, and its time counts from then,
so a proxy that stalls is charged for everybody who would have come meanwhile; every answer is looked at. Never: sends
anywhere but to loopback.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import httptools

ROUNDING_S = 1e-6
PATIENCE_S = 10.0
"""Seconds after the end in which answers may still come."""


@dataclass(slots=True)
class Traffic:
    """What was sent and what came back."""

    sent: int = 0
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    lost: int = 0
    """Requests whose connection ended without their answer."""
    waits: list[float] = field(default_factory=list)
    """Seconds from when a request was due to the end of its answer."""

    @property
    def answered(self) -> int:
        """Answers that came whole."""
        return len(self.waits)


class _Client(asyncio.Protocol):
    """One kept connection, which asks when its time has come and its last question has been answered."""

    def __init__(self, requests: Iterator[bytes], traffic: Traffic, interval: float, first: float, end: float) -> None:
        """`interval`: seconds between two requests, 0 for one after the other; from `first` to `end`."""
        self._requests, self._traffic = requests, traffic
        self._interval, self._due, self._end = interval, first, end
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._waits_for_answer = False
        self._loop = asyncio.get_running_loop()
        self.done = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop.call_at(self._due, self._ask)

    def _ask(self) -> None:
        if self._due > self._end - ROUNDING_S:
            self._transport.close()
            return
        if not self._interval:
            self._due = self._loop.time()
        self._traffic.sent += 1
        self._waits_for_answer = True
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        now, traffic = self._loop.time(), self._traffic
        traffic.statuses[self._parser.get_status_code()] += 1
        traffic.bodies[self._body] += 1
        traffic.waits.append(now - self._due)
        self._body, self._waits_for_answer = b"", False
        self._parser = httptools.HttpResponseParser(self)
        self._due = self._due + self._interval if self._interval else now
        if self._due <= now:
            self._loop.call_soon(self._ask)
        else:
            self._loop.call_at(self._due, self._ask)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._waits_for_answer:
            self._traffic.lost += 1
        if not self.done.done():
            self.done.set_result(None)


async def drive(port: int, requests: list[bytes], *, rate: float, seconds: float, connections: int) -> Traffic:
    """Sends `requests` again and again, `rate` a second (0: as fast as answers come), for some seconds."""
    loop, traffic = asyncio.get_running_loop(), Traffic()
    cycle = itertools.cycle(requests)
    start = loop.time() + 0.2
    interval = connections / rate if rate else 0.0
    clients = []
    for number in range(connections):
        first = start + interval * number / connections
        client = _Client(cycle, traffic, interval, first, start + seconds)
        clients.append(client)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    began = time.monotonic()
    # A full collection would hold up everybody for a tenth of a second and pass for the proxy's slowness.
    gc.collect()
    gc.disable()
    try:
        async with asyncio.timeout(seconds + PATIENCE_S):
            await asyncio.gather(*(client.done for client in clients))
    finally:
        gc.enable()
    traffic.seconds = time.monotonic() - began
    return traffic
