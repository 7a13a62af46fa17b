"""The live view of the demo tells what visitors do, not only what they say.

A program that copies a browser's head to the letter is put in front of the sample shop, through the data plane as the
demo configures it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest

from tests.demo.conftest import PRODUCTS
from tests.net.harness import Proxy, proxy_to
from tests.net.messages import statuses
from tests.signals.heads import CHROME
from trafficguard.demo.run import demo_settings
from trafficguard.demo.shop import build_shop, serve_shop
from trafficguard.demo.view import line_of
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.places import RouteClass
from trafficguard.telemetry.events import event_of

HOST = "127.0.0.1:8088"
LIMIT = 60
"""Requests within which a program must stand out."""


@contextlib.asynccontextmanager
async def demo() -> AsyncIterator[Proxy]:
    """The shop and the proxy in front of it."""
    runner, port = await serve_shop(build_shop(PRODUCTS), "127.0.0.1", 0)
    sections = demo_settings(HOST, port, 1).model_dump(by_alias=True, exclude={"listen", "policy"})
    try:
        async with proxy_to(real_guard=True, **sections) as proxy:
            yield proxy
    finally:
        await runner.cleanup()


def as_chrome(target: str, body: str = "", *lines: str) -> bytes:
    """A visit to a page, or the sending of a form, as Chrome does it over plain HTTP."""
    method = "POST" if body else "GET"
    wanted = CHROME.replace("GET / ", f"{method} {target} ").replace("shop.example", HOST)
    more = [*lines]
    if body:
        more += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join((*wanted.strip().splitlines(), *more, "", body)).encode()


def told(proxy: Proxy) -> list[str]:
    """The lines of the live view."""
    return [line_of(event_of(exchange)) for exchange in proxy.record.exchanges]


def texts(*keys: str) -> list[str]:
    return [row.text for row in BEHAVIOURS.values() if row.key in keys]


def says(lines: Iterable[str], reasons: list[str]) -> bool:
    return any(line.endswith(tuple(reasons)) for line in lines)


async def test_a_program_with_a_session_that_walks_through_the_products_is_told_by_its_visit() -> None:
    async with demo() as proxy:
        first, _ = await proxy.ask(as_chrome("/"))
        cookie = next(line for line in first.decode().split("\r\n") if line.startswith("Set-Cookie: tgs="))
        cookie = cookie.removeprefix("Set-").partition(";")[0]
        for number in range(1, LIMIT):
            await proxy.ask(as_chrome(f"/product/{number}", "", cookie))
        lines = told(proxy)
    assert says(lines, texts("session"))
    assert " block " in lines[-1]


async def test_a_program_that_tries_passwords_is_told_by_its_logins() -> None:
    async with demo() as proxy:
        for number in range(LIMIT):
            await proxy.ask(as_chrome("/login", f"username=demo&password=p{number}"))
        lines = told(proxy)
    logins = [row.text for row in BEHAVIOURS.values() if row.feature == "login_failures"]
    assert says(lines, logins)
    assert " challenge " in lines[-1]


async def test_the_shop_says_who_is_logged_in_and_who_is_not() -> None:
    async with demo() as proxy:
        for password in ("wrong", "demo"):
            await proxy.ask(as_chrome("/login", f"username=demo&password={password}"))
        assert [exchange.login for exchange in proxy.record.exchanges] == [-1, 1]
        assert len({exchange.request.account for exchange in proxy.record.exchanges if exchange.request}) == 1


async def test_a_first_visit_shows_no_reason() -> None:
    async with demo() as proxy:
        assert statuses(await proxy.send(as_chrome("/"))) == [200]
        (line,) = told(proxy)
    assert line.endswith("GET /")


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("/", "page"), ("/product/7", "item"), ("/category/lamps", "listing"), ("/search?q=a", "search"),
        ("/static/shop.js", "asset"), ("/images/7.svg", "asset"), ("/api/products/7", "api"), ("/api/cart", "api"),
        ("/login", "login"), ("/account", "page"), ("/cart", "checkout"), ("/cart/add", "checkout"),
        ("/checkout", "checkout"), ("/ws/stock", "api"), ("/robots.txt", "feed"), ("/favicon.ico", "asset"),
    ],
)  # fmt: skip
async def test_the_demo_knows_the_paths_of_its_shop(target: str, word: str) -> None:
    async with demo() as proxy:
        await proxy.ask(as_chrome(target))
        (exchange,) = proxy.record.exchanges
        assert exchange.request is not None
        facts = proxy.worker.services.sites.all[0].facts
        assert facts.places.find(exchange.request.head).route is RouteClass[word.upper()]
