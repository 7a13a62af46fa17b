"""Crawls a shop with one of several libraries: listings, and the items that they name, one after another.

    crawl.py LIBRARY URL ITEMS

Each library is used as its documentation begins: a session that keeps cookies, and the library's own head. What
`curl_cffi` impersonates stands behind a colon: `curl_cffi:firefox`.
"""

import asyncio
import re
import sys
import time

PAUSE_S = 0.15
ITEM = re.compile(r'href="(/product/\d+)"')
LISTING = re.compile(r'href="(/category/[a-z-]+)"')


def fetcher(library):
    """A function that gets a URL and returns the text of the answer, whatever its status."""
    name, _, target = library.partition(":")
    if name == "requests":
        import requests

        session = requests.Session()
        return lambda url: session.get(url, timeout=10).text
    if name == "httpx":
        import httpx

        client = httpx.Client(follow_redirects=True, timeout=10)
        return lambda url: client.get(url).text
    if name == "curl_cffi":
        from curl_cffi import requests

        session = requests.Session(impersonate=target)
        return lambda url: session.get(url, timeout=10).text
    raise SystemExit(f"{library} is not known here")


async def with_aiohttp(crawling):
    import aiohttp

    async with aiohttp.ClientSession() as session:
        text = None
        while True:
            try:
                url = crawling.send(text)
            except StopIteration:
                return
            async with session.get(url) as answer:
                text = await answer.text()


def crawl(base, most):
    """Yields one URL after another and is sent what came."""
    home = yield base + "/"
    listings = list(dict.fromkeys(LISTING.findall(home))) or ["/category/kitchen"]
    got = 0
    for listing in listings:
        for page in range(1, 4):
            time.sleep(PAUSE_S)
            text = yield f"{base}{listing}?page={page}" if page > 1 else base + listing
            for item in dict.fromkeys(ITEM.findall(text)):
                time.sleep(PAUSE_S)
                yield base + item
                got += 1
                if got >= most:
                    return
    for number in range(1, most - got + 1):  # nothing was found to follow: it knows how items are numbered
        time.sleep(PAUSE_S)
        yield f"{base}/product/{number}"


def main(library, base, items):
    crawling = crawl(base, int(items))
    if library == "aiohttp":
        asyncio.run(with_aiohttp(crawling))
        return
    fetch, text = fetcher(library), None
    while True:
        try:
            url = crawling.send(text)
        except StopIteration:
            return
        text = fetch(url)


if __name__ == "__main__":
    main(*sys.argv[1:])
