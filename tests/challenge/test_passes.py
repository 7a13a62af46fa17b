"""The pass: who has one, for how long, and that nobody can make one or hand it on."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.challenge.visits import NOON, SECRET, cookie_of, request
from trafficguard.actions import KINDS
from trafficguard.challenge.passes import LIFETIME_S, MOST_SOLVED, SAFEGUARD_S, WINDOW_S, Pass, Passes
from trafficguard.clock import SECOND
from trafficguard.exchange import Request

PASSES = Passes(SECRET)
END = NOON + LIFETIME_S * SECOND


def given_to(sender: Request, now: int = NOON, before: Pass | None = None, passes: Passes = PASSES) -> bytes:
    """The cookie that a sender is given."""
    return cookie_of(passes.give(sender, "pow", 12, 5, before, now))


COOKIE = given_to(request())
NAME, VALUE = COOKIE.split(b"=", 1)


def found(sender: Request, now: int = NOON, passes: Passes = PASSES) -> Pass | None:
    return passes.find(sender, now)


def test_who_was_given_a_pass_has_it_at_every_worker_that_knows_the_secret() -> None:
    shown = found(request(b"a=b; " + COOKIE + b"; c=d"), passes=Passes(SECRET))
    assert shown is not None
    assert (shown.rank, shown.bits, shown.told, shown.solved, shown.is_foreign) == (4, 12, 5, 1, False)
    assert (shown.issued * SECOND, shown.until * SECOND) == (NOON, END)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_proves_the_kind_that_was_solved(kind: Any) -> None:
    shown = found(request(cookie_of(PASSES.give(request(), kind, 0, 0, None, NOON))))
    assert shown is not None
    assert KINDS[shown.rank - 1] == kind


def test_who_was_given_none_has_none() -> None:
    assert found(request()) is None
    assert found(request(b"sid=1")) is None


def test_a_pass_ends_and_the_header_lines_it_came_with_do_not_keep_it() -> None:
    sender = request(COOKIE)
    assert found(sender, END - 1) is not None
    assert found(sender, END) is None
    assert found(sender, NOON) is not None


def test_a_pass_of_another_secret_is_none_but_an_earlier_secret_counts() -> None:
    assert found(request(COOKIE), passes=Passes(SECRET[::-1])) is None
    assert found(request(COOKIE), passes=Passes(SECRET[::-1], (SECRET,))) is not None


@pytest.mark.parametrize("other", [{"agent": "curl/8"}, {"agent": None}, {"language": "de"}, {"site": "other.example"}])
def test_another_kind_of_visitor_has_no_use_for_it(other: dict[str, Any]) -> None:
    assert found(request(COOKIE, **other)) is None


@pytest.mark.parametrize("client", ["192.0.3.1", "2001:db8::1", "unix"])
def test_from_another_network_it_is_known_and_no_pass(client: str) -> None:
    shown = found(request(COOKIE, client=client))
    assert shown is not None
    assert shown.is_foreign


def test_within_the_network_it_goes_along() -> None:
    shown = found(request(COOKIE, client="192.0.2.200"))
    assert shown is not None
    assert not shown.is_foreign


# ---- the cookie


def test_its_name_says_how_it_may_travel() -> None:
    line = rb"Set-Cookie: %b=[A-Za-z0-9_-]{70}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax%b\r\n"
    secure, plain = (PASSES.give(request(secure=one), "pow", 0, 0, None, NOON) for one in (True, False))
    assert re.fullmatch(line % (b"__Host-tg", b"; Secure"), secure)
    assert re.fullmatch(line % (b"tg", b""), plain)
    shared = Passes(SECRET, domains={"shop.example": "example"}).give(request(), "pow", 0, 0, None, NOON)
    assert re.fullmatch(line % (b"__Secure-tg", b"; Secure; Domain=example"), shared)


@pytest.mark.parametrize("name", [b"tg", b"__Secure-tg", b"__host-tg", b"x__Host-tg"])
def test_on_https_no_other_name_counts(name: bytes) -> None:
    """Else whoever stands on the way of a plain http request could plant one."""
    assert found(request(name + b"=" + VALUE)) is None


# ---- nobody makes one


@given(st.integers(0, len(VALUE) - 1), st.integers(0x21, 0x7E))
def test_a_pass_with_one_other_letter_is_none(at: int, byte: int) -> None:
    changed = VALUE[:at] + bytes([byte]) + VALUE[at + 1 :]
    if byte not in b';",':
        assert (found(request(NAME + b"=" + changed)) is not None) == (changed == VALUE)


@given(st.integers(0, 51), st.integers(0, 7))
def test_no_bit_of_any_field_can_be_changed(at: int, bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(VALUE + b"=="))
    raw[at] ^= 1 << bit
    assert found(request(NAME + b"=" + urlsafe_b64encode(bytes(raw)).rstrip(b"="))) is None


@given(st.binary(max_size=100))
def test_nothing_whatever_passes_for_a_pass_or_makes_looking_fail(value: bytes) -> None:
    clean = bytes(byte for byte in value if 0x20 < byte < 0x7F)
    assert found(request(NAME + b"=" + clean)) is None
    assert found(request(NAME + b"=" + urlsafe_b64encode(value + bytes(52))[:70])) is None


# ---- the safeguard


def test_after_so_many_challenges_nobody_is_asked_for_a_day() -> None:
    before, now = None, NOON
    for number in range(1, MOST_SOLVED + 1):
        cookie = given_to(request(), now, before)
        before = found(request(cookie), now)
        assert before is not None
        assert before.solved == number
        now += 60 * SECOND
    assert before.rank == len(KINDS)
    assert before.until - before.issued == SAFEGUARD_S


def test_challenges_of_other_hours_do_not_add_up() -> None:
    first = found(request(COOKIE))
    later = NOON + WINDOW_S * SECOND
    again = found(request(given_to(request(), later, first)), later)
    assert again is not None
    assert again.solved == 1


def test_a_new_pass_never_says_less_than_the_one_before() -> None:
    strong = found(request(cookie_of(PASSES.give(request(), "interactive", 0, 8, None, NOON))))
    weak = found(request(cookie_of(PASSES.give(request(), "cookie", 0, 1, strong, NOON))))
    assert weak is not None
    assert (weak.rank, weak.told) == (5, 9)
