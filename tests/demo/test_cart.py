"""A cart survives its cookie, and no cookie text breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.demo.cart import MAX_LINES, MAX_PIECES, Cart
from trafficguard.demo.catalogue import Catalogue

numbers = st.integers(min_value=1, max_value=49_000)
carts = st.dictionaries(numbers, st.integers(1, MAX_PIECES), max_size=MAX_LINES).map(
    lambda lines: Cart(tuple(lines.items()))
)


@given(carts)
def test_a_cart_reads_back_as_it_was_written(cart: Cart) -> None:
    assert Cart.read(cart.text()) == cart


@given(st.text())
def test_any_text_reads_as_some_cart(text: str) -> None:
    assert Cart.read(text).items >= 0


@pytest.mark.parametrize(
    "text",
    ["", "x", "1", "1.", "1.0", "0.1", "1.100", "1.1-", "-1.1", "1.1\n", "1.1--2.1", "١.1", "1234567.1"],
)
def test_broken_text_reads_as_an_empty_cart(text: str) -> None:
    assert Cart.read(text) == Cart()


def test_a_text_with_too_many_lines_reads_as_an_empty_cart() -> None:
    lines = [f"{number}.1" for number in range(1, MAX_LINES + 2)]

    assert len(Cart.read("-".join(lines[:MAX_LINES])).lines) == MAX_LINES
    assert Cart.read("-".join(lines)) == Cart()


@given(carts, numbers)
def test_one_more_changes_that_product_only(cart: Cart, number: int) -> None:
    before, after = dict(cart.lines), dict(cart.with_one_more(number).lines)
    room = number in before or len(before) < MAX_LINES

    expected = min(MAX_PIECES, before.get(number, 0) + 1) if room else 0
    assert after.pop(number, 0) == expected
    before.pop(number, None)
    assert after == before


@given(carts, numbers)
def test_without_leaves_none_of_that_product(cart: Cart, number: int) -> None:
    left = dict(cart.without(number).lines)

    assert left == {each: pieces for each, pieces in cart.lines if each != number}


def test_products_that_do_not_exist_cost_nothing(catalogue: Catalogue) -> None:
    cart = Cart(((1, 2), (9_999, 5)))

    assert cart.contents(catalogue) == [(catalogue.products[0], 2)]
    assert cart.total(catalogue) == 2 * catalogue.products[0].price
