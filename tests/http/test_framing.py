"""Tests of the one meaning of a request: its length and its host, or the refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.heads import framed, head_of, taken
from trafficguard.http import framing as words
from trafficguard.http.framing import CHUNKED, Framing, framing_of, refuse_early

# Lengths


def test_a_request_without_length_has_no_body() -> None:
    assert taken().length == 0


@pytest.mark.parametrize(("value", "length"), [(b"0", 0), (b"3", 3), (b"0003", 3), (b"9" * 18, 10**18 - 1)])
def test_a_length_is_one_decimal_number(value: bytes, length: int) -> None:
    assert taken(b"Content-Length: " + value).length == length


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"+3",
        b"-3",
        b"3,3",
        b"3, 3",
        b"3 3",
        b"0x3",
        b"3.0",
        b"3e1",
        b"1_0",
        b"\xb2",
        b"3\x0b",
        b"1" + b"0" * 18,
    ],
)
def test_what_is_not_one_decimal_number_is_refused(value: bytes) -> None:
    assert framed(b"Content-Length: " + value) is words.BAD_LENGTH


@pytest.mark.parametrize("other", [b"Content-Length: 3", b"Content-Length: 4", b"content-length:3"])
def test_a_repeated_length_is_refused_even_if_it_is_the_same(other: bytes) -> None:
    assert framed(b"Content-Length: 3", other) is words.REPEATED_LENGTH


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED", b" \tchunked \t"])
def test_chunked_is_the_one_coding(value: bytes) -> None:
    assert taken(b"Transfer-Encoding:" + value).length == CHUNKED


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"gzip",
        b"gzip, chunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"chunked,",
        b",chunked",
        b"identity",
        b"xchunked",
        b"chunkedx",
        b"chunked;q=1",
        b'"chunked"',
        b"\x0bchunked",
        b"chunked\x00",
        b"chun ked",
    ],
)
def test_any_other_coding_is_refused(value: bytes) -> None:
    assert framed(b"Transfer-Encoding: " + value) is words.BAD_CODING


def test_the_coding_on_two_lines_is_refused() -> None:
    assert framed(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") is words.BAD_CODING


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 3"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 0"),
        (b"tRANSFER-eNCODING:chunked", b"X-A: b", b"cONTENT-lENGTH:3"),
    ],
)
def test_a_length_beside_a_coding_is_refused(lines: tuple[bytes, ...]) -> None:
    assert framed(*lines) is words.LENGTH_AND_CHUNKED


def test_an_old_client_cannot_send_chunks() -> None:
    assert framed(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") is words.OLD_CHUNKED


@pytest.mark.parametrize("line", [b"Content_Length: 9", b"Transfer_Encoding: chunked", b"X-Content-Length: 9"])
def test_look_alike_names_do_not_frame_a_message(line: bytes) -> None:
    framing = taken(line, b"Content-Length: 3")
    assert framing.length == 3
    assert framing.rewrite is (b"_" in line)


@given(st.lists(st.sampled_from([b"Content-Length: 3", b"Content-Length: 4", b"Transfer-Encoding: chunked"])))
def test_a_message_with_more_than_one_length_has_no_meaning(lines: list[bytes]) -> None:
    assert isinstance(framed(*lines), Framing) is (len(lines) <= 1)


# Hosts


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"shop.example", b"shop.example"),
        (b"Shop.Example:8080", b"shop.example"),
        (b"shop.example:", b"shop.example"),
        (b"shop.example.", b"shop.example."),
        (b"under_score.example", b"under_score.example"),
        (b"127.0.0.1:80", b"127.0.0.1"),
        (b"[::1]", b"[::1]"),
        (b"[2001:DB8::1]:443", b"[2001:db8::1]"),
        (b"[::ffff:127.0.0.1]", b"[::ffff:127.0.0.1]"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_an_optional_port(value: bytes, host: bytes) -> None:
    assert taken(host=value).host == host


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b":80",
        b"user@shop.example",
        b"shop.example/a",
        b"shop.example?a",
        b"shop.example#a",
        b"shop.example\\a",
        b"shop.example other",
        b"shop.example:http",
        b"shop.example:808080",
        b"shop.example:80:80",
        b"::1",
        b"[::1",
        b"::1]",
        b"[::1]x",
        b"[]",
        b"[fe80::1%25eth0]",
        b"caf\xe9.example",
        b"shop.example\x00",
        b"<shop>",
    ],
)
def test_any_other_host_is_refused(value: bytes) -> None:
    assert framed(host=value) is words.BAD_HOST


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"GET http://shop.example/ HTTP/1.1", b"OPTIONS * HTTP/1.1"])
def test_a_missing_host_is_refused(start: bytes) -> None:
    assert framed(host=None, start=start) is words.MISSING_HOST


@pytest.mark.parametrize("other", [b"Host: shop.example", b"Host: other.example", b"HOST:", b"host: a"])
@pytest.mark.parametrize("version", [b"0", b"1"])
def test_a_repeated_host_is_refused_even_if_it_is_the_same(other: bytes, version: bytes) -> None:
    assert framed(other, start=b"GET / HTTP/1." + version) is words.REPEATED_HOST


def test_an_old_client_need_not_name_a_host_but_must_not_name_a_bad_one() -> None:
    assert taken(host=None, start=b"GET / HTTP/1.0").host == b""
    assert taken(start=b"GET / HTTP/1.0").host == b"shop.example"
    assert framed(host=b"", start=b"GET / HTTP/1.0") is words.BAD_HOST


@pytest.mark.parametrize("host", [b"other.example", b"shop.example", b""])
def test_the_host_of_an_absolute_target_wins(host: bytes) -> None:
    framing = taken(host=host, start=b"GET http://Shop.Example:80/a HTTP/1.1")
    assert framing.host == b"shop.example"
    assert framing.rewrite


def test_a_bad_host_is_refused_on_either_side_of_an_absolute_target() -> None:
    assert framed(host=b"a@b", start=b"GET http://shop.example/ HTTP/1.1") is words.BAD_HOST
    assert framed(start=b"GET http://[zz]/ HTTP/1.1") is words.BAD_HOST
    assert framed(start=b"GET http://shop.example:port/ HTTP/1.1") is words.BAD_HOST


def test_absolute_targets_are_not_taken_for_each_other() -> None:
    plain, absolute = b"GET / HTTP/1.1", b"GET http://%b/ HTTP/1.1"
    for start, host in (
        (plain, b"c.example"),
        (absolute % b"a.example", b"a.example"),
        (absolute % b"b.example", b"b.example"),
        (plain, b"c.example"),
    ):
        framing = framing_of(head_of(b"Host: c.example", start=start))
        assert isinstance(framing, Framing)
        assert framing.host == host


# Heads that have not arrived whole


@pytest.mark.parametrize(
    "arrived", [b"", b"G", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r"]
)
def test_a_head_on_its_way_is_waited_for(arrived: bytes) -> None:
    assert refuse_early(arrived) is None
    assert refuse_early(bytearray(arrived)) is None


@pytest.mark.parametrize("arrived", [b"\n", b"\r\r", b"\ra", b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nHost: a\n\r"])
def test_a_head_with_a_bare_line_end_is_not(arrived: bytes) -> None:
    assert refuse_early(arrived) is words.BARE_LINE_END


@given(st.text(alphabet="\r\na", max_size=12))
def test_every_bare_line_end_is_seen(text: str) -> None:
    rest = text.replace("\r\n", "")
    bare = "\n" in rest or "\r" in rest.removesuffix("\r") or (rest.endswith("\r") and not text.endswith("\r"))
    assert (refuse_early(text.encode()) is not None) is bare
