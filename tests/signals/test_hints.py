"""Client hints: the text of sec-ch-ua by version, and its agreement with User-Agent."""

from __future__ import annotations

import pytest

from tests.signals.heads import CHROME, FIREFOX, OLD_CHROME, added, changed, row_of, without
from trafficguard.signals import hints

KNOWN = [
    '"Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120"',
    '"Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"',
    '"Chromium";v="136", "Google Chrome";v="136", "Not.A/Brand";v="99"',
    '"Not)A;Brand";v="8", "Chromium";v="138", "HeadlessChrome";v="138"',
    '"Google Chrome";v="147", "Not.A/Brand";v="8", "Chromium";v="147"',
    '"Brave";v="147", "Not.A/Brand";v="8", "Chromium";v="147"',
    '"Not;A=Brand";v="8", "Chromium";v="150", "Google Chrome";v="150"',
    '"Google Chrome";v="155", "Chromium";v="155", "Not(A:Brand";v="24"',
    '"Not:A-Brand";v="8", "Chromium";v="156"',
]
"""As real builds of Chromium, and good copies of them, send it."""


def with_hints(text: str) -> str:
    return changed(CHROME, f"sec-ch-ua: {text}")


@pytest.mark.parametrize("text", KNOWN)
def test_the_text_of_a_real_version_is_right(text: str) -> None:
    assert hints.formula(row_of(with_hints(text))) is None


@pytest.mark.parametrize(
    "text",
    [
        '" Not A;Brand";v="99", "Chromium";v="156", "Google Chrome";v="156"',
        '"Chromium";v="116", "Not_A Brand";v="8", "Google Chrome";v="116"',
        '"Chromium";v="156", "Chrome";v="156", "Not(A_Brand";v="24"',
        '"Chromium";v="155", "Google Chrome";v="155", "Not(A:Brand";v="24"',
        '"Google Chrome";v="155", "Chromium";v="155"',
        '"Google Chrome";v="155", "Chromium";v="155", "Not(A:Brand";v="8"',
    ],
)
def test_the_text_of_a_copy_that_does_not_know_the_rule_is_wrong(text: str) -> None:
    assert hints.formula(row_of(with_hints(text))) is not None


@pytest.mark.parametrize(
    "text",
    [
        '" Not A;Brand";v="99", "Chromium";v="99", "Google Chrome";v="99"',
        '"Chromium";v="131"',
        '"YaBrowser";v="24", "Not:A-Brand";v="8", "Yowser";v="2", "Chromium";v="156"',
        '"Chromium";v="156x", "Nobody";v="1"',
        "",
        "not a list at all",
        '"' * 5000,
    ],
)
def test_what_the_rule_does_not_cover_is_not_judged_by_it(text: str) -> None:
    assert hints.formula(row_of(with_hints(text))) is None


@pytest.mark.parametrize("major", range(110, 170))
def test_every_version_has_one_order_of_three(major: int) -> None:
    assert sorted(hints.expected_order(major)) == [0, 1, 2]


def test_hints_are_not_missed_on_plain_http_in_parts_of_other_programs_or_in_old_versions() -> None:
    bare = without(CHROME, "sec-ch-ua")
    assert hints.missing(row_of(bare)) is not None
    webview = OLD_CHROME.format("126.0.0.0").replace("Win64; x64", "Win64; wv")
    assert hints.missing(row_of(changed(bare, webview))) is None
    assert hints.missing(row_of(changed(bare, OLD_CHROME.format("87.0.4280.144")))) is None
    assert hints.missing(row_of(added(bare, "Upgrade: websocket", before="user-agent"))) is None


@pytest.mark.parametrize(
    ("agent_system", "platform", "speaks"),
    [
        ("Windows NT 10.0; Win64; x64", '"Windows"', False),
        ("Windows NT 10.0; Win64; x64", '"macOS"', True),
        ("Macintosh; Intel Mac OS X 10_15_7", '"Linux"', True),
        ("X11; Linux x86_64", '"Android"', False),
        ("X11; CrOS x86_64 14541.0.0", '"Chrome OS"', False),
        ("Linux; Android 10; K", '"Linux"', True),
        ("Windows NT 10.0; Win64; x64", '"Unknown"', False),
        ("Windows NT 10.0; Win64; x64", '""', False),
        ("Tizen 7.0", '"Linux"', False),
    ],
)
def test_two_systems_in_one_head_speak(agent_system: str, platform: str, speaks: bool) -> None:
    head = CHROME.replace("Windows NT 10.0; Win64; x64", agent_system)
    assert (hints.system(row_of(changed(head, f"sec-ch-ua-platform: {platform}"))) is not None) is speaks


def test_a_telephone_in_the_hints_only_speaks() -> None:
    assert hints.system(row_of(changed(CHROME, "sec-ch-ua-mobile: ?1"))) is not None


def test_other_engines_have_no_hints() -> None:
    assert hints.foreign(row_of(added(FIREFOX, f"sec-ch-ua: {KNOWN[0]}", before="accept"))) is not None
    assert hints.foreign(row_of(added(FIREFOX, "sec-ch-ua: ", before="accept"))) is None
    assert hints.foreign(row_of(CHROME)) is None
