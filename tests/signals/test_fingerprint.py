"""The header fingerprint."""

from __future__ import annotations

from tests.signals.heads import CHROME, CHROME_SCRIPT, CHROME_SOCKET, CURL, FIREFOX, added, changed, moved, row_of
from trafficguard.signals.fingerprint import fingerprint, marks


def steady_part(text: str) -> str:
    return fingerprint(row_of(text)).rpartition(".")[2]


def test_its_form_is_stated_and_stable() -> None:
    assert fingerprint(row_of(CURL)) == "h1.p.2-a5cf7050.388566ee"


def test_a_visit_does_not_change_it() -> None:
    visited = (
        added(CHROME, "Referer: https://shop.example/", before="accept-encoding")
        + "\nCookie: a=b\nIf-None-Match: c"
    )
    assert fingerprint(row_of(visited)) == fingerprint(row_of(CHROME))


def test_personal_values_do_not_change_it() -> None:
    assert fingerprint(row_of(changed(FIREFOX, "Cookie: other=1"))) == fingerprint(row_of(FIREFOX))


def test_order_and_spelling_change_it() -> None:
    different = {
        fingerprint(row_of(CHROME)),
        fingerprint(row_of(moved(CHROME, "accept", before="user-agent"))),
        fingerprint(row_of(CHROME.replace("Accept:", "accept:"))),
    }
    assert len(different) == 3


def test_its_last_part_holds_for_the_pages_and_the_assets_of_one_browser() -> None:
    assert steady_part(CHROME) == steady_part(CHROME_SCRIPT)
    assert steady_part(CHROME) != steady_part(FIREFOX)


def test_the_steady_mark_is_the_same_for_sockets_which_bring_no_client_hints() -> None:
    assert marks(row_of(CHROME_SOCKET))[0] == marks(row_of(CHROME))[0] == marks(row_of(CHROME_SCRIPT))[0]
    assert len({marks(row_of(head))[0] for head in (CHROME, FIREFOX, CURL)}) == 3


def test_the_manner_also_tells_client_hints_apart() -> None:
    other = changed(CHROME, 'sec-ch-ua: "Other";v="1"')
    assert marks(row_of(other))[0] == marks(row_of(CHROME))[0]
    assert marks(row_of(other))[1] != marks(row_of(CHROME))[1]
