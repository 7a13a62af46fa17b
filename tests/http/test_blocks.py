"""Tests of header lines remembered as one value: what is shared, what is not, and that memory stays bounded."""

from __future__ import annotations

import tracemalloc

import pytest

from trafficguard.http.blocks import MOST_BLOCKS, MOST_BYTES, BlockStore, RequestBlock
from trafficguard.http.framing import Framing, answer_framing_of, framing_of
from trafficguard.http.head import AnswerHead, AnswerReader, RequestHead, RequestReader
from trafficguard.http.wire import CLOSE, answer_head, request_head

LINES = b"\r\nHost: shop.example\r\nAccept: */*\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n\r\n"
DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT"


def read(reader: RequestReader, raw: bytes, cuts_chain: bool = False) -> RequestHead:
    head = reader.read(raw, cuts_chain)
    assert isinstance(head, RequestHead)
    return head


def read_answer(reader: AnswerReader, *lines: bytes) -> AnswerHead:
    head = reader.read(b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", b"")))
    assert head is not None
    return head


def test_heads_that_differ_in_their_request_line_share_their_lines() -> None:
    reader = RequestReader()
    heads = [read(reader, line + LINES) for line in (b"GET / HTTP/1.1", b"POST /a HTTP/1.1", b"HEAD /b HTTP/1.0")]
    assert len({id(head.block) for head in heads}) == 1
    assert [head.target.path for head in heads] == [b"/", b"/a", b"/b"]


def test_heads_that_differ_in_a_personal_value_share_their_shape() -> None:
    reader = RequestReader()
    one, other = (read(reader, b"GET / HTTP/1.1\r\nHost: a\r\nCookie: id=%d\r\n\r\n" % number) for number in (1, 2))
    assert one.block is not other.block
    assert one.shape is other.shape
    assert [head.value(b"cookie") for head in (one, other)] == [b"id=1", b"id=2"]


def test_heads_that_differ_in_order_or_case_share_neither() -> None:
    reader = RequestReader()
    raws = [
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nCookie: b\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nCookie: b\r\n\r\n",
    ]
    assert len({id(read(reader, raw).shape) for raw in raws}) == 3


def test_the_same_lines_mean_something_else_to_an_old_client_and_with_an_absolute_target() -> None:
    reader = RequestReader()
    for _ in range(2):
        for line, facts in (
            (b"GET / HTTP/1.1", (b"shop.example", True)),
            (b"GET / HTTP/1.0", (b"shop.example", False)),
            (b"GET http://other.example/ HTTP/1.1", (b"other.example", True)),
        ):
            framing = framing_of(read(reader, line + LINES))
            assert isinstance(framing, Framing)
            assert (framing.host, framing.keep_alive) == facts


def test_the_same_lines_go_on_differently_from_a_trusted_peer() -> None:
    reader = RequestReader()
    for _ in range(2):
        for trusted in (True, False):
            head = read(reader, b"GET / HTTP/1.1" + LINES)
            framing = framing_of(head)
            assert isinstance(framing, Framing)
            assert (b"X-Forwarded-Host" in request_head(head, framing, trusted, b"")) is trusted


# The chain of addresses behind a proxy of our own


def test_a_chain_is_cut_out_so_that_visitors_share_their_lines() -> None:
    reader = RequestReader()
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.%d\r\nAccept: */*\r\n\r\n"
    one, other = read(reader, raw % 1, cuts_chain=True), read(reader, raw % 2, cuts_chain=True)
    assert one.block is other.block
    assert (one.chain, other.chain) == (b"10.0.0.1", b"10.0.0.2")
    assert [field.name for field in one.fields] == [b"host", b"accept"]
    assert read(reader, raw % 1).value(b"x-forwarded-for") == b"10.0.0.1"


@pytest.mark.parametrize("second", [b"X-Forwarded-For: 2", b"x-forwarded-for: 2", b"X-FORWARDED-FOR:2"])
@pytest.mark.parametrize("first", [b"X-Forwarded-For: 1", b"x-forwarded-for: 1", b"X-FORWARDED-For: 1"])
def test_a_chain_in_two_parts_stays_whole_and_in_order(first: bytes, second: bytes) -> None:
    raw = b"GET / HTTP/1.1\r\n" + first + b"\r\nHost: a\r\n" + second + b"\r\n\r\n"
    head = read(RequestReader(), raw, cuts_chain=True)
    assert head.chain == b""
    assert [field.value for field in head.claims] == [b"1", b"2"]


def test_a_value_that_holds_the_name_of_the_chain_is_left_alone() -> None:
    head = read(RequestReader(), b"GET / HTTP/1.1\r\nHost: a\r\nNote: X-Forwarded-For: 1\r\n\r\n", cuts_chain=True)
    assert head.chain == b""
    assert head.value(b"note") == b"X-Forwarded-For: 1"


# Dates of answers


def test_answers_that_differ_in_their_date_share_their_lines() -> None:
    reader = AnswerReader()
    one = read_answer(reader, b"Server: a", DATE, b"Content-Length: 3")
    other = read_answer(reader, b"Server: a", DATE.replace(b"37", b"38"), b"Content-Length: 3")
    assert one.block is other.block
    assert (one.value(b"date"), other.value(b"date")) == (DATE[6:], DATE[6:].replace(b"37", b"38"))


@pytest.mark.parametrize("place", range(3))
def test_an_answer_that_is_rewritten_keeps_its_date(place: int) -> None:
    reader = AnswerReader()
    lines = [b"Server: a", b"Connection: close"]
    lines.insert(place, DATE)
    for _ in range(2):
        head = read_answer(reader, *lines)
        framing = answer_framing_of(head, False)
        assert framing is not None
        raw = answer_head(head, framing, CLOSE, False)
        assert raw == b"HTTP/1.1 200 OK\r\nServer: a\r\n" + DATE + b"\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("lines", "date"),
    [
        ((DATE, DATE), DATE[6:]),
        ((DATE[:-1],), DATE[6:-1]),
        ((DATE + b"x",), DATE[6:] + b"x"),
        ((DATE, b" folded"), None),
        ((DATE[:-1] + b"\n",), None),
        ((b"Date: " + b"\x00" * 29,), None),
    ],
)
def test_a_date_that_is_left_out_does_not_hide_a_line_that_is_broken(
    lines: tuple[bytes, ...], date: bytes | None
) -> None:
    head = AnswerReader().read(b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", b"")))
    assert (head.value(b"date") if head is not None else None) == date


# Memory


def test_a_store_holds_a_bounded_number_of_blocks() -> None:
    store: BlockStore[RequestBlock] = BlockStore()
    block = read(RequestReader(), b"GET / HTTP/1.0\r\n\r\n").block
    for number in range(3 * MOST_BLOCKS):
        store.keep(b"%d" % number, block)
        assert len(store.young) <= MOST_BLOCKS
    assert store.recall(b"0") is None
    assert store.recall(b"%d" % (2 * MOST_BLOCKS - 1)) is block


def test_a_block_that_repeats_outlives_a_change_of_generations() -> None:
    store: BlockStore[RequestBlock] = BlockStore()
    block = read(RequestReader(), b"GET / HTTP/1.0\r\n\r\n").block
    for number in range(MOST_BLOCKS + 1):
        store.keep(b"%d" % number, block)
    assert b"0" not in store.young
    assert store.recall(b"0") is block
    assert b"0" in store.young


@pytest.mark.parametrize(("size", "generations"), [(1, 3), (300, 12)])
def test_memory_is_bounded_whatever_lines_clients_send(size: int, generations: int) -> None:
    """Many short lines take far more memory than their bytes; long ones are also held as fields and shapes."""
    reader, number = RequestReader(), 0
    tracemalloc.start()
    try:
        for _ in range(MOST_BLOCKS // 2):
            lines = b"".join(b"a:%x%b\r\n" % (number + at, b"b" * size) for at in range(99))
            number += 99
            read(reader, b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        assert tracemalloc.get_traced_memory()[0] < generations * MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_header_that_nobody_judges_gives_its_name_to_the_shape_and_not_its_value() -> None:
    """Otherwise a trace id would make every request a shape of its own, to be judged anew."""
    reader = RequestReader(judged=frozenset((b"user-agent",)))
    heads = [
        read(reader, b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: %b\r\nTraceparent: %b\r\n\r\n" % (agent, trace))
        for agent, trace in ((b"x", b"1"), (b"x", b"2"), (b"x", b"1"), (b"y", b"1"))
    ]
    shapes = [head.block.shape for head in heads]
    assert shapes[0] is shapes[1] is shapes[2]
    assert shapes[3] is not shapes[0]
    assert heads[1].value(b"traceparent") == b"2"
