from __future__ import annotations

import itertools
from collections import Counter
from random import Random

import pytest

from loadtests.actors.catalogue import ZIPF, Catalogue, item_path, listing_path


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(20_000)


def test_every_item_has_one_rank_and_one_place_in_a_listing(catalogue: Catalogue) -> None:
    assert sorted(catalogue.by_rank) == list(range(1, 20_001))
    listed = [
        item
        for category in range(1, catalogue.categories + 1)
        for page in range(1, catalogue.leaves(category) + 1)
        for item in catalogue.leaf(category, page)
    ]
    assert sorted(listed) == list(range(1, 20_001))


def test_popularity_follows_zipf(catalogue: Catalogue) -> None:
    random, draws = Random(1), 100_000
    seen = Counter(catalogue.popular(random) for _ in range(draws))
    weight = sum(rank**-ZIPF for rank in range(1, 20_001))
    for rank in (1, 4, 16):
        assert seen[catalogue.by_rank[rank - 1]] / draws == pytest.approx(rank**-ZIPF / weight, rel=0.15)


def test_popular_items_are_scattered_over_the_numbers(catalogue: Catalogue) -> None:
    top = catalogue.by_rank[:100]
    steps = [abs(later - earlier) for earlier, later in itertools.pairwise(top)]
    assert min(steps) > 1
    assert 5_000 < sum(top) / len(top) < 15_000


def test_a_listing_shows_the_most_popular_first(catalogue: Catalogue) -> None:
    rank = {item: place for place, item in enumerate(catalogue.by_rank)}
    shelf = catalogue.leaf(7, 1) + catalogue.leaf(7, 2)
    assert [rank[item] for item in shelf] == sorted(rank[item] for item in shelf)


@pytest.mark.parametrize(
    ("path", "status", "item"),
    [
        (b"/product/1", 200, 1),
        (b"/product/20000", 200, 20_000),
        (b"/product/20001", 404, 0),
        (b"/product/0", 404, 0),
        (b"/product/x", 404, 0),
        (b"/category/200", 200, 0),
        (b"/category/201", 404, 0),
        (b"/category/1?page=5", 200, 0),
        (b"/category/1?page=6", 404, 0),
        (b"/search?q=lamp", 200, 0),
        (b"/images/3.svg", 200, 0),
        (b"/wp-login.php", 404, 0),
    ],
)
def test_the_shop_answers_for_what_it_has(catalogue: Catalogue, path: bytes, status: int, item: int) -> None:
    assert catalogue.find(path) == (status, item)


def test_paths_lead_where_they_say(catalogue: Catalogue) -> None:
    assert catalogue.find(item_path(17)).item == 17
    assert catalogue.find(listing_path(3, 2)).status == 200
    assert listing_path(3, 1) == b"/category/3"


@pytest.mark.parametrize("size", [0, -1, 1_000_003])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="a catalogue has 1 to"):
        Catalogue(size)


def test_the_smallest_catalogue_works() -> None:
    assert Catalogue(1).popular(Random(1)) == 1
