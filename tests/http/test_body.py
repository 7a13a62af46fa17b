"""Tests of body readers: fed whole, in pieces or with trailing bytes, they find the same body and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trafficguard.http.body import (
    LONGEST_CHUNK_LINE,
    LONGEST_TRAILER,
    Body,
    ChunkedBody,
    Emit,
    LengthBody,
    UntilClose,
)

TRAILING = b"GET /next HTTP/1.1\r\n"


def feed(body: Body, pieces: Iterable[bytes]) -> tuple[bytes, int]:
    """What a body sends on of `pieces`, and how many bytes it takes until it is over."""
    out, taken = b"", 0
    for piece in pieces:
        sent, used = body.feed(piece)
        out += sent
        taken += used
        if body.done or body.fault:
            break
    return out, taken


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def decode(data: bytes) -> bytes | None:
    """The content of a chunked body by a second reading of RFC 9112 section 7.1; None if it is not whole."""
    out = b""
    while True:
        line, found, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16) if found else -1
        if size < 0:
            return None
        if size == 0:
            return out
        out += data[:size]
        data = data[size + 2 :]


CHUNK_EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ; a = "b\\"c;d" ;e', b';a="";b'])
TRAILER_LINES = st.sampled_from([b"X-Sum: 1\r\n", b"Host: evil\r\n", b"A:\r\n"])
TRAILERS = st.lists(TRAILER_LINES, max_size=3).map(b"".join)
STRAY = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b";", b'"', b"0", b"f", b"+", b"-", b":", b"\x7f", b"\xff"]
)


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A valid chunked body and its content."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), draw(CHUNK_EXTENSIONS), chunk) for chunk in chunks)
    return coded + b"0" + draw(CHUNK_EXTENSIONS) + b"\r\n" + draw(TRAILERS) + b"\r\n", b"".join(chunks)


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` in random pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


Feeding = Callable[[bytes], list[bytes]]
FEEDINGS: dict[str, Feeding] = {
    "whole": lambda data: [data],
    "byte by byte": one_by_one,
    "with trailing bytes": lambda data: [data + TRAILING],
}


@pytest.fixture(params=list(FEEDINGS))
def feeding(request: pytest.FixtureRequest) -> Feeding:
    return FEEDINGS[request.param]


# A body of known length


@pytest.mark.parametrize("data", [b"a", b"abc", b"\r\n0\r\n\r\n", bytes(range(256))])
def test_a_length_body_ends_at_its_length(data: bytes, feeding: Feeding) -> None:
    body = LengthBody(len(data))
    assert feed(body, feeding(data)) == (data, len(data))
    assert body.done
    assert not body.fault


def test_a_body_of_length_0_is_complete_from_the_start() -> None:
    body = LengthBody(0)
    assert body.done
    assert body.feed(TRAILING) == (b"", 0)


def test_a_length_body_cut_short_is_not_done() -> None:
    body = LengthBody(4)
    assert feed(body, one_by_one(b"abc")) == (b"abc", 3)
    assert not body.done
    assert body.left == 1


@given(st.data(), st.binary(min_size=1))
def test_a_length_body_is_the_same_however_it_is_cut(data: st.DataObject, content: bytes) -> None:
    body = LengthBody(len(content))
    assert feed(body, data.draw(cut(content + TRAILING))) == (content, len(content))
    assert body.feed(TRAILING) == (b"", 0)


def test_a_body_until_close_takes_everything_and_never_says_that_it_is_done() -> None:
    body = UntilClose()
    assert feed(body, one_by_one(b"0\r\n\r\n")) == (b"0\r\n\r\n", 5)
    assert not body.done


# Chunks


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"A\r\n0123456789\r\n000\r\n\r\n", b"0123456789"),
        (b"000000000000003\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
        (b'3;a;b=c;d="e\\"f\t\xff"\r\nabc\r\n0;z\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n', b"abc"),
    ],
)
def test_chunks_in_all_three_forms(data: bytes, content: bytes, feeding: Feeding) -> None:
    pieces = feeding(data)
    assert feed(ChunkedBody(Emit.PAYLOAD), pieces) == (content, len(data))
    assert feed(ChunkedBody(Emit.RAW), pieces) == (data, len(data))
    reframed, taken = feed(ChunkedBody(Emit.REFRAMED), pieces)
    assert taken == len(data)
    assert decode(reframed) == content
    assert b";" not in reframed
    assert b"X-" not in reframed


@given(st.data(), chunked())
def test_chunks_are_the_same_however_they_are_cut(data: st.DataObject, body: tuple[bytes, bytes]) -> None:
    coded, content = body
    pieces = data.draw(cut(coded + TRAILING))
    assert feed(ChunkedBody(Emit.PAYLOAD), pieces) == (content, len(coded))
    assert feed(ChunkedBody(Emit.RAW), pieces) == (coded, len(coded))
    reframed, taken = feed(ChunkedBody(Emit.REFRAMED), pieces)
    assert (decode(reframed), taken) == (content, len(coded))


@given(st.data(), chunked())
def test_what_we_reframe_we_can_read_ourselves(data: st.DataObject, body: tuple[bytes, bytes]) -> None:
    coded, content = body
    reframed, _ = feed(ChunkedBody(Emit.REFRAMED), data.draw(cut(coded)))
    assert feed(ChunkedBody(Emit.PAYLOAD), [reframed]) == (content, len(reframed))


@given(chunked(), st.integers(0, 10_000))
def test_a_chunked_body_cut_short_is_never_done(body: tuple[bytes, bytes], cut_at: int) -> None:
    coded, content = body
    reader = ChunkedBody(Emit.PAYLOAD)
    sent, taken = feed(reader, [coded[: cut_at % len(coded)]])
    assert not reader.done
    assert not reader.fault
    assert taken == cut_at % len(coded)
    assert content.startswith(sent)


@given(chunked(), st.integers(0, 10_000), st.one_of(STRAY, st.binary(max_size=2)), st.integers(0, 2))
@example((b"1\r\na\r\n0\r\n\r\n", b"a"), 4, b"\n", 1)
@example((b"1\r\na\r\n0\r\n\r\n", b"a"), 5, b"", 1)
def test_a_changed_body_is_read_the_same_way_in_one_piece_and_byte_by_byte(
    body: tuple[bytes, bytes], place: int, instead: bytes, drop: int
) -> None:
    """Every change either is a fault in both feedings, or means the same content, ending at the same byte."""
    coded = body[0]
    at = place % len(coded)
    changed = coded[:at] + instead + coded[at + drop :] + TRAILING
    whole, pieces = ChunkedBody(Emit.PAYLOAD), ChunkedBody(Emit.PAYLOAD)
    result = feed(whole, [changed])
    result_of_pieces = feed(pieces, one_by_one(changed))
    assert (whole.done, whole.fault) == (pieces.done, pieces.fault)
    if whole.done:
        assert result == result_of_pieces
        assert decode(changed[: result[1]]) == result[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1\t\r\n",
        b"1_0\r\n",
        b"\xb2\r\n",
        b"1\n",
        b"1\ra",
        b"1\r\r\n",
        b"1;\r\n",
        b"1;=a\r\n",
        b"1;a=\r\n",
        b'1;a="b\r\n',
        b'1;a="b\\\x00"\r\n',
        b'1;a="b\n"\r\n',
        b"1;a=b\x00\r\n",
        b"1;a b\r\n",
        b"0000000000000001\r\n",
        b"fffffffffffffffff\r\n",
        b"1\r\nab",
        b"1\r\na\n",
        b"1\r\na\r1",
        b"1\r\n\r\n1",
        b"2\r\na\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\n\r\r\n",
        b"0\r\na\r\n",
        b"0\r\n: a\r\n",
        b"0\r\na : b\r\n",
        b"0\r\n a: b\r\n",
        b"0\r\na: b\n",
        b"0\r\na: b\x00\r\n",
        b"0\r\na: b\rc\r\n",
    ],
)
def test_a_broken_chunk_is_a_fault(data: bytes, feeding: Feeding) -> None:
    body = ChunkedBody(Emit.RAW)
    feed(body, feeding(data))
    assert body.fault
    assert not body.done


@pytest.mark.parametrize("data", [b"g", b"-", b" ", b"\r", b"1\r\nab", b"1\r\na\n", b"1\ra", b"0\r\na\rb"])
def test_a_fault_is_seen_at_once_not_at_the_end_of_a_line_that_may_never_come(data: bytes) -> None:
    body = ChunkedBody(Emit.RAW)
    feed(body, one_by_one(data))
    assert body.fault


@pytest.mark.parametrize("emit", list(Emit))
def test_nothing_is_sent_on_of_the_piece_that_holds_a_fault(emit: Emit) -> None:
    assert ChunkedBody(emit).feed(b"3\r\nabc\r\ng\r\n")[0] == b""


@pytest.mark.parametrize("emit", list(Emit))
@pytest.mark.parametrize("data", [b"0\r\n\r\n", b"g\r\n"])
def test_what_comes_after_the_end_or_a_fault_is_not_touched(emit: Emit, data: bytes) -> None:
    body = ChunkedBody(emit)
    body.feed(data)
    over = (body.done, body.fault)
    assert body.feed(b"3\r\nabc\r\n0\r\n\r\n") == (b"", 0)
    assert (body.done, body.fault) == over


@pytest.mark.parametrize("spare", [0, 1])
def test_a_chunk_size_line_may_be_as_long_as_its_limit(spare: int, feeding: Feeding) -> None:
    line = b"1;a=".ljust(LONGEST_CHUNK_LINE - 2 + spare, b"b") + b"\r\n"
    body = ChunkedBody(Emit.PAYLOAD)
    feed(body, feeding(line + b"a\r\n0\r\n\r\n"))
    assert body.fault is bool(spare)


@pytest.mark.parametrize("lines", [1, 2, 8])
@pytest.mark.parametrize("spare", [0, 1])
def test_trailers_may_be_as_long_as_their_limit_in_all(lines: int, spare: int, feeding: Feeding) -> None:
    size = LONGEST_TRAILER // lines
    trailers = (b"a:".ljust(size - 2, b"b") + b"\r\n") * lines
    body = ChunkedBody(Emit.PAYLOAD)
    feed(body, feeding(b"0\r\n" + trailers.replace(b"bb\r\n", b"b" * (2 + spare) + b"\r\n", 1) + b"\r\n"))
    assert body.fault is bool(spare)


def test_an_endless_line_is_not_kept() -> None:
    for start in (b"1;", b"0\r\na:"):
        body = ChunkedBody(Emit.RAW)
        body.feed(start)
        fed = 0
        while not body.fault and fed < 10 * LONGEST_TRAILER:
            fed += body.feed(b"a" * 100)[1]
        assert fed <= LONGEST_TRAILER + 100
