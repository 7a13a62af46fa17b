"""What a path is where no route is configured. How targets become paths and parameters is in `test_places`."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.patterns import MOST_SEGMENTS
from trafficguard.settings import RouteWord
from trafficguard.signals import guesses
from trafficguard.signals.guesses import Guess, guess

WORDS = get_args(RouteWord)
SHOP_WORDS = sorted(
    guesses.ITEM_FOLDERS | guesses.LISTING_FOLDERS | guesses.PAGE_FOLDERS | guesses.LOGIN_WORDS | guesses.API_WORDS
    | guesses.CHECKOUT_WORDS | guesses.SEARCH_WORDS | guesses.ASSET_FOLDERS | guesses.FEED_NAMES
)  # fmt: skip
SEGMENTS = st.lists(st.sampled_from([*SHOP_WORDS, b"de", b"7", b"2024", b"blue-lamp-123", b"x.html"]) | st.binary())
PARAMETERS = st.dictionaries(
    st.sampled_from([*guesses.SEARCH_PARAMETERS, *guesses.ITEM_PARAMETERS, b"id"]), st.binary()
)


def of(path: str, **parameters: str) -> Guess:
    values = {name.encode(): value.encode() for name, value in parameters.items()}
    return guess(path.encode().split(b"/")[1:], values)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/", Guess("page", b"/", b"")),
        ("/product/17", Guess("item", b"/product/{id}", b"17")),
        ("/en-gb/products/blue-lamp-1234", Guess("item", b"/en-gb/products/{id}", b"1234")),
        ("/p/blue-lamp/7", Guess("item", b"/p/blue-lamp/{id}", b"7")),
        ("/dp/B00EXAMPLE", Guess("item", b"/dp/{id}", b"b00example")),
        ("/lamps/blue-lamp-1234.html", Guess("item", b"/lamps/{id}.html", b"1234")),
        ("/products", Guess("listing", b"/products", b"")),
        ("/products/page/2", Guess("listing", b"/products/page/{id}", b"")),
        ("/category/lamps", Guess("listing", b"/category/{name}", b"")),
        ("/collections/lamps", Guess("listing", b"/collections/{name}", b"")),
        ("/blog/2024", Guess("page", b"/blog/{id}", b"")),
        ("/news/12345", Guess("page", b"/news/{id}", b"")),
        ("/account/login", Guess("login", b"/account/login", b"")),
        ("/wp-login.php", Guess("login", b"/wp-login.php", b"")),
        ("/api/products/17", Guess("api", b"/api/products/{id}", b"17")),
        ("/api/products/search", Guess("api", b"/api/products/search", b"")),
        ("/cart/add", Guess("checkout", b"/cart/add", b"")),
        ("/sitemap-3.xml", Guess("feed", b"/{id}.xml", b"")),
        ("/robots.txt", Guess("feed", b"/robots.txt", b"")),
        ("/product/17.jpg", Guess("asset", b"/product/{id}.jpg", b"")),
    ],
)  # fmt: skip
def test_the_words_of_shops_tell(path: str, wanted: Guess) -> None:
    assert of(path) == wanted


def test_parameters_tell_where_the_path_does_not() -> None:
    assert of("/", q="lamp").route == "search"
    assert of("/shop.php", s="lamp").route == "search"
    assert of("/index.php", product_id="42") == Guess("item", b"/index.php", b"42")
    assert of("/item", id="%42") == Guess("item", b"/item", b"B")
    assert of("/help", id="42").route == "page"


@given(SEGMENTS, PARAMETERS)
def test_any_path_has_a_class_and_a_template(segments: list[bytes], parameters: dict[bytes, bytes]) -> None:
    found = guess(segments, parameters)
    assert found.route in WORDS
    assert found.template.startswith(b"/")
    assert found.route in ("item", "api") or not found.item


@given(st.lists(st.just(b"a"), min_size=MOST_SEGMENTS + 1, max_size=200))
def test_a_path_without_end_has_the_template_of_its_beginning(segments: list[bytes]) -> None:
    assert guess(segments, {}).template == b"/a" * MOST_SEGMENTS + b"/**"


@given(st.integers(0, 10**17))
def test_numbers_make_no_templates_of_their_own(number: int) -> None:
    assert of(f"/product/{number}").template == b"/product/{id}"
