"""The PROXY protocol: read from configured peers only, however it arrives, and never guessed."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.harness import proxy_to
from tests.net.lines import settle, until
from tests.net.messages import get, statuses
from tests.net.origins import recording_origin
from trafficguard.net.proxy_header import ProxyHeader, Unread, read_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1") + b"\x12\x34\x00\x50"
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1") + b"\x12\x34\x00\x50"
TLS = b"\x20\x00\x05\x01\x00\x00\x00\x00"
NO_TLS = b"\x20\x00\x05\x00\x00\x00\x00\x00"
NOOP = b"\x04\x00\x03abc"


def v2(payload: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(payload).to_bytes(2, "big") + payload


GOOD = [
    (b"PROXY TCP4 203.0.113.7 192.0.2.1 4660 80\r\n", "203.0.113.7", False),
    (b"PROXY TCP6 2001:DB8:0::7 ::1 4660 80\r\n", "2001:db8::7", False),
    (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 4660 80\r\n", "203.0.113.7", False),
    (b"PROXY UNKNOWN\r\n", None, False),
    (b"PROXY UNKNOWN what ever 1 2 3\r\n", None, False),
    (v2(V4), "203.0.113.7", False),
    (v2(V6, family=0x21), "2001:db8::7", False),
    (v2(V4 + NOOP + TLS), "203.0.113.7", True),
    (v2(V4 + NOOP + NO_TLS), "203.0.113.7", False),
    (v2(V4 + b"\x20\x00\x02\x01\x00"), "203.0.113.7", False),
    (v2(V4 + b"\x20"), "203.0.113.7", False),
    (v2(V6 + TLS, family=0x21), "2001:db8::7", True),
    (v2(b"\0" * 10 + b"\xff\xff" + V4[:4] + V6[16:], family=0x21), "203.0.113.7", False),
    (v2(b"", command=0x20, family=0x00), None, False),
    (v2(V4 + TLS, command=0x20), None, False),
    (v2(b"\0" * 216, family=0x31), None, False),
    (v2(b"", family=0x00), None, False),
]
BAD = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"PROXY\tTCP4 203.0.113.7 192.0.2.1 4660 80\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 4660\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 4660 80 90\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1  80\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 +1 80\r\n",
    b"PROXY TCP4 2001:db8::7 ::1 4660 80\r\n",
    b"PROXY TCP6 203.0.113.7 192.0.2.1 4660 80\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 4660 80\r\n",
    b"PROXY TCP4 203.0.113.007 192.0.2.1 4660 80\r\n",
    b"PROXY TCP4 example.org 192.0.2.1 4660 80\r\n",
    b"PROXY UDP4 203.0.113.7 192.0.2.1 4660 80\r\n",
    b"PROXY " + b"x" * 200,
    b"PROXY UNKNOWN" + b"x" * 200 + b"\r\n",
    v2(V4, command=0x11),
    v2(V4, command=0x22),
    v2(V4[:-1]),
    v2(V4, family=0x21),
    v2(b"x" * 5000),
]


@pytest.mark.parametrize(("raw", "client", "secure"), GOOD)
def test_a_header_is_read_with_its_exact_size(raw: bytes, client: str | None, secure: bool) -> None:
    for rest in (b"", b"GET / HTTP/1.1\r\n", SIGNATURE, b"\r\n"):
        assert read_proxy_header(raw + rest, "any") == ProxyHeader(client, secure, len(raw))


@pytest.mark.parametrize(("raw", "client", "secure"), GOOD)
def test_a_header_of_which_a_part_has_come_is_awaited(raw: bytes, client: str | None, secure: bool) -> None:
    for size in range(1, len(raw)):
        assert read_proxy_header(raw[:size], "any") is Unread.MORE


@pytest.mark.parametrize("raw", BAD)
def test_what_is_no_header_is_not_taken_for_one(raw: bytes) -> None:
    assert read_proxy_header(raw, "any") is Unread.INVALID


def test_only_the_configured_version_is_read() -> None:
    assert read_proxy_header(GOOD[0][0], "v2") is Unread.INVALID
    assert read_proxy_header(v2(V4), "v1") is Unread.INVALID
    assert isinstance(read_proxy_header(GOOD[0][0], "v1"), ProxyHeader)
    assert isinstance(read_proxy_header(v2(V4), "v2"), ProxyHeader)


@given(
    st.binary(max_size=64)
    | st.binary(max_size=300).map(lambda tail: v2(tail))
    | st.binary(max_size=90).map(b"PROXY ".__add__)
)
def test_any_bytes_get_an_answer_that_more_bytes_do_not_change(raw: bytes) -> None:
    whole = read_proxy_header(raw, "any") if raw else Unread.MORE
    for size in range(1, len(raw)):
        part = read_proxy_header(raw[:size], "any")
        assert part in (Unread.MORE, whole)
    if isinstance(whole, ProxyHeader):
        assert 0 < whole.size <= len(raw)


# On the wire

BEHIND: dict[str, Any] = {"trusted": {"peers": ["127.0.0.0/8"], "proxy_protocol": "any"}}


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(("raw", "client", "secure"), GOOD)
async def test_the_header_names_the_client_of_every_request_on_its_connection(
    raw: bytes, client: str | None, secure: bool, bytewise: bool
) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, **BEHIND) as proxy:
        data = raw + get("/a", "X-Forwarded-For: 6.6.6.6") + get("/b")
        pieces = [data[at : at + 1] for at in range(len(data))] if bytewise else [data]
        assert statuses(await proxy.send(*pieces)) == [200, 200]
        for seen, exchange in zip(origin.requests, proxy.record.exchanges, strict=True):
            assert exchange.request is not None
            assert (exchange.request.client, exchange.request.secure) == (client or "127.0.0.1", secure)
            assert seen.values(b"x-forwarded-for") == [(client or "127.0.0.1").encode()]
            assert seen.values(b"x-forwarded-proto") == [b"https" if secure else b"http"]


async def test_a_client_named_by_a_header_is_a_stranger_unless_it_is_a_configured_peer() -> None:
    trusted = {"peers": ["127.0.0.0/8", "10.0.0.0/8"], "proxy_protocol": "v1", "header": "x-forwarded-for"}
    for address, believed in (("203.0.113.7", False), ("10.1.2.3", True)):
        async with recording_origin() as origin, proxy_to(origin.url, trusted=trusted) as proxy:
            head = f"PROXY TCP4 {address} 127.0.0.1 1 2\r\n".encode()
            await proxy.send(head + get("/", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: other.example"))
            request = proxy.record.exchanges[0].request
            assert request is not None
            assert request.client == ("6.6.6.6" if believed else address)
            assert bool(origin.requests[0].values(b"x-forwarded-host")) == believed


@pytest.mark.parametrize("raw", [*BAD, get(), b"\x16\x03\x01"])
async def test_a_peer_that_does_not_open_with_a_header_is_cut_off_without_an_answer(raw: bytes) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, **BEHIND) as proxy:
        assert await proxy.send(raw + get()) == b""
        assert not origin.received
        await until(lambda: proxy.connections == 0)


@pytest.mark.parametrize("sections", [{}, {"trusted": {"peers": ["10.0.0.0/8"], "proxy_protocol": "any"}}])
async def test_a_header_of_a_stranger_is_not_believed_but_refused(sections: dict[str, Any]) -> None:
    for raw in (GOOD[0][0], v2(V4)):
        async with recording_origin() as origin, proxy_to(origin.url, **sections) as proxy:
            answers = await proxy.send(raw + get())
            assert all(400 <= status < 500 for status in statuses(answers))
            assert not origin.requests


async def test_a_peer_that_does_not_send_its_header_in_time_is_cut() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, **BEHIND) as proxy:
        client = await proxy.line(b"PROXY TCP4 ")
        await until(lambda: proxy.connections == 1)
        await settle()
        proxy.pass_time(9)
        client.say(b"203")
        await settle()
        assert proxy.connections == 1
        proxy.pass_time(3)
        await client.hear_nothing_more()
        await until(lambda: proxy.connections == 0)
