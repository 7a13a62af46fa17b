"""What operators order at the admin listener, asked over real sockets."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from trafficguard.control.admin import start_admin
from trafficguard.control.helm import LARGEST_BODY


@pytest.fixture
async def admin(state, shared, helm):
    running = await start_admin("127.0.0.1:0", state, shared, helm)
    yield running
    await running.close()


@pytest.fixture
async def order(admin):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{admin.port}") as session:

        async def send(path, body=None, **headers):
            data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
            headers = {"Content-Type": "application/json", **headers}
            async with session.post(path, data=data, headers=headers) as answer:
                return answer.status, await answer.json()

        yield send


# ---- what is in force


async def test_everybody_may_look_at_what_is_in_force(admin, state):
    state.policy.number, state.policy.version, state.policy.mode = 7, "abc", "shadow"
    state.policy.complaints = ["line 3: no"]
    state.policy.verdicts = {("abc", "block"): 5, ("abc", "pass"): 9}
    state.policy.by_hand = [{"action": "block", "key": "192.0.2.1", "until": 5}]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{admin.port}/policy") as answer,
    ):
        shown = await answer.json()
    assert (shown["number"], shown["version"], shown["mode"], shown["applied"]) == (7, "abc", "shadow", False)
    assert (shown["complaints"], shown["errors"]) == (["line 3: no"], [])
    assert shown["by_hand"] == [{"action": "block", "key": "192.0.2.1", "until": 5}]
    assert shown["verdicts"] == [
        {"version": "abc", "action": "block", "count": 5}, {"version": "abc", "action": "pass", "count": 9},
    ]  # fmt: skip


async def test_metrics_tell_it_too(admin, state):
    state.policy.number, state.policy.version, state.policy.mode, state.policy.name = 7, "abc", "shadow", "mine"
    state.policy.complaints, state.policy.refused, state.policy.fuses = ["a", "b"], 3, 1
    state.policy.verdicts = {("abc", "block"): 5}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{admin.port}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    assert 'trafficguard_policy_info{mode="shadow",policy="mine",version="abc"} 1.0' in lines
    assert "trafficguard_policy_orders 7.0" in lines
    assert "trafficguard_policy_applied 0.0" in lines
    assert "trafficguard_policy_complaints 2.0" in lines
    assert "trafficguard_policy_refused_total 3.0" in lines
    assert "trafficguard_policy_fuses_total 1.0" in lines
    assert 'trafficguard_policy_verdicts_total{action="block",version="abc"} 5.0' in lines


# ---- orders


@pytest.mark.parametrize(
    ("path", "body", "noted"),
    [
        ("/policy/reload", None, ("reload", "admin")),
        ("/policy/reload", b"", ("reload", "admin")),
        ("/mode", {"mode": "off"}, ("mode", "off", "admin")),
        ("/mode", {"mode": "shadow"}, ("mode", "shadow", "admin")),
        ("/mode", {"mode": "enforce"}, ("mode", "enforce", "admin")),
        ("/mode", {"mode": "configured"}, ("mode", None, "admin")),
        ("/keys", {"action": "block", "key": "192.0.2.1"}, ("block", "192.0.2.1", 3600.0, "admin")),
        ("/keys", {"action": "allow", "key": "192.0.2.1", "for": "5m"}, ("allow", "192.0.2.1", 300.0, "admin")),
        ("/keys", {"action": "allow", "key": "192.0.2.1", "for": 7}, ("allow", "192.0.2.1", 7.0, "admin")),
        ("/keys", {"action": "forget", "key": "192.0.2.1"}, ("forget", "192.0.2.1", "admin")),
    ],
)
async def test_an_order_reaches_the_helm(order, helm, path, body, noted):
    status, shown = await order(path, body)
    assert (status, shown["errors"]) == (200, [])
    assert "number" in shown
    assert helm.orders == [noted]


async def test_what_is_wrong_with_a_policy_is_told(order, helm):
    helm.wrong = ["policy.yaml:3:5: no"]
    status, shown = await order("/policy/reload")
    assert (status, shown["errors"]) == (422, ["policy.yaml:3:5: no"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mode", {}),
        ("/mode", {"mode": "on"}),
        ("/mode", {"mode": None}),
        ("/mode", {"mode": []}),
        ("/mode", {"mode": {"a": 1}}),
        ("/mode", {"mode": True}),
        ("/keys", {}),
        ("/keys", {"key": 7}),
        ("/keys", {"action": "block", "key": "192.0.2.1", "for": "soon"}),
        ("/keys", {"action": "block", "key": "192.0.2.1", "for": "31d"}),
        ("/keys", {"action": "block", "key": "192.0.2.1", "for": "800h"}),
        ("/keys", {"action": "block", "key": "192.0.2.1", "for": None}),
        ("/keys", {"action": "block", "key": "192.0.2.1", "for": -1}),
        ("/keys", b'{"action": "block", "key": "192.0.2.1", "for": NaN}'),
        ("/mode", []),
        ("/mode", "off"),
        ("/mode", b"{"),
        ("/mode", b"\xff"),
        ("/mode", b"[" * 10_000),
        ("/mode", b"{" + b" " * LARGEST_BODY + b"}"),
    ],
)
async def test_what_is_no_order_is_refused_with_a_remedy_and_changes_nothing(order, helm, path, body):
    status, shown = await order(path, body)
    assert status == 400
    assert len(shown["errors"]) == 1
    assert helm.orders == []


async def test_what_the_helm_does_not_understand_is_told(order, helm, monkeypatch):
    monkeypatch.setattr(helm, "forget", lambda *_: False)
    status, shown = await order("/keys", {"action": "forget", "key": "192.0.2.1"})
    assert status == 400
    assert "nothing is decided about 192.0.2.1" in shown["errors"][0]


async def test_a_body_that_comes_in_pieces_is_read_whole(admin, helm):
    reader, writer = await asyncio.open_connection("127.0.0.1", admin.port)
    writer.write(
        b"POST /mode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 18\r\n"
        b"Connection: close\r\n\r\n"
    )
    for piece in (b'{"mode": ', b'"shadow"', b"}"):
        await writer.drain()
        for _ in range(20):
            await asyncio.sleep(0)
        writer.write(piece)
    assert b" 200 OK" in await asyncio.wait_for(reader.readline(), 5)
    assert helm.orders == [("mode", "shadow", "admin")]
    writer.close()


# ---- web pages


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain; charset=application/json"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/mode", "/keys", "/policy/reload"])
async def test_a_web_page_orders_nothing(order, helm, path, headers):
    status, shown = await order(path, {"mode": "off", "action": "block", "key": "192.0.2.1"}, **headers)
    assert (status, helm.orders) == (415, [])
    assert len(shown["errors"]) == 1


@pytest.mark.parametrize("path", ["/mode", "/keys", "/policy/reload"])
async def test_orders_are_posts_for_this_machine(admin, order, helm, path):
    status, _ = await order_of_other_host(admin, path)
    assert status == 403
    async with aiohttp.ClientSession(f"http://127.0.0.1:{admin.port}") as session:
        for method in ("GET", "PUT", "OPTIONS", "DELETE"):
            async with session.request(method, path, json={"mode": "off"}) as answer:
                assert answer.status == 405
    assert helm.orders == []


async def order_of_other_host(admin, path):
    headers = {"Host": "evil.example"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{admin.port}{path}", json={"mode": "off"}, headers=headers) as answer,
    ):
        return answer.status, await answer.text()
