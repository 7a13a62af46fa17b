"""Real proxies that ask about each request: the verdicts are those of inline mode, and visitors get the same answers.

Inline, the same requests come through a proxy that speaks HTTP itself, so that the same signals are not asked.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import IncompleteRead
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.corpus.clients import clients
from tests.system import fronts
from tests.system.clients import CURL, USER_AGENT, Answer, ask, connected, page, read_answer, script
from tests.system.fronts import Shop, sample_shop
from tests.system.operators import number
from tests.system.program import Proxy, free_port, to, until
from trafficguard.challenge.work import solve

Front = Callable[[Path, int, int], AbstractContextManager[int]]

README = Path(__file__).parents[2] / "README.md"
BODY = "Not today: ümläuts & <tags>"
POLICY = {
    "version": 1,
    "name": "fronts",
    "lists": {"office": {"entries": ["198.51.100.0/24"]}},
    "rules": [
        {"name": "office", "when": 'address in list("office")', "action": "pass"},
        {"name": "gone", "when": 'path.startsWith("/gone")', "action": {"block": {"status": 451, "body": BODY}}},
        {"name": "closed", "when": 'path.startsWith("/closed")', "action": "block"},
        {"name": "asked", "when": 'path.startsWith("/asked")', "action": "challenge"},
        {"name": "paced", "when": 'path.startsWith("/paced")',
         "action": {"throttle": {"rate": 0.02, "burst": 1, "delay": "10ms", "reveal": True}}},
        {"name": "held", "when": 'path.startsWith("/held")',
         "action": {"throttle": {"rate": 5, "burst": 1, "delay": "2s"}}},
        {"name": "trap", "when": 'path.startsWith("/trap")', "action": {"tarpit": {"hold": "1s", "size": 8}}},
        {"name": "marked", "when": 'headers["x-mark"] == "yes" && host == "shop.example"', "weigh": 2.5,
         "label": "mark.yes"},
    ],
    "thresholds": [{"steps": [{"score": 60, "action": "challenge"}, {"score": 75, "action": "block"}]}],
}  # fmt: skip
_HOP = b"Connection: close, X-Forwarded-Uri, X-Forwarded-Method, X-Original-URI, X-Original-Method, X-Forwarded-Proto"
LIBRARY = "GET {} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: python-requests/2.32.0\r\nAccept: */*\r\n\r\n"


def heads() -> list[bytes]:
    """The corpus: who asks for what. Each comes from an address of its own, unless it names one."""
    found = [
        CURL.format("/product/7?a=1&b=%20c").encode(),
        LIBRARY.format("/").encode(),
        page("/"),
        page("/product/8"),
        script("/api/products?page=2"),
        page("/gone/item"),
        page("/closed"),
        page("/closed", accept="application/json"),
        page("/asked"),
        script("/asked/part"),
        page("/trap"),
        page("/%67one"),
        page("/marked").replace(b"\r\n\r\n", b"\r\nX-Mark: yes\r\n\r\n"),
        page("/head").replace(b"GET", b"HEAD", 1),
        page("/closed/head").replace(b"GET", b"HEAD", 1),
        page("/delete").replace(b"GET", b"DELETE", 1),
        # Claims that are nobody's word.
        page("/claims").replace(b"\r\n\r\n", b"\r\nX-Bot-Score: 0\r\nX-Bot-Verdict: pass\r\nX-Bot-Labels: a\r\n\r\n"),
        page("/closed/x").replace(b"\r\n\r\n", b"\r\nX-Original-URI: /\r\nX-Original-Method: HEAD\r\n\r\n"),
        page("/closed/y").replace(b"\r\n\r\n", b"\r\nX-Forwarded-Uri: /\r\nX-Forwarded-Method: HEAD\r\n\r\n"),
        page("/closed/hop").replace(b"Connection: keep-alive", _HOP),
        page("/closed/z").replace(b"\r\n\r\n", b"\r\nX-Bot-Answer: bm9uc2Vuc2U=\r\n\r\n"),
        page("/closed/office").replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n"),
        CURL.format("/closed/curl").replace("\r\n\r\n", "\r\nX-Forwarded-For: 198.51.100.10\r\n\r\n").encode(),
        *(page("/paced").replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.77\r\n\r\n") for _ in range(3)),
        *(page("/held").replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.78\r\n\r\n") for _ in range(3)),
    ]
    for name in ("people", "programs", "impersonators", "driven"):
        found += [_recorded(entry["head"]) for entry in clients(name)[::5]]
    return [
        head if b"X-Forwarded-For" in head else _from(head, f"203.{number}.113.7") for number, head in enumerate(found)
    ]


def _recorded(text: str) -> bytes:
    # Without cookies: a visit from many places is counted in sketches, whose secret is another in each process.
    lines = [line for line in text.strip().splitlines() if not line.lower().startswith("cookie:")]
    head = "\r\n".join(lines) + "\r\n\r\n"
    return re.sub(r"(?im)^host:.*?\r\n", "Host: shop.example\r\n", head, count=1).encode("latin-1")


def _from(head: bytes, address: str) -> bytes:
    return head.replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode())


class Ran(NamedTuple):
    """What came of the corpus."""

    answers: list[Answer]
    events: list[dict[str, Any]]
    seen: list[dict[str, str]]


def settings_for(folder: Path, shop: Shop, **more: Any) -> dict[str, Any]:
    (folder / "policy.yaml").write_text(json.dumps(POLICY))
    return {
        "sites": [
            {
                "hosts": ["shop.example"],
                "upstreams": [{"servers": [f"http://127.0.0.1:{shop.port}"]}],
                "session": {"cookie": "sid"},
            }
        ],
        "policy": str(folder / "policy.yaml"),
        "log": {"file": str(folder / "log"), "sample": 1},
        "trusted": {"peers": ["127.0.0.0/8"], "header": "x-forwarded-for"},
        **more,
    }


def run_corpus(port: int, proxy: Proxy, log: Path, shop: Shop) -> Ran:
    shop.seen.clear()
    answers = [answer_to(port, head) for head in heads()]
    until(lambda: log.exists() and len(log.read_text().splitlines()) >= len(answers), "that all is logged")
    assert proxy.stop() == 0, proxy.said()
    return Ran(answers, [json.loads(line) for line in log.read_text().splitlines()], list(shop.seen))


def answer_to(port: int, head: bytes) -> Answer:
    with connected(port) as sock:
        length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
        sock.sendall(head + b"x" * (int(length[1]) if length else 0))
        try:
            return read_answer(sock, head.partition(b" ")[0].decode())
        except IncompleteRead as trapped:
            return Answer(0, {}, trapped.partial)


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("inline")
    with sample_shop() as shop, Proxy(folder, settings_for(folder, shop)) as proxy:
        return run_corpus(proxy.port, proxy, folder / "log", shop)


@contextlib.contextmanager
def asked_by(front: str, folder: Path, **more: Any) -> Iterator[tuple[int, Proxy, Shop, int]]:
    """A front in front of the shop; its port, who it asks, the shop, and the port where it asks."""
    asked = free_port()
    start: Front = getattr(fronts, front)
    place = {"listen": f"127.0.0.1:{asked}", "peers": ["127.0.0.0/8"], "front": front}
    with sample_shop() as shop, Proxy(folder, settings_for(folder, shop, forward_auth=[place], **more)) as proxy:
        with start(folder, asked, shop.port) as port:
            yield port, proxy, shop, asked


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def asking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp(request.param)
    with asked_by(request.param, folder) as (port, proxy, shop, _):
        return run_corpus(port, proxy, folder / "log", shop)


def verdicts(ran: Ran) -> list[tuple[object, ...]]:
    facts = ("method", "host", "target", "client", "action", "score", "labels", "rule", "signals", "shadow")
    return [tuple(str(event[fact]) for fact in facts) for event in ran.events]


def test_every_request_gets_the_verdict_that_it_gets_inline(inline: Ran, asking: Ran) -> None:
    assert verdicts(asking) == verdicts(inline)
    actions = [event["action"] for event in inline.events]
    assert {actions.count(word) > 1 for word in ("pass", "throttle", "challenge", "block")} == {True}
    assert "tarpit" in actions
    assert len({event["score"] for event in inline.events}) > 8


def test_visitors_get_the_answers_that_they_get_inline(inline: Ran, asking: Ran) -> None:
    for event, answer, other in zip(inline.events, asking.answers, inline.answers, strict=True):
        if event["action"] == "tarpit":
            assert answer.status == 403
            continue
        what = event["target"], event["action"], event["client"]
        assert (what, answer.status) == (what, other.status)
        if event["action"] in ("block", "challenge") or answer.status == 429:
            assert shape_of(answer) == shape_of(other), what


def shape_of(answer: Answer) -> tuple[dict[str, str], bytes]:
    names = ("content-type", "retry-after", "ratelimit", "ratelimit-policy", "cache-control", "x-robots-tag")
    kept = {name: value for name, value in answer.headers.items() if name in names}
    kept["set-cookie"] = re.sub(r"=[^;]*;", "=;", answer.headers.get("set-cookie", ""), count=1)
    body = re.sub(rb'nonce="[\w-]+"|value="[\w-]{60,}"|"challenge": "[^"]+"|"expires": \d+|>\d \+ \d<', b"<new>", answer.body)
    return kept, re.sub(rb"[0-9a-f]{20}", b"<id>", body)


def test_the_shop_is_told_what_it_is_told_inline(inline: Ran, asking: Ran) -> None:
    assert [told(one) for one in asking.seen] == [told(one) for one in inline.seen]
    ids = [one["x-request-id"] for one in asking.seen]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {event["id"] for event in asking.events}


def _solution(body: bytes) -> bytes:
    """What the script of a challenge's page sends once it is done."""
    match = re.search(rb'id="tg">(.*?)</script>', body)
    assert match is not None
    data = json.loads(match[1])
    answers = [one.decode() for one in solve(data["challenge"].encode(), data["bits"], data["parts"])]
    sent = json.dumps({"challenge": data["challenge"], "answers": answers, "probes": {"ua": USER_AGENT}})
    head = script("/.trafficguard/solve", body=len(sent))
    return re.sub(rb"Content-Type: [^\r]+", b"Content-Type: application/json", head) + sent.encode()


