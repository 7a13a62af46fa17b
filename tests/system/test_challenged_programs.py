"""Programs that are challenged: those without a solver stay outside, and browsers that programs drive are known by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.browsers import chromium, firefox
from tests.conftest import Program
from tests.system.test_browser import display, name_of
from tests.system.test_challenged_visits import GREETING, Scene, arrives, scene

DRIVEN = 75.0
"""Bot score from which the policies that come with the program block."""


UNSUSPECTED = 20.0


async def output_of(*command: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return out.decode("utf-8", "replace")


def scores(here: Scene) -> list[float]:
    """Of the requests that had a pass."""
    records = here.proxy.record.exchanges
    return [one.verdict.score for one in records if one.verdict and one.request and one.request.proof]


@pytest.mark.parametrize("posing", [False, True], ids=["as-itself", "as-a-browser"])
async def test_curl_does_not_get_past_the_work(program: Program, tmp_path: Path, posing: bool) -> None:
    async with scene() as here:
        jar = tmp_path / "jar"
        pose = ("-A", name_of(program("chromium")), "-H", "Accept: text/html", "-H", "Accept-Language: en") if posing else ()
        for _ in range(3):
            said = await output_of(program("curl"), "-sL", "--compressed", "-b", jar, "-c", jar, *pose, f"{here.url}/page/7")
            assert GREETING not in said
        assert (here.shop.pages, here.happened("solved")) == ([], [])


async def test_wget_does_not_get_past_the_work(program: Program) -> None:
    async with scene() as here:
        said = await output_of(program("wget"), "-qO-", "--content-on-error", f"{here.url}/page/7")
        assert GREETING not in said
        assert here.shop.pages == []


async def test_scrapy_does_not_get_past_the_work(scrapy: list[str]) -> None:
    async with scene() as here:
        said = await output_of(*scrapy, "fetch", "--nolog", f"{here.url}/page/7")
        assert GREETING not in said
        assert (here.shop.pages, here.happened("solved")) == ([], [])


ASKS_AGAIN = """
import sys
import requests

session = requests.Session()
session.headers.update({"Accept": "text/html", "Accept-Language": "en"})
if sys.argv[2]:
    session.headers["User-Agent"] = sys.argv[2]
for _ in range(3):
    print(session.get(sys.argv[1]).text)
"""


@pytest.mark.parametrize("posing", [False, True], ids=["as-itself", "as-a-browser"])
async def test_requests_does_not_get_past_the_work(program: Program, requests_library: str, posing: bool) -> None:
    agent = name_of(program("chromium")) if posing else ""
    async with scene() as here:
        said = await output_of(requests_library, "-c", ASKS_AGAIN, f"{here.url}/page/7", agent)
        assert GREETING not in said
        assert "<html" in said
        assert (here.shop.pages, here.happened("solved")) == ([], [])


async def test_chromium_as_drivers_start_it_solves_it_and_is_known_from_then_on(program: Program, tmp_path: Path) -> None:
    """Selenium, Puppeteer and Playwright start it with --enable-automation, by which a page sees navigator.webdriver."""
    path = program("chromium")
    async with scene() as here, chromium(path, tmp_path / "profile", agent=name_of(path), driven=True) as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7")
        await arrives(tab)
        assert await tab.run("navigator.webdriver") is True
        assert len(here.happened("solved")) == 1
        assert min(scores(here)) >= DRIVEN


async def test_firefox_under_webdriver_solves_it_and_is_known_from_then_on(program: Program, tmp_path: Path) -> None:
    async with scene() as here, firefox(program("firefox-esr"), tmp_path / "profile", driven=True) as browser:
        tab = await browser.tab()
        await tab.go(f"{here.url}/page/7")
        await arrives(tab)
        assert min(scores(here)) >= DRIVEN


async def test_a_browser_with_a_window_that_only_its_debugger_drives_looks_like_a_persons(
    program: Program, tmp_path: Path
) -> None:
    """So no person is suspected for the page; and what patchright and nodriver do is not seen, as the README says."""
    path = program("chromium")
    with display(program("Xvfb")) as screen:
        async with scene() as here, chromium(path, tmp_path / "profile", screen=screen) as browser:
            tab = await browser.tab()
            await tab.go(f"{here.url}/page/7")
            await arrives(tab)
            assert max(scores(here)) < UNSUSPECTED
