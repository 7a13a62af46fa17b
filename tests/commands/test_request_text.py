"""Requests as people save and type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.commands.request_text import read_request_text

WIRE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_request_as_on_the_wire_is_left_alone() -> None:
    assert read_request_text(WIRE) == (WIRE, ())


@pytest.mark.parametrize(
    "typed",
    [b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\nHost: a\n", b"GET / HTTP/1.1\nHost: a", b"\n\n" + WIRE,
     b"GET / HTTP/1.1\r\nHost: a", b"GET / HTTP/1.1\nHost: a\n\nbody\r\n"],
)  # fmt: skip
def test_what_people_type_becomes_what_clients_send(typed: bytes) -> None:
    assert read_request_text(typed).raw == WIRE


def test_each_change_is_noted() -> None:
    notes = " ".join(read_request_text(b"GET / HTTP/1.1\nHost: a\n").notes)
    assert "LF" in notes
    assert "empty line" in notes
    assert "not looked at" in read_request_text(WIRE + b"body").notes[0]


def test_a_mixture_of_line_ends_stays_as_broken_as_it_is() -> None:
    mixed = b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"
    assert read_request_text(mixed).raw == mixed


@given(data=st.binary(max_size=40) | st.text("a:\r\n ", max_size=20).map(str.encode))
def test_the_head_always_has_its_empty_line_at_the_end(data: bytes) -> None:
    raw = read_request_text(data).raw
    assert raw.endswith((b"\r\n\r\n", b"\n\n", b"\n\r\n"))
