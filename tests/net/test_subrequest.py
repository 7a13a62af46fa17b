"""What a front tells of a request, put together again: whose word counts, and that nothing else gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.http.framing import frame
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.refusal import Refusal
from trafficguard.net.subrequest import Lines, Untold, rebuild
from trafficguard.settings import Front

SENDER = ((b"X-Forwarded-For", b"203.0.113.5"), (b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Host", b"shop.example"))
PLACE: dict[Front, tuple[tuple[bytes, bytes], ...]] = {
    "nginx": ((b"X-Original-Method", b"GET"), (b"X-Original-URI", b"/a?b=c")),
    "caddy": ((b"X-Forwarded-Method", b"GET"), (b"X-Forwarded-Uri", b"/a?b=c")),
    "traefik": ((b"X-Forwarded-Method", b"GET"), (b"X-Forwarded-Uri", b"/a?b=c")),
}
FRONTS: list[Front] = ["nginx", "caddy", "traefik"]


def read(lines: Lines, front: Front = "caddy") -> RequestHead:
    raw = rebuild(lines, front)
    assert isinstance(raw, bytes)
    head = RequestReader().read(raw)
    assert isinstance(head, RequestHead), head
    return head


@pytest.mark.parametrize("front", FRONTS)
def test_the_head_is_that_of_the_visitor(front: Front) -> None:
    own = ((b"Host", b"trafficguard"), (b"Connection", b"close"), (b"Content-Length", b"9"), (b"X-Request-Id", b"mine"), (b"X-Bot-Answer", b"a"))
    theirs = ((b"User-Agent", b"curl/8"), (b"accept", b"*/*"), (b"Cookie", b"a=b"), (b"Cookie", b"c=d"))
    raw = rebuild((*own, *PLACE[front], *SENDER, *theirs), front)
    assert raw == (
        b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n"
        b"User-Agent: curl/8\r\naccept: */*\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n"
    )


@pytest.mark.parametrize("front", FRONTS)
def test_what_a_visitor_writes_into_the_lines_of_another_front_is_nobodys_word(front: Front) -> None:
    other: Front = "caddy" if front == "nginx" else "nginx"
    foreign = ((PLACE[other][0][0], b"HEAD"), (PLACE[other][1][0], b"/elsewhere"))
    head = read((*foreign, *PLACE[front], *SENDER, *foreign), front)
    assert (head.method, head.target.path) == (b"GET", b"/a")
    assert b"elsewhere" not in head.raw


@pytest.mark.parametrize("front", FRONTS)
def test_each_line_is_needed_and_only_once(front: Front) -> None:
    for name, value in (*PLACE[front], *SENDER):
        rest = [line for line in (*PLACE[front], *SENDER) if line[0] != name]
        if name not in (b"X-Forwarded-For", b"X-Forwarded-Host"):
            with pytest.raises(Untold, match=f"(?i)^{name.decode()}$"):
                rebuild([*rest, (name, value), (name, value)], front)
        if name != b"X-Forwarded-Host":
            for wrong in ([], [(name, b"")]):
                with pytest.raises(Untold, match=f"(?i)^{name.decode()}$"):
                    rebuild([*rest, *wrong], front)
    with pytest.raises(Untold, match="X-Forwarded-Host"):
        rebuild([*PLACE[front], *SENDER, (b"x-forwarded-host", b"other.example")], front)


def test_a_visitor_without_a_host_is_refused_like_everywhere() -> None:
    head = read((*PLACE["caddy"], *SENDER[:2]))
    refusal = frame(head)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "missing-host"


@pytest.mark.parametrize("chain", [b"unix:", b"unknown", b"203.0.113.5, ", b"203.0.113.5:80", b"a, b", b"::1%lo"])
def test_a_chain_that_ends_in_no_address_tells_nobody(chain: bytes) -> None:
    with pytest.raises(Untold, match="X-Forwarded-For"):
        rebuild((*PLACE["caddy"], (b"X-Forwarded-For", chain), *SENDER[1:]), "caddy")


@pytest.mark.parametrize("scheme", [b"ftp", b"https, http", b"wss"])
def test_a_scheme_that_is_none_of_ours_tells_nothing(scheme: bytes) -> None:
    with pytest.raises(Untold, match="X-Forwarded-Proto"):
        rebuild((*PLACE["caddy"], SENDER[0], (b"X-Forwarded-Proto", scheme), SENDER[2]), "caddy")


@pytest.mark.parametrize("target", [b"http://other.example/", b"other.example:443", b"a", b"*x", b"?a"])
def test_a_target_cannot_name_another_host(target: bytes) -> None:
    raw = rebuild(((b"X-Forwarded-Method", b"GET"), (b"X-Forwarded-Uri", target), *SENDER), "caddy")
    assert isinstance(raw, Refusal)
    assert raw.reason == "bad-target"


def test_a_handshake_gets_back_what_the_front_took_off() -> None:
    key = (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="), (b"Sec-WebSocket-Version", b"13")
    framing = frame(read((*PLACE["caddy"], *SENDER, *key)))
    assert not isinstance(framing, Refusal)
    assert framing.websocket


NAMES = st.sampled_from(
    [b"X-Forwarded-Uri", b"X-Forwarded-Method", b"X-Original-URI", b"X-Forwarded-Host", b"X-Forwarded-For", b"Host",
     b"Content-Length", b"Transfer-Encoding", b"Connection", b"Upgrade", b"Expect", b"TE", b"Cookie", b"X-A",
     b"Content_Length", b"X-Bot-Score", b"Sec-WebSocket-Key"]
)  # fmt: skip
VALUES = st.sampled_from([b"GET", b"/", b"*", b"chunked", b"5", b"close", b"a.example", b"192.0.2.1", b"100-continue", b""])
ANY_LINES = st.lists(st.tuples(NAMES, VALUES | st.binary(max_size=8).filter(lambda one: not set(one) & set(b"\r\n\0"))))


@given(ANY_LINES, ANY_LINES)
def test_whatever_comes_there_is_one_request_without_a_body_or_none(before: Lines, after: Lines) -> None:
    try:
        raw = rebuild([*before, *PLACE["caddy"], *SENDER, *after], "caddy")
    except Untold:
        return
    if isinstance(raw, Refusal):
        return
    assert raw.count(b"\r\n\r\n") == 1
    head = RequestReader().read(raw)
    if isinstance(head, Refusal):
        return
    framing = frame(head)
    if not isinstance(framing, Refusal):
        assert (framing.length, framing.host, head.target.path) == (0, b"shop.example", b"/a")
