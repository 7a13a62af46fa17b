"""Real browsers that are challenged reach the page that they asked for, and are challenged once."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.browsers import Browser, Tab, chromium, firefox
from tests.conftest import Program
from tests.net.harness import Proxy, proxy_to
from tests.system.test_browser import display, name_of
from trafficguard.actions import ChallengeKind
from trafficguard.policy.build import build
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import Orders

GREETING = "Welcome to the shop"
BROWSERS = ("chromium", "firefox", "chromium-window", "firefox-window")
"""Headless, and with a window on a screen that nobody sees."""
NETWORK = {"trusted": {"peers": ["127.0.0.0/8"], "header": "x-forwarded-for"}}
SKEWED = "(() => { const now = Date.now; Date.now = () => now() + %d; })()"


@dataclass
class Shop:
    """An origin that tells what reached it."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    """Method, path and body of each request."""

    @property
    def pages(self) -> list[str]:
        """Those for pages."""
        return [one for one in self.asked if "/page" in one]


def page(body: str) -> web.Response:
    return web.Response(text=f"<!doctype html><title>shop</title><h1>{GREETING}</h1>{body}", content_type="text/html")


@contextlib.asynccontextmanager
async def shop_of(pages: dict[str, str]) -> AsyncIterator[Shop]:
    """A shop that answers everything with its greeting, and `pages` with more."""
    shop = Shop()

    async def answer(request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        shop.asked.append(f"{request.method} {request.path} {body}".strip())
        if request.path == "/worker.js":
            return web.Response(text=SERVICE_WORKER, content_type="text/javascript")
        return page(pages.get(request.path, f"<p>{request.method} {body}</p>"))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        shop.port = runner.addresses[0][1]
        yield shop
    finally:
        await runner.cleanup()


SERVICE_WORKER = """
self.addEventListener("install", event => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => event.respondWith(fetch(event.request)));
"""


def asking(kind: ChallengeKind = "pow") -> PolicyFile:
    """A policy that challenges who asks for /page..."""
    rule = {"name": "ask", "when": 'path.startsWith("/page")', "action": {"challenge": {"kind": kind}}}
    everybody = {"name": "everybody", "when": "true", "action": "pass"}
    return PolicyFile.model_validate({"rules": [rule, everybody]})


@dataclass
class Scene:
    """A shop behind a proxy that challenges."""

    shop: Shop
    proxy: Proxy

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def happened(self, event: str) -> list[str]:
        """What happened at the desk: `issued pow ask` ..."""
        return [one.desk for one in self.proxy.record.exchanges if one.desk.startswith(event)]


@contextlib.asynccontextmanager
async def scene(kind: ChallengeKind = "pow", pages: dict[str, str] | None = None, **settings: Any) -> AsyncIterator[Scene]:
    async with shop_of(pages or {}) as shop, proxy_to(
        f"http://127.0.0.1:{shop.port}", real_guard=True, policy=asking(kind), mode="enforce", **settings
    ) as proxy:
        yield Scene(shop, proxy)


Opens = Callable[..., contextlib.AbstractAsyncContextManager[Browser]]


@pytest.fixture(scope="module")
def screen(program: Program) -> Iterator[str]:
    """A screen that all windows of this module share."""
    with display(program("Xvfb")) as one:
        yield one


@pytest.fixture(params=BROWSERS)
def opens(request: pytest.FixtureRequest, program: Program, tmp_path: Path) -> Opens:
    """Opens a browser with a fresh profile; one without a window has a person's name all the same."""
    name, _, window = request.param.partition("-")
    where = {"screen": request.getfixturevalue("screen")} if window else {}
    if name == "firefox":
        return lambda **more: firefox(program("firefox-esr"), tmp_path / "firefox", **where, **more)
    path = program("chromium")
    return lambda **more: chromium(path, tmp_path / "chromium", agent=name_of(path), **where, **more)


@pytest.fixture
def chrome(program: Program, tmp_path: Path) -> Opens:
    path = program("chromium")
    return lambda **more: chromium(path, tmp_path / "chromium", agent=name_of(path), **more)


async def arrives(tab: Tab) -> str:
    return await tab.wait_for(lambda said: GREETING in said, "the shop's page")


# ---- the first visit


