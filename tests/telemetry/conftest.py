"""Finished exchanges to count and to record, made of real heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trafficguard.actions import PASS, ActionValue
from trafficguard.exchange import Exchange, Reason, Request, Verdict
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.telemetry.meters import Meters, plane_bytes, planes

START = 1_700_000_000_000_000_000
HEAD = b"GET /p/1?q=x HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: curl/8\r\nCookie: secret\r\n\r\n"


def verdict_of(action: ActionValue, score: float = 3.0, reasons: tuple[Reason, ...] = ()) -> Verdict:
    return Verdict(action, score, reasons, ("ua.library",), "threshold")


def exchange_of(head: bytes = HEAD, elapsed: int = 200_000, **values: Any) -> Exchange:
    """A request that passed and was answered with 200, but for what `values` say."""
    read = RequestReader().read(head)
    assert isinstance(read, RequestHead)
    exchange = Exchange(Request(read, "192.0.2.7", False, "shop.example", b"abc123"), START)
    exchange.ended = START + elapsed
    exchange.status = 200
    exchange.verdict = verdict_of(PASS)
    for name, value in values.items():
        setattr(exchange, name, value)
    return exchange


@pytest.fixture
def make_exchange() -> Callable[..., Exchange]:
    return exchange_of


@pytest.fixture
def make_verdict() -> Callable[..., Verdict]:
    return verdict_of


@pytest.fixture
def meters() -> Meters:
    return Meters(planes(bytearray(plane_bytes(1)), 1)[0])
