"""The crowd of `mixed`: who comes (addresses) and what they ask for (targets).

Promises: the same 50,000 addresses and the same targets in every run, so that runs can be compared.
Never: sends anything to these addresses; they only stand in X-Forwarded-For.
"""

from __future__ import annotations

from itertools import pairwise

ADDRESSES = 50_000
STRIDE = 7_919
"""wrk's script walks the clients in steps of this prime, so that neighbours do not follow each other."""

_FIRST_OCTETS = (23, 31, 45, 62, 66, 78, 81, 84, 89, 91, 92, 95, 104, 109, 151, 176, 178, 185, 188, 212)
_WORDS = ("kettle", "lamp", "chair", "desk", "mug", "shelf", "sofa", "rug", "clock", "vase", "towel", "stool")


def addresses(count: int = ADDRESSES) -> list[str]:
    """Different IPv4 addresses, four to a /24, over 20 ordinary /8 networks: a public crowd."""
    return [_address(*divmod(index, 4)) for index in range(count)]


def _address(network: int, member: int) -> str:
    middle, first = divmod(network, len(_FIRST_OCTETS))
    second, third = divmod(middle * STRIDE % 65_536, 256)
    return f"{_FIRST_OCTETS[first]}.{second}.{third}.{17 + 61 * member}"


def targets() -> list[str]:
    """Request targets of a shop: products, listings with pages, searches, assets, an API."""
    products = [f"/product/{number}" for number in range(1, 200)]
    listings = [f"/category/{word}?page={page}" for word in _WORDS for page in (1, 2, 3)]
    searches = [f"/search?q={word}+{other}&sort=price" for word, other in pairwise(_WORDS)]
    assets = [f"/static/{number:08x}.{kind}" for number in range(20) for kind in ("css", "js", "webp")]
    api = [f"/api/products/{number}/stock" for number in range(1, 36)]
    return [*products, *listings, *searches, *assets, *api, "/", "/cart", "/login", "/robots.txt"]
