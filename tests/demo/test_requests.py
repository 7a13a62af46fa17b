"""Reading a request never fails in a way that is not the client's fault."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.demo.requests import bounded, cart_of, page_of


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", 1),
        ("?page=3", 3),
        ("?page=0", 0),
        ("?page=x", 0),
        ("?page=-1", 0),
        ("?page=", 0),
        ("?page=9999999", 0),
    ],
)
def test_pages_are_numbers_or_none(query: str, page: int) -> None:
    assert page_of(make_mocked_request("GET", f"/{query}")) == page


@given(st.text(max_size=20))
def test_no_cookie_breaks_a_request(text: str) -> None:
    header = "".join(each for each in text if each.isprintable())

    assert cart_of(make_mocked_request("GET", "/", headers={"Cookie": f"cart={header}"})).items >= 0


@pytest.mark.parametrize(("query", "value"), [("", 5), ("?n=1", 1), ("?n=9", 9)])
def test_a_number_inside_its_bounds_is_read(query: str, value: int) -> None:
    assert bounded(make_mocked_request("GET", f"/{query}"), "n", 5, 1, 9) == value


@pytest.mark.parametrize("text", ["0", "10", "x", "", "1e1", "+1", "9" * 5_000])
def test_a_number_outside_its_bounds_is_a_bad_request(text: str) -> None:
    with pytest.raises(web.HTTPBadRequest):
        bounded(make_mocked_request("GET", f"/?n={text}"), "n", 5, 1, 9)
