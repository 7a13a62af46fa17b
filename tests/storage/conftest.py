"""A worker's ring and meters, and both ends of an event channel."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from trafficguard.actions import BLOCK
from trafficguard.exchange import Exchange, Reason, Request, Verdict
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.storage.pump import open_channel
from trafficguard.telemetry.events import Event, EventRing, event_of
from trafficguard.telemetry.meters import Meters, plane_bytes, planes

START = 1_700_000_000_000_000_000


def blocked(
    target: bytes = b"/", request_id: str = "id", agent: bytes = b"curl/8", site: str = "*"
) -> Exchange:
    """A blocked request, which is always recorded."""
    head = RequestReader().read(b"GET %b HTTP/1.1\r\nHost: x\r\nUser-Agent: %b\r\n\r\n" % (target, agent))
    assert isinstance(head, RequestHead)
    exchange = Exchange(Request(head, "192.0.2.7", False, site, request_id.encode()), START)
    exchange.ended, exchange.status = START + 1000, 403
    exchange.verdict = Verdict(
        BLOCK, 90.0, (Reason("ua", 4.0, "It says so."),), ("ua.library",), "threshold"
    )
    return exchange


@pytest.fixture
def make_blocked() -> Callable[..., Exchange]:
    return blocked


@pytest.fixture
def make_event() -> Callable[..., Event]:
    return lambda **parts: event_of(blocked(**parts))


@pytest.fixture
def meters() -> Meters:
    return Meters(planes(bytearray(plane_bytes(1)), 1)[0])


@pytest.fixture
def ring(meters: Meters) -> EventRing:
    return EventRing(meters, 0.0)


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    reading, writing = open_channel()
    yield reading, writing
    reading.close()
    writing.close()
