"""All networks of a policy as one table."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.naive import in_networks
from trafficguard.policy.networks import NetworkTable, apart, merged, number_of, within
from trafficguard.policy.nodes import Network
from trafficguard.values import parse_network

numbers = st.integers(0, 63)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Small networks in one corner of IPv4 and one of IPv6, so that they meet."""
    if draw(st.booleans()):
        return ipaddress.ip_network((0x0A000000 + draw(numbers), draw(st.integers(26, 32))), strict=False)
    return ipaddress.ip_network(((0x20010DB8 << 96) + draw(numbers), draw(st.integers(122, 128))), strict=False)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    number = draw(numbers)
    low = ipaddress.IPv4Address(0x0A000000 + number)
    return draw(st.sampled_from((str(low), f"::ffff:{low}", str(ipaddress.IPv6Address((0x20010DB8 << 96) + number)))))


sets = st.lists(st.frozensets(networks(), max_size=5), max_size=5)


@given(sets, addresses())
def test_a_table_has_one_bit_for_each_set_that_holds_the_address(given_sets: list[frozenset[Network]], address: str) -> None:
    table = NetworkTable(given_sets)
    expected = sum(1 << bit for bit, one in enumerate(given_sets) if in_networks(address, one))
    assert table(number_of(address)) == expected
    assert expected in table.masks()


@given(st.frozensets(networks(), max_size=4), st.frozensets(networks(), max_size=4), addresses())
def test_within_and_apart_are_never_wrong_about_an_address(
    one: frozenset[Network], other: frozenset[Network], address: str
) -> None:
    inner, outer = merged(one), merged(other)
    if within(inner, outer) and in_networks(address, one):
        assert in_networks(address, other)
    if apart(inner, outer):
        assert not (in_networks(address, one) and in_networks(address, other))


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        (["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8"], True),
        (["10.0.0.0/8"], ["10.0.0.0/9", "10.128.0.0/9"], True),
        (["10.0.0.0/7"], ["10.0.0.0/8"], False),
        ([], ["10.0.0.0/8"], True),
        (["::ffff:10.0.0.0/104"], ["10.0.0.0/8"], True),
        (["0.0.0.0/0"], ["::/0"], True),
    ],
)
def test_a_network_is_within_those_that_cover_it_together(inner: list[str], outer: list[str], expected: bool) -> None:
    assert within(merged(map(parse_network, inner)), merged(map(parse_network, outer))) is expected


def test_networks_that_touch_are_apart() -> None:
    first, second = (merged([parse_network(text)]) for text in ("10.0.0.0/25", "10.0.0.128/25"))
    assert apart(first, second)
    assert apart(second, first)
    assert not apart(first, first)


@pytest.mark.parametrize("text", ["", "unix", "10.0.0", "10.0.0.0/8"])
def test_what_is_no_address_is_in_no_network(text: str) -> None:
    everything = [parse_network("0.0.0.0/0"), parse_network("::/0")]
    assert NetworkTable([everything])(number_of(text)) == 0
