"""The pages one reads in the sample shop: home, listings, products, search results, errors.

Promises: each function returns the `<main>` part as markup with every piece of text in it escaped. Never:
looks at a request, so that a page depends on its arguments alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote_plus

from .catalogue import Catalogue, Leaf, Product, mix
from .frame import SHOP_NAME
from .words import REVIEWERS, REVIEWS, Category

_FRESH = 8
"""Products a home page shows at once; a script asks for more when one scrolls there."""

_REVIEWS_SHOWN = 3

_PROBLEMS = {
    404: ("This shelf is empty", "We looked everywhere, but there is no such page."),
    405: ("Not like this", "This page does not take that kind of request."),
    413: ("That is too much", "What you sent is larger than this shop accepts."),
}
_ANY_PROBLEM = ("That did not work", "The shop could not make sense of this request.")


def home(catalogue: Catalogue) -> str:
    """The front page."""
    first = catalogue.popular[:3]
    pictures = "".join(
        f'<a href="/product/{item.id}">{_picture(item, alt=item.name, lazy=False)}</a>' for item in first
    )
    tiles = "".join(_tile(category, item) for category, item in _showpieces(catalogue))
    return (
        '<section class="hero"><div><h1>Things for the house, made to be kept.</h1>'
        "<p>Lamps, pots, blankets and paper from small workshops. "
        f"{len(catalogue.products):,} pieces, each in its own colour.</p>"
        '<p><a class="button" href="#best">See what sells best</a></p></div>'
        f'<div class="collage">{pictures}</div></section>'
        '<section aria-labelledby="departments"><h2 id="departments">Departments</h2>'
        f'<ul class="tiles">{tiles}</ul></section>'
        '<section aria-labelledby="best"><h2 id="best">Best sellers</h2>'
        f"{_grid(catalogue.popular[:_FRESH])}</section>"
        '<section id="more" data-more="/api/products?page=1" aria-labelledby="all">'
        '<h2 id="all" hidden>From the whole shop</h2><ul class="grid"></ul></section>'
    )


def listing(category: Category, leaf: Leaf) -> str:
    """One page of a category."""
    return (
        f"{_crumbs((('/', SHOP_NAME),), category.name)}<h1>{escape(category.name)}</h1>"
        f'<p class="lead">{escape(category.line)} <span class="quiet">{leaf.total:,} pieces</span></p>'
        f"{_grid(leaf.products)}{_pager(f'/category/{category.slug}?page=', leaf)}"
    )


def results(query: str, leaf: Leaf) -> str:
    """One page of search results; an empty query asks for one."""
    if not query.strip():
        heading, body = "Search", '<p class="lead">What are you looking for?</p>'
    elif not leaf.total:
        heading = f"Nothing found for “{escape(query)}”"
        body = '<p class="lead">Try a shorter word, such as <a href="/search?q=lamp">lamp</a>.</p>'
    else:
        found = "1 piece" if leaf.total == 1 else f"{leaf.total:,} pieces"
        heading = f"Results for “{escape(query)}”"
        body = f'<p class="lead"><span class="quiet">{found}</span></p>{_grid(leaf.products)}'
    again = (
        '<form class="again" role="search" action="/search">'
        '<label class="hush" for="again">Search for</label>'
        f'<input id="again" name="q" type="search" maxlength="100" value="{escape(query)}">'
        "<button>Search</button></form>"
    )
    pager = _pager(f"/search?q={escape(quote_plus(query, errors='replace'))}&amp;page=", leaf)
    return f"{_crumbs((('/', SHOP_NAME),), 'Search')}<h1>{heading}</h1>{again}{body}{pager}"


def product(item: Product, related: Sequence[Product]) -> str:
    """A product's own page."""
    shelf = (f"/category/{item.category.slug}", item.category.name)
    return (
        f"{_crumbs((('/', SHOP_NAME), shelf), item.name)}"
        f'<article class="product" data-product="{item.id}">'
        f'<div class="stage">{_picture(item, alt=item.name, lazy=False)}</div>'
        f"<div><h1>{escape(item.name)}</h1>{_stars(item.rating)}"
        f'<p class="price big">{item.price_text}</p><p>{escape(item.description)}</p>'
        f'<p class="stock" id="stock" data-left="{item.stock}">{_stock_text(item.stock)}</p>{_buying(item)}'
        f"{_facts(item)}</div></article>{_reviews(item)}"
        f'<section aria-labelledby="related"><h2 id="related">More from {escape(item.category.name)}</h2>'
        f"{_grid(related)}</section>{_linked_data(item)}"
    )


def trap() -> str:
    """Where the invisible link leads."""
    return (
        "<h1>Nothing to see here</h1><p>This page is linked nowhere that a visitor could see, and "
        'robots.txt asks crawlers to stay away. <a href="/">Back to the shop</a></p>'
    )


def problem(status: int) -> tuple[str, str]:
    """Title and page for an HTTP status of 400 and above."""
    title, line = _PROBLEMS.get(status, _ANY_PROBLEM)
    return title, (
        f'<section class="problem"><p class="quiet">{status}</p><h1>{title}</h1><p>{line}</p>'
        '<p><a class="button" href="/">Back to the front page</a></p></section>'
    )


