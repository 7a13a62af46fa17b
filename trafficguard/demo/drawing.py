"""A product's picture: an outline from `shapes`, coloured by the product's finish, in front of a calm wall.

Promises: the same product always gives the same, self-contained SVG text of a few kilobytes. Never: refers
to a font, a script or another address.
"""

from __future__ import annotations

from html import escape

from .catalogue import Product, mix
from .shapes import SHAPES

_STILL_COLOURS = (
    ".w{fill:#c79a63}.k{fill:#9c7443}.p{fill:#fbf6ec}.g{fill:#6f9168}"
    ".s{fill:none;stroke-width:9;stroke-linecap:round}"
)
"""Wood, its shade, paper and leaves look the same on every product."""

_WINDOWS = (
    '<path d="M250 0h150v214L214 300H0v-12z" fill="#fff" opacity=".22"/>',
    '<circle cx="296" cy="112" r="78" fill="#fff" opacity=".34"/>',
    '<path d="M84 300V150a116 116 0 0 1 232 0v150z" fill="#fff" opacity=".3"/>',
    '<circle cx="200" cy="196" r="160" fill="#fff" opacity=".26"/>',
)
"""Light on the wall behind the product."""

_FLOOR = (
    '<path d="M0 300h400v100H0z" fill="#000" opacity=".07"/>'
    '<ellipse cx="206" cy="320" rx="132" ry="13" opacity=".15"/>'
)


def draw(product: Product) -> str:
    """The picture as an SVG document."""
    finish = product.finish
    wall = finish.walls[mix(product.id, 21) % len(finish.walls)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400" role="img">'
        f"<title>{escape(product.name)}</title>"
        f"<style>.m{{fill:{finish.main}}}.d{{fill:{finish.dark}}}.l{{fill:{finish.light}}}.s{{stroke:{finish.dark}}}"
        f"{_STILL_COLOURS}</style>"
        f'<path d="M0 0h400v400H0z" fill="{wall}"/>{_WINDOWS[mix(product.id, 22) % len(_WINDOWS)]}{_FLOOR}'
        f"{SHAPES[product.shape]}</svg>"
    )
