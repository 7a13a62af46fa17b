"""The facts of a request as conditions ask for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.clients import head_of
from tests.guards import NOON, SHOP
from trafficguard.clock import SECOND
from trafficguard.exchange import Conditions, Handshake, Request
from trafficguard.policy.build import build
from trafficguard.policy.engine import Policy
from trafficguard.policy.facts import FIELDS, ROUTES, WEEKDAYS, Facts
from trafficguard.policy.gather import CHEAP, Gatherer, host_of
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.networks import number_of

PRESSED = Conditions(load=1.5, origins_up=0.5, origin_latency=2.0, error_rate=0.25)


def policy(*conditions: str) -> Policy:
    """A policy that asks for what the conditions name."""
    rules = [{"name": f"r{index}", "when": when, "weigh": 1} for index, when in enumerate(conditions)]
    return build(PolicyFile.model_validate({"rules": rules}))


def request(target: str = "/", *lines: str, client: str = "192.0.2.77", **more: Any) -> Request:
    """A request for a target."""
    head = head_of("\n".join((f"GET {target} HTTP/1.1", "Host: Shop.Example:8080", *lines)))
    return Request(head, client, True, SHOP, b"0", **more)


def gathered(
    asked: Request, *conditions: str, now: int = NOON, under: Conditions = PRESSED, session_known: bool = False
) -> Facts:
    """What is gathered for a policy with these conditions."""
    gatherer = Gatherer(policy(*conditions))
    labels = frozenset(("ua.browser",))
    return gatherer.gather(asked, now, under, 12.0, 2.5, labels, 1, "h1.c.x.y", session_known)


def test_what_is_found_and_the_conditions_are_handed_on() -> None:
    facts = gathered(request(), session_known=True)
    assert (facts.score, facts.evidence, facts.labels, facts.route) == (12.0, 2.5, {"ua.browser"}, ROUTES[1])
    assert (facts.load, facts.origins_up, facts.origin_latency, facts.error_rate) == tuple(PRESSED)
    assert (facts.fingerprint, facts.site, facts.secure, facts.session_known) == ("h1.c.x.y", SHOP, True, True)


def test_what_no_condition_asks_for_is_not_worked_out() -> None:
    facts = gathered(request("/", "User-Agent: curl/8"), "secure && score > 99")
    assert (facts.headers, facts.address_number, facts.network) == ({}, -1, "")
    assert (facts.path, facts.query, facts.host) == ("", "", "")


def test_only_the_headers_asked_for_are_gathered_and_of_a_repeated_one_the_first() -> None:
    lines = ("X-Test: one", "X-Other: b", "x-tEST: two", "Accept: caf\u00e9")
    facts = gathered(request("/", *lines), 'headers["X-TEST"] == "one"', 'headers["accept"] == "a"')
    assert facts.headers == {"x-test": "one", "accept": "caf\u00e9"}


@pytest.mark.parametrize(
    ("client", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("unix", "")],
)
def test_an_address_is_understood_where_a_condition_asks(client: str, network: str) -> None:
    for condition, expected in (('address in ["10.0.0.0/8"]', ""), ('network == "10.0.0.0/24"', network)):
        facts = gathered(request(client=client), condition)
        assert (facts.address, facts.address_number, facts.network) == (client, number_of(client), expected)


def test_what_headers_say_is_told_of_each_block_and_each_policy() -> None:
    one, other = Gatherer(policy('headers["x-test"] == "a"')), Gatherer(policy('headers["x-other"] == "a"'))
    first, second = request("/", "X-Test: 1", "X-Other: 2"), request("/", "X-Test: 3")
    told = [
        dict(gatherer.gather(asked, NOON, PRESSED, 1.0, 0.0, frozenset(), 0, "", False).headers)
        for asked in (first, second, first)
        for gatherer in (one, other)
    ]
    assert told == [{"x-test": "1"}, {"x-other": "2"}, {"x-test": "3"}, {}, {"x-test": "1"}, {"x-other": "2"}]


def test_time_and_conditions_are_those_of_the_latest_call() -> None:
    gatherer, calm = Gatherer(policy("secure && score > 99")), Conditions()
    hours, loads = [], []
    for now, under in ((NOON, PRESSED), (NOON + 3600 * SECOND, PRESSED), (NOON, calm), (NOON, PRESSED)):
        facts = gatherer.gather(request(), now, under, 1.0, 0.0, frozenset(), 0, "", False)
        hours.append(facts.hour)
        loads.append(facts.load)
    assert (hours, loads) == ([22, 23, 22, 22], [1.5, 1.5, 0.0, 1.5])


def test_an_address_is_worked_out_once() -> None:
    gatherer = Gatherer(policy('network == "10.0.0.0/24"'))
    for _ in range(2):
        facts = gatherer.gather(request(), NOON, PRESSED, 1.0, 0.0, frozenset(), 0, "", False)
        assert facts.network == "192.0.2.0/24"
    assert len(gatherer._addresses) == 1


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a?b=c?d", "/a", "b=c?d"),
        ("/open/../checkout", "/checkout", ""),
        ("/%63heckout", "/checkout", ""),
        ("/open/%2e%2e/checkout?x=%41", "/checkout", "x=%41"),
        ("/caf%C3%A9", "/caf\u00c3\u00a9", ""),
        ("*", "*", ""),
    ],
)
def test_paths_are_those_that_an_origin_would_resolve(target: str, path: str, query: str) -> None:
    asked = request(target) if target != "*" else Request(head_of("OPTIONS * HTTP/1.1\nHost: a"), "unix", False, SHOP, b"0")
    facts = gathered(asked, 'path == "/a" || query == "b"')
    assert (facts.path, facts.query) == (path, query)


@given(st.text("/.%2eEfF5cab?#\\;~", max_size=30))
def test_no_path_hides_dots_from_rules(text: str) -> None:
    raw = "/" + "".join(letter for letter in text if letter not in "#\\ ")
    try:
        asked = request(raw)
    except AssertionError:
        return  # refused before anything is judged
    path = gathered(asked, 'path == "/a"').path
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    ("line", "lines", "host"),
    [
        ("GET / HTTP/1.1", ("Host: Shop.EXAMPLE:80",), "shop.example"),
        ("GET http://Other.example:81/a HTTP/1.1", ("Host: shop.example",), "other.example"),
        ("GET / HTTP/1.1", ("Host: [2001:DB8::1]:80",), "[2001:db8::1]"),
        ("GET / HTTP/1.0", (), ""),
    ],
)
def test_the_host_is_that_of_the_target_or_else_the_header(line: str, lines: tuple[str, ...], host: str) -> None:
    asked = Request(head_of("\n".join((line, *lines))), "unix", False, SHOP, b"0")
    assert host_of(asked) == gathered(asked, 'host == "a"').host == host


@given(st.integers(0, 4_000_000_000))
def test_hours_and_days_are_those_of_utc(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    facts = gathered(request(), now=seconds * SECOND)
    assert (facts.hour, facts.weekday) == (moment.hour, WEEKDAYS[moment.weekday()])


def test_accounts_passes_and_handshakes_are_told() -> None:
    asked = request(handshake=Handshake("t13d"), account=b"a" * 16)
    asked.proof = 4
    facts = gathered(asked)
    assert (facts.account_known, facts.passed, facts.ja4) == (True, True, "t13d")
    facts = gathered(request())
    assert (facts.account_known, facts.passed, facts.ja4) == (False, False, "")


def test_cheap_fields_are_fields_and_say_nothing_of_a_single_request() -> None:
    assert set(FIELDS) >= CHEAP
    one = gathered(request("/a?b", "X-A: b"), session_known=False)
    other = gathered(request("/c", client="2001:db8::1"), session_known=True)
    for name in CHEAP:
        assert getattr(one, FIELDS[name].attribute) == getattr(other, FIELDS[name].attribute), name
