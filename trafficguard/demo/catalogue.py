"""Products, categories and search of the sample shop, all of it computed from product numbers.

Promises: the same number of products always gives the same catalogue, with unique names, prices in cents
and a popularity rank from 1. Never: uses randomness, the clock or a file; changes after it was built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .words import CATEGORIES, ENDINGS, FINISHES, MAKERS, MIDDLES, OPENINGS, Category, Finish

MAX_PRODUCTS = 49_000
"""One sitemap file lists at most 50,000 addresses (sitemaps.org protocol), a few of them no products."""

PAGE_SIZE = 24
"""Products on one page of a listing."""

_NOUNS = len(CATEGORIES[0].nouns)
_NAMES = len(MAKERS) * _NOUNS * len(FINISHES)
"""Different names in one category before a series number is needed."""

_STRIDE = 1_009
"""Prime to `_NAMES`, so that walking the names in this step meets each once, far from its neighbour."""

_MASK = (1 << 64) - 1
_WORD = re.compile(r"[a-z0-9]+")
_MAX_TERMS = 8


def mix(number: int, salt: int) -> int:
    """A 64-bit number that looks random but follows from its arguments (SplitMix64, Steele et al. 2014)."""
    state = (number * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on sale."""

    id: int
    """The product number, from 1."""
    name: str
    """Unique in the shop."""
    maker: str
    noun: str
    shape: str
    """The outline it is drawn with."""
    finish: Finish
    category: Category
    price: int
    """Cents."""
    stock: int
    """Pieces in store; 0 is sold out."""
    rank: int
    """Popularity: 1 sells best."""

    @property
    def price_text(self) -> str:
        """The price as pages print it."""
        return euros(self.price)

    @property
    def rating(self) -> float:
        """Stars, 3.6 to 5.0."""
        return (36 + mix(self.id, 11) % 15) / 10

    @property
    def material(self) -> str:
        """What it is made of."""
        return _pick(self.category.materials, self.id, 12)

    @property
    def description(self) -> str:
        """Three sentences about it."""
        sentences = (_pick(OPENINGS, self.id, 13), _pick(MIDDLES, self.id, 14), _pick(ENDINGS, self.id, 15))
        words = {"maker": self.maker, "noun": self.noun.lower(), "finish": self.finish.name.lower()}
        return " ".join(sentence.format_map(words) for sentence in sentences)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page out of a longer list."""

    products: Sequence[Product]
    number: int
    """This page, from 1."""
    last: int
    """The last page; an empty list still has one."""
    total: int
    """Products in the whole list."""


class Catalogue:
    """All products, in the orders in which the shop shows them."""

    def __init__(self, products: int) -> None:
        """Raises ValueError unless there are 1 … MAX_PRODUCTS products."""
        if not 1 <= products <= MAX_PRODUCTS:
            raise ValueError(f"a shop has 1 to {MAX_PRODUCTS} products, not {products}")
        self.products = _make(products)
        self.popular = tuple(sorted(self.products, key=lambda product: product.rank))
        self.categories = CATEGORIES
        self._shelves = {
            category.slug: tuple(product for product in self.popular if product.category is category)
            for category in CATEGORIES
        }
        shelves = self._shelves.values()
        self._places = {product.id: at for shelf in shelves for at, product in enumerate(shelf)}
        self._index = _index(self.popular)

    def product(self, number: int) -> Product | None:
        """The product with this number."""
        return self.products[number - 1] if 1 <= number <= len(self.products) else None

    def category(self, slug: str) -> Category | None:
        """The category with this slug."""
        return next((category for category in CATEGORIES if category.slug == slug), None)

    def shelf(self, category: Category) -> tuple[Product, ...]:
        """A category's products, best sellers first."""
        return self._shelves[category.slug]

    def related(self, product: Product, count: int) -> tuple[Product, ...]:
        """The products that follow on the same shelf, wrapping around; never the product itself."""
        shelf = self._shelves[product.category.slug]
        place = self._places[product.id]
        return tuple(shelf[(place + step) % len(shelf)] for step in range(1, min(count, len(shelf) - 1) + 1))

    def search(self, query: str) -> tuple[Product, ...]:
        """Products that have a word starting with every term of the query, best sellers first."""
        terms = _WORD.findall(query.lower())[:_MAX_TERMS]
        if not terms:
            return ()
        found = set.intersection(*(self._starting_with(term) for term in terms))
        return tuple(self.popular[at] for at in sorted(found))

    def _starting_with(self, term: str) -> set[int]:
        places = [places for word, places in self._index.items() if word.startswith(term)]
        return set().union(*places)


def leaf(products: Sequence[Product], page: int) -> Leaf | None:
    """Page `page` of a list, or None where there is no such page."""
    last = max(1, -(-len(products) // PAGE_SIZE))
    if not 1 <= page <= last:
        return None
    start = (page - 1) * PAGE_SIZE
    return Leaf(products[start : start + PAGE_SIZE], page, last, len(products))


def euros(cents: int) -> str:
    """An amount as pages print it."""
    return f"€{cents // 100:,}.{cents % 100:02d}"


def _make(count: int) -> tuple[Product, ...]:
    order = sorted(range(1, count + 1), key=lambda number: mix(number, 1))
    ranks = {number: place for place, number in enumerate(order, 1)}
    counted = dict.fromkeys(CATEGORIES, 0)
    products = []
    for number in range(1, count + 1):
        category = CATEGORIES[mix(number, 2) % len(CATEGORIES)]
        products.append(_product(number, category, counted[category], ranks[number]))
        counted[category] += 1
    return tuple(products)


def _product(number: int, category: Category, nth: int, rank: int) -> Product:
    series, nth = divmod(nth, _NAMES)
    maker_noun, finish_at = divmod(nth * _STRIDE % _NAMES, len(FINISHES))
    maker, noun_at = MAKERS[maker_noun // _NOUNS], maker_noun % _NOUNS
    noun, shape = category.nouns[noun_at]
    finish = FINISHES[finish_at]
    name = f"{maker} {noun} in {finish.name}" + (f" No. {series + 1}" if series else "")
    low, high = category.price_range
    share = mix(number, 4) % 1_000
    # Squared, because a shop has more cheap things than dear ones.
    price = (low + (high - low) * share * share // 1_000_000) * 100 - mix(number, 5) % 2 * 10
    stock = 0 if mix(number, 6) % 14 == 0 else 1 + mix(number, 3) % 60
    return Product(number, name, maker, noun, shape, finish, category, price, stock, rank)


def _index(products: Sequence[Product]) -> dict[str, set[int]]:
    index: dict[str, set[int]] = {}
    for place, product in enumerate(products):
        for word in set(_WORD.findall(f"{product.name} {product.category.name}".lower())):
            index.setdefault(word, set()).add(place)
    return index


def _pick(choices: Sequence[str], number: int, salt: int) -> str:
    return choices[mix(number, salt) % len(choices)]
