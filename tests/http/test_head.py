"""Tests of the readers of heads: what passes, what is refused, and that no head leaves a trace."""

from __future__ import annotations

import gc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trafficguard.http.fields import Field, Kind
from trafficguard.http.head import (
    BAD_REQUEST_LINE,
    BAD_VERSION,
    MALFORMED,
    TOO_MANY_HEADERS,
    AnswerHead,
    AnswerReader,
    RequestHead,
    RequestReader,
)
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import BAD_ESCAPE, BAD_TARGET, CONNECT

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""RFC 9110 section 5.6.2: tchar."""
VALUE = frozenset((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
"""RFC 9110 section 5.5: field-vchar, blanks and obs-text."""
VISIBLE = frozenset(range(0x21, 0x7F))

EVERY_BYTE = [pytest.param(byte, id=f"{byte:02x}") for byte in range(256)]


def read(raw: bytes) -> RequestHead | Refusal:
    return RequestReader().read(raw)


def read_line(line: bytes) -> RequestHead | Refusal:
    """The head of a request with one more header line."""
    return read(b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + line + b"\r\n\r\n")


def read_target(target: bytes) -> RequestHead | Refusal:
    return read(b"GET " + target + b" HTTP/1.1\r\nHost: shop.example\r\n\r\n")


def is_taken(head: RequestHead | Refusal) -> bool:
    return isinstance(head, RequestHead)


# A head taken apart


def test_a_head_is_taken_apart_without_changing_a_byte() -> None:
    raw = b"POST /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Color:  red \r\ncontent-length: 3\r\n\r\n"
    head = read(raw)
    assert isinstance(head, RequestHead)
    assert (head.raw, head.line, head.method, head.minor) == (raw, b"POST /a?b=c HTTP/1.1", b"POST", 1)
    assert (head.target.path, head.target.query) == (b"/a", b"b=c")
    assert [field.line for field in head.fields] == [
        b"Host: shop.example",
        b"X-Color:  red ",
        b"content-length: 3",
    ]
    assert head.value(b"x-color") == b"red"
    assert head.value(b"cookie") is None


def test_lines_that_matter_are_set_apart_by_what_they_are_about() -> None:
    head = read(
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\nX-Bot-Score: 0\r\nTE: trailers\r\n"
        b"X-Forwarded-For: 10.0.0.1\r\nX-Request-Id: 1\r\nCookie: a=b\r\n\r\n"
    )
    assert isinstance(head, RequestHead)
    assert [field.kind for field in head.special] == [Kind.HOST, Kind.CONNECTION, Kind.HOP]
    assert [field.kind for field in head.claims] == [Kind.OURS, Kind.FORWARDED, Kind.REQUEST_ID]


def test_a_head_without_headers_is_a_head() -> None:
    head = read(b"GET / HTTP/1.0\r\n\r\n")
    assert isinstance(head, RequestHead)
    assert (head.minor, head.fields) == (0, [])


def test_values_of_one_head_do_not_leak_into_the_next() -> None:
    reader = RequestReader()
    for number in (1, 2, 1):
        head = reader.read(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: id=%d\r\nX-A: %d\r\n\r\n" % (number, number))
        assert isinstance(head, RequestHead)
        assert head.value(b"cookie") == b"id=%d" % number
        assert head.value(b"x-a") == b"%d" % number


def test_the_number_of_header_lines_is_limited() -> None:
    for count, taken in ((3, True), (4, False)):
        head = RequestReader(most_headers=3).read(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * count + b"\r\n")
        assert is_taken(head) is taken
        assert taken or head is TOO_MANY_HEADERS


# Every byte in every place


@pytest.mark.parametrize("byte", EVERY_BYTE)
def test_a_name_consists_of_token_characters(byte: int) -> None:
    allowed = byte in TOKEN
    assert is_taken(read_line(b"X" + bytes([byte]) + b"Y: b")) is (allowed or byte == ord(":"))
    assert is_taken(read_line(bytes([byte]) + b"Y: b")) is allowed
    assert is_taken(read_line(b"X" + bytes([byte]) + b": b")) is (allowed or byte == ord(":"))


@pytest.mark.parametrize("byte", EVERY_BYTE)
def test_a_value_holds_no_control_characters(byte: int) -> None:
    allowed = byte in VALUE
    assert is_taken(read_line(b"X-A: b" + bytes([byte]) + b"c")) is allowed
    assert is_taken(read_line(b"X-A:" + bytes([byte]) + b"c")) is allowed
    assert is_taken(read_line(b"X-A: b" + bytes([byte]))) is allowed
    assert is_taken(read_line(b"Cookie: b" + bytes([byte]) + b"c")) is allowed


@pytest.mark.parametrize("byte", EVERY_BYTE)
def test_a_target_holds_only_visible_ascii(byte: int) -> None:
    allowed = byte in VISIBLE and byte not in b"#%"
    for target in (b"/a%bb", b"/%bb", b"/a%b", b"/a?b%bc", b"http://shop.example/a%bb"):
        assert is_taken(read_target(target.replace(b"%b", bytes([byte]), 1))) is allowed


@pytest.mark.parametrize("byte", EVERY_BYTE)
def test_nothing_is_put_up_with_around_a_request_line(byte: int) -> None:
    one = bytes([byte])
    rest = b"\r\nHost: shop.example\r\n\r\n"
    assert not is_taken(read(one + b"GET / HTTP/1.1" + rest))
    assert not is_taken(read(b"GET" + one + b" / HTTP/1.1" + rest))
    assert not is_taken(read(b"GET / HTTP/1.1" + one + rest))
    assert is_taken(read(b"GET" + one + b"/ HTTP/1.1" + rest)) is (one == b" ")
    assert is_taken(read(b"GET /" + one + b"HTTP/1.1" + rest)) is (one == b" ")


# Line ends and folds


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\x0b", b"\x0c", b"\r\n ", b"\r\n\t"])
def test_a_line_ends_with_crlf_alone(end: bytes) -> None:
    for raw in (
        b"GET / HTTP/1.1%bHost: shop.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop.example%bX-A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: b%bContent-Length: 3\r\n\r\n",
    ):
        assert read(raw.replace(b"%b", end)) is MALFORMED


@pytest.mark.parametrize("line", [b"X-A", b": b", b" X-A: b", b"\tX-A: b", b"X-A : b", b"X-A\t: b", b"X A: b"])
def test_a_line_is_a_name_a_colon_and_a_value(line: bytes) -> None:
    assert read(b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: shop.example\r\n\r\n") is MALFORMED
    assert read_line(line) is MALFORMED


# Request lines


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (b"GET  / HTTP/1.1", BAD_REQUEST_LINE),
        (b"GET /  HTTP/1.1", BAD_REQUEST_LINE),
        (b"GET /", BAD_REQUEST_LINE),
        (b"\r\nGET / HTTP/1.1", BAD_REQUEST_LINE),
        (b"\nGET / HTTP/1.1", BAD_REQUEST_LINE),
        (b"\n\nHEAD / HTTP/1.1", BAD_REQUEST_LINE),
        (b"\nCONNECT / HTTP/1.1", BAD_REQUEST_LINE),
        (b" GET / HTTP/1.1", MALFORMED),
        (b"GET / HTTP/1.1 ", MALFORMED),
        (b"GET\t/ HTTP/1.1", MALFORMED),
        (b"GET /\tHTTP/1.1", MALFORMED),
        (b"GET / a HTTP/1.1", MALFORMED),
        (b"GET HTTP/1.1", MALFORMED),
        (b"GET", MALFORMED),
        (b"get / HTTP/1.1", MALFORMED),
        (b"BREW / HTTP/1.1", MALFORMED),
        (b"GET / HTTP/0.9", BAD_VERSION),
        (b"GET / HTTP/2.0", BAD_VERSION),
        (b"GET / RTSP/1.0", BAD_VERSION),
        (b"GET / HTTP/1.2", MALFORMED),
        (b"GET / HTTP/3.0", MALFORMED),
        (b"GET / HTTP/1.10", MALFORMED),
        (b"GET / HTTP/01.1", MALFORMED),
        (b"GET / http/1.1", MALFORMED),
        (b"GET / HTTP/1,1", MALFORMED),
        (b"CONNECT shop.example:443 HTTP/1.1", CONNECT),
        (b"CONNECT / HTTP/1.1", CONNECT),
        (b"GET /%zz HTTP/1.1", BAD_ESCAPE),
        (b"GET * HTTP/1.1", BAD_TARGET),
        (b"GET http://user@shop.example/ HTTP/1.1", BAD_TARGET),
    ],
)
def test_a_bad_request_line_is_refused(line: bytes, refusal: Refusal) -> None:
    assert read(line + b"\r\nHost: shop.example\r\n\r\n") is refusal


def test_a_client_that_speaks_http_2_without_asking_is_told_the_version() -> None:
    assert read(b"PRI * HTTP/2.0\r\n\r\n") is BAD_VERSION


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND"]
)
def test_common_methods_are_taken(method: str) -> None:
    head = read(method.encode() + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(head, RequestHead)
    assert head.method == method.encode()


# A reader serves every connection of a worker

HEADS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 10000000000000\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n",
    b"POST /#a HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    b"POST /%zz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST  / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    b"POST / HTTP/2.0\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\r\n\r\n",
]


@given(st.lists(st.sampled_from(HEADS), min_size=2, max_size=6))
@example([HEADS[15], HEADS[17]])
def test_the_verdict_on_a_head_does_not_depend_on_heads_before_it(raws: list[bytes]) -> None:
    """Above all not on one that announced a body: its length must not excuse other people's bytes."""
    reader = RequestReader()
    for raw in raws:
        got, alone = reader.read(raw), read(raw)
        assert got.__class__ is alone.__class__
        assert got is alone or (isinstance(got, RequestHead) and got.raw == raw)


