"""Somebody else's check: what is asked of it, what its answers mean, and that not knowing is a no."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.challenge.visits import NOON, new_desk, request
from tests.counters.memories import SMALL, new_table
from tests.net.harness import Proxy, proxy_to
from tests.net.messages import get, post, statuses, value_of
from tests.net.origins import recording_origin
from tests.net.test_reception import AS_FORM, VISIT, asking
from trafficguard.challenge.desk import Solved
from trafficguard.challenge.providers import SERVICES, Provider, is_good
from trafficguard.clock import ManualClock
from trafficguard.net.verifying import MOST_AT_A_TIME, Verifier

TABLE = new_table(SMALL)
ALTCHA = Provider("altcha", sitekey="", secret="", script="/altcha.js", verify="", key=b"k" * 32)


class Service:
    """Stands in for Turnstile."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.says: Any = {"success": True, "hostname": "*"}
        self.status = 200
        self.waits: asyncio.Event | None = None

    async def verify(self, message: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await message.post()).items()})
        if self.waits is not None:
            await self.waits.wait()
        return web.json_response(self.says, status=self.status)


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[tuple[Service, str]]:
    one, app = Service(), web.Application()
    app.router.add_post("/verify", one.verify)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield one, f"http://127.0.0.1:{runner.addresses[0][1]}/verify"
    finally:
        if one.waits is not None:
            one.waits.set()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def checking(folder: Path, kind: str = "turnstile") -> AsyncIterator[tuple[Service, Proxy]]:
    secret = folder / "key"
    secret.write_text("our secret\n")
    async with service() as (one, place), recording_origin() as shop:
        provider = {"kind": kind, "sitekey": "site <key>", "secret": str(secret), "verify": place}
        if kind == "altcha":
            provider = {"kind": kind, "script": "/static/altcha.js"}
        async with proxy_to(
            shop.url, real_guard=True, policy=asking("interactive"), mode="enforce", challenge={"provider": provider}
        ) as proxy:
            yield one, proxy


async def challenged(proxy: Proxy) -> tuple[bytes, bytes, bytes]:
    """Head, page and ticket."""
    head, body = await proxy.ask(get("/page/1", *VISIT))
    ticket = re.search(rb'name="challenge" value="([^"]+)"', body)
    assert ticket is not None
    return head, body, ticket[1]


def form(ticket: bytes, **fields: str) -> bytes:
    sent = urlencode({"challenge": ticket.decode(), "to": "/page/1", **fields}).encode()
    return post(sent, "/.trafficguard/solve", *VISIT, AS_FORM)


async def test_the_page_lets_the_service_in_and_nobody_else(tmp_path: Path) -> None:
    async with checking(tmp_path) as (_, proxy):
        head, body, _ = await challenged(proxy)
        policy = value_of(head, "Content-Security-Policy") or ""
        assert "script-src 'nonce-" in policy
        assert "frame-src https://challenges.cloudflare.com" in policy
        assert b'<div class="cf-turnstile" data-sitekey="site &lt;key&gt;"></div>' in body
        assert b'src="https://challenges.cloudflare.com/turnstile/v0/api.js"' in body
        assert b"How much is" not in body, "the easier way would be everybody's"


async def test_a_token_that_is_good_earns_a_pass(tmp_path: Path) -> None:
    async with checking(tmp_path) as (one, proxy):
        _, _, ticket = await challenged(proxy)
        head, _ = await proxy.ask(form(ticket, **{"cf-turnstile-response": "a token"}))
        assert (statuses(head), value_of(head, "Location")) == ([303], "/page/1")
        assert one.asked == [{"secret": "our secret", "response": "a token"}]
        head, _ = await proxy.ask(form(ticket, **{"cf-turnstile-response": "a token"}))
        assert statuses(head) == [403], "a ticket counts once"


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ({"success": False}, 200), ({}, 200), ([], 200), ("yes", 200), ({"success": "true"}, 200), ({"success": 1}, 200),
        ({"success": True, "hostname": "other.example"}, 200), ({"success": True}, 500), ({"success": True}, 404),
    ],
)  # fmt: skip
async def test_whatever_else_it_says_is_a_no(tmp_path: Path, says: Any, status: int) -> None:
    async with checking(tmp_path) as (one, proxy):
        one.says, one.status = says, status
        _, _, ticket = await challenged(proxy)
        head, body = await proxy.ask(form(ticket, **{"cf-turnstile-response": "x"}))
        assert statuses(head) == [403]
        assert b"That was not right" in body
        cause = proxy.record.exchanges[-1].desk
        assert cause == f"failed interactive {'unsure' if status != 200 else 'wrong'}"


