"""What is added to a cart stays there until it is removed or ordered."""

from __future__ import annotations

import pytest

from trafficguard.demo.catalogue import Catalogue

from .conftest import Client, Page


async def _add(client: Client, number: int | str) -> tuple[int, str]:
    answer = await client.post("/cart/add", data={"id": str(number)}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def test_adding_leads_to_a_cart_that_holds_the_product(
    client: Client, page: Page, catalogue: Catalogue
) -> None:
    assert await _add(client, 7) == (303, "/cart")

    text = (await page("/cart"))[1]
    assert catalogue.products[6].name in text
    assert 'aria-label="items in cart">1<' in text


async def test_adding_twice_counts_two_pieces(client: Client, catalogue: Catalogue) -> None:
    await _add(client, 7)
    await _add(client, 7)

    cart = await (await client.get("/api/cart")).json()
    assert (cart["items"], cart["total"]) == (2, 2 * catalogue.products[6].price)


async def test_removing_takes_all_pieces_out(client: Client, page: Page) -> None:
    for number in (7, 7, 8):
        await _add(client, number)

    answer = await client.post("/cart/remove", data={"id": "7"}, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (303, "/cart")
    cart = await (await client.get("/api/cart")).json()
    assert [line["id"] for line in cart["lines"]] == [8]


@pytest.mark.parametrize(("number", "status"), [("999", 404), ("0", 404), ("x", 400), ("", 400), ("²", 400)])
async def test_what_is_no_product_cannot_be_added(client: Client, number: str, status: int) -> None:
    assert await _add(client, number) == (status, "")


async def test_an_empty_cart_says_so(page: Page) -> None:
    assert "nothing in it yet" in (await page("/cart"))[1]
    assert "Your cart is empty" in (await page("/checkout"))[1]


async def test_an_order_is_thanked_for_and_empties_the_cart(
    client: Client, page: Page, catalogue: Catalogue
) -> None:
    await _add(client, 7)
    assert catalogue.products[6].price_text in (await page("/checkout"))[1]

    answer = await client.post("/checkout", data={"name": "<Ada>", "street": "1", "city": "x"})

    assert answer.status == 200
    text = await answer.text()
    assert "Thank you, &lt;Ada&gt;" in text
    assert catalogue.products[6].price_text in text
    assert "nothing in it yet" in (await page("/cart"))[1]
