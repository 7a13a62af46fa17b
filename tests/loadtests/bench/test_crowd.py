"""Tests of loadtests/bench/crowd.py."""

from __future__ import annotations

from ipaddress import ip_address
from math import gcd

from loadtests.bench.crowd import ADDRESSES, STRIDE, addresses, targets


def test_there_are_fifty_thousand_different_public_addresses() -> None:
    crowd = addresses()
    assert len(set(crowd)) == len(crowd) == ADDRESSES == 50_000
    assert all(ip_address(address).is_global for address in crowd)


def test_no_network_is_crowded() -> None:
    networks = [address.rpartition(".")[0] for address in addresses()]
    assert len(set(networks)) == ADDRESSES // 4


def test_walking_by_the_stride_meets_everybody() -> None:
    assert gcd(STRIDE, ADDRESSES) == 1


def test_a_client_that_comes_back_asks_for_something_else() -> None:
    assert ADDRESSES % len(targets()) != 0


def test_targets_differ_and_are_plain_paths() -> None:
    found = targets()
    assert len(set(found)) == len(found) >= 300
    assert all(target.startswith("/") and target.isascii() and " " not in target for target in found)
