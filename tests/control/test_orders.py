"""What an order may carry besides itself: a site, a reason, and who gives it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests.control.conftest import FakeHelm
from trafficguard.control.admin import start_admin
from trafficguard.control.state import AdminState
from trafficguard.telemetry.meters import Plane

Post = Callable[[str, dict[str, Any]], Coroutine[Any, Any, tuple[int, dict[str, Any]]]]


@pytest.fixture
async def post(state: AdminState, shared: list[Plane], helm: FakeHelm) -> Any:
    admin = await start_admin("127.0.0.1:0", state, shared, helm)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{admin.port}") as session:

        async def post(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            async with session.post(path, json=body) as answer:
                return answer.status, await answer.json()

        yield post
    await admin.close()


async def test_whoever_orders_may_say_who_it_is(post: Post, helm: FakeHelm) -> None:
    await post("/mode", {"mode": "shadow", "by": "mia"})
    await post("/policy/reload", {"by": "mia"})
    await post("/keys", {"action": "forget", "key": "192.0.2.7", "by": "mia"})
    await post("/mode", {"mode": "off"})
    assert helm.orders == [
        ("mode", "shadow", "admin (mia)"),
        ("reload", "admin (mia)"),
        ("forget", "192.0.2.7", "admin (mia)"),
        ("mode", "off", "admin"),
    ]


async def test_a_mode_may_be_for_one_site(post: Post, helm: FakeHelm) -> None:
    await post("/mode", {"mode": "configured", "site": "shop.example"})
    assert helm.orders == [("mode", None, "admin", "shop.example")]


async def test_a_decision_may_have_a_reason(post: Post, helm: FakeHelm) -> None:
    await post("/keys", {"action": "block", "key": "192.0.2.7", "for": "2m", "reason": "odd prices"})
    assert helm.orders == [("block", "192.0.2.7", 120.0, "admin", "odd prices")]


@pytest.mark.parametrize("name", ["by", "reason", "site"])
@pytest.mark.parametrize("text", [5, None, ["a"], "x" * 201, "two\nlines", "\x1b[31m"])
async def test_what_is_no_short_text_on_one_line_is_refused(post: Post, helm: FakeHelm, name: str, text: object) -> None:
    path = "/mode" if name == "site" else "/keys"
    body = {"mode": "off", "action": "block", "key": "192.0.2.7", name: text}
    status, answer = await post(path, body)
    assert (status, helm.orders) == (400, [])
    assert answer["errors"] == [f"{name} is no text; write up to 200 letters on one line"]
