"""Sessions that are begun, headers that shops mean for us alone, and what is learnt of every request that was judged."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import until
from tests.net.messages import get, ok, post, statuses, value_of
from tests.net.origins import recording_origin, scripted_origin
from tests.net.test_tunnel import HANDSHAKE, switch
from trafficguard.exchange import Outcome
from trafficguard.signals.sessions import LIFETIME

PAGE = ("Accept: text/html,*/*;q=0.8",)
NAVIGATION = ("Accept: */*", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
SET = re.compile(rb"\r\nSet-Cookie: (tgs=[A-Za-z0-9_-]{48}); Path=/; HttpOnly; SameSite=Lax\r\n")


def site(url: str, **more: Any) -> dict[str, Any]:
    """Settings of one shop behind the proxy."""
    return {"sites": [{"upstreams": [{"servers": [url]}], **more}]}


async def cookies_of(request: bytes, answer: bytes | None = None, **sections: Any) -> list[bytes]:
    """What an answer sets, of ours."""
    sections = {"mode": "enforce", **sections}
    async with (
        recording_origin((lambda _: answer) if answer else None) as origin,
        proxy_to(**{**site(origin.url, **sections.pop("shop", {})), **sections}) as proxy,
    ):
        return SET.findall(await proxy.send(request))


# ---- sessions


@pytest.mark.parametrize("lines", [PAGE, NAVIGATION], ids=["asks for html", "navigates"])
async def test_a_visitor_who_goes_to_a_page_is_given_a_session(lines: tuple[str, ...]) -> None:
    assert len(await cookies_of(get("/", *lines))) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
        ok(extra=b"Cache-Control: private, max-age=60\r\nSet-Cookie: shop=1\r\n"),
        ok(b"x" * 300_000),
    ],
    ids=["chunks", "to the end", "redirect", "private", "large"],
)
async def test_a_session_begins_with_any_kind_of_answer_that_is_for_one_visitor(answer: bytes) -> None:
    assert len(await cookies_of(get("/", *PAGE), answer)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        get("/"),
        get("/", "Accept: image/png"),
        get("/", "Accept: text/html", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
        get("/", "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        get("/static/shop.css", *PAGE),
        get("/api/items", *PAGE),
        get("/feed.xml", *PAGE),
        get("/", *PAGE, method="HEAD"),
        post(b"a=b", "/", *PAGE),
        get("/bad", *PAGE),
    ],
    ids=["program", "image", "fetch", "frame", "asset", "api", "feed", "head", "post", "blocked"],
)
async def test_nothing_but_a_visit_to_a_page_begins_a_session(request_: bytes) -> None:
    assert await cookies_of(request_) == []


@pytest.mark.parametrize(
    "answer",
    [
        ok(extra=b"Cache-Control: public, max-age=60\r\n"),
        ok(extra=b"cache-control: max-age=0, S-MaxAge=60\r\n"),
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["public", "shared", "304", "404", "500"],
)
async def test_an_answer_that_others_may_get_too_and_one_without_a_page_begin_none(answer: bytes) -> None:
    assert await cookies_of(get("/", *PAGE), answer) == []


@pytest.mark.parametrize("mode", ["off", "shadow"])
async def test_no_session_begins_but_in_mode_enforce(mode: str) -> None:
    assert await cookies_of(get("/", *PAGE), mode=mode) == []


async def test_a_shop_with_a_session_of_its_own_is_given_none_of_ours() -> None:
    assert await cookies_of(get("/", *PAGE), shop={"session": {"cookie": "PHPSESSID"}}) == []


async def test_routes_say_what_a_page_is() -> None:
    shop = {"routes": [{"path": "/api/**", "class": "page"}, {"path": "/home", "class": "api"}]}
    assert len(await cookies_of(get("/api/items", *PAGE), shop=shop)) == 1
    assert await cookies_of(get("/home", *PAGE), shop=shop) == []


async def test_who_has_a_session_keeps_it_until_it_ends_and_it_goes_on_to_the_shop() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        (first,) = SET.findall(await proxy.send(get("/", *PAGE)))
        cookie = f"Cookie: a=b; {first.decode()}"
        assert not SET.findall(await proxy.send(get("/", *PAGE, cookie)))
        assert origin.requests[-1].values(b"cookie") == [cookie.removeprefix("Cookie: ").encode()]
        forged = f"Cookie: {first.decode()[:-1]}{'A' if first[-1:] != b'A' else 'B'}"
        assert len(SET.findall(await proxy.send(get("/", *PAGE, forged)))) == 1
        clock, later = proxy.worker.services.clock, LIFETIME * 60_000_000_000
        proxy.worker.services.clock = Later(clock.now() + later)
        assert len(SET.findall(await proxy.send(get("/", *PAGE, cookie)))) == 1


class Later:
    """A clock that shows one time."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now


async def test_a_session_of_a_visitor_who_speaks_https_goes_over_https_only() -> None:
    trusted = {"peers": ["127.0.0.0/8"], "header": "x-forwarded-for"}
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce", trusted=trusted) as proxy:
        head, _ = await proxy.ask(get("/", *PAGE, "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"))
    assert (value_of(head, "Set-Cookie") or "").endswith("; SameSite=Lax; Secure")


async def test_no_two_visitors_are_given_the_same_session() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        given = SET.findall(await proxy.send(get("/", *PAGE) * 20))
    assert len(set(given)) == 20


