"""Tests of how long an answer is and what it says about its connection, or that nobody can tell."""

from __future__ import annotations

import pytest

from trafficguard.http.framing import CHUNKED, UNTIL_CLOSE, AnswerFraming, answer_framing_of, frame_answer
from trafficguard.http.head import AnswerReader


def framed(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", is_head: bool = False) -> AnswerFraming | None:
    """What `frame_answer` says, checked against what the remembering `answer_framing_of` says twice."""
    head = AnswerReader().read(b"\r\n".join((status, *lines, b"", b"")))
    assert head is not None
    result = frame_answer(head, is_head)
    for _ in range(2):
        remembered = answer_framing_of(head, is_head)
        assert (remembered is None) is (result is None)
        for name in AnswerFraming.__slots__ if result is not None else ():
            assert getattr(remembered, name) == getattr(result, name)
    return result


def taken(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", is_head: bool = False) -> AnswerFraming:
    result = framed(*lines, status=status, is_head=is_head)
    assert result is not None
    return result


LENGTH = b"Content-Length: 3"
CODING = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("lines", "length"),
    [((LENGTH,), 3), ((b"Content-Length: 0",), 0), ((CODING,), CHUNKED), ((), UNTIL_CLOSE)],
)
def test_the_length_of_an_answer(lines: tuple[bytes, ...], length: int) -> None:
    assert taken(*lines).length == length


@pytest.mark.parametrize("lines", [(LENGTH,), (CODING,), ()])
@pytest.mark.parametrize(
    ("status", "is_head"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 404 Not Found", True),
        (b"HTTP/1.1 204 No Content", False),
        (b"HTTP/1.1 304 Not Modified", False),
        (b"HTTP/1.1 100 Continue", False),
        (b"HTTP/1.1 101 Switching Protocols", False),
        (b"HTTP/1.1 103 Early Hints", False),
        (b"HTTP/1.1 199 Odd", False),
    ],
)
def test_some_answers_end_at_their_head_whatever_they_claim(
    lines: tuple[bytes, ...], status: bytes, is_head: bool
) -> None:
    framing = taken(*lines, status=status, is_head=is_head)
    assert framing.length == 0
    assert framing.keep_alive


def test_an_answer_to_head_is_not_remembered_for_get() -> None:
    head = AnswerReader().read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    assert head is not None
    lengths = [framing.length for is_head in (True, False, True) if (framing := answer_framing_of(head, is_head))]
    assert lengths == [0, 3, 0]


@pytest.mark.parametrize("status", [b"HTTP/1.1 205 Reset Content", b"HTTP/1.1 500 Oops", b"HTTP/1.1 999 Odd"])
def test_other_answers_have_a_body(status: bytes) -> None:
    assert taken(LENGTH, status=status).length == 3


@pytest.mark.parametrize(
    "lines",
    [
        (LENGTH, LENGTH),
        (LENGTH, b"Content-Length: 4"),
        (b"Content-Length: 0", LENGTH),
        (LENGTH, CODING),
        (CODING, LENGTH),
        (CODING, CODING),
        (b"Content-Length: 3, 3",),
        (b"Content-Length: -1",),
        (b"Content-Length: +3",),
        (b"Content-Length:",),
        (b"Content-Length: 1000000000000000000",),
        (b"Transfer-Encoding: gzip",),
        (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: identity",),
        (b"Transfer-Encoding:",),
    ],
)
@pytest.mark.parametrize("is_head", [False, True])
def test_an_answer_with_two_lengths_or_an_unknown_one_is_not_understood(
    lines: tuple[bytes, ...], is_head: bool
) -> None:
    assert framed(*lines, is_head=is_head) is None


def test_an_old_origin_cannot_send_chunks() -> None:
    assert framed(CODING, status=b"HTTP/1.0 200 OK") is None


@pytest.mark.parametrize(
    ("minor", "lines", "keep_alive"),
    [
        (b"1", (LENGTH,), True),
        (b"1", (CODING,), True),
        (b"1", (), False),
        (b"1", (LENGTH, b"Connection: close"), False),
        (b"1", (LENGTH, b"Connection: x-a, CLOSE"), False),
        (b"1", (LENGTH, b"Connection: keep-alive", b"Connection: close"), False),
        (b"1", (b"Connection: keep-alive",), False),
        (b"0", (LENGTH,), False),
        (b"0", (LENGTH, b"Connection: Keep-Alive"), True),
        (b"0", (b"Connection: keep-alive",), False),
    ],
)
def test_whether_the_origin_stays(minor: bytes, lines: tuple[bytes, ...], keep_alive: bool) -> None:
    assert taken(*lines, status=b"HTTP/1." + minor + b" 200 OK").keep_alive is keep_alive


@pytest.mark.parametrize(
    ("lines", "rewrite"),
    [
        ((LENGTH, b"Server: a", b"Set-Cookie: a=b"), False),
        ((LENGTH, b"Connection: keep-alive"), False),
        ((LENGTH, b"Connection: close"), True),
        ((LENGTH, b"Connection: keep-alive, x-a"), True),
        ((LENGTH, b"Keep-Alive: timeout=5"), True),
        ((LENGTH, b"Upgrade: h2c"), True),
        ((CODING, b"Trailer: X-Sum"), True),
    ],
)
def test_an_answer_goes_on_as_it_is_unless_a_line_is_for_this_hop(lines: tuple[bytes, ...], rewrite: bool) -> None:
    assert taken(*lines).rewrite is rewrite


def test_an_answer_of_an_old_origin_is_written_anew() -> None:
    assert taken(LENGTH, status=b"HTTP/1.0 200 OK").rewrite


def test_headers_named_in_connection_end_here() -> None:
    framing = taken(LENGTH, b"Connection: X-A, close", b"Connection: content-length")
    assert framing.named == {b"x-a"}


@pytest.mark.parametrize(
    ("lines", "upgrades"),
    [
        ((b"Connection: upgrade", b"Upgrade: WebSocket"), True),
        ((b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"), True),
        ((b"Upgrade: websocket",), False),
        ((b"Connection: upgrade",), False),
        ((b"Connection: upgrade", b"Upgrade: h2c"), False),
        ((b"Connection: keep-alive", b"Upgrade: websocket"), False),
    ],
)
def test_a_switch_to_websocket_is_named_in_both_headers(lines: tuple[bytes, ...], upgrades: bool) -> None:
    assert taken(*lines, status=b"HTTP/1.1 101 Switching Protocols").upgrades is upgrades
