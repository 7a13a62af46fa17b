"""Recorded requests: which are taken, what they tell, and what they never tell."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trafficguard.actions import BLOCK
from trafficguard.exchange import Exchange, Reason
from trafficguard.telemetry.events import (
    LONGEST_HOST,
    LONGEST_TARGET,
    LONGEST_USER_AGENT,
    Event,
    EventRing,
    event_of,
)

START = 1_700_000_000_000_000_000


def test_an_event_tells_who_asked_for_what_and_what_became_of_it(make_exchange, make_verdict):
    reasons = (Reason("ua.library", 4.25, "It says it is curl."), Reason("hints", 1.0, "Hints are missing."))
    exchange = make_exchange(
        elapsed=1_234_567,
        verdict=make_verdict(BLOCK, 87.654, reasons),
        status=403,
        bytes_in=3,
        bytes_out=99,
        origin="http://127.0.0.1:9000",
        error="first-byte",
    )
    assert event_of(exchange) == {
        "t": START,
        "id": "abc123",
        "site": "shop.example",
        "client": "192.0.2.7",
        "method": "GET",
        "host": "shop.example:8080",
        "target": "/p/1?q=x",
        "user_agent": "curl/8",
        "status": 403,
        "action": "block",
        "score": 87.65,
        "reasons": ["It says it is curl.", "Hints are missing."],
        "signals": {"ua.library": 4.25, "hints": 1.0},
        "labels": ["ua.library"],
        "shadow": [],
        "rule": "threshold",
        "us": 1234,
        "origin": "http://127.0.0.1:9000",
        "bytes_in": 3,
        "bytes_out": 99,
        "error": "first-byte",
        "challenge": "",
    }


def test_an_event_of_a_head_that_could_not_be_read_has_every_key_and_no_client():
    exchange = Exchange(None, START)
    exchange.ended, exchange.status, exchange.error, exchange.framing_refusal = (
        START + 5000,
        400,
        "malformed",
        True,
    )
    event = event_of(exchange)
    assert event.keys() == Event.__annotations__.keys()
    assert (event["client"], event["target"], event["action"], event["signals"]) == ("", "", "", {})
    assert (event["status"], event["error"], event["us"]) == (400, "malformed", 5)


def test_a_request_nobody_judged_has_no_action(make_exchange):
    assert event_of(make_exchange(verdict=None))["action"] == ""


def test_no_cookie_and_no_authorization_gets_into_an_event(make_exchange):
    head = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: sesame\r\nAuthorization: Basic sesame\r\n\r\n"
    assert "sesame" not in str(event_of(make_exchange(head)))


def test_long_texts_of_a_client_are_cut(make_exchange):
    head = b"GET /%b HTTP/1.1\r\nHost: %b\r\nUser-Agent: %b\r\n\r\n" % (b"a" * 9000, b"h" * 900, b"u" * 900)
    event = event_of(make_exchange(head))
    lengths = len(event["target"]), len(event["host"]), len(event["user_agent"])
    assert lengths == (LONGEST_TARGET, LONGEST_HOST, LONGEST_USER_AGENT)


def test_the_host_of_an_absolute_target_counts_more_than_the_header(make_exchange):
    event = event_of(make_exchange(b"GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n"))
    assert (event["host"], event["target"]) == ("a.example", "http://a.example/x")


def test_bytes_that_are_no_ascii_become_text(make_exchange):
    event = event_of(make_exchange(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xe9\r\n\r\n"))
    assert event["user_agent"] == "\xff\xe9"


@pytest.fixture
def ring(meters):
    return EventRing(meters, 0.0)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 502, "error": "connect"},
        {"status": 0, "error": "client-left"},
        {"status": 400, "error": "bad-chunk", "framing_refusal": True},
    ],
)
def test_failed_and_refused_requests_are_always_recorded(ring, make_exchange, trouble):
    exchange = make_exchange(**trouble)
    ring.offer(exchange)
    assert ring.drain(10) == [exchange]


def test_blocked_requests_are_always_recorded(ring, make_exchange, make_verdict):
    ring.offer(make_exchange(verdict=make_verdict(BLOCK), status=403))
    assert len(ring) == 1


def test_passed_requests_are_not_recorded_with_a_share_of_nothing(ring, make_exchange):
    ring.offer(make_exchange(status=404))
    ring.offer(make_exchange(verdict=None))
    assert len(ring) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), count=st.integers(0, 400))
def test_the_share_of_passed_requests_is_kept_evenly_and_without_chance(meters, make_exchange, share, count):
    ring = EventRing(meters, share)
    exchange = make_exchange()
    for seen in range(1, count + 1):
        ring.offer(exchange)
        assert abs(len(ring) - share * seen) < 1 + 1e-9


def test_every_request_is_recorded_with_a_share_of_one(meters, make_exchange):
    ring = EventRing(meters, 1.0)
    for _ in range(20):
        ring.offer(make_exchange())
    assert len(ring) == 20


def test_without_anybody_to_take_them_nothing_is_recorded_and_nothing_counts_as_dropped(
    meters, make_exchange
):
    ring = EventRing(meters, None, capacity=1)
    for _ in range(3):
        ring.offer(make_exchange(status=500))
    assert (len(ring), meters.events_dropped) == (0, 0)


def test_a_full_ring_drops_the_oldest_and_counts_it(meters, make_exchange):
    ring = EventRing(meters, 1.0, capacity=3)
    exchanges = [make_exchange() for _ in range(5)]
    for exchange in exchanges:
        ring.offer(exchange)
    assert ring.drain(10) == exchanges[2:]
    assert meters.events_dropped == 2


def test_draining_takes_the_oldest_first_and_no_more_than_asked_for(meters, make_exchange):
    ring = EventRing(meters, 1.0)
    exchanges = [make_exchange() for _ in range(5)]
    for exchange in exchanges:
        ring.offer(exchange)
    assert ring.drain(2) == exchanges[:2]
    assert ring.drain(10) == exchanges[2:]
    assert ring.drain(10) == []