async def test_a_session_is_added_behind_what_the_answer_sets_and_nothing_else_changes() -> None:
    answer = ok(extra=b"Set-Cookie: shop=1\r\nX-Shop: a\r\n")
    async with recording_origin(lambda _: answer) as origin, proxy_to(origin.url, mode="enforce") as proxy:
        plain, with_session = await proxy.send(get("/")), await proxy.send(get("/", *PAGE))
    assert SET.sub(b"\r\n", with_session, count=1) == plain == answer


# ---- what shops mean for us alone

HIDDEN = {"accounts": {"account_header": "X-Account", "login_header": "X-Login"}}
TELLING = b"X-Account: ann\r\nx-login: ok\r\nX-Shop: a\r\n"
ANSWERS = {
    "whole": ok(extra=TELLING),
    "chunked": b"HTTP/1.1 200 OK\r\n" + TELLING + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "to the end": b"HTTP/1.1 200 OK\r\n" + TELLING + b"Connection: close\r\n\r\nok",
    "interim": b"HTTP/1.1 103 Early Hints\r\n" + TELLING + b"\r\n" + ok(extra=TELLING),
    "304": b"HTTP/1.1 304 Not Modified\r\n" + TELLING + b"\r\n",
    "underscores": ok(extra=TELLING + b"X_Account: ann\r\n"),
}


@pytest.mark.parametrize("mode", ["off", "shadow", "enforce"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_headers_that_a_shop_means_for_us_never_reach_a_client(mode: str, answer: bytes, version: str) -> None:
    async with recording_origin(lambda _: answer) as origin, proxy_to(mode=mode, **site(origin.url, **HIDDEN)) as proxy:
        heard = (await proxy.send(get("/", *PAGE, version=version))).lower()
    assert b"x-shop: a" in heard
    assert b"account" not in heard
    assert b"login" not in heard


async def test_they_are_hidden_in_the_answer_that_opens_a_tunnel() -> None:
    async with scripted_origin() as origin, proxy_to(mode="enforce", **site(origin.url, **HIDDEN)) as proxy:
        client = await proxy.line(get("/ws", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch().replace(b"\r\n\r\n", b"\r\n" + TELLING + b"\r\n"))
        head = await client.hear_head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"account" not in head.lower()


async def test_the_account_that_a_shop_names_is_learnt_with_the_answer() -> None:
    async with (
        recording_origin(lambda _: ok(extra=TELLING)) as origin,
        proxy_to(mode="enforce", **site(origin.url, **HIDDEN)) as proxy,
    ):
        await proxy.send(get("/account"))
        facts = proxy.worker.services.sites.all[0].facts
        assert [outcome.account for _, outcome in proxy.guard.observed] == [facts.accounts.hash(b"ann")]


# ---- what is learnt


async def observed(proxy: Proxy, count: int = 1) -> list[Outcome]:
    """What was learnt, of as many requests as were judged."""
    await until(lambda: len(proxy.record.exchanges) >= count)
    assert [id(request) for request, _ in proxy.guard.observed] == [id(request) for request in proxy.guard.requests]
    return [outcome for _, outcome in proxy.guard.observed]


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
async def test_every_request_that_is_judged_is_learnt_from_once(mode: str) -> None:
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    async with (
        recording_origin(lambda seen: missing if seen.target == b"/none" else ok()) as origin,
        proxy_to(origin.url, mode=mode) as proxy,
    ):
        await proxy.send(get("/a") + get("/none") + get("/bad") + post(b"x" * 9, "/b"))
        of_blocked = 0 if mode == "enforce" else 200
        assert await observed(proxy, 4) == [Outcome(200), Outcome(404), Outcome(of_blocked), Outcome(200)]
        assert [exchange.turned_away for exchange in proxy.record.exchanges] == [False, False, mode == "enforce", False]


async def test_a_request_whose_client_leaves_is_learnt_from_once() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/a"))
        await origin.request()
        client.reset()
        assert await observed(proxy) == [Outcome(0)]
        await until(lambda: proxy.connections == 0)
        assert len(proxy.guard.observed) == 1


async def test_a_request_whose_answer_is_cut_is_learnt_from_once() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/a"))
        shop, _ = await origin.request()
        shop.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await client.hear_until(b"half")
        shop.reset()
        assert await observed(proxy) == [Outcome(200)]
        await until(lambda: proxy.connections == 0)
        assert len(proxy.guard.observed) == 1


async def test_a_request_whose_origin_dies_or_cannot_be_reached_is_learnt_from_once() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        await proxy.line(post(b"x", "/a"))
        shop, _ = await origin.request()
        shop.reset()
        assert await observed(proxy) == [Outcome(502)]
    async with proxy_to("http://127.0.0.1:9", mode="enforce") as proxy:
        assert statuses(await proxy.send(get("/a"))) == [502]
        assert await observed(proxy) == [Outcome(502)]


async def test_a_request_that_is_repeated_on_a_new_connection_is_judged_and_learnt_from_once() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/a"))
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        client.say(get("/b"))
        await shop.hear_head()
        shop.reset()
        shop, _ = await origin.request()
        shop.say(ok())
        await client.hear_answer()
        assert await observed(proxy, 2) == [Outcome(200), Outcome(200)]


async def test_a_tunnel_is_learnt_from_once_when_it_ends() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/ws", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        assert proxy.guard.observed == []
        shop.close()
        assert await observed(proxy) == [Outcome(101)]


async def test_what_was_never_judged_is_not_learnt_from() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce", limits={"body": 3}) as proxy:
        assert statuses(await proxy.send(b"nonsense\r\n\r\n")) == [400]
        assert statuses(await proxy.send(post(b"1234"))) == [413]
        assert (proxy.guard.judged, proxy.guard.observed) == ([], [])
