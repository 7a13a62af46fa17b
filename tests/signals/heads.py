"""Heads to test signals with: clean ones, ways to change one thing in them, and one head per signal.

Promises: `ALONE` names, for every signal, a head on which nothing but that signal speaks.
"""

from __future__ import annotations

from tests.corpus.clients import head_of
from trafficguard.signals.catalog import DIRECT, Need
from trafficguard.signals.row import Row, read_row

CHROME = """\
GET / HTTP/1.1
Host: shop.example
Connection: keep-alive
sec-ch-ua: "Google Chrome";v="155", "Chromium";v="155", "Not(A:Brand";v="24"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Windows"
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7
Sec-Fetch-Site: none
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9
"""
CHROME_SCRIPT = """\
GET /shop.js HTTP/1.1
Host: shop.example
Connection: keep-alive
sec-ch-ua-platform: "Windows"
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36
sec-ch-ua: "Google Chrome";v="155", "Chromium";v="155", "Not(A:Brand";v="24"
sec-ch-ua-mobile: ?0
Accept: */*
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: no-cors
Sec-Fetch-Dest: script
Referer: https://shop.example/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9
Cookie: basket=7
"""
FIREFOX = """\
GET / HTTP/1.1
Host: shop.example
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Accept-Language: en-US,en;q=0.9
Accept-Encoding: gzip, deflate, br, zstd
Connection: keep-alive
Referer: https://search.example/
Cookie: basket=7
Upgrade-Insecure-Requests: 1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: cross-site
Sec-Fetch-User: ?1
Priority: u=0, i
"""
CURL = """\
GET / HTTP/1.1
Host: shop.example
User-Agent: curl/8.5.0
Accept: */*
"""


def row_of(text: str, *, secure: bool = True, intact: frozenset[Need] = DIRECT) -> Row:
    """The facts in a head."""
    return read_row(head_of(text), secure, intact)


def name_of(line: str) -> str:
    """The lower-case name of a header line."""
    return line.partition(":")[0].lower()


def without(text: str, *names: str) -> str:
    """The head without the headers of these lower-case names."""
    first, *lines = text.splitlines()
    return "\n".join((first, *[line for line in lines if name_of(line) not in names]))


def changed(text: str, line: str) -> str:
    """The head with this line in the place of the one of the same name."""
    assert name_of(line) in map(name_of, text.splitlines())
    return "\n".join(line if name_of(old) == name_of(line) else old for old in text.splitlines())


def added(text: str, line: str, *, before: str) -> str:
    """The head with one line more, in front of the header of that lower-case name."""
    assert before in map(name_of, text.splitlines())
    return "\n".join(f"{line}\n{old}" if name_of(old) == before else old for old in text.splitlines())


def moved(text: str, name: str, *, before: str) -> str:
    """The head with one header somewhere else."""
    line = next(line for line in text.splitlines() if name_of(line) == name)
    return added(without(text, name), line, before=before)


OLD_CHROME = (
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}"
    " Safari/537.36"
)

ALONE: dict[str, str] = {
    "agent.library": CURL,
    "agent.automation": CHROME.replace(" Chrome/155", " HeadlessChrome/155"),
    "agent.robot": changed(CURL, "User-Agent: ShopBot/1.0"),
    "agent.missing": without(CURL, "user-agent"),
    "agent.incomplete": changed(CURL, "User-Agent: Mozilla/5.0"),
    "fetch.impossible": added(CHROME, "Referer: https://shop.example/", before="accept-encoding"),
    "fetch.partial": changed(CURL, "User-Agent: ShopApp/2.1") + "\nSec-Fetch-Mode: cors",
    "fetch.missing": without(FIREFOX, "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user"),
    "hints.missing": without(CHROME, "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"),
    "hints.foreign": changed(CHROME, FIREFOX.splitlines()[2]),
    "hints.version": changed(CHROME, OLD_CHROME.format("150.0.0.0")),
    "hints.system": changed(CHROME, 'sec-ch-ua-platform: "Linux"'),
    "hints.formula": CHROME.replace("Not(A:Brand", " Not A;Brand"),
    "headers.order": moved(CHROME, "user-agent", before="sec-ch-ua"),
    "headers.spelling": CHROME.replace("User-Agent", "user-agent"),
    "accept.missing": without(CHROME, "accept"),
    "accept.odd": changed(CHROME, "Accept: */*"),
    "accept.language": without(CHROME, "accept-language"),
    "accept.encoding": without(CHROME, "accept-encoding"),
    "protocol.connection": without(CHROME, "connection"),
    "protocol.old": CHROME.replace("HTTP/1.1", "HTTP/1.0"),
    "protocol.h2c": added(CHROME, "Upgrade: h2c", before="sec-ch-ua"),
}
