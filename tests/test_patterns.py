"""Patterns of targets: what can be written, and what says the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.patterns import parse_pattern, read_pattern
from trafficguard.values import BadValueError


def test_a_pattern_is_taken_apart() -> None:
    assert read_pattern("/shop/{name}/{id}")[1:] == ((b"shop", b"{name}", b"{id}"), False, ())
    assert read_pattern("/help/**")[1:] == ((b"help",), True, ())
    assert read_pattern("/item?lang=de&id={id}")[1:] == ((b"item",), False, ((b"id", b"{id}"), (b"lang", b"de")))
    assert read_pattern("/index.php?route=product/product&id={id}").query[1] == (b"route", b"product/product")
    assert read_pattern("/bücher/{id}").segments[0] == "bücher".encode()


def test_a_slash_at_the_end_means_nothing() -> None:
    assert read_pattern("/help/") == read_pattern("/help")
    assert (read_pattern("/").text, read_pattern("/").segments) == ("/", ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product", "is not a pattern"),
        ("/a#b", "is not a pattern"),
        ("/product/{number}", "is not a capture"),
        ("/product-{id}", "is not a capture"),
        ("/a/**/b", "has ** before its end"),
        ("/a**", "has ** before its end"),
        ("/a//b", "can never be asked for"),
        ("/a/../b", "can never be asked for"),
        ("/a%20b", "holds an escape"),
        ("/a b", "is not a segment"),
        ("/item?id", "is not a parameter"),
        ("/item?", "is not a parameter"),
        ("/item?id={id}&id=7", "names a parameter twice"),
        ("/a" * 17, "more than 16 segments"),
    ],
)
def test_what_is_no_pattern_is_told_why(text: str, message: str) -> None:
    with pytest.raises(BadValueError, match=message.replace("*", r"\*")) as caught:
        parse_pattern(text)
    assert caught.value.remedy


@pytest.mark.parametrize("value", [None, 7, ["/a"], ""])
def test_what_is_no_text_is_no_pattern(value: object) -> None:
    with pytest.raises(BadValueError):
        parse_pattern(value)


def test_captures_take_the_same_whatever_they_are_called() -> None:
    assert read_pattern("/a/{id}?x={name}").takes == read_pattern("/a/{name}/?x={id}").takes
    assert read_pattern("/a/{id}").takes != read_pattern("/a/id").takes
    assert read_pattern("/a").takes != read_pattern("/a/**").takes


@given(st.text("/{}idname*?=&. %a\u00e9\ud800", max_size=30))
def test_any_text_is_a_pattern_or_told_why_not(text: str) -> None:
    try:
        checked = parse_pattern(text)
    except BadValueError as error:
        assert error.remedy
    else:
        assert parse_pattern(checked) == checked