def told(seen: dict[str, str]) -> tuple[str, ...]:
    return seen[":target"], *(seen.get(f"x-bot-{name}", "") for name in ("score", "verdict", "labels"))


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_who_keeps_the_cookie_of_a_challenge_goes_on(front: str, tmp_path: Path) -> None:
    with asked_by(front, tmp_path) as (port, proxy, shop, _):
        first = ask(port, _from(page("/asked"), "192.0.2.1"))
        assert (first.status, shop.seen) == (403, [])
        assert b"One moment, please" in first.body
        solved = ask(port, _from(_solution(first.body), "192.0.2.1"))
        assert solved.status == 204, solved.body
        cookie = solved.headers["set-cookie"].partition(";")[0]
        assert shop.seen == []
        again = page("/asked").replace(b"\r\n\r\n", f"\r\nCookie: {cookie}\r\n\r\n".encode())
        assert ask(port, _from(again, "192.0.2.2")).status == 404  # the shop's own word
        assert ask(port, _from(again, "203.0.113.2")).status == 403
        assert [one["x-bot-verdict"] for one in shop.seen] == ["pass"]
        assert proxy.stop() == 0


@pytest.mark.parametrize("front", ["nginx", "caddy"])
@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_with_shadow_and_off_everything_goes_on_and_nothing_is_told(front: str, mode: str, tmp_path: Path) -> None:
    with asked_by(front, tmp_path, mode=mode) as (port, proxy, shop, _):
        answers = [ask(port, _from(page(path), "192.0.2.1")) for path in ("/", "/closed", "/asked", "/trap", "/gone")]
        assert [answer.status for answer in answers] == [200, 404, 404, 404, 404]
        assert [answer.headers.get("set-cookie") for answer in answers] == [None] * 5
        assert [[name for name in one if name.startswith("x-bot-")] for one in shop.seen] == [[]] * 5
        assert proxy.stop() == 0
    actions = [json.loads(line)["action"] for line in (tmp_path / "log").read_text().splitlines()]
    assert actions == (["pass", "block", "challenge", "tarpit", "block"] if mode == "shadow" else [""] * 5)


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_what_the_shop_answers_counts_once_it_is_reported_to_any_worker(front: str, tmp_path: Path) -> None:
    with asked_by(front, tmp_path, workers=2, mode="shadow") as (port, proxy, shop, asked):
        for number in range(24):
            cookie = b"\r\nCookie: sid=one-visit\r\n\r\n"
            ask(port, _from(page(f"/nothing/{number}").replace(b"\r\n\r\n", cookie), "192.0.2.1"))
            report = {"id": shop.seen[-1]["x-request-id"], "status": 404}
            assert ask(asked, outcome(report)).status == 204
            assert ask(asked, outcome(report)).status == 404, "it counts once"
        until(lambda: (tmp_path / "log").read_text().count("\n") >= 24, "that all is logged")
        assert proxy.stop() == 0
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert ["visit.errors" in event["signals"] for event in events[:8]] == [False] * 8
    assert "visit.errors" in events[-1]["signals"]


