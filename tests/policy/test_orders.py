"""What is in force, and what operators have decided by hand."""

from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guards import CALM, NOON, Visitor, make_guard
from tests.policy.policies import facts, rule_lists
from tests.signals.heads import CHROME
from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.facts import Facts
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.networks import number_of
from trafficguard.policy.orders import ByHand, HandTable, Orders, parse_key
from trafficguard.settings import Mode
from trafficguard.values import BadValueError

FINGERPRINT = "h1.c.14-5f0c9a3d.8be1f6a2"
MODES: tuple[Mode, ...] = ("off", "shadow", "enforce")


# ---- keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        (FINGERPRINT, FINGERPRINT),
    ],
)
def test_a_key_has_one_spelling(text: str, key: str) -> None:
    assert parse_key(text) == key == parse_key(key)


@pytest.mark.parametrize(
    "text",
    ["", "shop.example", "host.of.the.shop", "203.0.113.7/24", "203.0.113", "h1.c.14-5f0c9a3d", "h1..a.b",
     f"{FINGERPRINT}\n", f"{FINGERPRINT} ", f" {FINGERPRINT}", "h1.c.14-5f0c9a3d.8BE1F6A2", "h\n1.c.d", "unix", "*"],
)  # fmt: skip
def test_what_is_no_key_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_key(text)
    assert "203.0.113.0/24" in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_the_fingerprint_in_a_decision_log_is_a_key() -> None:
    guard = make_guard()
    explanation = guard.explain(Visitor(guard, CHROME).request("/"), NOON, CALM)
    assert parse_key(explanation.assessment.fingerprint) == explanation.assessment.fingerprint


# ---- looking up

ADDRESSES = ("10.0.0.1", "10.0.0.9", "10.1.2.3", "192.0.2.1", "2001:db8::1", "2001:db8:1::1", "::ffff:10.0.0.1", "unix")
KEYS = (
    "10.0.0.1", "10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/31", "2001:db8::/32", "2001:db8::1", "::/0",
    FINGERPRINT, "h1.f.3-00000000.11111111",
)  # fmt: skip
decisions = st.builds(
    ByHand, st.sampled_from(("allow", "block")), st.sampled_from(KEYS).map(parse_key), st.integers(0, 5)
)


def naive(decided: list[ByHand], address: str, fingerprint: str, now: int) -> str | None:
    """What holds, asked of every decision."""
    found = set()
    for one in decided:
        if one.key.startswith("h"):
            hit = one.key == fingerprint
        else:
            network, number = ipaddress.ip_network(one.key), number_of(address)
            mapped = ipaddress.ip_network(f"::ffff:{network.network_address}/{96 + network.prefixlen}") if (
                network.version == 4
            ) else network
            hit = number >= 0 and ipaddress.ip_address(number.to_bytes(16, "big")) in mapped
        if hit and now < one.until:
            found.add(one.action)
    return "block" if "block" in found else "allow" if found else None


@given(
    st.lists(decisions, max_size=12), st.sampled_from(ADDRESSES), st.sampled_from((FINGERPRINT, "", "h")), st.integers(0, 5)
)
def test_the_table_finds_what_a_look_at_every_decision_finds(
    decided: list[ByHand], address: str, fingerprint: str, now: int
) -> None:
    found = HandTable(decided).find(number_of(address), fingerprint, now)
    assert (found.action if found else None) == naive(decided, address, fingerprint, now)
    assert found is None or found in decided


def test_a_block_wins_however_wide_it_is() -> None:
    table = HandTable([ByHand("allow", "10.0.0.1", 9), ByHand("block", "10.0.0.0/8", 9), ByHand("allow", FINGERPRINT, 9)])
    found = table.find(number_of("10.0.0.1"), FINGERPRINT, 0)
    assert found == ByHand("block", "10.0.0.0/8", 9)


def test_a_decision_holds_until_its_end_and_then_not() -> None:
    table = HandTable([ByHand("block", "10.0.0.1", NOON)])
    assert table.find(number_of("10.0.0.1"), "", NOON - 1) is not None
    assert table.find(number_of("10.0.0.1"), "", NOON) is None


# ---- orders


@pytest.mark.parametrize("proxy", MODES)
@pytest.mark.parametrize("policy", MODES)
@pytest.mark.parametrize("site", MODES)
def test_the_mode_of_a_site_is_the_weakest_of_those_of_proxy_policy_and_site(proxy: Mode, policy: Mode, site: Mode) -> None:
    file = PolicyFile.model_construct(**{**dict(PolicyFile(mode=policy)), "sites": {}})
    other = PolicyFile.model_validate({"mode": policy, "sites": {"a.example": {"mode": site}}})
    order = MODES.index
    try:
        orders = Orders(1, build(other), proxy)
    except PolicyError:
        assert order(site) >= order(policy)  # it says nothing, and is refused
        orders = Orders(1, build(file), proxy)
        assert orders.mode_of("a.example") == min((proxy, policy), key=order)
    else:
        assert orders.mode_of("a.example") == min((proxy, policy, site), key=order)
    assert orders.mode_of("b.example") == min((proxy, policy), key=order)
    enforced = orders.enforced(["a.example", "b.example"])
    assert enforced == {name for name in ("a.example", "b.example") if orders.mode_of(name) == "enforce"}


@given(rule_lists(), st.lists(facts(), min_size=1, max_size=5), st.lists(decisions, max_size=4))
def test_orders_that_travelled_decide_as_those_that_stayed(
    rules: list[dict[str, object]], asked: list[Facts], decided: list[ByHand]
) -> None:
    try:
        policy = build(PolicyFile.model_validate({"rules": rules}))
    except PolicyError:
        return
    orders = Orders(7, policy, "shadow", tuple(decided))
    travelled: Orders = pickle.loads(pickle.dumps(orders, pickle.HIGHEST_PROTOCOL))
    assert (travelled.number, travelled.mode, travelled.by_hand) == (7, "shadow", orders.by_hand)
    assert travelled.policy.file == policy.file
    assert (travelled.policy.names, travelled.policy.headers, travelled.policy.fields) == (
        policy.names, policy.headers, policy.fields,
    )  # fmt: skip
    for one in asked:
        stayed_errors, travelled_errors = policy.new_errors(), travelled.policy.new_errors()
        assert travelled.policy.decide(one, travelled_errors) == policy.decide(one, stayed_errors)
        assert travelled_errors == stayed_errors


def test_a_verdict_can_travel() -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        verdict = Visitor(make_guard(), CHROME, address).ask("/")
        assert pickle.loads(pickle.dumps(verdict)) == verdict