@pytest.mark.parametrize("fields", [{"answer": "7"}, {}, {"cf-turnstile-response": ""}, {"cf-turnstile-response": "x" * 5000}])
async def test_without_a_token_nobody_is_asked(tmp_path: Path, fields: dict[str, str]) -> None:
    async with checking(tmp_path) as (one, proxy):
        _, _, ticket = await challenged(proxy)
        head, _ = await proxy.ask(form(ticket, **fields))
        assert (statuses(head), one.asked) == ([403], [])


async def test_who_leaves_meanwhile_takes_the_question_along(tmp_path: Path) -> None:
    async with checking(tmp_path) as (one, proxy):
        one.waits = asyncio.Event()
        _, _, ticket = await challenged(proxy)
        _, writer = await proxy.connect()
        writer.write(form(ticket, **{"cf-turnstile-response": "x"}))
        async with asyncio.timeout(4):
            while not one.asked:
                await asyncio.sleep(0)
            # At once and without a goodbye, as a telephone that loses its network.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            while len(proxy.record.exchanges) < 2:
                await asyncio.sleep(0)
        assert [seen.error for seen in proxy.record.exchanges] == ["", "client-left"]


async def test_a_service_that_cannot_be_reached_or_is_asked_too_much_is_not_known() -> None:
    provider = Provider("turnstile", sitekey="k", secret="s", script="", verify="http://127.0.0.1:9/", key=b"k" * 32)
    verifier = Verifier(provider, ManualClock(NOON))
    assert await verifier.asks("x", "shop.example") is None
    verifier._asking = MOST_AT_A_TIME
    assert await verifier.asks("x", "shop.example") is None


def test_addresses_are_the_services_own_unless_others_are_named() -> None:
    for kind, one in SERVICES.items():
        provider = Provider(kind, sitekey="k", secret="s", script="", verify="", key=b"k" * 32)  # type: ignore[arg-type]
        assert (provider.script, provider.verify, provider.field) == (one.script, one.verify, one.field)


@given(st.binary(max_size=100))
def test_nothing_that_is_said_makes_reading_fail(said: bytes) -> None:
    assert not is_good(said, "shop.example")
    assert not is_good(b"[" * 100_000, "shop.example")


# ---- ALTCHA


def altcha_solved(asked: dict[str, Any]) -> dict[str, Any]:
    for number in range(asked["maxnumber"] + 1):
        if hashlib.sha256(f"{asked['salt']}{number}".encode()).hexdigest() == asked["challenge"]:
            kept = {name: asked[name] for name in ("algorithm", "challenge", "salt", "signature")}
            return kept | {"number": number}
    raise AssertionError("it has no solution")


def token(solved: dict[str, Any]) -> str:
    return b64encode(json.dumps(solved).encode()).decode()


async def test_altcha_is_checked_here_and_asks_nobody(tmp_path: Path) -> None:
    async with checking(tmp_path, "altcha") as (one, proxy):
        head, body, ticket = await challenged(proxy)
        widget = re.search(rb'challengejson="([^"]+)"', body)
        assert widget is not None
        assert b'src="/static/altcha.js" type="module"' in body
        solved = token(altcha_solved(json.loads(unescape(widget[1].decode()))))
        head, _ = await proxy.ask(form(ticket, altcha=solved))
        assert (statuses(head), one.asked) == ([303], [])


def test_a_solution_of_altcha_counts_for_its_ticket_alone_and_unchanged() -> None:
    desk, sender = new_desk(), request()
    first, second = (desk.issue(sender, "interactive", NOON) for _ in range(2))
    match = re.search(r'challengejson="([^"]+)"', ALTCHA.markup(first.nonce))
    assert match is not None
    solved = altcha_solved(json.loads(unescape(match[1])))
    later = NOON + 3_000_000_000

    def attempt(ticket: str, sent: dict[str, Any]) -> Any:
        return desk.take_token(sender, ticket.encode(), token(sent), ALTCHA, None, later)

    assert attempt(second.ticket, solved) == "wrong"
    for name, value in {"number": solved["number"] + 1, "salt": "x", "challenge": "x", "signature": "é"}.items():
        assert attempt(first.ticket, solved | {name: value}) == "wrong"
    for name in solved.keys() - {"algorithm"}:
        assert attempt(first.ticket, {key: value for key, value in solved.items() if key != name}) == "wrong"
    assert isinstance(attempt(first.ticket, solved), Solved)
    assert attempt(first.ticket, solved) == "spent"


@given(st.text(max_size=100))
def test_nothing_that_is_sent_for_altcha_makes_it_fail(sent: str) -> None:
    desk, sender = new_desk(TABLE), request()
    asked = desk.issue(sender, "interactive", NOON)
    for one in (sent, b64encode(sent.encode()).decode(), token({"salt": sent, "number": sent, "challenge": sent, "signature": sent})):
        assert desk.take_token(sender, asked.ticket.encode(), one, ALTCHA, None, NOON) == "wrong"
