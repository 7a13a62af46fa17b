"""The catalogue follows from its size alone, and its lists, ranks and searches agree with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.demo.catalogue import MAX_PRODUCTS, PAGE_SIZE, Catalogue, euros, leaf
from trafficguard.demo.shapes import SHAPES
from trafficguard.demo.words import CATEGORIES, FINISHES, MAKERS


def test_two_catalogues_of_one_size_are_equal(catalogue: Catalogue) -> None:
    again = Catalogue(len(catalogue.products))

    assert again.products == catalogue.products
    assert again.popular == catalogue.popular


def test_a_known_product_stays_what_it_is() -> None:
    product = Catalogue(2_000).products[0]

    assert (product.id, product.name, product.category.slug) == (1, "Halden Notebook in Sage", "desk")


def test_even_the_largest_shop_has_no_name_twice() -> None:
    names = {product.name for product in Catalogue(MAX_PRODUCTS).products}

    assert len(names) == MAX_PRODUCTS


@pytest.mark.parametrize("size", [0, -1, MAX_PRODUCTS + 1])
def test_a_size_no_shop_can_have_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="a shop has 1 to"):
        Catalogue(size)


def test_names_in_a_category_run_through_every_maker_noun_and_finish_before_a_series_number() -> None:
    names_per_category = len(MAKERS) * len(CATEGORIES[0].nouns) * len(FINISHES)
    shelf = Catalogue(MAX_PRODUCTS).shelf(CATEGORIES[0])

    assert len([product for product in shelf if "No. " not in product.name]) == names_per_category


def test_every_category_sells_the_same_number_of_things_and_each_has_an_outline() -> None:
    assert {len(category.nouns) for category in CATEGORIES} == {8}
    assert {shape for category in CATEGORIES for _, shape in category.nouns} == set(SHAPES)


def test_ranks_count_from_one_without_gaps(catalogue: Catalogue) -> None:
    assert [product.rank for product in catalogue.popular] == list(range(1, len(catalogue.products) + 1))


def test_shelves_hold_every_product_once_best_sellers_first(catalogue: Catalogue) -> None:
    shelves = [catalogue.shelf(category) for category in catalogue.categories]

    assert sorted(product.id for shelf in shelves for product in shelf) == list(range(1, 401))
    assert all(shelf == tuple(sorted(shelf, key=lambda product: product.rank)) for shelf in shelves)


def test_prices_stay_inside_the_range_of_the_category(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        low, high = product.category.price_range
        assert low * 100 - 10 <= product.price <= high * 100


def test_some_products_are_sold_out_and_most_are_not(catalogue: Catalogue) -> None:
    sold_out = sum(product.stock == 0 for product in catalogue.products)

    assert 0 < sold_out < len(catalogue.products) / 5


def test_product_numbers_outside_the_shop_are_nobody(catalogue: Catalogue) -> None:
    assert catalogue.product(0) is None
    assert catalogue.product(401) is None
    assert catalogue.product(400) is catalogue.products[-1]


def test_related_products_share_the_category_and_leave_the_product_out(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        related = catalogue.related(product, 4)
        assert len({other.id for other in related}) == 4
        assert product not in related
        assert {other.category for other in related} == {product.category}


def test_a_product_alone_on_its_shelf_has_nothing_related() -> None:
    catalogue = Catalogue(1)

    assert catalogue.related(catalogue.products[0], 4) == ()


def test_search_finds_exactly_the_products_with_words_starting_like_the_terms(catalogue: Catalogue) -> None:
    found = catalogue.search("LAMP ink")
    expected = [
        product
        for product in catalogue.popular
        if all(
            any(word.startswith(term) for word in f"{product.name} {product.category.name}".lower().split())
            for term in ("lamp", "ink")
        )
    ]

    assert list(found) == expected
    assert found


@pytest.mark.parametrize("query", ["", "   ", "<>!", "zzzz", "lamp zzzz"])
def test_search_for_nothing_or_nonsense_finds_nothing(catalogue: Catalogue, query: str) -> None:
    assert catalogue.search(query) == ()


@given(st.integers(min_value=0, max_value=120))
def test_pages_together_are_the_whole_list(length: int) -> None:
    products = Catalogue(120).products[:length]
    first = leaf(products, 1)

    assert first is not None
    pages = [leaf(products, number) for number in range(1, first.last + 1)]
    assert [product for page in pages if page for product in page.products] == list(products)
    assert all(page and 0 < len(page.products) <= PAGE_SIZE for page in pages) or length == 0
    assert leaf(products, first.last + 1) is None
    assert leaf(products, 0) is None


def test_amounts_are_printed_with_cents_and_thousands() -> None:
    assert [euros(5), euros(123_456), euros(10_000)] == ["€0.05", "€1,234.56", "€100.00"]


def test_descriptions_leave_no_gap_unfilled(catalogue: Catalogue) -> None:
    assert not any("{" in product.description or "}" in product.description for product in catalogue.products)
