"""Which clients there are: what each needs, and the command that sets it on a shop.

Promises: each is used as its documentation begins, without a word of ours about what it meets. Never: starts anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from loadtests.clients.tools import PROGRAMS, Tools, find

Sort = Literal["library", "crawler", "impersonator", "browser"]
Start = Callable[[Tools, str, int], list[str]]
"""The command, by tools, URL of the shop and number of items."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that takes items from a shop."""

    name: str
    sort: Sort
    start: Start
    program: str = ""
    """Of the system, that has to be there."""
    library: str = ""
    """Of Python."""
    package: str = ""
    """Of Node.js."""

    def missing(self, tools: Tools) -> str:
        """What it lacks, and what brings it; empty where it can be tried."""
        return tools.missing(self.program, self.library, self.package) or (
            tools.missing("chromium") if self.sort == "browser" else ""
        )


def _curl(_tools: Tools, url: str, items: int) -> list[str]:
    return [find("curl"), "-s", "--rate", "6/s", "-o", "/dev/null", f"{url}/product/[1-{items}]"]


def _wget(_tools: Tools, url: str, _items: int) -> list[str]:
    """Follows links two levels deep, however many items those are."""
    return [find("wget"), *_WGET, url]


_WGET: Final = ("-q", "-r", "-l", "2", "--delete-after", "-e", "robots=off", "--tries=1", "--wait=0.15", "--reject=svg")


def _python(library: str) -> Start:
    return lambda tools, url, items: [tools.python, str(PROGRAMS / "crawl.py"), library, url, str(items)]


def _scrapy(tools: Tools, url: str, items: int) -> list[str]:
    spider = [str(PROGRAMS / "spider.py"), "-a", f"base={url}", "-a", f"items={items}"]
    return [tools.python, "-m", "scrapy", "runspider", *spider]


def _node(script: str, *before: str) -> Start:
    return lambda tools, url, items: [find("node"), str(tools.node_home / script), *before, url, str(items)]


def _browser(library: str) -> Start:
    return lambda tools, url, items: _node("browse.mjs", library, find("chromium"))(tools, url, items)


CLIENTS: Final = (
    Client("curl", "library", _curl, program="curl"),
    Client("wget", "crawler", _wget, program="wget"),
    Client("requests", "library", _python("requests"), library="requests"),
    Client("httpx", "library", _python("httpx"), library="httpx"),
    Client("aiohttp", "library", _python("aiohttp"), library="aiohttp"),
    Client("scrapy", "crawler", _scrapy, library="scrapy"),
    Client("curl_cffi as Chrome", "impersonator", _python("curl_cffi:chrome"), library="curl_cffi"),
    Client("curl_cffi as Firefox", "impersonator", _python("curl_cffi:firefox"), library="curl_cffi"),
    Client("curl_cffi as Safari", "impersonator", _python("curl_cffi:safari"), library="curl_cffi"),
    Client("fetch of Node.js", "library", _node("crawl.mjs", "fetch"), program="node", package="crawlee"),
    Client("got-scraping", "impersonator", _node("crawl.mjs", "got-scraping"), program="node", package="got-scraping"),
    Client("Crawlee", "crawler", _node("crawlee.mjs"), program="node", package="crawlee"),
    Client("Playwright", "browser", _browser("playwright"), program="node", package="playwright-core"),
    Client("Puppeteer", "browser", _browser("puppeteer"), program="node", package="puppeteer-core"),
    Client("puppeteer-extra stealth", "browser", _browser("puppeteer-stealth"), program="node",
           package="puppeteer-extra-plugin-stealth"),
)  # fmt: skip
"""All of them, in the order of the report."""
