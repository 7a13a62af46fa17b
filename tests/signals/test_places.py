"""Where a request goes: configured routes, guesses, and what is remembered of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.target import Target, split_plain
from trafficguard.settings import RouteSettings
from trafficguard.signals.hashes import hash64
from trafficguard.signals.memory import Memory
from trafficguard.signals.places import LONGEST_LINE, Place, Places, RouteClass, item_number


def configured(*rows: tuple[str, str]) -> Places:
    return Places([RouteSettings.model_validate({"path": path, "class": word}) for path, word in rows])


def at(target: str, known: Places | None = None) -> Place:
    return (known or Places([])).place_of(split_plain(target.encode()))


def head_of(target: str, method: str = "GET") -> RequestHead:
    head = RequestReader().read(f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert isinstance(head, RequestHead)
    return head


# --- configured routes ---


def test_a_configured_pattern_gives_class_template_and_item() -> None:
    place = at("/product/17?ref=mail", configured(("/product/{id}", "item")))
    assert place == Place(RouteClass.ITEM, hash64(b"/product/{id}"), 17, hash64(b"/product/17"), hash64(b"ref"))


def test_what_no_pattern_takes_is_guessed() -> None:
    known = configured(("/goods/{id}", "item"))
    assert at("/goods/a", known).route is RouteClass.ITEM
    assert at("/search?q=a", known).route is RouteClass.SEARCH


@pytest.mark.parametrize("turned", [False, True])
def test_words_go_before_captures_and_those_before_everything_below(turned: bool) -> None:
    rows = [("/**", "page"), ("/p/**", "api"), ("/p/{id}", "item"), ("/p/new", "listing"), ("/{name}/{id}", "feed")]
    known = configured(*(reversed(rows) if turned else rows))
    found = [at(path, known).route.word for path in ("/p/new", "/p/7", "/p/7/x", "/p", "/q/7", "/q/7/8", "/")]
    assert found == ["listing", "item", "api", "api", "feed", "page", "page"]


def test_a_better_beginning_that_leads_nowhere_is_left_again() -> None:
    known = configured(("/a/b/c", "api"), ("/{name}/b/d", "item"))
    assert at("/a/b/d", known).route is RouteClass.ITEM


@pytest.mark.parametrize("turned", [False, True])
def test_a_pattern_with_more_parameters_goes_first(turned: bool) -> None:
    rows = [("/i", "page"), ("/i?id={id}", "item"), ("/i?id={id}&view=list", "listing"), ("/i?id=new", "api")]
    known = configured(*(reversed(rows) if turned else rows))
    found = [at(f"/i{query}", known).route.word for query in ("", "?id=", "?id=7", "?view=list&id=7", "?id=new")]
    assert found == ["page", "page", "item", "listing", "api"]


def test_an_item_can_stand_in_the_query() -> None:
    known = configured(("/index.php?route=product/product&product_id={id}", "item"))
    assert at("/index.php?route=product%2Fproduct&product_id=42", known).item == 42
    assert at("/index.php?product_id=42&x=1&route=product/product", known).item == 42


def test_the_id_is_the_item_and_a_name_is_where_there_is_no_id() -> None:
    assert at("/x/blue-lamp/7", configured(("/x/{name}/{id}", "item"))).item == 7
    assert at("/x/blue-lamp", configured(("/x/{name}", "item"))).item == item_number(b"blue-lamp")
    assert at("/x/lamp", configured(("/x/lamp", "item"))).item == item_number(b"x/lamp")
    assert at("/v1/x/7", configured(("/v1/x/{id}", "api"))).item == 7
    assert at("/v1/x/7", configured(("/v1/x/{name}", "api"))).item == 0
    assert at("/order/7", configured(("/order/{id}", "page"))).item == 0


def test_a_path_is_read_as_the_origin_will() -> None:
    known = configured(("/product/{id}", "item"))
    plain = at("/product/7", known)
    for path in ("/%70roduct/7", "/x/../product/7", "//product/./7"):
        assert at(path, known) == plain


def test_a_slash_at_the_end_does_not_matter_to_the_class() -> None:
    known = configured(("/product/{id}", "item"))
    assert at("/product/7/", known)[:3] == at("/product/7", known)[:3]


# --- guesses ---

GUESSED = {
    "page": "/ /about /help/shipping /account /orders/12345 /blog/12345 /news/a-long-story-of-a-lamp-that-shines",
    "item": """/product/7 /product/7/reviews /product/blue-lamp /p/lamp-123.html /en/product/7 /de-at/lamps/12345
        /collections/lamps/products/blue-lamp /dp/B00ABC123 /product.php?id=7 /index.php?product_id=7
        /blue-lamp-12345.html /c/lamps/p/7 /product/7?q=lamp""",
    "listing": "/category/lamps /category/lamps?page=2 /c/12 /products /products?page=2 /collections/new /products/page/2",
    "search": "/search /search?q=a /?q=lamp /en/search/lamps /lamps?query=blue",
    "asset": "/static/shop.js /images/7.svg /favicon.ico /product/7.png /assets/9f8e7d6c5b/app.css /media/manual",
    "api": "/api/products/7 /api/cart /graphql /stock.json /wp-json/x",
    "login": "/login /signin /account/login /account/login.php /api/login /users/sign_in",
    "checkout": "/cart /cart/add /checkout /checkout/payment /en/basket",
    "feed": "/robots.txt /sitemap.xml /sitemap-products-1.xml /feed /blog/rss.xml /llms.txt",
}


@pytest.mark.parametrize(
    ("word", "target"), [(word, target) for word, targets in GUESSED.items() for target in targets.split()]
)
def test_without_routes_the_words_of_a_path_tell(word: str, target: str) -> None:
    assert at(target).route.word == word


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/product/7", "/product/8"),
        ("/product/blue-lamp", "/product/red-lamp"),
        ("/lamps/blue-12345.html", "/lamps/red-99999.html"),
        ("/category/lamps", "/category/pots"),
        ("/order/550e8400-e29b-41d4-a716-446655440000", "/order/650e8400-e29b-41d4-a716-446655440001"),
        ("/static/app-9f8e7d6c.js", "/static/app-0a1b2c3d.js"),
        ("/images/7.svg", "/images/8.svg"),
        ("/news/how-to-choose-a-lamp-for-you", "/news/why-every-house-needs-a-pot"),
        ("/x/a1b2", "/x/c3d4"),
    ],
)
def test_pages_of_one_kind_have_one_template(one: str, other: str) -> None:
    assert at(one).template == at(other).template
    assert at(one).path != at(other).path


@pytest.mark.parametrize(
    ("one", "other"), [("/about", "/terms"), ("/images/7.svg", "/images/7.png"), ("/api/v1/x", "/api/v2/x")]
)
def test_pages_of_different_kinds_do_not(one: str, other: str) -> None:
    assert at(one).template != at(other).template


@pytest.mark.parametrize(
    ("target", "item"),
    [
        ("/product/7", b"7"),
        ("/product/7/reviews", b"7"),
        ("/p/blue-lamp-123.html", b"123"),
        ("/product/blue-lamp", b"blue-lamp"),
        ("/product.php?id=9", b"9"),
        ("/api/products/7/stock", b"7"),
        ("/api/products/7.json", b"7"),
        ("/api/products", b""),
        ("/category/lamps", b""),
        ("/images/7.svg", b""),
    ],
)
def test_the_item_is_found(target: str, item: bytes) -> None:
    assert at(target).item == item_number(item)


# --- numbers ---


def test_items_with_a_name_never_meet_items_with_a_number() -> None:
    assert item_number(b"17") == item_number(b"017") == 17
    for name in (b"0", b"lamp", b"9" * 19, b"-1", b"1.5"):
        assert item_number(name) >> 62 == 1, name
    assert item_number(b"9" * 18) >> 62 == 0
    assert item_number(b"") == 0


def test_the_shape_of_a_query_is_its_names_in_any_order() -> None:
    assert at("/x?b=1&a=2").query == at("/x?a=9&b=").query != 0
    assert at("/x?a=1").query != at("/x?b=1").query
    assert at("/x").query == at("/x?").query == 0


def test_every_process_comes_to_the_same_numbers() -> None:
    code = "from tests.signals.test_places import at; print(at('/product/blue-lamp?a=1'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(at("/product/blue-lamp?a=1"))


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes_have_a_place(path: bytes, query: bytes) -> None:
    for known in (Places([]), configured(("/{id}/**", "item"), ("/a?b={id}", "api"))):
        place = known.place_of(Target(b"/" + path, query))
        assert all(0 <= number < 1 << 64 for number in place[1:])
        assert place.item < 1 << 63


def test_a_path_without_end_is_looked_at_only_in_part() -> None:
    assert at("/a" * 5000).template == at("/a" * 6000).template != at("/a" * 16).template


# --- memory ---


def test_a_place_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Places([])
    first = known.find(head_of("/product/7"))
    monkeypatch.setattr(Places, "place_of", lambda self, target: pytest.fail("worked out again"))
    assert known.find(head_of("/product/7")) is first


def test_method_and_version_change_nothing() -> None:
    known = Places([])
    assert known.find(head_of("/login", "POST")) == known.find(head_of("/login")) == at("/login")


def test_long_targets_are_not_kept() -> None:
    known = Places([])
    assert known.find(head_of("/" + "a" * LONGEST_LINE)).route is RouteClass.PAGE
    assert len(known._memory) == 0


def test_memory_keeps_what_is_in_use_and_no_more_than_it_may() -> None:
    memory: Memory[int, str] = Memory(8)
    memory.keep(-1, "known")
    for number in range(100):
        memory.keep(number, "passing")
        assert (memory.young.get(-1) or memory.recall(-1)) == "known"
        assert len(memory) <= 16
    assert memory.recall(50) is None
