"""Fetch metadata: what the standard rules out, and what browsers always send."""

from __future__ import annotations

import pytest

from tests.signals.heads import CHROME, CHROME_SCRIPT, FIREFOX, OLD_CHROME, added, changed, row_of, without
from trafficguard.signals import fetch

TRIO = ("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user")


@pytest.mark.parametrize(
    "head",
    [
        changed(CHROME, "Sec-Fetch-Dest: image"),
        changed(CHROME, "Sec-Fetch-Mode: no-cors"),
        added(CHROME, "Referer: https://other.example/", before="accept-encoding"),
        CHROME.replace("GET /", "PUT /"),
        CHROME.replace("GET /", "HEAD /"),
    ],
)
def test_a_combination_that_the_standard_rules_out_speaks_whoever_sends_it(head: str) -> None:
    assert fetch.impossible(row_of(head, secure=False)) is not None
    assert fetch.impossible(row_of(changed(head, "User-Agent: Nobody/1"))) is not None


@pytest.mark.parametrize(
    "head",
    [
        CHROME,
        CHROME_SCRIPT,
        FIREFOX,
        changed(CHROME, "Sec-Fetch-Dest: iframe"),
        changed(CHROME, "Sec-Fetch-Dest: empty"),
        changed(CHROME, "Sec-Fetch-Dest: hologram"),
        without(CHROME, "sec-fetch-user"),
        CHROME.replace("GET /", "POST /"),
        changed(without(CHROME, "sec-fetch-user"), "Sec-Fetch-Mode: telepathy"),
    ],
)
def test_legal_and_unknown_values_do_not_speak(head: str) -> None:
    assert fetch.impossible(row_of(head)) is None


def test_two_of_three_headers_that_come_together_speak() -> None:
    assert fetch.partial(row_of(without(CHROME, "sec-fetch-site"))) is not None
    assert fetch.partial(row_of(without(CHROME, *TRIO))) is None
    assert fetch.partial(row_of(CHROME)) is None


def test_chromium_before_80_had_only_two_of_them() -> None:
    old = changed(without(CHROME, "sec-fetch-dest"), OLD_CHROME.format("78.0.3904.70"))
    assert fetch.partial(row_of(old)) is None


@pytest.mark.parametrize(
    "head",
    [
        changed(without(CHROME, *TRIO), OLD_CHROME.format("79.0.3945.0")),
        without(FIREFOX, *TRIO).replace("153.0", "89.0"),
        without(CHROME, *TRIO).replace("GET /", "OPTIONS /"),
        without(CHROME, *TRIO).replace("GET /", "POST /"),
        added(without(CHROME, *TRIO), "Upgrade: websocket", before="user-agent"),
        changed(without(CHROME, *TRIO), "User-Agent: Dillo/3.0.5"),
    ],
)
def test_old_browsers_preflights_reports_and_sockets_may_lack_them(head: str) -> None:
    assert fetch.missing(row_of(head)) is None
    assert fetch.missing(row_of(without(CHROME, *TRIO))) is not None
