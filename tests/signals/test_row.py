"""The facts of a request."""

from __future__ import annotations

import pytest

from tests.signals.heads import CHROME, CHROME_SCRIPT, FIREFOX, added, changed, row_of, without
from trafficguard.signals.catalog import BEHIND_PROXY, DIRECT, Need

SECURE_DIRECT = DIRECT | {Need.HTTPS}


def test_a_row_keeps_order_and_spelling() -> None:
    row = row_of("GET / HTTP/1.1\nHost: a\nUSER-agent: b\naccept: c")
    assert row.spelled == ["Host", "USER-agent", "accept"]
    assert row.places == {"host": 0, "user-agent": 1, "accept": 2}


def test_a_repeated_header_has_its_first_place_and_value() -> None:
    row = row_of("GET / HTTP/1.1\nHost: a\nAccept: b\nX: y\nAccept: c")
    assert row.places["accept"] == 1
    assert row.value("accept") == "b"


def test_personal_values_are_not_in_a_row() -> None:
    row = row_of(CHROME_SCRIPT)
    assert row.has("cookie")
    assert row.value("cookie") == ""
    assert row.value("referer") == ""


def test_lines_of_a_proxy_are_left_out() -> None:
    lines = "X-Forwarded-For: 192.0.2.7\nVia: 1.1 proxy\nX-Bot-Score: 0\nX-Request-Id: 1\nCF-Ray: 2"
    assert row_of(f"{CHROME}{lines}").spelled == row_of(CHROME).spelled


def test_https_is_a_need_that_only_the_connection_meets() -> None:
    assert row_of(CHROME, secure=True).met == SECURE_DIRECT
    assert row_of(CHROME, secure=False).met == DIRECT
    assert row_of(CHROME, secure=True, intact=BEHIND_PROXY).met == {Need.HTTPS}


def test_a_head_that_a_front_wrote_anew_over_https_has_no_spelling_of_its_own() -> None:
    first, *lines = CHROME.splitlines()
    lowered = [line[: line.index(":")].lower() + line[line.index(":") :] for line in lines]
    head = "\n".join((first, *lowered)).replace("host:", "Host:").replace("connection:", "Connection:")
    assert row_of(head, secure=True).met == {Need.RAW_ORDER, Need.HTTPS}
    assert row_of(head, secure=False).met == DIRECT


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (CHROME, "navigation"),
        (CHROME_SCRIPT, "part"),
        (without(FIREFOX, "sec-fetch-mode"), "navigation"),
        (without(FIREFOX, "sec-fetch-mode", "upgrade-insecure-requests"), "navigation"),
        (changed(without(FIREFOX, "sec-fetch-mode", "upgrade-insecure-requests"), "Accept: */*"), "part"),
        (added(CHROME, "Upgrade: websocket", before="user-agent"), "socket"),
    ],
)
def test_the_kind_of_a_request_is_read_off_its_headers(head: str, kind: str) -> None:
    assert row_of(head).kind == kind
