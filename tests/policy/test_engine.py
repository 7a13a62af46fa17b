"""The finished policy."""

from __future__ import annotations

import ipaddress

import pytest

from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.engine import network_of, plain_facts, weaker
from trafficguard.policy.facts import FIELDS, Facts, Kind
from trafficguard.policy.model import PolicyFile
from trafficguard.scoring.score import score_of

MODES = ("off", "shadow", "enforce")


def test_the_weaker_of_two_modes_is_the_one_that_does_less() -> None:
    assert [[weaker(a, b) for b in MODES] for a in MODES] == [["off"] * 3, ["off", "shadow", "shadow"], list(MODES)]


def test_a_site_may_do_less_than_the_policy_and_never_more() -> None:
    sites = {"a": {"mode": "shadow"}, "b": {"mode": "off"}}
    policy = build(PolicyFile.model_validate({"sites": sites}))
    assert [policy.mode_of(site) for site in ("a", "b", "c")] == ["shadow", "off", "enforce"]
    with pytest.raises(PolicyError, match="so enforce changes nothing for this site"):
        build(PolicyFile.model_validate({"mode": "shadow", "sites": {"a": {"mode": "enforce"}}}))


def test_a_policy_says_what_its_conditions_ask_for() -> None:
    rules = [
        {"name": "a", "when": 'headers["X-Test"] == "1" && "x-other" in headers', "action": "block"},
        {"name": "b", "when": '"ua.automation" in labels || address == "10.0.0.1" || time.hour < 3', "action": "block"},
        {"name": "c", "when": "secure", "action": "block", "mode": "off"},
    ]
    policy = build(PolicyFile.model_validate({"rules": rules}))
    assert policy.headers == {"x-test", "x-other"}
    assert policy.fields == {"headers", "labels", "address", "time.hour"}
    policy.self_test()


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("unix", ""), ("", "")],
)
def test_the_network_of_an_address_is_its_24_or_48(address: str, network: str) -> None:
    assert network_of(address) == network
    if network:
        assert ipaddress.ip_address(address) in ipaddress.ip_network(network)


def test_every_field_is_a_fact_of_its_kind() -> None:
    kinds = {
        Kind.BOOL: bool, Kind.NUMBER: int | float, Kind.TEXT: str, Kind.ADDRESS: str, Kind.LABELS: frozenset,
        Kind.HEADERS: dict,
    }  # fmt: skip
    facts = plain_facts()
    for fact in FIELDS.values():
        value = getattr(facts, fact.attribute)
        assert isinstance(value, kinds[fact.kind])
        assert not fact.words or value in fact.words
        if isinstance(value, int | float):
            assert fact.low <= value <= fact.high
    rest = set(Facts.__slots__) - {fact.attribute for fact in FIELDS.values()}
    assert rest == {"evidence", "address_number"}


def test_plain_facts_are_those_of_a_newcomer() -> None:
    assert plain_facts().score == score_of(plain_facts().evidence)
