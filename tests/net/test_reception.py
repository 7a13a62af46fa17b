"""Challenged visitors: what they see, what they may send, and that none of it is cached, or leads anywhere else."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.challenge.test_redirects import BAD
from tests.net.harness import Proxy, proxy_to
from tests.net.lines import settle
from tests.net.messages import get, post, statuses, value_of
from tests.net.origins import Origin, recording_origin
from trafficguard.actions import ChallengeKind
from trafficguard.challenge.work import solve
from trafficguard.net.reception import LARGEST_BODY
from trafficguard.policy.model import PolicyFile

AGENT = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WHO = (AGENT, "Accept-Language: en")
VISIT = (*WHO, "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
SCRIPT = (*WHO, "Accept: */*", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty")
AS_JSON = "Content-Type: application/json"
AS_FORM = "Content-Type: application/x-www-form-urlencoded"


def asking(kind: ChallengeKind, mode: str = "enforce") -> PolicyFile:
    rule = {"name": "ask", "when": 'path.startsWith("/page")', "action": {"challenge": {"kind": kind}}}
    return PolicyFile.model_validate({"mode": mode, "rules": [rule, {"name": "rest", "when": "true", "action": "pass"}]})


@contextlib.asynccontextmanager
async def challenging(kind: ChallengeKind = "pow", mode: str = "enforce") -> AsyncIterator[tuple[Origin, Proxy]]:
    async with recording_origin() as shop, proxy_to(shop.url, real_guard=True, policy=asking(kind), mode=mode) as proxy:
        yield shop, proxy


def problem_of(head: bytes, body: bytes) -> dict[str, Any]:
    assert value_of(head, "Content-Type") == "application/problem+json"
    problem: dict[str, Any] = json.loads(body)
    return problem


def data_of(page: bytes) -> dict[str, Any]:
    """What the script of a page is told."""
    match = re.search(rb'id="tg">(.*?)</script>', page)
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def report(asked: dict[str, Any], **more: Any) -> bytes:
    """A right answer."""
    answers = [one.decode() for one in solve(asked["challenge"].encode(), asked["bits"], asked["parts"])]
    return json.dumps({"challenge": asked["challenge"], "answers": answers, "took": 9, **more}).encode()


async def challenged(proxy: Proxy) -> dict[str, Any]:
    head, body = await proxy.ask(get("/page/1", *SCRIPT))
    assert statuses(head) == [403]
    asked: dict[str, Any] = problem_of(head, body)["challenge"]
    return asked


async def solve_it(proxy: Proxy, asked: dict[str, Any]) -> tuple[bytes, bytes]:
    return await proxy.ask(post(report(asked), "/.trafficguard/solve", *WHO, AS_JSON))


def cookie_in(head: bytes) -> str:
    value = value_of(head, "Set-Cookie")
    assert value is not None
    return "Cookie: " + value.partition(";")[0]


def is_kept_by_nobody(head: bytes) -> bool:
    return (value_of(head, "Cache-Control"), value_of(head, "X-Robots-Tag")) == ("no-store", "noindex")


# ---- what is seen


async def test_a_visit_gets_a_page_with_a_policy_of_its_own_and_the_shop_hears_nothing() -> None:
    async with challenging() as (shop, proxy):
        head, body = await proxy.ask(get("/page/1?a=b", *VISIT))
        assert statuses(head) == [403]
        assert is_kept_by_nobody(head)
        nonce = re.search(r"script-src 'nonce-([\w-]+)'", value_of(head, "Content-Security-Policy") or "")
        assert nonce is not None
        assert body.count(f'nonce="{nonce[1]}"'.encode()) == 2
        assert (data_of(body)["to"], data_of(body)["method"]) == ("/page/1?a=b", "GET")
        other, _ = await proxy.ask(get("/page/1?a=b", *VISIT))
        assert nonce[1] not in other.decode()
        assert shop.requests == []


@pytest.mark.parametrize(
    "message",
    [
        get("/page/1", *SCRIPT), get("/page/1", *WHO, "Accept: image/avif,image/webp,*/*;q=0.8"),
        get("/page/1", "User-Agent: app/1", "Accept: application/json"), get("/page/1", *WHO, method="OPTIONS"),
        post(b"{}", "/page/1", *SCRIPT),
        get("/page/1", *WHO, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    ],
    ids=["fetch", "picture", "app", "options", "post", "upgrade"],
)  # fmt: skip
async def test_everything_else_is_told_how_to_solve_it_and_never_gets_a_page(message: bytes) -> None:
    async with challenging() as (shop, proxy):
        head, body = await proxy.ask(message)
        problem = problem_of(head, body)
        assert (statuses(head), problem["status"]) == ([403], 403)
        assert is_kept_by_nobody(head)
        assert problem["request_id"] == value_of(head, "X-Request-Id")
        asked = problem["challenge"]
        assert (asked["kind"], asked["algorithm"], asked["solve"]) == ("pow", "SHA-256", "/.trafficguard/solve")
        assert shop.requests == []


async def test_head_is_answered_like_get_without_a_body() -> None:
    async with challenging() as (_, proxy):
        answer = await proxy.send(get("/page/1", *VISIT, method="HEAD"))
        assert statuses(answer) == [403]
        assert answer.endswith(b"\r\n\r\n")


async def test_what_is_fetched_ahead_is_not_challenged_as_a_visit() -> None:
    async with challenging() as (shop, proxy):
        head, body = await proxy.ask(get("/page/1", *VISIT, "Sec-Purpose: prefetch"))
        assert statuses(head) == [403]
        assert b"challenge" not in body
        assert value_of(head, "Set-Cookie") is None
        assert (shop.requests, proxy.record.exchanges[0].desk) == ([], "")


async def test_a_form_is_told_before_that_it_has_to_be_sent_again() -> None:
    async with challenging("cookie") as (shop, proxy):
        _, body = await proxy.ask(post(b"card=1", "/page/pay", *VISIT, AS_FORM))
        assert data_of(body)["method"] == "POST"
        assert b"has not been processed yet" in body
        assert shop.requests == []


# ---- solving


async def test_a_solution_earns_a_pass_with_which_the_shop_is_reached() -> None:
    async with challenging() as (shop, proxy):
        head, body = await solve_it(proxy, await challenged(proxy))
        assert (statuses(head), body) == ([204], b"")
        assert value_of(head, "Content-Length") is None
        assert is_kept_by_nobody(head)
        cookie = cookie_in(head)
        assert cookie.startswith("Cookie: tg=")
        head, _ = await proxy.ask(get("/page/1", *VISIT, cookie))
        assert statuses(head) == [200]
        assert len(shop.requests) == 1
        desk = [one.desk for one in proxy.record.exchanges]
        assert desk == ["issued pow ask", "solved pow ask", ""]
        assert [one.challenge for one in proxy.record.exchanges] == [0, 1, 0]


async def test_an_attempt_that_fails_says_why_and_takes_nothing_away() -> None:
    async with challenging() as (_, proxy):
        asked = await challenged(proxy)
        done = report(asked)
        tries = {
            "malformed": b"{}", "wrong": json.dumps({"challenge": asked["challenge"], "answers": ["1"]}).encode(),
        }  # fmt: skip
        for cause, body in tries.items():
            head, told = await proxy.ask(post(body, "/.trafficguard/solve", *WHO, AS_JSON))
            assert (statuses(head), problem_of(head, told)["cause"]) == ([403], cause)
        head, told = await proxy.ask(post(done, "/.trafficguard/solve", AGENT, AS_JSON))
        assert problem_of(head, told)["cause"] == "foreign"
        head, _ = await proxy.ask(post(done, "/.trafficguard/solve", *WHO, AS_JSON))
        assert statuses(head) == [204]
        head, told = await proxy.ask(post(done, "/.trafficguard/solve", *WHO, AS_JSON))
        assert problem_of(head, told)["cause"] == "spent"
        failures = [one.challenge for one in proxy.record.exchanges if one.desk.startswith("failed")]
        assert failures == [-1, -1, 0, 0], "an honest page may be late or somewhere else"


HOSTILE = (
    b"", b"[]", b"null", b"1", b'"a"', b"{", b"[" * 4000, b'{"challenge": 1, "answers": 2}', b'{"challenge": "x", "answers": {}}',
    b'{"challenge": "\\u00e9", "answers": []}', b'{"challenge": "x", "answers": [1, null, []]}', b"\xff\xfe",
    b'{"challenge": "x", "answers": [], "took": 1e999, "probes": [], "motion": 7}', b'{"took": NaN}',
)  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("form", [AS_JSON, AS_FORM, "Content-Type: text/plain", "Accept: */*"])
async def test_nothing_that_is_sent_makes_it_fail(body: bytes, form: str) -> None:
    async with challenging() as (shop, proxy):
        head, _ = await proxy.ask(post(body, "/.trafficguard/solve", *WHO, form))
        assert statuses(head) == [403]
        head, _ = await proxy.ask(post(body, "/.trafficguard/lend", *WHO, form))
        assert statuses(head) == [403]
        assert shop.requests == []


async def test_an_answer_may_come_byte_by_byte_and_in_chunks() -> None:
    async with challenging() as (_, proxy):
        whole = post(report(await challenged(proxy)), "/.trafficguard/solve", *WHO, AS_JSON)
        assert statuses(await proxy.send(*(whole[at : at + 1] for at in range(len(whole))))) == [204]
        assert statuses(await proxy.send(_chunked(report(await challenged(proxy))))) == [204]


def _chunked(body: bytes) -> bytes:
    head = get("/.trafficguard/solve", *WHO, AS_JSON, "Transfer-Encoding: chunked", method="POST")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:7], body[7:])) + b"0\r\n\r\n"


async def test_what_is_too_long_is_refused_unread() -> None:
    async with challenging() as (_, proxy):
        head, _ = await proxy.ask(post(b"x" * (LARGEST_BODY + 1), "/.trafficguard/solve", *WHO, AS_JSON))
        assert statuses(head) == [413]


async def test_a_body_that_does_not_come_is_cut_by_the_deadline() -> None:
    async with challenging() as (_, proxy):
        line = await proxy.line(get("/.trafficguard/solve", *WHO, AS_JSON, "Content-Length: 100", method="POST") + b"{")
        await settle()
        proxy.pass_time(31)
        head, _ = await line.hear_answer()
        assert statuses(head) == [408]
        line.close()


async def test_the_connection_goes_on_after_each_of_our_answers() -> None:
    async with challenging() as (_, proxy):
        asked = await challenged(proxy)
        answer = await proxy.send(
            get("/.trafficguard/pass", *WHO) + post(report(asked), "/.trafficguard/solve", *WHO, AS_JSON)
            + get("/.trafficguard/nothing", *WHO) + get("/free", *WHO)
        )  # fmt: skip
        assert statuses(answer) == [403, 204, 404, 200]


# ---- steps without JavaScript


@pytest.mark.parametrize("kind", ["refresh", "resource"])
async def test_a_page_without_script_leads_on_by_itself(kind: ChallengeKind) -> None:
    async with challenging(kind) as (_, proxy):
        proxy.stop_time()
        head, body = await proxy.ask(get("/page/1?a=b&c", *VISIT))
        match = re.search(rb'http-equiv="refresh" content="\d;url=([^"]+)"', body)
        assert match is not None
        place = match[1].replace(b"&amp;", b"&").decode()
        assert statuses((await proxy.ask(get(place, *VISIT)))[0]) == [403], "it has not waited"
        proxy.worker.services.clock.time += 3_000_000_000  # type: ignore[attr-defined]
        if kind == "resource":
            part = re.search(rb'src="(/\.trafficguard/part[^"]+)"', body)
            assert part is not None
            assert statuses((await proxy.ask(get(part[1].decode(), *WHO)))[0]) == [204]
        head, _ = await proxy.ask(get(place, *VISIT, cookie_in(head)))
        assert (statuses(head), value_of(head, "Location")) == ([303], "/page/1?a=b&c")
        assert is_kept_by_nobody(head)
        assert value_of(head, "Set-Cookie") is not None


async def test_cookie_is_a_silent_way_there_and_back() -> None:
    async with challenging("cookie") as (_, proxy):
        head, _ = await proxy.ask(get("/page/1?x=%2F", *VISIT))
        assert statuses(head) == [303]
        place = value_of(head, "Location")
        assert place is not None
        without, body = await proxy.ask(get(place, *VISIT))
        assert statuses(without) == [403]
        assert data_of(body)["kind"] == "pow", "who keeps no cookies is asked something else"
        head, _ = await proxy.ask(get(place, *VISIT, cookie_in(head)))
        assert (statuses(head), value_of(head, "Location")) == ([303], "/page/1?x=%2F")


async def test_a_wrong_answer_to_a_question_gets_the_next_one() -> None:
    async with challenging("interactive") as (_, proxy):
        _, body = await proxy.ask(get("/page/1", *VISIT))
        ticket = re.search(rb'name="challenge" value="([^"]+)"', body)
        assert ticket is not None
        form = b"challenge=%b&answer=0&to=/page/1" % ticket[1]
        head, body = await proxy.ask(post(form, "/.trafficguard/solve", *VISIT, AS_FORM))
        assert statuses(head) == [403]
        assert b"That was not right" in body
        assert ticket[1] not in body


# ---- nowhere else


@pytest.mark.parametrize("target", [one for one in BAD if one.isascii() and one.isprintable() and "#" not in one and " " not in one])
async def test_nobody_is_sent_elsewhere(target: str) -> None:
    async with challenging("refresh") as (_, proxy):
        quoted = target.replace("%", "%25").replace("&", "%26").replace('"', "%22").replace("<", "%3C").replace(">", "%3E")
        head, _ = await proxy.ask(get(f"/.trafficguard/go?c=x&to={quoted}", *VISIT))
        assert statuses(head) == [400]
        assert value_of(head, "Location") is None


# ---- where nothing is carried out


@pytest.mark.parametrize("mode", ["shadow", "off"])
async def test_in_shadow_the_paths_are_the_shops_and_nobody_gets_a_cookie(mode: str) -> None:
    async with challenging(mode=mode) as (shop, proxy):
        for path in ("/page/1", "/.trafficguard/pass", "/.trafficguard/solve"):
            head, _ = await proxy.ask(get(path, *VISIT))
            assert statuses(head) == [200]
            assert value_of(head, "Set-Cookie") is None
        assert len(shop.requests) == 3


async def test_the_funnel_is_counted() -> None:
    async with challenging() as (_, proxy):
        await solve_it(proxy, await challenged(proxy))
        await proxy.ask(post(b"{}", "/.trafficguard/solve", *WHO, AS_JSON))
        meters = proxy.meters
        assert (sum(meters.challenges), sum(meters.challenge_failures)) == (3, 1)
        assert sum(meters.solve_times[:-1]) == 1
