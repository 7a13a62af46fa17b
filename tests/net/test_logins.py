"""Logins over the wire: which wait for their body, what is judged with it, and how they are taken to have ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.net.harness import SECRET, Proxy, proxy_to
from tests.net.lines import settle, until
from tests.net.messages import get, in_chunks, ok, post, statuses, value_of
from tests.net.origins import recording_origin, scripted_origin
from trafficguard.exchange import Outcome
from trafficguard.net.upload import Upload
from trafficguard.settings import AccountSettings
from trafficguard.signals.accounts import LARGEST_LOGIN, Accounts

FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
ANN = b"username=Ann%40shop.example&password=secret"
EXPECTED = Accounts(SECRET, AccountSettings()).hash(b"ann@shop.example")


def login(body: bytes = ANN, kind: str = FORM, *lines: str) -> bytes:
    return post(body, "/login", kind, *lines)


def login_in_chunks(*chunks: bytes) -> bytes:
    return get("/login", FORM, "Transfer-Encoding: chunked", method="POST") + in_chunks(*chunks)


def accounts(proxy: Proxy) -> list[bytes]:
    """The accounts that requests were judged with."""
    return [request.account for request in proxy.guard.requests]


def logins(proxy: Proxy) -> list[int]:
    """How logins are taken to have ended."""
    return [outcome.login for _, outcome in proxy.guard.observed]


# ---- what is judged with an account


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
@pytest.mark.parametrize(
    "request_",
    [
        login(),
        login(b'{"password": "x", "username": " ANN@shop.example"}', JSON),
        login(b'{"user": {"username": "ann@shop.example"}}', "Content-Type: application/vnd.shop+json; charset=utf-8"),
        login_in_chunks(ANN[:9], ANN[9:]),
    ],
    ids=["form", "json", "nested json", "chunks"],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["one read", "byte by byte"])
async def test_a_login_is_judged_with_the_account_in_its_body_and_arrives_whole(
    mode: str, request_: bytes, is_split: bool
) -> None:
    pieces = [request_[at : at + 1] for at in range(len(request_))] if is_split else [request_]
    async with recording_origin() as origin, proxy_to(origin.url, mode=mode) as proxy:
        assert statuses(await proxy.send(*pieces)) == [200]
        assert accounts(proxy) == [EXPECTED]
        (seen,) = origin.requests
        assert seen.body.lower().count(b"ann") == 1
        assert proxy.record.exchanges[0].bytes_in > 0


async def test_nothing_of_a_login_reaches_the_shop_before_it_is_judged_and_nothing_is_judged_before_it_is_here() -> (
    None
):
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(login()[:-5])
        await until(lambda: proxy.connections == 1)
        await settle()
        assert (proxy.guard.judged, origin.accepted) == ([], 0)
        client.say(login()[-5:])
        shop, _ = await origin.request()
        assert await shop.hear(len(ANN)) == ANN
        assert accounts(proxy) == [EXPECTED]
        shop.say(ok())
        await client.hear_answer()


async def test_a_login_that_is_blocked_never_reaches_the_shop_and_the_connection_goes_on() -> None:
    sites = [{"upstreams": [{"servers": ["http://127.0.0.1:9"]}], "routes": [{"path": "/bad", "class": "login"}]}]
    async with recording_origin() as origin:
        sites[0]["upstreams"] = [{"servers": [origin.url]}]
        async with proxy_to(sites=sites, mode="enforce") as proxy:
            assert statuses(await proxy.send(post(ANN, "/bad", FORM) + get("/next"))) == [403, 200]
            assert accounts(proxy) == [EXPECTED, b""]
            assert [seen.target for seen in origin.requests] == [b"/next"]
            assert [outcome for _, outcome in proxy.guard.observed] == [Outcome(0), Outcome(200)]


@pytest.mark.parametrize(
    "request_",
    [
        login(b"username=ann&pad=" + b"x" * LARGEST_LOGIN),
        login(ANN, "Content-Type: multipart/form-data; boundary=x"),
        login(ANN, FORM, "Content-Encoding: gzip"),
        login(b"{", JSON),
        login(b"[" * 5000, JSON),
        login(b"password=only"),
        post(ANN, "/somewhere", FORM),
        get("/login?username=ann"),
    ],
    ids=["too large", "another type", "compressed", "no json", "deep json", "no name", "no login", "no body"],
)
async def test_other_requests_are_judged_without_an_account(request_: bytes) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        assert statuses(await proxy.send(request_)) == [200]
        assert accounts(proxy) == [b""]
        assert len(origin.requests) == 1


async def test_a_body_in_chunks_that_grows_too_large_is_judged_without_and_sent_on() -> None:
    body = b"username=ann&pad=" + b"x" * LARGEST_LOGIN
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(get("/login", FORM, "Transfer-Encoding: chunked", method="POST"))
        client.say(b"%x\r\n%b\r\n" % (len(body), body))
        shop, _ = await origin.request()
        assert await shop.hear_until(b"x\r\n") == b"%x\r\n%b\r\n" % (len(body), body)
        assert accounts(proxy) == [b""]
        client.say(b"0\r\n\r\n")
        assert await shop.hear(5) == b"0\r\n\r\n"
        shop.say(ok())
        await client.hear_answer()
        assert len(proxy.guard.judged) == 1


async def test_a_shop_without_fields_has_nobody_wait() -> None:
    async with scripted_origin() as origin:
        sites = [{"upstreams": [{"servers": [origin.url]}], "accounts": {"fields": []}}]
        async with proxy_to(sites=sites, mode="enforce") as proxy:
            await proxy.line(login()[:-5])
            await origin.request()
            assert accounts(proxy) == [b""]


async def test_with_mode_off_nobody_waits() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="off") as proxy:
        await proxy.line(login()[:-5])
        await origin.request()


async def test_an_account_may_be_named_by_a_cookie_or_a_header_of_any_request() -> None:
    named = {"cookie": "uid", "header": "X-User"}
    async with recording_origin() as origin:
        sites = [{"upstreams": [{"servers": [origin.url]}], "accounts": named}]
        async with proxy_to(sites=sites, mode="enforce") as proxy:
            name = "ann@shop.example"
            asked = get("/", f"Cookie: a=b; uid={name}") + get("/", f"x-user: {name}", "Cookie: uid=bob") + get("/")
            assert statuses(await proxy.send(asked)) == [200, 200, 200]
            assert accounts(proxy) == [EXPECTED, EXPECTED, b""]


# ---- waiting


async def test_a_login_whose_client_waits_for_a_100_is_judged_at_once_and_waits_for_nobody() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(
            get("/login", FORM, f"Content-Length: {len(ANN)}", "Expect: 100-continue", method="POST")
        )
        shop, head = await origin.request()
        assert value_of(head, "Expect") == "100-continue"
        assert accounts(proxy) == [b""]
        shop.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.hear_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.say(ANN)
        assert await shop.hear(len(ANN)) == ANN
        shop.say(ok())
        assert (await client.hear_answer())[1] == b"ok"


async def test_a_login_that_comes_too_slowly_is_cut_and_never_judged() -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce", timeouts={"body": "5s"}) as proxy:
        client = await proxy.line(login()[:-5])
        await until(lambda: proxy.connections == 1)
        await settle()
        proxy.turn_wheel(5)
        assert statuses(await client.hear_all()) == [408]
        assert (proxy.record.errors, proxy.guard.judged, proxy.guard.observed) == (["slow-body"], [], [])
        assert origin.received == []


async def test_what_follows_a_login_is_answered_after_it() -> None:
    async with recording_origin(lambda seen: ok(seen.target)) as origin, proxy_to(origin.url, mode="enforce") as proxy:
        answers = await proxy.send(login() + get("/a") + login() + get("/b"))
        assert statuses(answers) == [200] * 4
        assert [seen.target for seen in origin.requests] == [b"/login", b"/a", b"/login", b"/b"]
        assert accounts(proxy) == [EXPECTED, b"", EXPECTED, b""]


@pytest.mark.parametrize("way", ["close", "reset", "end"])
async def test_a_client_that_leaves_while_its_login_is_waited_for_was_never_judged(way: str) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(login()[:-5])
        await until(lambda: bool(proxy.connections))
        await settle()
        getattr(client, way)()
        await until(lambda: bool(proxy.record.exchanges))
        assert proxy.record.errors == ["client-left"]
        assert (proxy.guard.judged, proxy.guard.observed, origin.received) == ([], [], [])
        await until(lambda: proxy.connections == 0)


async def test_a_broken_chunk_in_a_login_that_is_waited_for_is_refused() -> None:
    broken = login_in_chunks(ANN).replace(b"secret\r\n", b"secret!!")
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce") as proxy:
        client = await proxy.line(broken[:-20])
        await settle()
        client.say(broken[-20:])
        assert statuses(await client.hear_all()) == [400]
        assert (proxy.record.errors, proxy.guard.judged, origin.received) == (["bad-chunk"], [], [])


def test_what_an_upload_holds_can_be_read_without_its_chunks() -> None:
    upload = Upload(-1, limit=1000, rate=512, started=0, grace=120)
    step = upload.take(in_chunks(b"user", b"name=ann"))
    assert isinstance(step, tuple)
    upload.held += step[0]
    assert (upload.done, upload.content()) == (True, b"username=ann")


# ---- how it ended


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", -1),
        (b"HTTP/1.1 303 See Other\r\nLocation: /account\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.1 303 See Other\r\nLocation: /login?failed=1\r\nContent-Length: 0\r\n\r\n", -1),
        (b"HTTP/1.1 303 See Other\r\nLocation: /oops/again\r\nContent-Length: 0\r\n\r\n", -1),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", -1),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 0),
    ],
)
async def test_status_and_location_tell_how_a_login_ended(answer: bytes, wanted: int) -> None:
    assert await result_of(answer, {"failed_locations": ["/oops"]}) == wanted


@pytest.mark.parametrize(("cookie", "wanted"), [(b"sid=abc; Path=/", 1), (b"sid=; Max-Age=0", -1), (b"other=abc", -1)])
async def test_a_cookie_tells_how_a_login_ended(cookie: bytes, wanted: int) -> None:
    assert await result_of(ok(extra=b"Set-Cookie: %b\r\n" % cookie), {"login_cookie": "sid"}) == wanted


@pytest.mark.parametrize(("told", "wanted"), [(b"ok", 1), (b"FAILED", -1), (b"who knows", 1)])
async def test_a_header_tells_how_a_login_ended(told: bytes, wanted: int) -> None:
    assert await result_of(ok(extra=b"X-Login: %b\r\n" % told), {"login_header": "X-Login"}) == wanted


async def result_of(answer: bytes, told_by: dict[str, Any]) -> int:
    async with recording_origin(lambda _: answer) as origin:
        sites = [{"upstreams": [{"servers": [origin.url]}], "accounts": told_by}]
        async with proxy_to(sites=sites, mode="enforce") as proxy:
            await proxy.ask(login())
            await until(lambda: bool(proxy.guard.observed))
            (result,) = logins(proxy)
            return result


async def test_only_logins_have_a_result() -> None:
    refuse = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    async with recording_origin(lambda _: refuse) as origin, proxy_to(origin.url, mode="enforce") as proxy:
        assert statuses(await proxy.send(get("/login") + post(ANN, "/basket", FORM))) == [401, 401]
        assert logins(proxy) == [0, 0]


async def test_attempts_on_one_account_are_counted_together() -> None:
    refuse = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    async with (
        recording_origin(lambda _: refuse) as origin,
        proxy_to(origin.url, mode="shadow", real_guard=True) as proxy,
    ):
        await proxy.send(login() * 30)
        last = proxy.record.exchanges[-1].verdict
        assert last is not None
        assert "account.logins" in {reason.signal for reason in last.reasons}
        assert proxy.worker.services.guard is not None
        assert proxy.worker.services.guard.last_error == ""
