"""Which client a request comes from, and who may say so: only configured peers, walking from the right."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import Line, until
from tests.net.messages import get, in_chunks, statuses
from tests.net.origins import Seen, recording_origin
from trafficguard.exchange import UNKNOWN_HANDSHAKE, Handshake
from trafficguard.net.peer import Trust, pack_address
from trafficguard.settings import TrustedSettings

BY_X: dict[str, Any] = {
    "trusted": {"peers": ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"], "header": "x-forwarded-for"}
}
BY_FORWARDED: dict[str, Any] = {
    "trusted": {"peers": ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"], "header": "forwarded"}
}
BY_NONE: dict[str, Any] = {"trusted": {"peers": ["127.0.0.0/8"]}}


async def served(request: bytes, **sections: Any) -> tuple[Seen, str, bool, str]:
    """What the origin saw; client address, https-ness and request id as the guard saw them."""
    async with recording_origin() as origin, proxy_to(origin.url, **sections) as proxy:
        assert statuses(await proxy.send(request)) == [200]
        return (origin.requests[0], *facts(proxy))


def facts(proxy: Proxy) -> tuple[str, bool, str]:
    request = proxy.record.exchanges[0].request
    assert request is not None
    return request.client, request.secure, request.request_id


# Strangers

CLAIMS = (
    "X-Forwarded-For: 1.2.3.4",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Anything: x",
    "Forwarded: for=1.2.3.4;proto=https",
    "X-Real-IP: 1.2.3.4",
    "X-Request-Id: mine",
    "X-Bot-Score: 0",
    "X-Bot-Verdict: forged",
    "x-bot-anything-else: x",
    "X_Bot_Score: 0",
    "X-Bot_Score: 0",
    "x_bot_score: 0",
    "X_Forwarded_For: 1.2.3.4",
    "X_Forwarded_Host: evil.example",
    "X_Real_IP: 1.2.3.4",
    "X_Request_Id: mine",
)


@pytest.mark.parametrize("claim", CLAIMS)
async def test_no_stranger_can_say_who_he_is(claim: str) -> None:
    seen, client, secure, request_id = await served(get("/", claim), mode="enforce")
    raw = b"\r\n".join(name + b": " + value for name, value in seen.headers)
    assert claim.encode() not in raw
    assert seen.values(b"x-forwarded-for") == [b"127.0.0.1"]
    assert seen.values(b"x-forwarded-proto") == [b"http"]
    assert seen.values(b"x-request-id") == [request_id.encode()]
    assert seen.values(b"x-bot-score") == [b"12"]
    assert (client, secure) == ("127.0.0.1", False)


async def test_all_claims_of_a_stranger_together_and_repeated_are_dropped() -> None:
    lines = (*CLAIMS, *CLAIMS, *(claim.lower() for claim in CLAIMS), "X-Kept: yes")
    for start in (
        get("/", *lines),
        get("/", *lines, version="1.0"),
        get("/", *lines).replace(b"/ ", b"http://shop.example/ ", 1),
    ):
        seen, *_ = await served(start)
        named = {name.lower() for name, _ in seen.headers}
        assert named <= {b"host", b"x-kept", b"x-forwarded-for", b"x-forwarded-proto", b"x-request-id"}
        assert seen.values(b"x-forwarded-for") == [b"127.0.0.1"]


@pytest.mark.parametrize("claim", CLAIMS)
async def test_no_stranger_can_say_who_he_is_in_a_trailer(claim: str) -> None:
    body = in_chunks(b"body")[:-2] + claim.encode() + b"\r\n\r\n"
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        request = get("/", "Transfer-Encoding: chunked", f"Trailer: {claim.partition(':')[0]}", method="POST")
        assert statuses(await proxy.send(request + body)) == [200]
        assert claim.encode() not in b"".join(origin.received)
        assert origin.requests[0].body == b"body"


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "X-Bot-Score", "X-Bot-Verdict", "Host", "Cookie"]
)
async def test_no_stranger_can_make_us_drop_what_counts_by_naming_it_in_connection(name: str) -> None:
    request = get("/", f"Connection: keep-alive, {name}, X-Mine", "X-Mine: gone", "Cookie: a=b")
    seen, *_ = await served(request, mode="enforce")
    assert len(seen.values(name.lower().encode())) == 1
    assert seen.values(b"x-mine") == []


async def test_what_connection_names_is_not_sent_on_whatever_its_case_and_order() -> None:
    seen, *_ = await served(
        get("/", "x-HOP: a", "X-hop: b", "Connection: Close", "connection: ,X-HOP,,", "TE: x", "X-Kept: y")
    )
    assert {name.lower() for name, _ in seen.headers} >= {b"x-kept"}
    for name in (b"x-hop", b"connection", b"te"):
        assert seen.values(name) == []


# X-Forwarded-For of trusted peers

CHAINS = [
    ("203.0.113.7", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
    ("6.6.6.6, 203.0.113.7", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
    ("6.6.6.6, 203.0.113.7, 10.1.2.3", "203.0.113.7", "203.0.113.7, 10.1.2.3, 127.0.0.1"),
    ("10.9.9.9, 10.1.2.3", "10.9.9.9", "10.9.9.9, 10.1.2.3, 127.0.0.1"),
    ("6.6.6.6, unknown", "127.0.0.1", "127.0.0.1"),
    ("6.6.6.6, nonsense, 10.1.2.3", "10.1.2.3", "10.1.2.3, 127.0.0.1"),
    ("6.6.6.6,", "127.0.0.1", "127.0.0.1"),
    ("", "127.0.0.1", "127.0.0.1"),
    (" ,, ", "127.0.0.1", "127.0.0.1"),
    ("203.0.113.7:4711", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
    ("2001:DB8:0:0::7", "2001:db8::7", "2001:db8::7, 127.0.0.1"),
    ("[2001:db8::7]:4711", "2001:db8::7", "2001:db8::7, 127.0.0.1"),
    ("2001:db8::7, 2001:db8:1::5", "2001:db8::7", "2001:db8::7, 2001:db8:1::5, 127.0.0.1"),
    ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
    ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.3, 127.0.0.1"),
    ("203.0.113.07", "127.0.0.1", "127.0.0.1"),
    ("1.2.3", "127.0.0.1", "127.0.0.1"),
    ("fe80::1%eth0", "127.0.0.1", "127.0.0.1"),
    ("203.0.113.7\u00e9", "127.0.0.1", "127.0.0.1"),
    ("203.0.113.7, 10.1.2.3\t", "203.0.113.7", "203.0.113.7, 10.1.2.3, 127.0.0.1"),
]


@pytest.mark.parametrize(("chain", "client", "onward"), CHAINS, ids=[case[0] for case in CHAINS])
@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"])
async def test_the_chain_of_a_trusted_peer_is_walked_from_the_right(
    name: str, chain: str, client: str, onward: str
) -> None:
    seen, address, *_ = await served(get("/", f"{name}: {chain}"), **BY_X)
    assert address == client
    assert seen.values(b"x-forwarded-for") == [onward.encode()]


@pytest.mark.parametrize("second", ["X-Forwarded-For", "x-forwarded-for"])
async def test_several_lines_make_one_chain(second: str) -> None:
    seen, client, *_ = await served(
        get("/", "X-Forwarded-For: 6.6.6.6", "Accept: */*", f"{second}: 203.0.113.7, 10.1.2.3"), **BY_X
    )
    assert client == "203.0.113.7"
    assert seen.values(b"x-forwarded-for") == [b"203.0.113.7, 10.1.2.3, 127.0.0.1"]


async def test_two_visitors_behind_one_peer_are_not_mixed_up() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, **BY_X) as proxy:
        line = await proxy.line()
        for number in range(20):
            line.say(get("/", f"X-Forwarded-For: 203.0.113.{number}"))
            await line.hear_answer()
        addresses = [exchange.request.client for exchange in proxy.record.exchanges if exchange.request]
        assert addresses == [f"203.0.113.{number}" for number in range(20)]
        told = [seen.values(b"x-forwarded-for") for seen in origin.requests]
        assert told == [[f"203.0.113.{number}, 127.0.0.1".encode()] for number in range(20)]


async def test_a_header_that_is_not_configured_is_not_believed_from_anybody() -> None:
    for sections in (BY_FORWARDED, BY_NONE):
        seen, client, *_ = await served(get("/", "X-Forwarded-For: 203.0.113.7"), **sections)
        assert client == "127.0.0.1"
        assert seen.values(b"x-forwarded-for") == [b"127.0.0.1"]


# Forwarded

ELEMENTS = [
    ("for=203.0.113.7", "203.0.113.7"),
    ("For=203.0.113.7;proto=http;by=10.0.0.1", "203.0.113.7"),
    ('proto=https ; for="203.0.113.7:4711"', "203.0.113.7"),
    ('for="[2001:db8::7]:4711"', "2001:db8::7"),
    ("for=6.6.6.6, for=203.0.113.7, for=10.1.2.3", "203.0.113.7"),
    ("for=6.6.6.6, for=unknown", "127.0.0.1"),
    ("for=6.6.6.6, for=_hidden", "127.0.0.1"),
    ("for=6.6.6.6, by=10.0.0.1", "127.0.0.1"),
    ('for="x;for=6.6.6.6", for=203.0.113.7', "203.0.113.7"),
    ('for="6.6.6.6, for=203.0.113.7', "203.0.113.7"),
]


@pytest.mark.parametrize(("value", "client"), ELEMENTS, ids=[case[0] for case in ELEMENTS])
async def test_forwarded_of_a_trusted_peer_is_walked_from_the_right(value: str, client: str) -> None:
    seen, address, *_ = await served(get("/", f"Forwarded: {value}"), **BY_FORWARDED)
    assert address == client
    assert seen.values(b"forwarded") == []
    assert seen.values(b"x-forwarded-for")[0].split(b", ")[0] == client.encode()


# What else a trusted peer says


async def test_a_trusted_peer_says_scheme_host_and_port() -> None:
    lines = ("X-Forwarded-Proto: https", "X-Forwarded-Host: www.shop.example", "X-Forwarded-Port: 443")
    seen, _, secure, _ = await served(get("/", *lines), **BY_NONE)
    assert secure
    assert seen.values(b"x-forwarded-proto") == [b"https"]
    assert seen.values(b"x-forwarded-host") == [b"www.shop.example"]
    assert seen.values(b"x-forwarded-port") == [b"443"]


@pytest.mark.parametrize("value", ["http", "HTTPS", "ftp", "", "https, http"])
async def test_only_https_is_https(value: str) -> None:
    seen, _, secure, _ = await served(get("/", f"X-Forwarded-Proto: {value}"), **BY_NONE)
    assert secure == (value == "HTTPS")
    assert seen.values(b"x-forwarded-proto") == [b"https" if secure else b"http"]


async def test_a_trusted_peer_cannot_say_what_only_we_may() -> None:
    seen, *_ = await served(
        get("/", "X-Bot-Score: 0", "X_Bot_Score: 0", "X_Forwarded_Host: a", "X-Real-IP: 1.2.3.4"), **BY_X
    )
    assert {name.lower() for name, _ in seen.headers} == {
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-request-id",
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("edge-42_a.B", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("---", False),
        ("a b", False),
        ("<script>", False),
        ('a"b', False),
        ("\u00e9", False),
    ],
)
async def test_a_request_id_of_a_trusted_peer_is_kept_if_it_is_one(sent: str, kept: bool) -> None:
    seen, _, _, request_id = await served(get("/", f"X-Request-Id: {sent}"), **BY_NONE)
    assert (request_id == sent) == kept
    assert seen.values(b"x-request-id") == [request_id.encode()]
    assert len(request_id) > 0


# Sockets


async def test_a_peer_on_a_unix_socket_is_trusted_and_has_no_address(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    async with (
        recording_origin() as origin,
        proxy_to(origin.url, listen=place, trusted={"header": "x-forwarded-for"}) as proxy,
    ):
        for number, (lines, client, onward) in enumerate(
            [
                ((), "unix", []),
                (("X-Forwarded-For: 6.6.6.6, 203.0.113.7",), "203.0.113.7", [b"203.0.113.7"]),
                (("X-Forwarded-For: 203.0.113.7",), "203.0.113.7", [b"203.0.113.7"]),
                (("X-Forwarded-For: nonsense",), "unix", []),
            ]
        ):
            line = await Line.to_unix(place)
            line.say(get("/", *lines))
            await line.hear_answer()
            line.close()
            request = proxy.record.exchanges[number].request
            assert request is not None
            assert request.client == client
            assert origin.requests[number].values(b"x-forwarded-for") == onward


async def test_a_client_that_reset_before_it_was_accepted_passes_for_nobody() -> None:
    """Its request can still be read, but its address cannot: it must not count as a trusted peer without address."""
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        await proxy.ask(get("/before"))  # leaves a connection on which a request could go on at once
        loop = asyncio.get_running_loop()
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            door.listen()
            door.setblocking(False)
            with socket.create_connection(door.getsockname()) as client:
                client.sendall(get("/", "X-Forwarded-Host: evil.example"))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server = await loop.create_server(proxy.worker.connection, sock=door)
            await proxy.ask(get("/after"))
            await until(lambda: proxy.meters.connections_open == 0)
            server.close()
        assert origin.requests[-1].target == b"/after"
        assert not any(seen.values(b"x-forwarded-host") for seen in origin.requests)
        assert proxy.connections == 0


# Addresses


@given(st.ip_addresses())
def test_an_address_packs_as_the_standard_library_packs_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert pack_address(str(address)) == (mapped or address).packed


@pytest.mark.parametrize(
    "text",
    ["", "unix", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "0x1.2.3.4", " 1.2.3.4", "::1%lo", ":::", "1.2.3.4\0"],
)
def test_what_is_no_address_packs_to_nothing(text: str) -> None:
    assert pack_address(text) is None


@given(st.ip_addresses(), st.lists(st.ip_addresses(), min_size=1, max_size=3), st.integers(0, 32))
def test_trust_covers_exactly_the_configured_networks(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    bases: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
    width: int,
) -> None:
    networks = [ipaddress.ip_network((base, width), strict=False) for base in bases]
    trust = Trust(TrustedSettings.model_validate({"peers": [str(network) for network in networks]}))
    plain = getattr(address, "ipv4_mapped", None) or address
    assert trust.peer(str(address)).trusted == any(plain in network for network in networks)


def test_peers_are_remembered_in_bounded_number() -> None:
    trust = Trust(TrustedSettings())
    first = trust.peer("10.0.0.1")
    assert trust.peer("10.0.0.1") is first
    for number in range(5000):
        trust.peer(f"10.1.{number // 250}.{number % 250}")
    assert len(trust._known) <= 4096
    assert trust.peer("unix").trusted
    assert not trust.peer("10.0.0.1").trusted


# How the client's connection was opened

TLS = "t13d1516h2_8daaf6152771_02713d6af862"
FRAMES = "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"
TOLD_BY = {"ja4_header": "X-JA4", "http2_header": "X-H2"}
BY_TLS_PROXY: dict[str, Any] = {"mode": "enforce", "trusted": {"peers": ["127.0.0.0/8"], **TOLD_BY}}
BY_SOMEBODY_ELSE: dict[str, Any] = {"mode": "enforce", "trusted": {"peers": ["10.0.0.0/8"], **TOLD_BY}}


async def shaken(*lines: str, **sections: Any) -> tuple[Seen, Handshake]:
    """What the origin saw, and the handshake that the request was judged with."""
    async with recording_origin() as origin, proxy_to(origin.url, **sections) as proxy:
        assert statuses(await proxy.send(get("/", *lines))) == [200]
        return origin.requests[0], proxy.guard.requests[0].handshake


async def test_a_trusted_peer_tells_of_the_clients_handshake_and_the_shop_hears_it_too() -> None:
    seen, handshake = await shaken(f"x-ja4: {TLS}", f"X-H2: {FRAMES}", **BY_TLS_PROXY)
    assert handshake == Handshake(TLS, FRAMES)
    assert (seen.values(b"x-ja4"), seen.values(b"x-h2")) == ([TLS.encode()], [FRAMES.encode()])


@pytest.mark.parametrize("name", ["X-JA4", "x-ja4", "X_JA4"])
async def test_no_stranger_can_say_how_his_connection_was_opened(name: str) -> None:
    seen, handshake = await shaken(f"{name}: {TLS}", f"X-H2: {FRAMES}", **BY_SOMEBODY_ELSE)
    assert handshake == UNKNOWN_HANDSHAKE
    assert {key.lower() for key, _ in seen.headers}.isdisjoint({b"x-ja4", b"x_ja4", b"x-h2"})


async def test_no_stranger_can_say_it_behind_a_proxy_header_either() -> None:
    trusted = {"peers": ["127.0.0.0/8"], "proxy_protocol": "v1", **TOLD_BY}
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce", trusted=trusted) as proxy:
        line = b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 80\r\n"
        assert statuses(await proxy.send(line + get("/", f"X-JA4: {TLS}"))) == [200]
        assert proxy.guard.requests[0].handshake == UNKNOWN_HANDSHAKE
        assert origin.requests[0].values(b"x-ja4") == []


async def test_an_underscore_spelling_tells_nothing_from_anybody() -> None:
    seen, handshake = await shaken(f"X_JA4: {TLS}", **BY_TLS_PROXY)
    assert (handshake, seen.values(b"x_ja4")) == (UNKNOWN_HANDSHAKE, [])


@pytest.mark.parametrize("told", ["", "nonsense", TLS[:-1], TLS + "0", TLS.upper(), f"{TLS}, {TLS}"])
async def test_what_is_no_fingerprint_is_not_known(told: str) -> None:
    _, handshake = await shaken(f"X-JA4: {told}", f"X-H2: {FRAMES}", **BY_TLS_PROXY)
    assert handshake == Handshake("", FRAMES)


async def test_a_fingerprint_that_is_told_twice_is_not_known() -> None:
    _, handshake = await shaken(f"X-JA4: {TLS}", f"X-JA4: {TLS}", **BY_TLS_PROXY)
    assert handshake == UNKNOWN_HANDSHAKE


async def test_headers_of_nobodys_are_headers_like_any_other() -> None:
    seen, handshake = await shaken(f"X-JA4: {TLS}", mode="enforce")
    assert (handshake, seen.values(b"x-ja4")) == (UNKNOWN_HANDSHAKE, [TLS.encode()])
