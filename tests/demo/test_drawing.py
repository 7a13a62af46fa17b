"""Pictures are well-formed, self-contained and as different as the products."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.drawing import draw
from trafficguard.demo.shapes import SHAPES

_SVG = "{http://www.w3.org/2000/svg}"


def test_every_picture_is_well_formed_and_names_its_product(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        root = ElementTree.fromstring(draw(product))
        assert root.tag == f"{_SVG}svg"
        assert root.findtext(f"{_SVG}title") == product.name


def test_a_picture_is_coloured_by_the_finish_in_the_name(catalogue: Catalogue) -> None:
    product = catalogue.products[0]

    assert f".m{{fill:{product.finish.main}}}" in draw(product)


def test_no_picture_refers_to_anything_outside_itself(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        assert not re.search(r"href|url\(|@import|<script|<image", draw(product))


@pytest.mark.parametrize("name", SHAPES)
def test_outlines_use_only_the_promised_classes(name: str) -> None:
    root = ElementTree.fromstring(f"<g>{SHAPES[name]}</g>")

    assert {child.get("class") for child in root} <= set("mdlwkpgs")
    assert not any("fill" in child.attrib or "id" in child.attrib for child in root)