def _grid(products: Iterable[Product]) -> str:
    return f'<ul class="grid">{"".join(map(_card, products))}</ul>'


def _card(item: Product) -> str:
    return (
        f'<li class="card"><a href="/product/{item.id}">{_picture(item, alt="", lazy=True)}'
        f"<span>{escape(item.name)}</span></a>"
        f'<p class="price">{item.price_text}</p>{_buying(item, short=True)}</li>'
    )


def _picture(item: Product, *, alt: str, lazy: bool) -> str:
    loading = ' loading="lazy"' if lazy else ""
    return f'<img src="/images/{item.id}.svg" alt="{escape(alt)}" width="400" height="400"{loading}>'


def _buying(item: Product, *, short: bool = False) -> str:
    if not item.stock:
        button = '<p><button class="button" disabled>Sold out</button></p>'
        return '<p class="out">Sold out</p>' if short else button
    named = f' aria-label="Add {escape(item.name)} to cart"' if short else ' class="button"'
    label = "Add" if short else "Add to cart"
    return (
        '<form action="/cart/add" method="post" data-add>'
        f'<button name="id" value="{item.id}"{named}>{label}</button></form>'
    )


def _showpieces(catalogue: Catalogue) -> list[tuple[Category, Product | None]]:
    """For every category its best seller whose outline no earlier category shows."""
    shown: set[str] = set()
    pairs: list[tuple[Category, Product | None]] = []
    for category in catalogue.categories:
        item = next((item for item in catalogue.shelf(category) if item.shape not in shown), None)
        if item is not None:
            shown.add(item.shape)
        pairs.append((category, item))
    return pairs


def _tile(category: Category, item: Product | None) -> str:
    picture = _picture(item, alt="", lazy=True) if item else ""
    return f'<li><a href="/category/{category.slug}">{picture}<span>{escape(category.name)}</span></a></li>'


def _crumbs(above: Iterable[tuple[str, str]], here: str) -> str:
    links = "".join(f'<li><a href="{address}">{escape(name)}</a></li>' for address, name in above)
    place = f'<li aria-current="page">{escape(here)}</li>'
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{links}{place}</ol></nav>'


def _pager(address: str, leaf: Leaf) -> str:
    if leaf.last == 1:
        return ""
    before = after = "<span></span>"
    if leaf.number > 1:
        before = f'<a rel="prev" href="{address}{leaf.number - 1}">Previous</a>'
    if leaf.number < leaf.last:
        after = f'<a rel="next" href="{address}{leaf.number + 1}">Next</a>'
    here = f"<span>Page {leaf.number} of {leaf.last}</span>"
    return f'<nav class="pager" aria-label="Pages">{before}{here}{after}</nav>'


def _stars(rating: float) -> str:
    full = round(rating)
    return (
        f'<p class="stars"><span aria-hidden="true">{"★" * full}{"☆" * (5 - full)}</span> '
        f'<span class="quiet">{rating} out of 5</span></p>'
    )


def _stock_text(left: int) -> str:
    if not left:
        return "Sold out for now"
    return f"Only {left} left" if left < 6 else f"{left} in stock"


def _facts(item: Product) -> str:
    width, height = 8 + mix(item.id, 31) % 40, 6 + mix(item.id, 32) % 50
    facts = {
        "Colour": item.finish.name,
        "Material": item.material,
        "Size": f"{width} × {height} cm",
        "Weight": f"{120 + mix(item.id, 33) % 3_000:,} g",
        "Article": _article(item),
        "Popularity": f"No. {item.rank:,} in the shop",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f'<dl class="facts">{rows}</dl>'


def _article(item: Product) -> str:
    return f"LF-{item.id:06d}"


def _reviews(item: Product) -> str:
    quotes = []
    for nth in range(_REVIEWS_SHOWN):
        # One random start, then steps: the same words never stand twice on a page.
        said = REVIEWS[(mix(item.id, 41) + nth * 3) % len(REVIEWS)]
        by = REVIEWERS[(mix(item.id, 42) + nth * 5) % len(REVIEWERS)]
        quotes.append(f"<li><blockquote><p>{escape(said)}</p></blockquote><p>{by}, verified buyer</p></li>")
    return (
        '<section aria-labelledby="reviews"><h2 id="reviews">What customers say</h2>'
        f'<ul class="reviews">{"".join(quotes)}</ul></section>'
    )


def _linked_data(item: Product) -> str:
    """schema.org facts, the part of a product page that price crawlers read."""
    offer = {
        "@type": "Offer", "price": f"{item.price / 100:.2f}", "priceCurrency": "EUR",
        "availability": "https://schema.org/" + ("InStock" if item.stock else "OutOfStock"),
    }  # fmt: skip
    facts = {
        "@context": "https://schema.org", "@type": "Product", "name": item.name, "sku": _article(item),
        "description": item.description, "image": f"/images/{item.id}.svg", "offers": offer,
    }  # fmt: skip
    text = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'
