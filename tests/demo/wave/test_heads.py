"""What the crowd sends is what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.actors.derive_demo_heads import derive
from trafficguard.demo.wave.heads import Kind, Values, browsers, save
from trafficguard.http.head import RequestHead, RequestReader

FULL = Values("shop.example", "https://shop.example", "https://shop.example/", "a=b", "same-origin", 7)


def test_the_file_is_what_the_recordings_give(shared_data: Path, tmp_path: Path) -> None:
    found = derive(shared_data / "captures")
    assert {one.name: one.lines for one in found} == {name: one.lines for name, one in browsers().items()}
    save(found, tmp_path / "heads")
    assert browsers(tmp_path / "heads") == browsers()


@pytest.mark.parametrize("name", sorted(browsers()))
def test_every_head_is_one_the_proxy_takes_and_holds_the_visits_own_values(name: str) -> None:
    reader = RequestReader()
    for kind in browsers()[name].lines:
        method = "POST" if kind in (Kind.ADD, Kind.LOGIN) else "GET"
        raw = browsers()[name].head(kind, method, "/x?y=1", FULL)
        head = reader.read(raw)
        assert isinstance(head, RequestHead), raw
        assert (head.value(b"host"), head.cookie) == (b"shop.example", b"a=b")
        assert b"{" not in raw
        assert (b"Content-Length: 7\r\n" in raw) is (method == "POST")


def test_lines_about_cookies_and_referrers_come_and_go_with_their_values() -> None:
    browser = browsers()["firefox-linux"]
    full = browser.head(Kind.PAGE, "GET", "/", FULL).split(b"\r\n")
    bare = browser.head(Kind.PAGE, "GET", "/", FULL._replace(referer="", cookie="")).split(b"\r\n")
    assert [line for line in full if line not in bare] == [b"Referer: https://shop.example/", b"Cookie: a=b"]


def test_there_are_browsers_for_desks_and_phones_and_programs_that_say_what_they_are() -> None:
    agents = {name: next(line for line in one.lines[Kind.PAGE] if line.lower().startswith("user-agent")) for name, one in browsers().items()}
    assert "Mobile" in agents["chromium-phone"]
    assert "python-requests" in agents["requests"]
    assert "Googlebot" in agents["googlebot"]
