"""Everybody has an address of their own, and the same seed brings the same cast."""

from __future__ import annotations

from ipaddress import ip_address

from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.wave.cast import make_cast

SHOP = Catalogue(50)


def test_no_two_roles_share_an_address_and_all_look_public() -> None:
    addresses = [address for role in make_cast(SHOP, 1) for address in role.addresses]
    assert len(addresses) == len(set(addresses))
    assert all(ip_address(address).is_global for address in addresses)


def test_the_same_seed_brings_the_same_cast() -> None:
    first, again, other = (make_cast(SHOP, seed) for seed in (1, 1, 2))
    ask = [[next(role.lives[0]) for role in cast] for cast in (first, again, other)]
    assert ask[0] == ask[1] != ask[2]


def test_people_come_first_and_every_role_has_a_story_and_a_colour_of_its_own() -> None:
    cast = make_cast(SHOP, 1)
    assert [role.is_people for role in cast] == [True, *[False] * 5]
    assert len({role.colour for role in cast}) == len(cast)
    assert all(role.story for role in cast)
    assert all(len(f"  {role.name:8} {role.story}") <= 100 for role in cast)


def test_everybody_asks_from_an_address_of_the_role() -> None:
    for role in make_cast(SHOP, 3):
        assert {next(life).address for life in role.lives} <= role.addresses


def test_a_shop_with_one_product_will_do() -> None:
    for role in make_cast(Catalogue(1), 1):
        for life in role.lives:
            next(life)
