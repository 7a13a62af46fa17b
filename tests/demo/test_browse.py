"""Whoever browses finds pages where links lead, and a page of regret elsewhere."""

from __future__ import annotations

import re

import pytest
from yarl import URL

from trafficguard.demo.catalogue import Catalogue

from .conftest import Client, Page


async def test_the_front_page_links_every_category(page: Page, catalogue: Catalogue) -> None:
    status, text = await page("/")

    assert status == 200
    assert {f"/category/{category.slug}" for category in catalogue.categories} <= set(
        re.findall(r'href="([^"]+)"', text)
    )


async def test_pages_allow_only_this_shop_as_a_source(client: Client) -> None:
    answer = await client.get("/")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', await answer.text())


async def test_a_head_request_gets_the_same_length_and_no_body(client: Client) -> None:
    full, head = await client.get("/"), await client.head("/")

    assert head.headers["Content-Length"] == full.headers["Content-Length"]
    assert await head.read() == b""


async def test_a_product_page_shows_its_product(page: Page, catalogue: Catalogue) -> None:
    status, text = await page("/product/7")

    assert status == 200
    assert f"<h1>{catalogue.products[6].name}</h1>" in text


@pytest.mark.parametrize(
    "address",
    [
        "/product/0", "/product/401", "/product/01", "/product/x", "/product/9999999999", "/product/",
        "/category/none", "/nothing", "/category/desk?page=0", "/category/desk?page=99",
        "/category/desk?page=x", "/category/desk?page=-1", "/category/desk?page=%C2%B2",
        "/search?q=lamp&page=99",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_404_page(page: Page, address: str) -> None:
    status, text = await page(address)

    assert status == 404
    assert "This shelf is empty" in text


async def test_following_next_walks_a_whole_category(page: Page, catalogue: Catalogue) -> None:
    address, found = "/category/desk", []
    for _ in range(20):
        text = (await page(address))[1]
        found += re.findall(r'class="card"><a href="/product/(\d+)"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        address = following[1]

    shelf = catalogue.shelf(next(c for c in catalogue.categories if c.slug == "desk"))
    assert [int(number) for number in found] == [product.id for product in shelf]
    assert len(shelf) > 24


async def test_the_first_page_has_no_way_back_and_the_last_none_on(page: Page) -> None:
    first, last = (await page("/category/desk"))[1], (await page("/category/desk?page=2"))[1]

    assert 'rel="prev"' not in first
    assert 'rel="next"' in first
    assert 'rel="prev" href="/category/desk?page=1"' in last
    assert 'rel="next"' not in last


async def test_a_script_in_a_query_comes_back_as_text(page: Page) -> None:
    status, text = await page("/search", params={"q": "<script>alert(1)</script>"})

    assert status == 200
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


async def test_search_shows_what_it_found_and_how_much(page: Page, catalogue: Catalogue) -> None:
    found = catalogue.search("lamp")
    text = (await page("/search?q=lamp"))[1]

    assert f"{len(found)} pieces" in text
    assert f'href="/product/{found[0].id}"' in text


@pytest.mark.parametrize("address", ["/search", "/search?q=", "/search?q=zzzz", f"/search?q={'long' * 500}"])
async def test_a_search_without_results_is_still_a_page(page: Page, address: str) -> None:
    status, text = await page(address)

    assert status == 200
    assert 'class="card"' not in text


@pytest.mark.parametrize("query", ["%ff%fe", "%ED%A0%80", "%00", "%", "a%0d%0ab"])
async def test_bytes_that_are_no_text_are_searched_for_without_complaint(client: Client, query: str) -> None:
    answer = await client.get(URL(f"/search?q={query}", encoded=True))

    assert answer.status == 200


@pytest.mark.parametrize("address", ["/trap/", "/trap/list/7"])
async def test_the_trap_answers_and_asks_not_to_be_indexed(page: Page, address: str) -> None:
    status, text = await page(address)

    assert status == 200
    assert "noindex" in text


async def test_a_method_that_a_page_does_not_take_is_a_405_page_naming_those_it_does(client: Client) -> None:
    answer = await client.delete("/product/7")

    assert answer.status == 405
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert "Not like this" in await answer.text()
