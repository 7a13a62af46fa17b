"""The one validator of redirects: a path of the same site, and nothing else."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.challenge.redirects import LONGEST, safe_path

BAD = (
    "", "item", "item/7", "./item", "../item", "?a=b", "#top", "*",
    "http://evil.example/", "https://evil.example", "HTTP://evil.example/", "ftp://evil.example/", "//evil.example",
    "///evil.example", "////evil.example/", "//evil.example@shop.example/", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\\/evil.example", "/a\\b", "/%5Cevil.example", "/%5cevil.example", "/%255Cevil.example",
    "/%2Fevil.example", "/%2fevil.example", "/%252Fevil.example", "/%25252Fevil.example", "/%2525252Fevil.example",
    "%2F%2Fevil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "mailto:a@b", "blob:x", "about:blank", "intent://x", "/\tevil.example",
    "/\t/evil.example", "\t//evil.example", "/\n/evil.example", "/\r/evil.example", "\n/item", " /item", "/item ",
    "/a b", "/%09/evil.example", "/%0A/evil.example", "/%0D/evil.example", "/%0d%0aSet-Cookie:%20a=b", "/a%00b",
    "/%00", "/a\x00b", "/a\x7fb", "/%7F", "/é", "/\u2028", "/\uff0fevil.example", "/<script>", '/"onload="x', "/{x}",
    "/|x", "/^x", "/`x", "@evil.example", "/%2F%2Fevil.example", "/%2F/evil.example", "/%5C%5Cevil.example",
    ":80/", ":@evil.example", "http:/evil.example", "http:evil.example", "https:///evil.example",
)  # fmt: skip
GOOD = (
    "/", "/item/7", "/item/7?colour=red&size=%2F", "/search?q=a+b&to=//x", "/a/b//c", "/a%20b", "/a%C3%A9", "/%E4%BD%A0",
    "/item;v=1", "/a:b@c", "/~me/!$'()*,-._", "/a?u=https://other.example/", "/a/../b",
)  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_leads_elsewhere_or_could_be_read_in_two_ways_is_refused(text: str) -> None:
    assert safe_path(text.encode()) is None


@pytest.mark.parametrize("text", GOOD)
def test_paths_of_the_same_site_are_taken_as_they_are(text: str) -> None:
    assert safe_path(text.encode()) == text.encode()


def test_a_fragment_is_left_out_for_it_is_the_browsers_own() -> None:
    assert safe_path(b"/item/7#reviews") == b"/item/7"
    assert safe_path(b"//evil.example#/item") is None


def test_a_path_without_end_is_refused() -> None:
    assert safe_path(b"/" + b"a" * (LONGEST - 1)) is not None
    assert safe_path(b"/" + b"a" * LONGEST) is None


@given(st.binary(max_size=60) | st.text("/\\%25cCfF.:?#@ ht\t\n09aA", max_size=30).map(str.encode))
def test_whatever_is_taken_stays_at_the_origin_it_is_seen_from(text: bytes) -> None:
    path = safe_path(text)
    if path is not None:
        for base in ("https://shop.example/", "http://shop.example:8080/a/b?c#d"):
            # As the WHATWG standard has it: tabs and line ends go, backslashes are slashes.
            seen = "".join(one for one in path.decode("latin-1") if one not in "\t\r\n").replace("\\", "/")
            assert urlsplit(urljoin(base, seen))[:2] == urlsplit(base)[:2]
            assert urlsplit(urljoin(base, seen)).netloc == urlsplit(base).netloc
