"""Programs get the same shop as JSON, errors included."""

from __future__ import annotations

from typing import Any

import pytest

from trafficguard.demo.catalogue import Catalogue

from .conftest import Client


async def _json(client: Client, address: str) -> dict[str, Any]:
    answer = await client.get(address)
    assert answer.status == 200
    assert answer.content_type == "application/json"
    content: dict[str, Any] = await answer.json()
    return content


async def test_pages_of_products_cover_the_shop_by_number(client: Client) -> None:
    first = await _json(client, "/api/products")
    numbers = []
    for page in range(1, first["pages"] + 1):
        numbers += [item["id"] for item in (await _json(client, f"/api/products?page={page}"))["products"]]

    assert numbers == list(range(1, 401))
    assert first["total"] == 400


async def test_a_product_tells_everything_about_itself(client: Client, catalogue: Catalogue) -> None:
    item = catalogue.products[6]
    content = await _json(client, "/api/products/7")

    assert content["name"] == item.name
    assert content["price_cents"] == item.price
    assert content["description"] == item.description
    assert (await client.get(content["image"])).status == 200
    assert (await client.get(content["url"])).status == 200


async def test_stock_is_the_number_on_the_page(client: Client, catalogue: Catalogue) -> None:
    assert await _json(client, "/api/products/7/stock") == {"id": 7, "stock": catalogue.products[6].stock}


async def test_search_finds_what_the_catalogue_finds(client: Client, catalogue: Catalogue) -> None:
    content = await _json(client, "/api/search?q=lamp")
    found = catalogue.search("lamp")

    assert content["query"] == "lamp"
    assert content["total"] == len(found)
    assert [item["id"] for item in content["products"]] == [item.id for item in found[:24]]


async def test_a_new_visitor_has_an_empty_cart(client: Client) -> None:
    assert await _json(client, "/api/cart") == {"items": 0, "total": 0, "lines": []}


@pytest.mark.parametrize(
    "address", ["/api/products/401", "/api/products/401/stock", "/api/products?page=99", "/api/nothing"]
)
async def test_what_is_not_there_is_problem_json(client: Client, address: str) -> None:
    answer = await client.get(address)

    assert answer.status == 404
    assert answer.content_type == "application/problem+json"
    assert await answer.json() == {"type": "about:blank", "title": "Not Found", "status": 404}


async def test_a_wrong_method_is_problem_json_too(client: Client) -> None:
    answer = await client.post("/api/products")

    assert (answer.status, answer.content_type) == (405, "application/problem+json")
