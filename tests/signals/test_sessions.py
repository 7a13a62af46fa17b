"""Sessions: the shop's own cookie, and the one that we seal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.clock import SECOND
from trafficguard.signals.hashes import Keyed
from trafficguard.signals.sessions import LIFETIME, LONGEST_HEADER, Sessions, cookie_value

SECRET = b"a secret of at least 32 bytes ....."
NOON = 1_700_000_000 * SECOND
END = NOON + LIFETIME * 60 * SECOND
OURS = Sessions(SECRET, None)


def issued(number: int = 1, now: int = NOON, sessions: Sessions = OURS) -> bytes:
    """A Cookie header with a session of ours."""
    line = sessions.issue(b"%020x" % number, now, secure=True)
    match = re.fullmatch(rb"Set-Cookie: (tgs=[A-Za-z0-9_-]{48}); Path=/; HttpOnly; SameSite=Lax; Secure\r\n", line)
    assert match is not None
    return match[1]


# --- ours ---


def test_what_we_issue_is_found_again_by_every_worker_that_knows_the_secret() -> None:
    header = issued()
    found = OURS.find(header, NOON)
    assert found is not None
    assert len(found) == 16
    assert Sessions(SECRET, None).find(b"a=b; " + header + b"; c=d", NOON) == found


def test_every_request_that_gets_one_gets_its_own() -> None:
    assert len({OURS.find(issued(number), NOON) for number in range(100)}) == 100


def test_a_cookie_goes_over_plain_http_only_where_the_visitor_speaks_it() -> None:
    assert b"Secure" not in OURS.issue(b"1", NOON, secure=False)


def test_a_session_ends_even_where_it_is_remembered() -> None:
    sessions = Sessions(SECRET, None)
    header = issued()
    assert sessions.find(header, NOON) is not None
    assert sessions.find(header, END - 60 * SECOND) is not None
    assert sessions.find(header, END) is None
    assert sessions.find(header, NOON) is not None


def test_what_is_sealed_with_another_secret_is_nothing() -> None:
    assert OURS.find(issued(sessions=Sessions(SECRET[::-1], None)), NOON) is None


@pytest.mark.parametrize("value", [b"", b"x", b"A" * 48, b"A" * 47 + b"=", b"\xff" * 48, b"A" * 10_000, b'"A"'])
def test_what_we_did_not_seal_is_nothing(value: bytes) -> None:
    assert OURS.find(b"tgs=" + value, NOON) is None


@given(st.integers(0, 47), st.sampled_from(b"ABCXYZabcxyz019_-"))
def test_a_changed_letter_ends_it(at: int, letter: int) -> None:
    header = bytearray(issued())
    if header[4 + at] != letter:
        header[4 + at] = letter
        assert OURS.find(bytes(header), NOON) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_a_cookie_header(header: bytes) -> None:
    for sessions in (OURS, Sessions(SECRET, "sid")):
        found = sessions.find(header, NOON)
        assert found is None or len(found) == 16


# --- the shop's ---


def test_the_cookie_of_the_shop_is_the_session_where_it_is_named() -> None:
    sessions = Sessions(SECRET, "sid")
    assert not sessions.is_ours
    assert OURS.is_ours
    one, other = sessions.find(b"sid=one", NOON), sessions.find(b"x=1; sid=other", NOON)
    assert one is not None
    assert len(one) == 16
    assert one != other
    assert sessions.find(b"y=2;sid=one", END) == one
    assert sessions.find(issued(), NOON) is None


def test_nobody_without_the_secret_can_tell_the_cookie_from_the_id() -> None:
    found = Sessions(SECRET, "sid").find(b"sid=one", NOON)
    assert found != Sessions(b"other" * 8, "sid").find(b"sid=one", NOON)
    assert found != Keyed(SECRET, b"another purpose").hash(b"one")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"sid=a", b"a"),
        (b"sid=a; sid=b", b"a"),
        (b"xsid=b; sid=a", b"a"),
        (b"x=sid=b; sid=a", b"a"),
        (b"x=1;sid=a;y=2", b"a"),
        (b"x=1;\tsid= a ; y=2", b"a"),
        (b'sid="a"', b"a"),
        (b"sid=", b""),
        (b"sid", b""),
        (b"SID=a", b""),
        (b"", b""),
        (b'sid="', b'"'),
    ],
)
def test_a_cookie_is_found_among_others(header: bytes, value: bytes) -> None:
    assert cookie_value(header, b"sid") == value


# --- memory ---


def test_a_header_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, header = Sessions(SECRET, None), issued()
    found = sessions.find(header, NOON)
    monkeypatch.setattr(Sessions, "_learn", lambda self, header: pytest.fail("verified again"))
    assert sessions.find(header, NOON) == found
    assert sessions.find(None, NOON) is None


def test_long_headers_are_read_and_not_kept() -> None:
    sessions = Sessions(SECRET, None)
    assert sessions.find(b"x=%b; %b" % (b"a" * LONGEST_HEADER, issued()), NOON) is not None
    assert len(sessions._memory) == 0


def test_a_secret_of_any_length_counts_in_full() -> None:
    hashes = {Keyed(b"a" * length, b"x").hash(b"one") for length in (32, 33, 64, 65, 66, 1000)}
    assert len(hashes) == 6