@pytest.mark.parametrize(("front", "status"), [("nginx", 500), ("caddy", 502)])
def test_without_an_answer_nothing_reaches_the_shop(front: str, status: int, tmp_path: Path) -> None:
    with asked_by(front, tmp_path) as (port, proxy, shop, _):
        assert proxy.stop() == 0
        assert (ask(port, _from(page("/"), "192.0.2.1")).status, shop.seen) == (status, [])


def test_told_to_stop_it_answers_at_once_what_it_holds_back(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(json.dumps({"rules": [{"name": "held", "when": "true", "action": {
        "throttle": {"rate": 0.02, "burst": 1, "delay": "60s"}}}]}))  # fmt: skip
    asked = free_port()
    place = {"listen": f"127.0.0.1:{asked}", "peers": ["127.0.0.0/8"], "front": "caddy"}
    question = page("/auth").replace(
        b"\r\n\r\n",
        b"\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /\r\nX-Forwarded-Host: shop.example\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\r\n",
    )
    settings = to("http://127.0.0.1:9", policy=str(tmp_path / "policy.yaml"), forward_auth=[place])
    with Proxy(tmp_path, settings) as proxy, connected(asked) as held:
        assert ask(asked, question).status == 204
        held.sendall(question)
        until(lambda: number(proxy, "paced") == 1, "that it is held back")
        assert proxy.stop() == 0
        answer = read_answer(held)
        assert (answer.status, answer.headers["x-bot-verdict"]) == (204, "throttle")


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_a_handshake_of_a_browser_is_no_poor_page_view(front: str, tmp_path: Path) -> None:
    with asked_by(front, tmp_path) as (port, proxy, _, _):
        for _ in range(3):
            with connected(port) as sock:
                sock.sendall(_from(HANDSHAKE, "192.0.2.1"))
                sock.recv(1)
            ask(port, _from(page("/"), "192.0.2.1"))
        assert proxy.stop() == 0
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(event["target"], event["signals"]) for event in events] == [("/live", {}), ("/", {})] * 3


HANDSHAKE = (
    "GET /live HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
    f"Cache-Control: no-cache\r\nUser-Agent: {USER_AGENT}\r\nUpgrade: websocket\r\nOrigin: http://shop.example\r\n"
    "Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


def outcome(report: dict[str, object]) -> bytes:
    body = json.dumps(report)
    return (
        "POST /outcomes HTTP/1.1\r\nHost: trafficguard\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_the_readme_shows_the_files_that_are_tested_here() -> None:
    readme = README.read_text()
    for name in ("nginx.conf", "Caddyfile", "traefik.yaml"):
        assert f"config/forward_auth/{name}" in readme
    assert (fronts.SHOWN / "Caddyfile").read_text().partition("\n\n")[2] in readme
