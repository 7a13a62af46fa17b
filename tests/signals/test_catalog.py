"""The catalog agrees with the code, and every row of it is worth having."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trafficguard.signals
from tests.corpus.clients import head_of
from tests.signals.heads import (
    ALONE,
    CHROME,
    CHROME_110,
    CHROME_SCRIPT,
    FIREFOX,
    FIREFOX_HTTP2,
    JA4,
    OPENED,
    OPENSSL_TLS,
    as_http2,
    row_alone,
    row_of,
)
from trafficguard.exchange import Handshake
from trafficguard.http.fields import PERSONAL
from trafficguard.scoring.weigh import total, weigh
from trafficguard.signals.catalog import BEHIND_PROXY, CATALOG, DIRECT
from trafficguard.signals.measures import MEASURES, find
from trafficguard.signals.row import READ, read_row

NAMES = sorted(CATALOG)


def test_every_signal_in_the_code_has_a_row_and_every_row_has_code() -> None:
    assert set(CATALOG) == set(MEASURES)


def test_every_signal_that_is_on_has_a_head_for_itself() -> None:
    assert {name for name, signal in CATALOG.items() if signal.mode == "on"} == set(ALONE)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_a_signal_speaks_alone_on_its_own_head(name: str) -> None:
    assert set(find(row_alone(name))) == {name}


@pytest.mark.parametrize("head", [CHROME, CHROME_SCRIPT, FIREFOX])
@pytest.mark.parametrize("secure", [True, False])
def test_a_clean_head_moves_no_signal(head: str, secure: bool) -> None:
    assert find(row_of(head, secure=secure)) == {}


@pytest.mark.parametrize("name", [name for name in ALONE if CATALOG[name].needs])
def test_a_signal_with_an_unmet_need_is_silent(name: str) -> None:
    assert name in find(row_alone(name))
    row = row_of(ALONE[name], secure=False, intact=BEHIND_PROXY)
    assert name not in find(row)


@pytest.mark.parametrize("name", sorted(OPENED))
def test_a_signal_about_the_connection_is_silent_when_nobody_told_how_it_was_opened(name: str) -> None:
    assert find(row_of(ALONE[name].replace("Priority: u=0, i", ""))) == {}


@pytest.mark.parametrize("name", NAMES)
def test_evidence_is_never_negative_and_never_above_its_cap(name: str) -> None:
    signal = CATALOG[name]
    assert 0 < signal.weight <= signal.cap


def test_nothing_that_contradicts_a_claim_reaches_the_middle_of_the_scale_alone() -> None:
    says_or_hides = {"agent.library", "agent.automation", "agent.robot", "agent.missing", "agent.bare"}
    driven = {"page.webdriver", "page.cdc", "page.playwright", "page.headless"}
    assert max(signal.cap for name, signal in CATALOG.items() if name not in says_or_hides | driven) < 4.55


@pytest.mark.parametrize(("alpn", "http2", "besides"), [("h2", FIREFOX_HTTP2, "http2.engine"), ("h1", "", "tls.protocol")])
def test_a_connection_that_a_program_in_between_opened_anew_stays_below_the_middle_of_the_scale(
    alpn: str, http2: str, besides: str
) -> None:
    head = as_http2(ALONE["http2.engine"]) if http2 else head_of(CHROME)
    opened = Handshake(JA4.format(alpn=alpn, ciphers=OPENSSL_TLS, extensions=CHROME_110), http2)
    found = find(read_row(head, True, DIRECT, *opened))
    assert set(found) == {"tls.engine", besides}
    assert total(weigh(found)) < 4.55


def test_what_a_proxy_in_front_does_to_a_head_stays_below_the_middle_of_the_scale() -> None:
    either = max(CATALOG["protocol.connection"].cap, CATALOG["protocol.old"].cap)
    assert CATALOG["headers.spelling"].cap + either < 4.55


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_filled_in_and_readable(name: str) -> None:
    signal = CATALOG[name]
    assert signal.unit
    assert signal.source
    assert re.fullmatch(r"It[s]? [a-z].{15,80}", signal.text)


def test_no_value_that_signals_read_is_personal() -> None:
    assert not READ & PERSONAL


def test_signals_ask_only_for_values_that_a_row_holds() -> None:
    folder = Path(trafficguard.signals.__file__).parent
    asked = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r'\.value\("([a-z-]+)"\)', path.read_text())
    }
    assert asked
    assert asked <= {name.decode() for name in READ}
