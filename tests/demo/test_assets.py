"""Browsers may keep assets, and are told so in a way they can check."""

from __future__ import annotations

import re

import pytest

from .conftest import Client, Page

ASSETS = {
    "/static/style.css": "text/css",
    "/static/shop.js": "text/javascript",
    "/favicon.ico": "image/svg+xml",
    "/favicon.svg": "image/svg+xml",
    "/images/7.svg": "image/svg+xml",
}


@pytest.mark.parametrize(("address", "kind"), ASSETS.items())
async def test_an_asset_has_a_kind_a_tag_and_a_lifetime(client: Client, address: str, kind: str) -> None:
    answer = await client.get(address)

    assert answer.status == 200
    assert answer.content_type == kind
    assert re.fullmatch(r'"[0-9a-f]{16}"', answer.headers["ETag"])
    assert "max-age=" in answer.headers["Cache-Control"]
    assert await answer.read()


@pytest.mark.parametrize("address", ASSETS)
@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
async def test_who_has_the_asset_gets_304_without_a_body(client: Client, address: str, form: str) -> None:
    tag = (await client.get(address)).headers["ETag"]
    answer = await client.get(address, headers={"If-None-Match": form.format(tag=tag)})

    assert answer.status == 304
    assert answer.headers["ETag"] == tag
    assert "Cache-Control" in answer.headers
    assert await answer.read() == b""


@pytest.mark.parametrize("address", ASSETS)
async def test_who_has_another_version_gets_the_asset(client: Client, address: str) -> None:
    answer = await client.get(address, headers={"If-None-Match": '"0123456789abcdef"'})

    assert answer.status == 200
    assert await answer.read()


async def test_pictures_of_different_products_have_different_tags(client: Client) -> None:
    tags = {(await client.get(f"/images/{number}.svg")).headers["ETag"] for number in range(1, 21)}

    assert len(tags) == 20


@pytest.mark.parametrize("address", ["/images/401.svg", "/images/0.svg", "/static/", "/static/../shop.py"])
async def test_there_is_nothing_else_to_load(client: Client, address: str) -> None:
    assert (await client.get(address)).status == 404


async def test_everything_a_page_loads_is_there(client: Client, page: Page) -> None:
    text = (await page("/"))[1]
    loaded = re.findall(r'<(?:script|img) [^>]*src="([^"]+)"|<link [^>]*href="([^"]+)"', text)

    addresses = {"".join(pair) for pair in loaded}
    assert len(addresses) > 10
    for address in addresses:
        assert (await client.get(address)).status == 200, address
