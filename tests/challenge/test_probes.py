"""Reports of pages: what each probe fires on, and that nothing whatever in a report can do more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.clients import request_of
from tests.signals.heads import CHROME, CURL, FIREFOX, changed, without
from trafficguard.challenge.probes import LONGEST_TEXT, MOST_BITS, MOST_LANGUAGES, PROBES, read_report
from trafficguard.exchange import Request
from trafficguard.signals.page import BIT

Json = dict[str, Any]

PHONE = changed(
    changed(changed(CHROME, "sec-ch-ua-mobile: ?1"), 'sec-ch-ua-platform: "Android"'),
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Mobile"
    " Safari/537.36",
)
IPHONE = changed(
    without(FIREFOX, "priority"),
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1",
)


def agent_of(head: str) -> str:
    """The User-Agent in a head."""
    return next(line.partition(": ")[2] for line in head.splitlines() if line.startswith("User-Agent"))


CLEAN: Json = {
    "webdriver": False, "cdc": False, "prepare_stack_trace": False, "playwright_globals": False, "headless_ua": False,
    "ua": agent_of(CHROME), "platform": "Win32", "languages": ["en-US", "en"],
    "brands": '"Chromium";v="155", "Google Chrome";v="155", "Not(A:Brand";v="24"', "mobile": False, "touch_points": 0,
    "no_plugins": False, "zero_outer": False, "chrome_object_missing": False,
    "webgl_renderer": "ANGLE (Intel, Intel(R) UHD Graphics Direct3D11 vs_5_0 ps_5_0, D3D11)",
    "worker_ua_differs": False, "iframe_differs": False, "native_tampered": False, "timezone": -330,
    "screen_width": 1920, "screen_height": 1080, "outer_width": 1936, "outer_height": 1056,
}  # fmt: skip
"""What a page finds in CHROME: a maximised window on Windows."""
LIVELY: Json = {
    "moves": 41, "straightness": 0.83, "interval_mean": 24.0, "interval_variance": 900.0, "clicks": 1,
    "clicks_without_moves": 0, "touches": 0, "keys": 2, "scrolls": 3, "untrusted": 0,
}  # fmt: skip
ON_PHONE: Json = CLEAN | {
    "ua": agent_of(PHONE), "platform": "Linux armv8l", "mobile": True, "touch_points": 5, "no_plugins": True,
    "webgl_renderer": "Adreno (TM) 640", "screen_width": 412, "screen_height": 915, "outer_width": 412,
    "outer_height": 785, "timezone": 300,
}  # fmt: skip
ON_IPHONE: Json = {
    "webdriver": False, "ua": agent_of(IPHONE), "platform": "iPhone", "languages": ["en-US"], "touch_points": 5,
    "chrome_object_missing": True, "no_plugins": True, "webgl_renderer": "Apple GPU", "timezone": 480,
    "screen_width": 390, "screen_height": 844, "outer_width": 390, "outer_height": 844,
}  # fmt: skip
IN_FIREFOX: Json = {
    "webdriver": False, "ua": agent_of(FIREFOX), "platform": "Linux x86_64", "languages": ["en-US", "en"],
    "touch_points": 0, "chrome_object_missing": True, "webgl_renderer": "Mesa", "timezone": 0,
    "screen_width": 1366, "screen_height": 768, "outer_width": 1366, "outer_height": 768,
}  # fmt: skip


def fired(probes: object, motion: object = LIVELY, head: str = CHROME) -> set[str]:
    """The probes that fire on a report."""
    bits = read_report(probes, motion, request_of(head, True))
    names = {name for name in PROBES if bits & BIT[name]}
    assert bits == sum(BIT[name] for name in names)
    return names


@pytest.mark.parametrize(
    ("head", "probes"),
    [(CHROME, CLEAN), (PHONE, ON_PHONE), (IPHONE, ON_IPHONE), (FIREFOX, IN_FIREFOX)],
    ids=["chrome", "phone", "iphone", "firefox"],
)
def test_nothing_fires_on_a_browser_of_which_all_is_as_it_should_be(head: str, probes: Json) -> None:
    assert fired(probes, LIVELY, head) == set()
    assert fired(probes, {}, head) == set()


ODD: dict[str, tuple[Json, Json]] = {
    "page.webdriver": ({"webdriver": True}, {}),
    "page.cdc": ({"cdc": True}, {}),
    "page.stack": ({"prepare_stack_trace": True}, {}),
    "page.playwright": ({"playwright_globals": True}, {}),
    "page.headless": ({"headless_ua": True}, {}),
    "page.agent": ({"ua": agent_of(FIREFOX)}, {}),
    "page.platform": ({"platform": "Linux x86_64"}, {}),
    "page.languages": ({"languages": ["de-DE", "en"]}, {}),
    "page.brands": ({"brands": '"Chromium";v="150", "Google Chrome";v="150"'}, {}),
    "page.mobile": ({"mobile": True}, {}),
    "page.plugins": ({"no_plugins": True}, {}),
    "page.window": ({"zero_outer": True, "outer_width": 0, "outer_height": 0}, {}),
    "page.screen": ({"screen_width": 800, "screen_height": 600}, {}),
    "page.chrome": ({"chrome_object_missing": True}, {}),
    "page.renderer": ({"webgl_renderer": "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device), SwiftShader driver)"}, {}),
    "page.worker": ({"worker_ua_differs": True}, {}),
    "page.frame": ({"iframe_differs": True}, {}),
    "page.native": ({"native_tampered": True}, {}),
    "page.impossible": ({"timezone": 1_000}, {}),
    "page.untrusted": ({}, {"untrusted": 1}),
    "page.clicks": ({}, {"moves": 0, "clicks_without_moves": 1, "keys": 0}),
    "page.straight": ({}, {"straightness": 1}),
    "page.even": ({}, {"interval_variance": 0.0}),
}
"""What has to be odd for one probe to fire, and no other."""


@pytest.mark.parametrize("name", ODD)
def test_a_probe_fires_alone_on_what_is_odd_for_it(name: str) -> None:
    probes, motion = ODD[name]
    assert fired(CLEAN | probes, LIVELY | motion) == {name}


def test_every_probe_has_something_odd_to_fire_on() -> None:
    assert set(PROBES) == {*ODD, "page.silent", "page.touch"}


def test_a_telephone_that_feels_no_touch_is_odd() -> None:
    assert fired(ON_PHONE | {"touch_points": 0}, {}, PHONE) == {"page.touch"}


@pytest.mark.parametrize("probes", [{"ua": agent_of(CHROME).replace("Chrome", "HeadlessChrome")}, {"brands": "HeadlessChrome"}])
def test_a_browser_without_a_window_is_known_by_the_name_that_scripts_read(probes: Json) -> None:
    assert "page.headless" in fired(CLEAN | probes)


@pytest.mark.parametrize("numbers", [
    {"timezone": -841}, {"timezone": 7}, {"touch_points": -1}, {"touch_points": 9e6}, {"screen_width": 0},
    {"screen_height": -768, "outer_height": 0},
])  # fmt: skip
def test_numbers_that_no_browser_has_are_odd(numbers: Json) -> None:
    assert fired(CLEAN | numbers) == {"page.impossible"}


@pytest.mark.parametrize("zone", range(-14 * 60, 12 * 60 + 1, 15))
def test_no_time_zone_of_the_world_is_odd(zone: int) -> None:
    assert fired(CLEAN | {"timezone": zone}) == set()


@pytest.mark.parametrize(("head", "platform"), [
    (changed(CHROME, 'sec-ch-ua-platform: "Linux"').replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64"), "Linux armv81"),
    (IPHONE.replace("iPhone; CPU iPhone OS 18_5 like Mac OS X", "Macintosh; Intel Mac OS X 10_15_7"), "iPad"),
    (CHROME, "an unknown one"), (CHROME, ""), (changed(CHROME, "User-Agent: ShopApp/1.0"), "Win32"),
])  # fmt: skip
def test_telephones_that_ask_for_the_desktops_page_and_unknown_systems_contradict_nothing(head: str, platform: str) -> None:
    assert fired({"platform": platform}, {}, head) == set()


@pytest.mark.parametrize("motion", [{"keys": 1}, {"touches": 1}, {"clicks_without_moves": 0}])
def test_a_click_by_finger_or_key_needs_no_pointer(motion: Json) -> None:
    still = {"moves": 0, "clicks": 1, "clicks_without_moves": 1, "keys": 0, "touches": 0}
    assert fired(CLEAN, still) == {"page.clicks"}
    assert fired(CLEAN, still | motion) == set()
    assert fired(CLEAN | {"touch_points": 5}, still) == set()


def test_a_few_movements_have_no_manner_yet() -> None:
    assert fired(CLEAN, {"moves": 9, "straightness": 1, "interval_mean": 16, "interval_variance": 0}) == set()
    assert fired(CLEAN, {"moves": 10, "straightness": 1, "interval_mean": 16, "interval_variance": 0}) == {
        "page.straight", "page.even",
    }  # fmt: skip


# --- no report ---


@pytest.mark.parametrize("nothing", [None, {}, [], "", 0, True, [{"webdriver": True}], "webdriver", 3.5])
def test_a_browser_that_reports_nothing_has_not_run_the_page(nothing: object) -> None:
    assert fired(nothing, nothing) == {"page.silent"}


@pytest.mark.parametrize("head", [
    CURL, changed(CURL, "User-Agent: ShopApp/2.1"), without(CURL, "user-agent"),
    PHONE.replace("; K)", "; K; wv)"),
])  # fmt: skip
def test_an_app_that_computes_by_itself_owes_no_report(head: str) -> None:
    assert fired(None, None, head) == set()


# --- hostile ones ---


KNOWN = [*CLEAN, *LIVELY, "__proto__", ""]
NUMBERS = st.one_of(st.integers(), st.integers(10**300, 10**400), st.floats(), st.sampled_from([0, -0.0, 1e308]))
TEXTS = st.one_of(
    st.text(max_size=40), st.sampled_from([agent_of(CHROME), "en", "Win32", "\ud800", "\0", "a" * 8192, "7" * 5000])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=8), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
REPORTS = st.one_of(VALUES, st.dictionaries(st.one_of(st.sampled_from(KNOWN), TEXTS), VALUES, max_size=12))
HEADS = st.sampled_from([CHROME, PHONE, IPHONE, FIREFOX, CURL, CHROME.replace("en-US", "\xff\xfe"), without(CHROME, "user-agent")])


@given(REPORTS, REPORTS, HEADS)
def test_whatever_is_reported_is_read_without_an_error_and_fits_into_a_pass(probes: object, motion: object, head: str) -> None:
    assert 0 <= read_report(probes, motion, request_of(head, True)) < 1 << MOST_BITS


@given(st.dictionaries(st.text(max_size=30).filter(lambda name: name not in KNOWN), VALUES, max_size=12))
def test_unknown_names_add_nothing(more: Json) -> None:
    assert fired(CLEAN | more, LIVELY | more) == set()


@given(st.sampled_from([*CLEAN]), st.one_of(st.none(), st.lists(NUMBERS, max_size=3), st.dictionaries(TEXTS, NUMBERS, max_size=3)))
def test_a_value_of_another_kind_counts_as_not_sent(name: str, value: object) -> None:
    sent = {other: clean for other, clean in CLEAN.items() if other != name}
    assert fired(CLEAN | {name: value}) == fired(sent) == set()


@given(st.sampled_from([name for name, value in CLEAN.items() if value is False and name != "mobile"]), st.one_of(NUMBERS, TEXTS))
def test_only_true_is_true(name: str, value: object) -> None:
    assert fired(CLEAN | {name: value}) == set()


@given(REPORTS, REPORTS, HEADS)
def test_a_report_can_only_add_bits_to_those_of_an_honest_one(probes: object, motion: object, head: str) -> None:
    told = probes if isinstance(probes, dict) else {}
    said = {name: value for name, value in told.items() if name in CLEAN and CLEAN[name] is False and value is True}
    found = fired(told | {"seen": 1}, motion, head)
    assert {"webdriver", "cdc"} & said.keys() <= {name.removeprefix("page.") for name in found}


def test_texts_and_lists_that_are_too_long_count_as_not_sent() -> None:
    assert fired(CLEAN | {"ua": "x" * (LONGEST_TEXT + 1)}) == set()
    assert fired(CLEAN | {"ua": "x" * LONGEST_TEXT}) == {"page.agent"}
    assert fired(CLEAN | {"languages": ["de"] * (MOST_LANGUAGES + 1)}) == set()
    assert fired(CLEAN | {"languages": ["de"] * MOST_LANGUAGES}) == {"page.languages"}


def test_json_as_it_comes_from_the_wire_is_read_as_it_is() -> None:
    wire = json.loads('{"webdriver": true, "touch_points": 1e999, "screen_width": NaN, "timezone": -1E+400, "cdc": 1}')
    assert fired(wire, json.loads('{"untrusted": 123456789012345678901234567890}')) == {"page.webdriver"}


def test_lines_of_a_head_that_are_not_ascii_are_compared_with_nothing() -> None:
    request = request_of(changed(CHROME, "User-Agent: Mozilla/5.0 \xff Chrome/155.0"), True)
    assert isinstance(request, Request)
    assert not read_report(CLEAN, {}, request) & BIT["page.agent"]
