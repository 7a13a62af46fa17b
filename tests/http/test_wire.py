"""Tests of the heads that we send: what passes byte for byte, what is left out, and what is ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.http.framing import Framing, frame, frame_answer
from trafficguard.http.head import AnswerReader, RequestHead, RequestReader
from trafficguard.http.problem import JSON
from trafficguard.http.wire import CLOSE, KEEP_ALIVE, answer_head, http_date, own_answer, request_head

OURS = b"X-Forwarded-For: 127.0.0.2\r\nX-Bot-Score: 1\r\n"


def sent(*lines: bytes, start: bytes = b"GET / HTTP/1.1", trusted: bool = False) -> list[bytes]:
    """Lines of the head that an origin gets for a request with these."""
    head = RequestReader().read(b"\r\n".join((start, *lines, b"", b"")))
    assert isinstance(head, RequestHead)
    framing = frame(head)
    assert isinstance(framing, Framing)
    raw = request_head(head, framing, trusted, OURS)
    assert raw.endswith(OURS + b"\r\n")
    assert raw.count(b"\r\n\r\n") == 1
    return raw.removesuffix(OURS + b"\r\n").split(b"\r\n")[:-1]


# Requests


def test_a_plain_head_passes_as_it_came() -> None:
    lines = [
        b"GET /a?b HTTP/1.1",
        b"host:shop.example",
        b"ACCEPT:  */* ",
        b"Cookie: a=b",
        b"Connection: keep-alive",
    ]
    assert sent(*lines[1:], start=lines[0]) == lines[:-1], "the connection to the origin is our own matter"


@pytest.mark.parametrize(
    "line",
    [
        b"X-Bot-Score: 0",
        b"x-bot-anything:",
        b"X_Bot_Score: 0",
        b"X-Bot_Score: 0",
        b"X-Forwarded-For: 10.0.0.1",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Anything: a",
        b"X_Forwarded_For: 10.0.0.1",
        b"Forwarded: for=10.0.0.1",
        b"X-Real-IP: 10.0.0.1",
        b"X_Real_IP: 10.0.0.1",
        b"X-Request-Id: mine",
        b"X_Request_Id: mine",
        b"Content_Length: 9",
        b"Transfer_Encoding: chunked",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: close",
        b"Proxy-Authorization: Basic YTpi",
        b"TE: trailers",
        b"Trailer: X-Sum",
        b"Connection: close",
        b"Connection: x-a",
        b"Upgrade: h2c",
    ],
)
@pytest.mark.parametrize("others", [(), (b"X-B: c", b"Connection: x-z")])
def test_what_a_stranger_may_not_say_does_not_reach_the_origin(line: bytes, others: tuple[bytes, ...]) -> None:
    expected = [b"GET / HTTP/1.1", b"Host: a", *others[:1], b"Accept: */*"]
    assert sent(b"Host: a", line, *others, line, b"Accept: */*") == expected


def test_lines_that_only_look_like_ours_stay() -> None:
    lines = [
        b"Host: a",
        b"X-Note: X-Bot-Score: 0",
        b"X-Bottle: 1",
        b"X-Bot-Score: 0",
        b"Note: a\tX-Bot-Score: 0",
    ]
    assert sent(*lines) == [b"GET / HTTP/1.1", *lines[:3], lines[4]]


def test_headers_named_in_connection_are_left_out_before_ours_are_added() -> None:
    """Were it the other way round, a client could make us drop our own verdict."""
    lines = sent(b"Host: a", b"Connection: x-a, x-forwarded-for, x-bot-score", b"X-A: 1", b"X-B: 2")
    assert lines == [b"GET / HTTP/1.1", b"Host: a", b"X-B: 2"]


@pytest.mark.parametrize(
    "line",
    [b"Host: a", b"Cookie: a=b", b"Authorization: Basic YTpi", b"Content-Length: 3", b"Expect: 100-continue"],
)
def test_connection_cannot_take_away_what_matters(line: bytes) -> None:
    name = line.split(b":")[0]
    assert line in sent(*([b"Host: a"] if name != b"Host" else []), line, b"Connection: x-a, " + name)


def test_a_trusted_peer_may_tell_host_and_port_while_address_scheme_and_verdict_are_told_by_us() -> None:
    told = [b"X-Forwarded-Host: b", b"X-Forwarded-Port: 443"]
    untold = [
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-For: 10.0.0.1",
        b"Forwarded: for=10.0.0.1",
        b"X-Bot-Score: 0",
        b"X-Request-Id: 1",
    ]
    for extra in ([], [b"Connection: close"]):
        assert sent(b"Host: a", *told, *untold, *extra, trusted=True) == [
            b"GET / HTTP/1.1",
            b"Host: a",
            *told,
        ]


def test_an_absolute_target_becomes_a_path_and_the_host() -> None:
    for start, line in (
        (b"GET http://B.example:80/a?b HTTP/1.1", b"GET /a?b HTTP/1.1"),
        (b"GET http://B.example:80 HTTP/1.1", b"GET / HTTP/1.1"),
        (b"GET http://B.example:80 HTTP/1.0", b"GET / HTTP/1.1"),
        (b"GET http://B.example:80?b HTTP/1.1", b"GET /?b HTTP/1.1"),
        (b"OPTIONS http://B.example:80 HTTP/1.1", b"OPTIONS * HTTP/1.1"),
    ):
        assert sent(b"X-A: b", b"Host: a", start=start) == [line, b"Host: B.example:80", b"X-A: b"]


def test_an_old_client_is_spoken_for_in_the_new_version() -> None:
    assert sent(b"X-A: b", start=b"GET /a HTTP/1.0") == [
        b"GET /a HTTP/1.1",
        b"Host: origin.invalid",
        b"X-A: b",
    ]
    assert sent(b"Host: a", b"Connection: keep-alive", start=b"GET /a HTTP/1.0") == [
        b"GET /a HTTP/1.1",
        b"Host: a",
    ]


def test_an_old_client_does_not_wait_for_a_100() -> None:
    lines = (b"Host: a", b"Expect: 100-continue", b"Content-Length: 3")
    assert b"Expect: 100-continue" in sent(*lines)
    assert b"Expect: 100-continue" not in sent(*lines, start=b"POST / HTTP/1.0")


def test_a_websocket_handshake_is_asked_for_in_our_words() -> None:
    handshake = [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    lines = sent(b"Host: a", b"Connection: x-a, Upgrade", b"Upgrade: WebSocket", b"X-A: b", *handshake)
    assert lines == [b"GET / HTTP/1.1", b"Host: a", *handshake, b"Connection: Upgrade", b"Upgrade: websocket"]


NAMES = [
    "Accept",
    "X-A",
    "X-Bot-Score",
    "X_Bot_Score",
    "x-forwarded-for",
    "Forwarded",
    "X-Request-Id",
    "TE",
    "Connection",
]
LINES = st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "a", "x-a", "close", "x-bot-score"])).map(
    lambda pair: f"{pair[0]}: {pair[1]}".encode()
)


@given(st.lists(LINES, max_size=8))
def test_an_origin_sees_no_line_of_a_stranger_under_our_names(lines: list[bytes]) -> None:
    for line in sent(b"Host: a", *lines)[1:]:
        name = line.split(b":")[0].lower().replace(b"_", b"-")
        assert line in (b"Host: a", *lines)
        assert not name.startswith((b"x-bot-", b"x-forwarded-"))
        assert name not in (b"forwarded", b"x-request-id", b"te")


# Answers


def given_back(
    *lines: bytes, connection: bytes = b"", decoded: bool = False, status: bytes = b"HTTP/1.1 200 OK"
) -> bytes:
    head = AnswerReader().read(b"\r\n".join((status, *lines, b"", b"")))
    assert head is not None
    framing = frame_answer(head, False)
    assert framing is not None
    return answer_head(head, framing, connection, decoded)


def test_an_answer_passes_as_it_came() -> None:
    lines = (
        b"server:  a ",
        b"Content-Length: 3",
        b"Set-Cookie: a=b",
        b"Set-Cookie: c=d",
        b"Connection: keep-alive",
    )
    assert given_back(*lines) == b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", b""))


def test_lines_for_this_hop_are_left_out_of_an_answer() -> None:
    raw = given_back(
        b"Connection: close, x-a",
        b"X-A: 1",
        b"Keep-Alive: 5",
        b"Upgrade: h2c",
        b"Trailer: a",
        b"X-B: 2",
        b"Content-Length: 3",
    )
    assert raw == b"HTTP/1.1 200 OK\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n"


def test_our_connection_line_replaces_theirs() -> None:
    for ours in (CLOSE, KEEP_ALIVE):
        raw = given_back(b"Content-Length: 3", b"Connection: keep-alive", connection=ours)
        assert raw == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + ours + b"\r\n"


def test_the_answer_of_an_old_origin_is_given_in_our_version() -> None:
    raw = given_back(b"Content-Length: 3", b"Connection: keep-alive", status=b"HTTP/1.0 404 Not Here")
    assert raw == b"HTTP/1.1 404 Not Here\r\nContent-Length: 3\r\n\r\n"


def test_a_body_that_is_decoded_loses_its_coding() -> None:
    raw = given_back(b"Transfer-Encoding: chunked", b"X-A: b", decoded=True, connection=CLOSE)
    assert raw == b"HTTP/1.1 200 OK\r\nX-A: b\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("status", [200, 400, 403, 404, 405, 408, 413, 417, 421, 431, 500, 501, 502, 503, 504, 505])
def test_an_answer_of_our_own_can_be_read_and_is_not_kept(status: int) -> None:
    raw = own_answer(status, JSON, b"{}", b"Thu, 01 Jan 1970 00:00:00 GMT", CLOSE)
    head_bytes, _, body = raw.partition(b"\r\n\r\n")
    head = AnswerReader().read(head_bytes + b"\r\n\r\n")
    assert head is not None
    assert head.status == status
    assert (head.value(b"content-length"), body) == (b"2", b"{}")
    assert (head.value(b"content-type"), head.value(b"connection")) == (JSON, b"close")
    assert head.value(b"cache-control") == b"no-store"
    assert head.value(b"date") == b"Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (0, b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, b"Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, b"Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_767_225_599, b"Wed, 31 Dec 2025 23:59:59 GMT"),
    ],
)
def test_dates_in_the_form_of_http(seconds: int, date: bytes) -> None:
    assert http_date(seconds * 1_000_000_000 + 999_999_999) == date
