"""Whose account a request is about, and how a login ended."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.http.head import AnswerHead, AnswerReader, RequestHead, RequestReader
from trafficguard.settings import AccountSettings
from trafficguard.signals.accounts import LARGEST_LOGIN, Accounts

SECRET = b"a secret of at least 32 bytes ....."
FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
PAGE = "Content-Type: text/html; charset=utf-8"
READER = AnswerReader()


def accounts(**settings: Any) -> Accounts:
    return Accounts(SECRET, AccountSettings.model_validate(settings))


PLAIN = accounts()
ANN = PLAIN.hash(b"ann")


def request(*lines: str, target: str = "/login") -> RequestHead:
    text = "\r\n".join((f"POST {target} HTTP/1.1", "Host: shop.example", *lines, "", ""))
    head = RequestReader().read(text.encode("latin-1"))
    assert isinstance(head, RequestHead)
    return head


def answer(status: int, *lines: str) -> AnswerHead:
    head = READER.read("\r\n".join((f"HTTP/1.1 {status} x", *lines, "", "")).encode("latin-1"))
    assert head is not None
    return head


def of_form(body: bytes, known: Accounts = PLAIN) -> bytes:
    return known.of_body(request(FORM), body)


def of_json(body: object, known: Accounts = PLAIN) -> bytes:
    return known.of_body(request(JSON), json.dumps(body).encode())


# --- names ---


@pytest.mark.parametrize("name", ["ann", "ANN", " Ann\t", "\uff21\uff4e\uff4e"])
def test_one_name_is_one_account_however_it_is_written(name: str) -> None:
    assert PLAIN.hash(name.encode()) == ANN
    assert len(ANN) == 16


def test_other_names_and_other_secrets_make_other_accounts() -> None:
    assert PLAIN.hash(b"ann b") == PLAIN.hash(b"ann  b")
    assert PLAIN.hash(b"annb") != PLAIN.hash(b"ann b")
    assert Accounts(SECRET[::-1], AccountSettings()).hash(b"ann") != ANN


@pytest.mark.parametrize("name", [b"", b" ", "\u2003".encode()])
def test_no_name_is_no_account(name: bytes) -> None:
    assert PLAIN.hash(name) == b""


@given(st.binary())
def test_any_bytes_have_a_hash_or_none(name: bytes) -> None:
    assert len(PLAIN.hash(name)) in (0, 16)


# --- heads ---


def test_a_header_goes_before_a_cookie() -> None:
    known = accounts(header="X-User", cookie="uid")
    assert known.is_in_heads
    assert known.of_head(request("X-User: ann", "Cookie: uid=bob")) == ANN
    assert known.of_head(request("X-User:", "Cookie: a=b; uid=ann")) == ANN
    assert known.of_head(request("Cookie: a=b")) == b""
    assert known.of_head(request()) == b""


def test_a_head_names_nobody_where_nothing_is_configured() -> None:
    assert not PLAIN.is_in_heads
    assert PLAIN.of_head(request("X-User: ann", "Cookie: uid=ann")) == b""


# --- bodies ---


@pytest.mark.parametrize("length", [1, LARGEST_LOGIN, -1])
@pytest.mark.parametrize("kind", [FORM, JSON, "content-type: Application/JSON ; x=y", "Content-Type: a/b+json"])
def test_a_form_or_json_of_bounded_length_is_read(kind: str, length: int) -> None:
    assert PLAIN.reads(request(kind), length)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ((FORM,), 0),
        ((FORM,), LARGEST_LOGIN + 1),
        ((), 10),
        (("Content-Type: text/plain",), 10),
        ((FORM, "Expect: 100-continue"), 10),
        ((FORM, "Content-Encoding: gzip"), 10),
    ],
)
def test_no_other_body_is(lines: tuple[str, ...], length: int) -> None:
    assert not PLAIN.reads(request(*lines), length)


def test_no_body_is_read_where_no_field_is_named() -> None:
    assert not accounts(fields=[]).reads(request(FORM), 10)


@pytest.mark.parametrize(
    "body",
    [
        b"username=ann&password=x",
        b"a=b&USERNAME=%41nn",
        b"username=+ann+",
        b"login[username]=ann",
        b"login%5Busername%5D=ann",
        b"username=ann&username=bob",
        b"username=&email=ann",
        b"email=bob&username=ann",
    ],
)
def test_a_form_names_its_account(body: bytes) -> None:
    assert of_form(body) == ANN


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ann"},
        {"userName": "ANN"},
        {"user": {"email": "ann"}},
        {"user": {"email": "bob"}, "email": "ann"},
        {"email": "bob", "username": "ann"},
        {"username": None, "email": "ann"},
    ],
)
def test_json_names_its_account(body: object) -> None:
    assert of_json(body) == ANN


def test_a_number_may_be_a_name() -> None:
    assert of_json({"login": 42}) == of_form(b"login=42") == PLAIN.hash(b"42")


def test_escaped_and_raw_letters_are_the_same_name() -> None:
    raw, escaped = "user=jürg".encode(), urlencode({"user": "jürg"}).encode()
    assert of_form(raw) == of_form(escaped) == of_json({"user": "jürg"}) == PLAIN.hash("jürg".encode())


def test_the_fields_that_are_configured_count_in_their_order() -> None:
    known = accounts(fields=["Customer", "email"])
    assert of_form(b"email=bob&customer=ann", known) == ANN
    assert of_form(b"username=ann", known) == b""


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"username": ["ann"]}', b"[" * 10_000, b"\xff\xfe", b"1" * 9000]
)
def test_json_that_names_nobody(body: bytes) -> None:
    assert PLAIN.of_body(request(JSON), body) == b""


def test_a_form_of_very_many_fields_names_nobody() -> None:
    assert of_form(b"a=b&" * 100 + b"username=ann") == b""


@given(st.binary(max_size=300), st.sampled_from([FORM, JSON, "Content-Type: x/y"]))
def test_any_body_names_an_account_or_none(body: bytes, kind: str) -> None:
    assert len(PLAIN.of_body(request(kind), body)) in (0, 16)


# --- answers ---


def test_an_answer_may_name_an_account() -> None:
    known = accounts(account_header="X-Account")
    assert known.is_in_answers
    assert known.of_answer(answer(200, "x-account: Ann")) == ANN
    assert known.of_answer(answer(200)) == b""
    assert not PLAIN.is_in_answers
    assert PLAIN.of_answer(answer(200, "x-account: Ann")) == b""


@pytest.mark.parametrize(
    ("status", "lines", "result"),
    [
        (401, (), -1),
        (403, (), -1),
        (400, (), 0),
        (404, (), 0),
        (429, (), 0),
        (500, (), 0),
        (302, ("Location: /account",), 1),
        (303, ("Location: https://shop.example/",), 1),
        (303, ("Location: https://shop.example",), 1),
        (302, ("Location: account",), 1),
        (302, ("Location: /login",), -1),
        (302, ("Location: /login/?error=1#top",), -1),
        (302, ("Location: https://shop.example/login?error=1",), -1),
        (302, ("Location: //shop.example/a/../%6Cogin",), -1),
        (302, ("Location: ?error=1",), -1),
        (302, (), -1),
        (302, ("Location: /failed",), 1),
        (304, (), 0),
        (200, (PAGE,), -1),
        (200, (JSON,), 1),
        (204, (), 1),
    ],
)
def test_status_and_place_tell_how_a_login_ended(status: int, lines: tuple[str, ...], result: int) -> None:
    assert PLAIN.login_of(request(FORM), answer(status, *lines)) == result


def test_a_page_in_answer_to_a_script_is_no_form_once_more() -> None:
    assert PLAIN.login_of(request(JSON), answer(200, PAGE)) == 1


def test_the_shop_may_fail_logins_in_its_own_way() -> None:
    known = accounts(failed_statuses=[422], failed_locations=["/failed"])
    assert known.login_of(request(FORM), answer(422)) == -1
    assert known.login_of(request(FORM), answer(401)) == 0
    assert known.login_of(request(FORM), answer(302, "Location: /failed/again")) == -1
    assert known.login_of(request(FORM), answer(302, "Location: /failed-not")) == 1


@pytest.mark.parametrize(
    ("cookie", "result"),
    [
        ("sid=abc; Path=/; HttpOnly", 1),
        (' sid = "abc"', 1),
        ("sid=", -1),
        ('sid=""; Path=/', -1),
        ("sid=deleted; Max-Age=0", -1),
        ("sid=deleted; max-age = 0", -1),
        ("sid=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT", -1),
        ("sid2=abc", -1),
        ("other=sid=abc", -1),
    ],
)
@pytest.mark.parametrize("status", [200, 302])
def test_a_cookie_that_is_set_tells_that_it_succeeded(status: int, cookie: str, result: int) -> None:
    known = accounts(login_cookie="sid")
    assert known.login_of(request(FORM), answer(status, "Location: /x", PAGE, f"Set-Cookie: {cookie}")) == result


def test_a_failing_status_goes_before_a_cookie_and_a_header_before_both() -> None:
    known = accounts(login_cookie="sid", login_header="X-Login")
    assert known.login_of(request(FORM), answer(401, "Set-Cookie: sid=a")) == -1
    assert known.login_of(request(FORM), answer(401, "Set-Cookie: sid=a", "X-Login: OK")) == 1
    assert known.login_of(request(FORM), answer(200, "Set-Cookie: sid=a", "X-Login: failed")) == -1
    assert known.login_of(request(FORM), answer(200, "Set-Cookie: sid=a", "X-Login: maybe")) == 1


@given(st.text("/?#:.%41abclogin\u00e9", max_size=20), st.integers(100, 999))
def test_any_answer_tells_something_or_nothing(location: str, status: int) -> None:
    assert PLAIN.login_of(request(FORM), answer(status, f"Location: {location}")) in (-1, 0, 1)
