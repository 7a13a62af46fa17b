"""The pass: who has one, for how long, and that nobody can make or pass on his own."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.clients import head_of
from trafficguard.challenge.passes import LIFETIME_S, Passes
from trafficguard.clock import SECOND
from trafficguard.exchange import Request

SECRET = b"a secret of at least 32 bytes ....."
NOON = 1_700_000_000 * SECOND
END = NOON + LIFETIME_S * SECOND
PASSES = Passes(SECRET)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LINE = re.compile(rb"Set-Cookie: (tgp=[A-Za-z0-9_-]{27}=); Path=/; Max-Age=3600; HttpOnly; SameSite=Lax(; Secure)?\r\n")


def request(
    *cookies: bytes, client: str = "192.0.2.1", agent: str | None = AGENT, site: str = "shop.example", secure: bool = True
) -> Request:
    """A visitor's request."""
    lines = ["GET / HTTP/1.1", "Host: shop.example", *([f"User-Agent: {agent}"] if agent is not None else [])]
    lines += [f"Cookie: {cookie.decode('latin-1')}" for cookie in cookies]
    return Request(head_of("\n".join(lines)), client, secure, site, b"0")


def given_to(sender: Request, now: int = NOON, passes: Passes = PASSES) -> bytes:
    """The cookie that a sender is given."""
    match = LINE.fullmatch(passes.give(sender, now))
    assert match is not None
    return match[1]


COOKIE = given_to(request())


def test_who_was_given_a_pass_has_it_at_every_worker_that_knows_the_secret() -> None:
    assert PASSES.holds(request(COOKIE), NOON)
    assert Passes(SECRET).holds(request(b"a=b; " + COOKIE + b"; c=d"), NOON)


def test_who_was_given_none_has_none() -> None:
    assert not PASSES.holds(request(), NOON)
    assert not PASSES.holds(request(b"sid=1"), NOON)


def test_a_pass_ends() -> None:
    assert PASSES.holds(request(COOKIE), END - 1)
    assert not PASSES.holds(request(COOKIE), END)


def test_a_pass_of_another_secret_is_none() -> None:
    assert not Passes(SECRET[::-1]).holds(request(COOKIE), NOON)


@pytest.mark.parametrize("client", ["192.0.2.255", "::ffff:192.0.2.9"])
def test_a_pass_holds_for_neighbours_since_phones_change_their_address(client: str) -> None:
    assert PASSES.holds(request(COOKIE, client=client), NOON)


def test_a_pass_holds_within_a_48_of_ipv6() -> None:
    cookie = given_to(request(client="2001:db8:1:2::3"))
    assert PASSES.holds(request(cookie, client="2001:db8:1:ffff::9"), NOON)
    assert not PASSES.holds(request(cookie, client="2001:db8:2:2::3"), NOON)


def test_a_pass_is_worth_nothing_to_another_kind_of_sender() -> None:
    assert not PASSES.holds(request(COOKIE, client="192.0.3.1"), NOON)
    assert not PASSES.holds(request(COOKIE, client="unix"), NOON)
    assert not PASSES.holds(request(COOKIE, agent="curl/8"), NOON)
    assert not PASSES.holds(request(COOKIE, agent=None), NOON)
    assert not PASSES.holds(request(COOKIE, site="other.example"), NOON)


def test_a_pass_goes_over_plain_http_only_where_the_visitor_speaks_it() -> None:
    assert b"; Secure\r\n" in PASSES.give(request(), NOON)
    assert b"Secure" not in PASSES.give(request(secure=False), NOON)


@given(st.integers(4, len(COOKIE) - 1), st.integers(0, 255))
def test_a_pass_with_one_other_byte_is_none(at: int, byte: int) -> None:
    changed = COOKIE[:at] + bytes([byte]) + COOKIE[at + 1 :]
    if byte >= 0x20 and byte != 0x7F and bytes([byte]) not in b';"':
        assert PASSES.holds(request(changed), NOON) == (changed.strip(b" ") == COOKIE)


@given(st.one_of(st.binary(max_size=40), st.text("ABab01_-=", min_size=28, max_size=28).map(str.encode)))
def test_nothing_whatever_passes_for_a_pass_or_makes_checking_fail(value: bytes) -> None:
    clean = bytes(byte for byte in value if 0x20 < byte < 0x7F)
    assert not PASSES.holds(request(b"tgp=" + clean), NOON)


@pytest.mark.parametrize("value", [b"A" * 28, b"=" * 28, b"A" * 27 + b"=", b"A" * 26 + b"==", b"!" * 28, b""])
def test_what_is_no_base64_or_too_short_is_none(value: bytes) -> None:
    assert not PASSES.holds(request(b"tgp=" + value), NOON)


def test_another_spelling_of_the_same_bytes_is_none() -> None:
    """The last letter before the padding carries two bits that base64 leaves free."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = letters.index(chr(COOKIE[-2]))
    for twin in range(at - at % 4, at - at % 4 + 4):
        spelled = COOKIE[:-2] + letters[twin].encode() + b"="
        assert PASSES.holds(request(spelled), NOON) == (twin == at)


@given(st.integers(0, 1 << 32), st.integers(0, 1 << 32))
def test_the_end_cannot_be_moved(end: int, other: int) -> None:
    """A pass for one end, with the seal of another, holds at neither."""
    first, second = (
        urlsafe_b64decode(given_to(request(), (at % (1 << 31)) * SECOND)[4:]) for at in (end, other)
    )
    if first[:4] != second[:4]:
        mixed = b"tgp=" + urlsafe_b64encode(first[:4] + second[4:])
        assert not PASSES.holds(request(mixed), min(end, other) % (1 << 31) * SECOND)
