"""The numbers of addresses and networks."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.signals.addresses import Addresses

ADDRESSES = Addresses()


def address(client: str) -> tuple[int, int]:
    return ADDRESSES.find(client)[:2]


def network(client: str) -> tuple[int, int]:
    return ADDRESSES.find(client)[2:]


def test_ipv4_counts_as_itself_and_its_24() -> None:
    assert ADDRESSES.find("192.0.2.7") == (0xFFFF_C000_0207, 0, 0xFFFF_C000_0200, 0)
    assert network("192.0.2.7") == network("192.0.2.255") != network("192.0.3.7")
    assert address("192.0.2.7") != address("192.0.2.8")


def test_ipv6_counts_as_its_64_and_its_48() -> None:
    assert ADDRESSES.find("2001:db8:1:2:3:4:5:6") == (0, 0x2001_0DB8_0001_0002, 0, 0x2001_0DB8_0001_0000)
    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::2") != address("2001:db8:1:3::1")
    assert network("2001:db8:1:2::1") == network("2001:db8:1:ffff::1") != network("2001:db8:2::1")


def test_a_mapped_address_is_the_address_itself() -> None:
    assert ADDRESSES.find("::ffff:192.0.2.7") == ADDRESSES.find("192.0.2.7")


@pytest.mark.parametrize("text", ["unix", "", "not an address", "\ud800", "1.2.3.4.5", "x" * 1000])
def test_what_is_no_address_counts_as_itself(text: str) -> None:
    assert address(text) == network(text) != address("other")
    assert ADDRESSES.find(text) == Addresses().find(text)


@given(st.ip_addresses().map(str))
def test_addresses_of_a_network_share_its_numbers(client: str) -> None:
    bits = 24 if "." in client else 48
    around = ipaddress.ip_network(f"{client}/{bits}", strict=False)
    mapped = getattr(ipaddress.ip_address(client), "ipv4_mapped", None)
    if mapped is None:
        assert network(client) == network(str(around.network_address)) == network(str(around.broadcast_address))
    assert all(0 <= number < 1 << 64 for number in ADDRESSES.find(client))


def test_what_was_worked_out_is_remembered_and_long_texts_are_not() -> None:
    addresses = Addresses()
    assert addresses.find("192.0.2.7") is addresses.find("192.0.2.7")
    addresses.find("x" * 100)
    assert len(addresses._memory) == 1
