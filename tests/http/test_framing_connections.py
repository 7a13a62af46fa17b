"""Tests of what a request says about its connection: who stays, what ends here, expectations and upgrades."""

from __future__ import annotations

import pytest

from tests.http.heads import framed, head_of, taken
from trafficguard.http import framing as words
from trafficguard.http.framing import CHUNKED, Framing, framing_of

# Connections


@pytest.mark.parametrize(
    ("minor", "lines", "keep_alive"),
    [
        (b"1", (), True),
        (b"1", (b"Connection: keep-alive",), True),
        (b"1", (b"Connection: close",), False),
        (b"1", (b"Connection: Close",), False),
        (b"1", (b"Connection: x-a, close ,x-b",), False),
        (b"1", (b"Connection: keep-alive", b"Connection: close"), False),
        (b"1", (b"Connection: close, keep-alive",), False),
        (b"1", (b"Connection: closed",), True),
        (b"1", (b"Connection:",), True),
        (b"1", (b"Proxy-Connection: close",), True),
        (b"0", (), False),
        (b"0", (b"Connection: keep-alive",), True),
        (b"0", (b"Connection: Keep-Alive",), True),
        (b"0", (b"Connection: x-a",), False),
        (b"0", (b"Connection: keep-alive, close",), False),
    ],
)
def test_who_wants_to_stay(minor: bytes, lines: tuple[bytes, ...], keep_alive: bool) -> None:
    assert taken(*lines, start=b"GET / HTTP/1." + minor).keep_alive is keep_alive


def test_headers_named_in_connection_end_here() -> None:
    framing = taken(b"Connection: X-A, x-b", b"Connection: , ,X-C,,", b"X-A: 1")
    assert framing.named == {b"x-a", b"x-b", b"x-c"}
    assert framing.rewrite


@pytest.mark.parametrize(
    "name",
    [
        b"Host",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Cookie",
        b"Authorization",
        b"Expect",
        b"close",
        b"Upgrade",
    ],
)
def test_connection_cannot_take_away_what_we_frame_route_or_recognise_by(name: bytes) -> None:
    assert taken(b"Connection: x-a, " + name, b"Content-Length: 3").named == {b"x-a"}


@pytest.mark.parametrize("value", [b"x a", b"x\ta", b"x@a", b"(x)", b'"x"', b"x=1", b"x;y", b"\xe9", b"x, y z"])
def test_a_connection_header_that_is_not_a_list_of_names_is_refused(value: bytes) -> None:
    assert framed(b"Connection: " + value) is words.BAD_CONNECTION


def test_a_plain_request_goes_on_as_it_is() -> None:
    assert not taken(b"Accept: */*", b"Connection: keep-alive", b"Content-Length: 3", b"Cookie: a=b").rewrite


@pytest.mark.parametrize(
    "line", [b"Connection: close", b"Upgrade: h2c", b"TE: trailers", b"Keep-Alive: 5", b"Trailer: a"]
)
def test_a_request_with_lines_for_this_hop_does_not(line: bytes) -> None:
    assert taken(line).rewrite


# Expectations


def test_only_new_clients_wait_for_a_100() -> None:
    assert taken(b"Expect: 100-Continue").expects
    assert not taken(b"Expect: 100-continue", start=b"GET / HTTP/1.0").expects
    assert not taken().expects


@pytest.mark.parametrize("value", [b"", b"200-ok", b"100-continue, x", b"100-continue;x"])
def test_any_other_expectation_is_refused(value: bytes) -> None:
    assert framed(b"Expect: " + value) is words.BAD_EXPECTATION


# Upgrades

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket", b"Sec-WebSocket-Version: 13", KEY)


def test_a_websocket_handshake_is_recognised() -> None:
    framing = taken(*HANDSHAKE)
    assert framing.websocket
    assert framing.keep_alive
    assert b"upgrade" not in framing.named


@pytest.mark.parametrize("missing", range(4))
def test_a_handshake_without_one_of_its_lines_is_none(missing: int) -> None:
    assert not taken(*HANDSHAKE[:missing], *HANDSHAKE[missing + 1 :]).websocket


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (0, b"Connection: keep-alive"),
        (1, b"Upgrade: h2c"),
        (1, b"Upgrade: websocket, h2c"),
        (2, b"Sec-WebSocket-Version: 8"),
        (2, b"Sec-WebSocket-Version: 13, 8"),
        (3, b"Sec-WebSocket-Key: c2hvcnQ="),
        (3, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"),
        (3, b"Sec-WebSocket-Key: not base64 at all!!!!=="),
        (
            3,
            b"Sec-WebSocket-Key: " + b"\xe9" * 22 + b"==",
        ),
    ],
)
def test_a_handshake_with_a_wrong_line_is_none(place: int, line: bytes) -> None:
    assert not taken(*HANDSHAKE[:place], line, *HANDSHAKE[place + 1 :]).websocket


@pytest.mark.parametrize("line", [b"Upgrade: websocket", KEY, b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_a_handshake_with_a_line_too_many_is_none(line: bytes) -> None:
    assert not taken(*HANDSHAKE, line).websocket


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1", b"HEAD / HTTP/1.1", b"GET / HTTP/1.0"])
def test_a_handshake_is_a_get_of_a_new_client(start: bytes) -> None:
    assert not taken(*HANDSHAKE, start=start).websocket


@pytest.mark.parametrize(("line", "length"), [(b"Content-Length: 3", 3), (b"Transfer-Encoding: chunked", CHUNKED)])
def test_a_message_that_asks_for_another_protocol_keeps_its_body(line: bytes, length: int) -> None:
    framing = taken(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", line, start=b"POST / HTTP/1.1")
    assert framing.length == length
    assert framing.rewrite
    assert not framing.websocket


def test_a_handshake_is_judged_every_time() -> None:
    """Its key and version are no part of what the framer remembers heads by."""
    good, bad = head_of(b"Host: a", *HANDSHAKE), head_of(b"Host: a", *HANDSHAKE[:3])
    for head, websocket in ((good, True), (bad, False), (good, True)):
        framing = framing_of(head)
        assert isinstance(framing, Framing)
        assert framing.websocket is websocket
