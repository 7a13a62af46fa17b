"""Crawlers are told what they may take, in the formats they know."""

from __future__ import annotations

from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from yarl import URL

from .conftest import Client, Page

_MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
async def robots(page: Page) -> RobotFileParser:
    parser = RobotFileParser()
    parser.parse((await page("/robots.txt"))[1].splitlines())
    return parser


@pytest.mark.parametrize(
    "path", ["/cart", "/cart/add", "/account", "/checkout", "/api/products", "/trap/", "/trap/x"]
)
def test_private_places_are_forbidden(robots: RobotFileParser, path: str) -> None:
    assert not robots.can_fetch("anybot", path)


@pytest.mark.parametrize(
    "path", ["/", "/product/1", "/category/desk?page=2", "/search?q=lamp", "/sitemap.xml"]
)
def test_the_shop_itself_is_open(robots: RobotFileParser, path: str) -> None:
    assert robots.can_fetch("anybot", path)


async def test_robots_names_the_sitemap_under_the_host_that_was_asked(client: Client) -> None:
    answer = await client.get("/robots.txt", headers={"Host": "shop.test"})

    assert answer.content_type == "text/plain"
    assert "\nSitemap: http://shop.test/sitemap.xml\n" in await answer.text()


async def test_the_sitemap_lists_front_page_categories_and_products(client: Client) -> None:
    answer = await client.get("/sitemap.xml", headers={"Host": "shop.test"})
    root = ElementTree.fromstring(await answer.read())
    places = [url.findtext(f"{_MAP}loc") or "" for url in root.findall(f"{_MAP}url")]

    assert answer.content_type == "application/xml"
    assert root.tag == f"{_MAP}urlset"
    assert len(places) == len(set(places)) == 1 + 10 + 400
    assert all(place.startswith("http://shop.test/") for place in places)
    assert {f"http://shop.test/product/{number}" for number in range(1, 401)} <= set(places)


async def test_every_kind_of_listed_address_answers(client: Client, robots: RobotFileParser) -> None:
    root = ElementTree.fromstring(await (await client.get("/sitemap.xml")).read())
    places = [url.findtext(f"{_MAP}loc") or "" for url in root.findall(f"{_MAP}url")]

    for place in [*places[:12], places[-1]]:
        assert (await client.get(URL(place).path)).status == 200
        assert robots.can_fetch("anybot", place)


async def test_a_host_with_markup_in_it_does_not_break_the_sitemap(client: Client) -> None:
    answer = await client.get("/sitemap.xml", headers={"Host": "a&b<c"})

    assert ElementTree.fromstring(await answer.read()).tag == f"{_MAP}urlset"