@given(
    st.sampled_from([raw for raw in HEADS if is_taken(read(raw))]),
    st.integers(0, 1000),
    st.sampled_from([b"\r", b"\n", b"\0", b"\r\n", b"\n\n", b" ", b"\t", b"\x7f", b":"]),
)
def test_a_stray_byte_never_makes_lines_that_were_not_sent(raw: bytes, place: int, stray: bytes) -> None:
    at = place % (len(raw) - 3)
    changed = raw[:at] + stray + raw[at:]
    head = read(changed)
    if isinstance(head, RequestHead):
        assert b"\r\n".join([head.line, *(field.line for field in head.fields), b"", b""]) == changed
        assert all(set(field.name) <= TOKEN and set(field.value) <= VALUE for field in head.fields)
        assert head.method.isalpha()


def test_memory_is_bounded_whatever_heads_clients_send() -> None:
    reader = RequestReader()
    gc.collect()
    before = sum(isinstance(thing, Field) for thing in gc.get_objects())
    for number in range(1000):
        lines = b"".join(b"X-%d: %d\r\n" % (at, number) for at in range(99))
        assert is_taken(reader.read(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n"))
    gc.collect()
    assert sum(isinstance(thing, Field) for thing in gc.get_objects()) - before < 60_000


# Answers


def answer(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> AnswerHead | None:
    return AnswerReader().read(b"\r\n".join((status, *lines, b"", b"")))


def test_an_answer_is_taken_apart() -> None:
    head = answer(b"Content-Type: text/html", b"Content-Length:3", status=b"HTTP/1.0 404 Not  Found")
    assert head is not None
    assert (head.minor, head.status, head.block.line) == (0, 404, b"HTTP/1.0 404 Not  Found")
    assert head.value(b"content-length") == b"3"
    assert head.value(b"location") is None
    assert [field.kind for field in head.special] == [Kind.CONTENT_LENGTH]


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 999 \xe9\tx", b"HTTP/1.0 100 Continue"])
def test_status_lines_that_are_taken(line: bytes) -> None:
    assert answer(status=line) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 \xb200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/2 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"HTTP/1.1 200 O\nK",
        b"HTTP/1.1 200 O\rK",
        b"HTTP/1.1 200 O\0K",
        b"HTTP/1.1 200 OK\n",
    ],
)
def test_a_status_line_that_could_be_misread_spoils_the_answer(line: bytes) -> None:
    assert answer(status=line) is None


@pytest.mark.parametrize("byte", EVERY_BYTE)
def test_every_byte_in_an_answer(byte: int) -> None:
    one = bytes([byte])
    assert (answer(b"X-A: b" + one + b"c") is not None) is (byte in VALUE)
    assert (answer(b"X" + one + b"A: b") is not None) is (byte in TOKEN or one == b":")
    assert (answer(one + b"A: b") is not None) is (byte in TOKEN)


@pytest.mark.parametrize(
    "line", [b" folded", b"\tfolded", b"X-A : b", b"X-A", b": b", b"X A: b", b"X-A: b\nX-B: c", b""]
)
def test_a_header_line_that_could_be_misread_spoils_the_answer(line: bytes) -> None:
    assert answer(b"X-First: a", line, b"X-Last: b") is None


def test_an_answer_line_is_judged_even_when_others_of_its_head_are_known() -> None:
    reader = AnswerReader()
    good = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 3\r\n\r\n"
    assert reader.read(good) is not None
    for _ in range(2):
        assert reader.read(good.replace(b"Content", b" Content")) is None


def test_status_lines_that_keep_changing_are_read_rightly_and_forgotten() -> None:
    reader = AnswerReader()
    for number in range(600):
        head = reader.read(b"HTTP/1.1 %d reason %d\r\n\r\n" % (200 + number % 300, number))
        assert head is not None
        assert head.status == 200 + number % 300
