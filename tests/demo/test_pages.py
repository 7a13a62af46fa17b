"""Pages say what the catalogue says, with every text escaped and every picture described."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from trafficguard.demo import pages
from trafficguard.demo.catalogue import Catalogue, leaf


def test_a_product_page_tells_price_stock_and_description(catalogue: Catalogue) -> None:
    item = replace(catalogue.products[0], stock=30)
    page = pages.product(item, ())

    assert item.price_text in page
    assert "30 in stock" in page
    assert item.description in page


@pytest.mark.parametrize(("left", "said"), [(0, "Sold out for now"), (5, "Only 5 left"), (6, "6 in stock")])
def test_stock_is_put_into_words(catalogue: Catalogue, left: int, said: str) -> None:
    assert said in pages.product(replace(catalogue.products[0], stock=left), ())


def test_what_is_sold_out_cannot_be_added(catalogue: Catalogue) -> None:
    item = catalogue.products[0]

    assert "/cart/add" in pages.product(replace(item, stock=1), ())
    assert "/cart/add" not in pages.product(replace(item, stock=0), ())


def test_names_are_escaped_wherever_a_product_is_shown(catalogue: Catalogue) -> None:
    item = replace(catalogue.products[0], name='<img src=x onerror="1">', stock=1)
    shown = pages.product(item, (item,))

    assert "<img src=x" not in shown
    assert 'onerror="1"' not in shown.replace('onerror=\\"1\\"', "")


def test_linked_data_is_json_that_cannot_end_its_script(catalogue: Catalogue) -> None:
    item = replace(catalogue.products[0], name="</script><b>", stock=0)
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', pages.product(item, ()))

    assert found is not None
    facts = json.loads(found[1])
    assert facts["name"] == "</script><b>"
    assert facts["offers"]["price"] == f"{item.price / 100:.2f}"
    assert facts["offers"]["availability"].endswith("OutOfStock")


def test_a_product_page_weighs_at_most_twenty_kilobytes(catalogue: Catalogue) -> None:
    heaviest = max(len(pages.product(item, catalogue.related(item, 4))) for item in catalogue.products)

    assert 2_000 < heaviest < 20_000


def test_no_review_stands_twice_on_a_page(catalogue: Catalogue) -> None:
    for item in catalogue.products:
        said = re.findall(r"<blockquote><p>(.*?)</p>", pages.product(item, ()))
        assert len(set(said)) == 3


def test_departments_on_the_front_page_show_different_things(catalogue: Catalogue) -> None:
    tiles = pages.home(catalogue).split('class="tiles"')[1].split("</section>")[0]
    shown = [catalogue.product(int(number)) for number in re.findall(r"/images/(\d+)\.svg", tiles)]

    assert len({item.shape for item in shown if item}) == len(catalogue.categories)


def test_a_shop_with_one_product_still_has_a_front_page() -> None:
    assert pages.home(Catalogue(1)).count("/category/") == 10


def test_every_picture_has_an_alternative_text_and_a_size(catalogue: Catalogue) -> None:
    for page in (pages.home(catalogue), pages.product(catalogue.products[0], catalogue.products[1:5])):
        images = re.findall(r"<img [^>]*>", page)
        assert images
        assert all('alt="' in image and "width=" in image and "height=" in image for image in images)


def test_a_query_is_escaped_in_heading_field_and_links(catalogue: Catalogue) -> None:
    query = '"><script>alert(1)</script>&a=b'
    found = leaf(catalogue.products, 1)
    assert found is not None
    page = pages.results(query, found)

    assert "<script" not in page
    assert 'value="&quot;&gt;&lt;script&gt;' in page
    assert "/search?q=%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%26a%3Db&amp;page=2" in page


def test_an_error_without_words_of_its_own_still_has_a_page() -> None:
    assert pages.problem(404)[0] != pages.problem(418)[0]
    assert "418" in pages.problem(418)[1]
