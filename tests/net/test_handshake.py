"""Whether a 101 answers the WebSocket handshake that was asked."""

from __future__ import annotations

import pytest

from trafficguard.http.framing import frame_answer
from trafficguard.http.head import AnswerReader, RequestHead, RequestReader
from trafficguard.net.handshake import accepts


def request(key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> RequestHead:
    raw = f"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    head = RequestReader().read(raw)
    assert isinstance(head, RequestHead)
    return head


def matches(asked: RequestHead, *lines: str) -> bool:
    raw = "".join(f"{line}\r\n" for line in ("HTTP/1.1 101 Switching Protocols", *lines, "")).encode()
    head = AnswerReader().read(raw)
    assert head is not None
    framing = frame_answer(head, is_head=False)
    assert framing is not None
    return accepts(asked, head, framing)


UPGRADE = ("Connection: upgrade", "Upgrade: WebSocket")


def test_the_example_of_the_standard_matches() -> None:
    """RFC 6455 section 1.3."""
    assert matches(request(), *UPGRADE, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


@pytest.mark.parametrize(
    "lines",
    [
        UPGRADE,
        (*UPGRADE, "Sec-WebSocket-Accept:"),
        (*UPGRADE, "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (*UPGRADE, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo"),
        (*UPGRADE, "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="),
        (UPGRADE[0], "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (UPGRADE[1], "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("Connection: close", UPGRADE[1], "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (UPGRADE[0], "Upgrade: h2c", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (*UPGRADE, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xO\u00e9="),
    ],
)
def test_anything_else_does_not(lines: tuple[str, ...]) -> None:
    assert not matches(request(), *lines)


def test_the_accept_value_of_another_key_does_not_match() -> None:
    asked = request("AAAAAAAAAAAAAAAAAAAAAA==")
    assert not matches(asked, *UPGRADE, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
