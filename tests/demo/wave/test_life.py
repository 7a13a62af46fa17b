"""A visitor's jar of cookies, and what it asks for."""

from __future__ import annotations

import pytest

from tests.demo.wave.lives import lead
from trafficguard.demo.wave.heads import Kind, browsers
from trafficguard.demo.wave.life import Answer, Life, Visitor


def twice(visitor: Visitor) -> Life:
    for target in ("/a", "/b"):
        yield from visitor.ask(1.0, Kind.PAGE, target, referer="/before")


def cookie_after(*lines: str, keeps: bool = True, **jar: str) -> str:
    visitor = Visitor(browsers()["firefox-linux"], "11.0.0.1", keeps, dict(jar))
    return lead(twice(visitor), lambda _: Answer(200, lines))[1].values.cookie


@pytest.mark.parametrize(
    ("lines", "cookie"),
    [
        (("a=1; Path=/; HttpOnly",), "a=1"),
        (("a=1", "b=x=y; Secure"), "a=1; b=x=y"),
        (("a=1", "a=2"), "a=2"),
        (('old=""; Max-Age=0; Path=/',), ""),
        (("old=gone; max-age=0",), ""),
        (("old=",), ""),
    ],
)
def test_cookies_are_kept_and_deleted_as_answers_say(lines: tuple[str, ...], cookie: str) -> None:
    assert cookie_after(*lines) == cookie
    assert cookie_after(*lines, old="x") == (cookie if "old" in lines[0] else f"old=x; {cookie}")


def test_who_keeps_none_has_none() -> None:
    assert cookie_after("a=1", keeps=False) == ""


def test_a_referrer_of_the_shop_is_told_whole_and_a_body_makes_a_post() -> None:
    visitor = Visitor(browsers()["firefox-linux"], "11.0.0.1")
    assert lead(twice(visitor))[0].values.referer == "https://shop.example/before"

    def form() -> Life:
        yield from visitor.ask(0, Kind.LOGIN, "/login", referer="https://www.bing.com/", body=b"a=b")

    (ask,) = lead(form())
    assert (ask.method, ask.values.length, ask.values.referer) == ("POST", 3, "https://www.bing.com/")
    assert ask.head.startswith(b"POST /login HTTP/1.1\r\nHost: shop.example\r\n")
