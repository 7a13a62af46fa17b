"""Tests of request targets and of the paths that upstreams are chosen by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.http.refusal import Refusal
from trafficguard.http.target import (
    BAD_ESCAPE,
    BAD_TARGET,
    CONNECT,
    FRAGMENT,
    Target,
    has_prefix,
    read_target,
    resolved_path,
)


def read(raw: bytes, method: bytes = b"GET") -> tuple[bytes, bytes, bytes | None] | Refusal:
    target = read_target(method, raw)
    return (target.path, target.query, target.authority) if isinstance(target, Target) else target


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/", (b"/", b"", None)),
        (b"/a/b?c=d?e", (b"/a/b", b"c=d?e", None)),
        (b"/?", (b"/", b"", None)),
        (b"//a", (b"//a", b"", None)),
        (b"/http://other.example/", (b"/http://other.example/", b"", None)),
        (b"/a@b:c", (b"/a@b:c", b"", None)),
        (b"http://shop.example", (b"/", b"", b"shop.example")),
        (b"http://shop.example?q", (b"/", b"q", b"shop.example")),
        (b"http://shop.example:80/a?b", (b"/a", b"b", b"shop.example:80")),
        (b"HTTPS://[::1]:8080/a", (b"/a", b"", b"[::1]:8080")),
        (b"http://shop.example/@x?y@z", (b"/@x", b"y@z", b"shop.example")),
    ],
)
def test_a_target_is_taken_apart(raw: bytes, parts: tuple[bytes, bytes, bytes | None]) -> None:
    assert read(raw) == parts


def test_the_star_belongs_to_options() -> None:
    assert read(b"*", b"OPTIONS") == (b"*", b"", None)
    assert read(b"*", b"GET") is BAD_TARGET


def test_options_without_a_path_asks_for_the_server_itself() -> None:
    assert read(b"http://shop.example", b"OPTIONS") == (b"*", b"", b"shop.example")
    assert read(b"http://shop.example/", b"OPTIONS") == (b"/", b"", b"shop.example")
    assert read(b"http://shop.example?q", b"OPTIONS") == (b"/", b"q", b"shop.example")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a",
        b"shop.example:80",
        b"ftp://shop.example/",
        b"http:/shop.example",
        b"http://",
        b"http:///a",
        b"http://user@shop.example/",
        b"http://user:word@shop.example/",
        b"http://a@b@c",
        b"javascript:x",
    ],
)
def test_what_is_neither_a_path_nor_an_http_address_is_refused(raw: bytes) -> None:
    assert read(raw) is BAD_TARGET


@pytest.mark.parametrize("raw", [b"/", b"*", b"shop.example:443", b"http://shop.example/"])
def test_connect_is_refused_whatever_it_names(raw: bytes) -> None:
    assert read(raw, b"CONNECT") is CONNECT


@pytest.mark.parametrize("raw", [b"/#", b"/a?b#c", b"http://shop.example/#", b"http://shop.example#", b"#"])
def test_a_fragment_is_refused(raw: bytes) -> None:
    assert read(raw) is FRAGMENT


@pytest.mark.parametrize(
    "raw",
    [
        b"/%",
        b"/a%",
        b"/%4",
        b"/%zz",
        b"/%4g",
        b"/%%41",
        b"/%00",
        b"/?q=%0",
        b"/?%00",
        b"http://shop.example/%x",
    ],
)
def test_a_broken_escape_and_an_escaped_nul_are_refused(raw: bytes) -> None:
    assert read(raw) is BAD_ESCAPE


@pytest.mark.parametrize("raw", [b"/%41", b"/%0a", b"/%2500", b"/%7F%ff?%25"])
def test_a_whole_escape_is_taken(raw: bytes) -> None:
    path, _, query = raw.partition(b"?")
    assert read(raw) == (path, query, None)


@given(st.sampled_from([b"", b"/", b"http://", b"http://a"]), st.binary(), st.sampled_from([b"GET", b"OPTIONS"]))
def test_a_path_that_goes_on_begins_with_a_slash_or_is_the_star_of_options(
    start: bytes, raw: bytes, method: bytes
) -> None:
    target = read_target(method, start + raw)
    if isinstance(target, Target):
        assert target.path.startswith(b"/") or (target.path == b"*" and method == b"OPTIONS")


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/b/", b"/a/b/"),
        (b"/api/../admin", b"/admin"),
        (b"/%61dmin", b"/admin"),
        (b"/api/%2e%2e/admin", b"/admin"),
        (b"/api/..%2fadmin", b"/admin"),
        (b"//admin", b"/admin"),
        (b"/a//b///c", b"/a/b/c"),
        (b"/./a/./b/.", b"/a/b/"),
        (b"/a/..", b"/"),
        (b"/a/b/..", b"/a/"),
        (b"/../../etc", b"/etc"),
        (b"/.hidden", b"/.hidden"),
        (b"/...", b"/..."),
        (b"/%2561dmin", b"/%61dmin"),
    ],
)
def test_a_path_is_resolved_as_most_origins_will(path: bytes, resolved: bytes) -> None:
    assert resolved_path(path) == resolved


@given(st.lists(st.sampled_from([b"a", b".", b"..", b"", b"%2e", b"%2F", b"b%41"])))
def test_a_resolved_path_stays_below_the_root(segments: list[bytes]) -> None:
    resolved = resolved_path(b"/" + b"/".join(segments))
    assert resolved.startswith(b"/")
    assert not {b".", b".."} & set(resolved.split(b"/"))
    assert b"//" not in resolved
    assert resolved_path(resolved) == resolved


@pytest.mark.parametrize(
    ("path", "prefix", "covered"),
    [
        (b"/api", b"/api", True),
        (b"/api/x", b"/api", True),
        (b"/api/", b"/api/", True),
        (b"/apix", b"/api", False),
        (b"/api", b"/api/", False),
        (b"/x", b"/", True),
        (b"/x/api", b"/api", False),
    ],
)
def test_a_prefix_ends_on_a_segment_border(path: bytes, prefix: bytes, covered: bool) -> None:
    assert has_prefix(path, prefix) is covered
