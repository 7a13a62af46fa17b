from __future__ import annotations

import ipaddress
from collections import Counter
from random import Random

import pytest

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crowd import BROWSERS, Crowd, gather
from loadtests.actors.model import SECOND, Actor, Ask
from loadtests.actors.people import Habits
from tests.loadtests.actors.lives import asks_of

CATALOGUE = Catalogue(20_000)
MINUTE = 60 * SECOND


@pytest.fixture(scope="module")
def crowd() -> list[tuple[Actor, Ask]]:
    """A crowd, and what each asks for first."""
    actors = gather(Crowd(people=1000, office=100, sale=250), CATALOGUE, Habits(), seed=3, minutes=60)
    return [(actor, asks_of(actor.life, most=1)[0]) for actor in actors]


def of(group: str, crowd: list[tuple[Actor, Ask]]) -> list[Ask]:
    return [first for actor, first in crowd if group in actor.groups]


def test_the_office_is_behind_one_address(crowd: list[tuple[Actor, Ask]]) -> None:
    office = of("office", crowd)
    assert len(office) == 100
    assert len({first.address for first in office}) == 1
    assert not {office[0].address} & {first.address for actor, first in crowd if "office" not in actor.groups}


def test_the_sale_begins_within_a_minute_on_one_item(crowd: list[tuple[Actor, Ask]]) -> None:
    sale = of("flash sale", crowd)
    assert len(sale) == 250
    assert all(35 * MINUTE <= first.at <= 36 * MINUTE for first in sale)
    assert len({first.path for first in sale}) == 1
    assert len({first.address for first in sale}) > 180


def test_everybody_else_comes_all_through_the_hour(crowd: list[tuple[Actor, Ask]]) -> None:
    thirds = Counter(first.at // (20 * MINUTE) for actor, first in crowd if "flash sale" not in actor.groups)
    assert set(thirds) == {0, 1, 2}
    assert min(thirds.values()) > 180


@pytest.mark.parametrize(
    ("group", "least", "most"),
    [("no cookies", 0.015, 0.08), ("no parts", 0.02, 0.1), ("cold link", 0.08, 0.2), ("no scripts", 0.003, 0.05),
     ("keyboard", 0.005, 0.05), ("warm cache", 0.08, 0.22)],
)  # fmt: skip
def test_every_kind_of_person_is_there(crowd: list[tuple[Actor, Ask]], group: str, least: float, most: float) -> None:
    assert least < len(of(group, crowd)) / len(crowd) < most


def test_browsers_are_met_as_often_as_stated() -> None:
    actors = gather(Crowd(people=3000, office=0, sale=0), CATALOGUE, Habits(), seed=3, minutes=60)
    met = Counter(group for actor in actors for group in actor.groups if group in BROWSERS)
    for actor in actors:
        actor.life.close()
    assert sum(BROWSERS.values()) == pytest.approx(100, abs=1)
    assert met["chromium-tls-phone"] / 3000 == pytest.approx(0.27, abs=0.03)
    assert met["epiphany-tls-linux"] / 3000 == pytest.approx(0.12, abs=0.02)


def test_some_phones_share_the_addresses_of_a_carrier(crowd: list[tuple[Actor, Ask]]) -> None:
    shared = Counter(first.address for actor, first in crowd if "office" not in actor.groups)
    assert 10 <= sum(count > 1 for count in shared.values()) <= 20


def test_no_address_is_given_twice_and_none_is_private() -> None:
    addresses = Addresses(Random(1))
    given = [addresses.v4() for _ in range(5000)] + [addresses.v6() for _ in range(5000)]
    assert len(set(given)) == 10_000
    assert all(ipaddress.ip_address(address).is_global for address in given)
