"""Heads to test signals with: clean ones, ways to change one thing in them, and one head per signal.

Promises: `ALONE` names, for every signal, a head on which nothing but that signal speaks; where it is the connection
that was opened oddly, `OPENED` says how, and where it is what a pass says, `TOLD` and `REUSED` do. `read_alone` and
`sent_alone` put them together.
"""

from __future__ import annotations

from tests.corpus.clients import head_of
from trafficguard.exchange import UNKNOWN_HANDSHAKE, Handshake, Request
from trafficguard.http.head import RequestHead
from trafficguard.http.header_list import ListReader
from trafficguard.signals.catalog import CATALOG, DIRECT, Need
from trafficguard.signals.page import BIT, MOST_REUSE
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
CHROME_SOCKET = """\
GET /ws/stock HTTP/1.1
Host: shop.example
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36
Upgrade: websocket
Origin: https://shop.example
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
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

JA4 = "t13d1517{alpn}_{ciphers}_{extensions}"
CHROME_TLS, OPENSSL_TLS = "8daaf6152771", "85036bcba153"
CHROME_155, CHROME_110 = "cb7bf5808d99", "e5627efa2ab1"
FIREFOX_HTTP2 = "1:65536;2:0;4:131072;5:16384|12517377|0|m,p,a,s"

ALONE: dict[str, str] = {
    "agent.library": CURL,
    "agent.automation": CHROME.replace(" Chrome/155", " HeadlessChrome/155"),
    "agent.robot": changed(CURL, "User-Agent: ShopBot/1.0"),
    "agent.missing": without(changed(CURL, "Accept: text/html"), "user-agent"),
    "agent.incomplete": changed(changed(CURL, "Accept: text/html"), "User-Agent: Mozilla/5.0"),
    "agent.bare": changed(CURL, "User-Agent: ShopApp/2.1"),
    "agent.outdated": changed(FIREFOX.replace("153.0", "120.0"), "Accept-Encoding: gzip, deflate, br"),
    "fetch.impossible": added(CHROME, "Referer: https://shop.example/", before="accept-encoding"),
    "fetch.partial": changed(CURL, "User-Agent: ShopApp/2.1") + "Accept-Language: en\nSec-Fetch-Mode: cors",
    "fetch.upgrade": without(CHROME, "upgrade-insecure-requests"),
    "fetch.missing": without(FIREFOX, "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user"),
    "hints.missing": without(CHROME, "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"),
    "hints.foreign": changed(CHROME, FIREFOX.splitlines()[2]),
    "hints.version": changed(CHROME, OLD_CHROME.format("150.0.0.0")),
    "hints.system": changed(CHROME, 'sec-ch-ua-platform: "Linux"'),
    "hints.formula": CHROME.replace("Not(A:Brand", " Not A;Brand"),
    "headers.order": moved(CHROME, "user-agent", before="sec-ch-ua"),
    "headers.part": moved(moved(CHROME_SCRIPT, "sec-ch-ua-platform", before="accept"), "user-agent", before="accept"),
    "headers.spelling": CHROME.replace("User-Agent", "user-agent"),
    "accept.missing": without(CHROME, "accept"),
    "accept.odd": changed(CHROME, "Accept: */*"),
    "accept.language": without(CHROME, "accept-language"),
    "accept.encoding": without(CHROME, "accept-encoding"),
    "accept.packing": changed(CHROME, "Accept-Encoding: gzip, deflate"),
    "protocol.connection": without(CHROME, "connection"),
    "protocol.old": CHROME.replace("HTTP/1.1", "HTTP/1.0"),
    "protocol.h2c": added(CHROME, "Upgrade: h2c", before="sec-ch-ua"),
    "protocol.priority": CHROME + "Priority: u=0, i",
    "protocol.trailers": FIREFOX + "TE: trailers",
    "tls.engine": CHROME,
    "tls.protocol": CHROME,
    "tls.version": CHROME,
    "http2.engine": CHROME + "Priority: u=0, i",
    **{name: CHROME for name in BIT if CATALOG[name].mode == "on"},
    "pass.reuse": CHROME,
}
OPENED: dict[str, Handshake] = {
    "tls.engine": Handshake(JA4.format(alpn="h2", ciphers=OPENSSL_TLS, extensions=CHROME_155)),
    "tls.protocol": Handshake(JA4.format(alpn="h1", ciphers=CHROME_TLS, extensions=CHROME_155)),
    "tls.version": Handshake(JA4.format(alpn="h2", ciphers=CHROME_TLS, extensions=CHROME_110)),
    "http2.engine": Handshake(http2=FIREFOX_HTTP2),
}
TOLD: dict[str, int] = {name: BIT[name] for name in ALONE if name in BIT}
REUSED: dict[str, int] = {"pass.reuse": MOST_REUSE}


def read_alone(name: str) -> tuple[RequestHead, Handshake]:
    """The head on which only this signal speaks, and how its connection was opened."""
    handshake = OPENED.get(name, UNKNOWN_HANDSHAKE)
    return (as_http2(ALONE[name]) if handshake.http2 else head_of(ALONE[name])), handshake


def row_alone(name: str, *, secure: bool = True, intact: frozenset[Need] = DIRECT) -> Row:
    """The facts in what `read_alone` gives."""
    head, handshake = read_alone(name)
    return read_row(head, secure, intact, *handshake, TOLD.get(name, 0), REUSED.get(name, 0))


def sent_alone(name: str, client: str = "192.0.2.1") -> Request:
    """The same as a request over https."""
    head, handshake = read_alone(name)
    request = Request(head, client, True, "shop.example", b"0", handshake)
    request.told, request.reuse = TOLD.get(name, 0), REUSED.get(name, 0)
    return request


def as_http2(text: str) -> RequestHead:
    """The head as HTTP/2 has it: pseudo headers in place of the first line and of Host, names in lower case."""
    first, *lines = text.splitlines()
    method, path, _ = first.split()
    pairs = [(name_of(line), line.partition(": ")[2]) for line in lines]
    shop = dict(pairs)["host"]
    pseudo = [(":method", method), (":authority", shop), (":scheme", "https"), (":path", path)]
    fields = [*pseudo, *[(name, value) for name, value in pairs if name not in ("host", "connection")]]
    head = ListReader().read((name.encode(), value.encode()) for name, value in fields)
    assert isinstance(head, RequestHead), head
    return head