async def test_a_first_visit_is_challenged_once_and_ends_at_the_page_that_was_asked_for(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7?colour=red&size=%2F#reviews")
        await arrives(tab)
        assert await tab.run("location.href") == f"{here.url}/page/7?colour=red&size=%2F#reviews"
        assert here.shop.pages == ["GET /page/7"]
        await tab.go(f"{here.url}/page/8")
        await tab.wait_for(lambda _: "GET /page/8" in here.shop.asked, "the next page")
        assert len(here.happened("issued")) == len(here.happened("solved")) == 1


@pytest.mark.parametrize("kind", ["cookie", "refresh", "resource"])
@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
async def test_kinds_that_need_no_javascript_let_everybody_in_by_themselves(
    opens: Opens, kind: ChallengeKind, javascript: bool
) -> None:
    async with scene(kind) as here, opens(javascript=javascript) as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7?a=b&c=d")
        async with asyncio.timeout(30):
            while not here.shop.pages:
                await asyncio.sleep(0.05)
        assert here.shop.pages == ["GET /page/7"]
        assert here.happened("solved") == [f"solved {kind} ask"]
        assert len(here.happened("issued")) == 1


async def test_ten_tabs_at_once_need_one_solution(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tabs = [await browser.tab() for _ in range(10)]
        await asyncio.gather(*(tab.go(f"{here.url}/page/{number}") for number, tab in enumerate(tabs)))
        await asyncio.gather(*(arrives(tab) for tab in tabs))
        assert sorted(here.shop.pages) == [f"GET /page/{number}" for number in range(10)]
        solved = [one.ended for one in here.proxy.record.exchanges if one.desk.startswith("solved")]
        assert len(here.happened("issued")) <= 10, "none saw a second challenge"
        assert len(solved) == 1
        last = max(one.ended for one in here.proxy.record.exchanges if one.status == 200)
        assert (last - solved[0]) / 1e9 < 2.0


# ---- without cookies, without JavaScript


async def test_without_cookies_one_solution_is_enough_for_a_while(opens: Opens) -> None:
    async with scene() as here, opens(cookies=False) as browser:
        tab = await browser.tab()
        for number in (7, 8, 9):
            await tab.go(f"{here.url}/page/{number}")
            await tab.wait_for(lambda _, n=number: f"GET /page/{n}" in here.shop.asked, "the page")
        assert here.shop.pages == ["GET /page/7", "GET /page/8", "GET /page/9"]
        assert len(here.happened("solved")) == 1
        assert len(here.happened("issued")) == 1


@pytest.mark.parametrize("kind", ["refresh", "resource", "cookie"])
async def test_without_cookies_nobody_goes_round_in_circles(opens: Opens, kind: ChallengeKind) -> None:
    async with scene(kind) as here, opens(cookies=False) as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7")
        await arrives(tab)
        assert here.shop.pages == ["GET /page/7"]
        assert len(here.happened("issued")) <= 2


# ---- forms


FORM = '<form method="post" action="/page/pay"><input name="card" value="4242"></form><script>document.forms[0].submit()</script>'


async def test_a_form_that_is_challenged_is_told_before_and_reaches_the_shop_once(opens: Opens) -> None:
    async with scene(pages={"/": FORM}) as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/")
        await arrives(tab)
        await tab.wait_for(lambda said: "POST card=4242" in said, "the form's answer")
        assert here.shop.pages == ["POST /page/pay card=4242"]
        assert len(here.happened("issued")) == 1


async def test_a_visitor_sent_back_by_another_site_with_a_form_is_not_asked_again(opens: Opens) -> None:
    """As a bank's page does after 3-D Secure; browsers withhold cookies with SameSite=Lax then."""
    async with scene() as here:
        target = f"{here.url}/page/paid"
        back = FORM.replace("/page/pay", target)
        async with shop_of({"/bank": back}) as bank, opens() as browser:
            tab = await browser.tab()
            await tab.go(f"{here.url}/page/7")
            await arrives(tab)
            await tab.go(f"http://localhost:{bank.port}/bank")
            await tab.wait_for(lambda _: "POST /page/paid card=4242" in here.shop.asked, "the form")
            assert len(here.happened("issued")) == 1


# ---- parts, scripts, workers, history


async def test_what_scripts_ask_for_is_told_how_to_solve_it_and_never_gets_a_page(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/")
        await arrives(tab)
        said = await tab.run(
            "fetch('/page/data').then(r => r.json().then(j => [r.status, r.headers.get('content-type'), j.challenge.kind]))"
        )
        assert said == [403, "application/problem+json", "pow"]
        image = "new Promise(done => { const i = new Image(); i.onerror = () => done('none'); i.src = '/page/picture'; })"
        assert await tab.run(image) == "none"
        assert here.shop.pages == []


async def test_behind_a_service_worker_it_is_the_same(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/")
        await arrives(tab)
        ready = "navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready).then(() => true)"
        assert await tab.run(ready)
        await tab.go(f"{here.url}/page/7")
        await tab.wait_for(lambda _: here.shop.pages == ["GET /page/7"], "the page")
        await arrives(tab)
        assert len(here.happened("issued")) == 1


async def test_going_back_never_ends_at_a_challenge_that_is_solved(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/")
        await arrives(tab)
        await tab.run("void (location.href = '/page/7')")
        await tab.wait_for(lambda _: here.shop.pages == ["GET /page/7"], "the page")
        await arrives(tab)
        await tab.run("void history.back()")
        await tab.wait_for(lambda said: "GET" in said and GREETING in said, "the page before")
        await tab.run("void history.forward()")
        await arrives(tab)
        assert len(here.happened("issued")) == 1


# ---- what changes meanwhile


async def test_a_policy_that_changes_meanwhile_takes_no_challenge_back(opens: Opens) -> None:
    async with scene() as here, opens() as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7")
        async with asyncio.timeout(30):
            while not here.happened("issued"):
                await asyncio.sleep(0.01)
        here.proxy.worker.services.guard.follow(Orders(2, build(asking("pow")), "enforce"))
        await arrives(tab)
        assert here.shop.pages == ["GET /page/7"]
        assert len(here.happened("issued")) == 1


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_wrong_by_an_hour_does_not_matter(chrome: Opens, hours: int) -> None:
    async with scene() as here, chrome() as browser:
        tab: Any = await browser.tab()
        await tab.send("Page.enable")
        await tab.send("Page.addScriptToEvaluateOnNewDocument", source=SKEWED % (hours * 3_600_000))
        await tab.go(f"{here.url}/page/7")
        await arrives(tab)
        assert here.shop.pages == ["GET /page/7"]
        assert len(here.happened("issued")) == 1


async def test_another_address_of_the_same_network_keeps_the_pass_and_another_network_does_not(chrome: Opens) -> None:
    async with scene(**NETWORK) as here, chrome() as browser:
        tab: Any = await browser.tab()
        await tab.send("Network.enable")
        for address, page_number in (("203.0.113.7", 7), ("203.0.113.99", 8), ("198.51.100.7", 9)):
            await tab.send("Network.setExtraHTTPHeaders", headers={"X-Forwarded-For": address})
            await tab.go(f"{here.url}/page/{page_number}")
            await tab.wait_for(lambda _, n=page_number: f"GET /page/{n}" in here.shop.asked, "the page")
        assert len(here.happened("issued")) == 2


async def test_a_network_that_fails_for_a_while_is_waited_for(chrome: Opens) -> None:
    async with scene() as here, chrome() as browser:
        tab: Any = await browser.tab()
        await tab.send("Network.enable")
        await tab.go(f"{here.url}/page/7")
        await tab.wait_for(lambda said: "One moment" in said, "the challenge")
        offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await tab.send("Network.emulateNetworkConditions", offline=True, **offline)
        await tab.wait_for_text("There is no connection at the moment")
        await tab.send("Network.emulateNetworkConditions", offline=False, **offline)
        await arrives(tab)
        assert here.shop.pages == ["GET /page/7"]


async def test_without_javascript_a_person_answers_the_question(chrome: Opens) -> None:
    async with scene() as here, chrome(javascript=False) as browser:
        tab: Any = await browser.tab()
        await tab.go(f"{here.url}/page/7")
        said = await tab.wait_for(lambda said: "How much is" in said, "the question")
        numbers = re.search(r"(\d) \+ (\d)", said)
        assert numbers is not None
        await asyncio.sleep(2.1)  # reading takes time, and less is not believed
        document = (await tab.send("DOM.getDocument"))["root"]["nodeId"]
        node = (await tab.send("DOM.querySelector", nodeId=document, selector="#answer"))["nodeId"]
        await tab.send("DOM.focus", nodeId=node)
        await tab.send("Input.insertText", text=str(int(numbers[1]) + int(numbers[2])))
        for kind in ("keyDown", "keyUp"):
            await tab.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        await arrives(tab)
        assert here.shop.pages == ["GET /page/7"]
        assert here.happened("solved") == ["solved pow ask"]
