"""Order and spelling of header names, and the headers that browsers always send."""

from __future__ import annotations

import pytest

from tests.signals.heads import (
    CHROME,
    CHROME_SCRIPT,
    FIREFOX,
    OLD_CHROME,
    added,
    changed,
    moved,
    row_of,
    without,
)
from trafficguard.signals import headers

HINTS = ("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")
WITH_COOKIE = CHROME + "Cookie: basket=7"
SAFARI = """\
GET / HTTP/1.1
Host: shop.example
Sec-Fetch-Dest: document
User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Sec-Fetch-Site: none
Sec-Fetch-Mode: navigate
Accept-Language: en-GB,en;q=0.9
Accept-Encoding: gzip, deflate, br
Connection: keep-alive
"""


@pytest.mark.parametrize(
    "head",
    [
        moved(WITH_COOKIE, "cookie", before="sec-ch-ua"),
        moved(CHROME, "accept-encoding", before="accept"),
        moved(CHROME, "sec-fetch-dest", before="sec-fetch-site"),
        moved(CHROME, "host", before="accept-language"),
        moved(CHROME_SCRIPT, "referer", before="accept-language"),
        moved(FIREFOX, "accept-encoding", before="accept"),
        moved(FIREFOX, "upgrade-insecure-requests", before="user-agent"),
    ],
)
def test_an_order_that_the_engine_never_writes_speaks(head: str) -> None:
    finding = headers.order(row_of(head))
    assert finding is not None
    assert finding.amount == 1.0


def test_an_asset_with_the_hints_of_a_page_speaks() -> None:
    copied = CHROME_SCRIPT
    for name in HINTS:
        copied = moved(copied, name, before="user-agent")
    assert headers.part(row_of(copied)) is not None
    assert headers.part(row_of(added(copied, "Save-Data: on", before="accept"))) is None


def test_a_moved_accept_language_speaks_softly() -> None:
    finding = headers.order(row_of(moved(CHROME, "accept-language", before="sec-fetch-site")))
    assert finding is not None
    assert finding.amount < 0.5


@pytest.mark.parametrize(
    "head",
    [
        SAFARI,
        moved(SAFARI, "user-agent", before="host"),
        added(CHROME, "Cache-Control: max-age=0", before="sec-ch-ua"),
        added(CHROME, "DNT: 1", before="upgrade-insecure-requests"),
        added(CHROME, "X-Requested-With: com.shop.app", before="sec-fetch-site"),
        added(CHROME_SCRIPT, "Origin: https://shop.example", before="sec-ch-ua-platform"),
        moved(changed(CHROME_SCRIPT, "Sec-Fetch-Dest: empty"), "accept", before="sec-ch-ua-platform").replace(
            "Accept: */*", "Accept: application/json"
        ),
        moved(
            changed(CHROME_SCRIPT, "Accept-Encoding: identity;q=1, *;q=0"),
            "accept-encoding",
            before="user-agent",
        ),
        moved(CHROME, "user-agent", before="sec-ch-ua").replace("GET /", "OPTIONS /"),
        added(moved(CHROME, "user-agent", before="sec-ch-ua"), "Upgrade: websocket", before="accept"),
        changed(
            moved(without(CHROME, *HINTS), "accept", before="user-agent"), OLD_CHROME.format("30.0.1599.101")
        ),
        changed(moved(without(CHROME, *HINTS), "user-agent", before="connection"), "User-Agent: Nobody/1"),
        added(FIREFOX, "Sec-GPC: 1", before="referer"),
        added(FIREFOX, "DNT: 1", before="connection"),
    ],
)
def test_what_people_their_settings_and_their_pages_do_is_in_order(head: str) -> None:
    assert headers.order(row_of(head)) is None


def test_whoever_changes_only_the_user_agent_keeps_the_order_of_the_real_engine() -> None:
    assert headers.order(row_of(changed(CHROME, FIREFOX.splitlines()[2]))) is None


@pytest.mark.parametrize(
    "head", [CHROME.replace("sec-ch-ua:", "Sec-Ch-Ua:"), CHROME.replace("Host:", "host:")]
)
def test_a_spelling_that_the_engine_does_not_use_speaks(head: str) -> None:
    assert headers.spelling(row_of(head)) is not None


def test_names_that_pages_choose_may_be_spelled_anyhow() -> None:
    assert headers.spelling(row_of(CHROME.replace("Accept:", "accept:"))) is None
    assert headers.spelling(row_of(SAFARI.replace("Host:", "HOST:"))) is None


def test_only_whoever_poses_as_a_browser_must_say_what_it_can_show() -> None:
    bare = "GET / HTTP/1.1\nHost: shop.example\n"
    assert headers.accept_missing(row_of(bare)) is not None
    assert headers.accept_missing(row_of(bare + "User-Agent: Mozilla/5.0")) is not None
    assert headers.accept_missing(row_of(bare + "User-Agent: ShopApp/2.1")) is None
    assert headers.accept_missing(row_of(bare.replace("GET", "POST"))) is None
    assert (
        headers.accept_missing(
            row_of(without(added(CHROME, "Upgrade: websocket", before="accept"), "accept"))
        )
        is None
    )


def test_a_page_opened_with_something_else_than_a_pages_accept_speaks() -> None:
    assert headers.accept_odd(row_of(changed(CHROME, "Accept: application/json"))) is not None
    assert headers.accept_odd(row_of(changed(CHROME, "Accept: text/html,*/*;q=0.8"))) is not None
    private = CHROME.replace("Google Chrome", "Brave")
    assert headers.accept_odd(row_of(changed(private, "Accept: text/html,*/*;q=0.8"))) is None


def test_asking_for_anything_speaks_only_where_no_page_can_be_behind_it() -> None:
    names = ("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "referer")
    lone = without(CHROME_SCRIPT, *names)
    assert headers.accept_odd(row_of(lone)) is not None
    assert headers.accept_odd(row_of(added(lone, "Referer: https://shop.example/", before="cookie"))) is None
    assert (
        headers.accept_odd(row_of(added(lone, "X-Requested-With: XMLHttpRequest", before="cookie"))) is None
    )


def test_a_browser_inside_another_program_may_know_no_language() -> None:
    qt = OLD_CHROME.format("87.0.4280.144").replace(
        "(KHTML, like Gecko)", "(KHTML, like Gecko) QtWebEngine/5.15.13"
    )
    assert headers.language_missing(row_of(changed(without(CHROME, "accept-language", *HINTS), qt))) is None


@pytest.mark.parametrize(
    "head",
    [
        changed(CHROME, "Sec-Fetch-Dest: video"),
        added(CHROME, "Range: bytes=100-", before="accept-language"),
        changed(CHROME, "Accept-Encoding: gzip"),
    ],
)
def test_players_and_resumed_downloads_may_ask_for_unpacked_bytes(head: str) -> None:
    text = head if "Encoding: gzip\n" in head else changed(head, "Accept-Encoding: identity")
    assert headers.encoding_missing(row_of(text)) is None
    assert headers.encoding_missing(row_of(changed(CHROME, "Accept-Encoding: identity"))) is not None


def test_programs_may_offer_h2c_but_browsers_never_do() -> None:
    java = "GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nUser-Agent: Java-http-client/17"
    assert headers.h2c(row_of(java)) is None
    assert headers.h2c(row_of(added(FIREFOX, "Upgrade: h2c", before="accept"))) is not None
