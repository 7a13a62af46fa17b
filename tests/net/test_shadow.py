"""With mode shadow the bytes in both directions are those of mode off, and the verdicts are those of enforce.

The clock stands still and request ids are the same in every run, so bytes are compared as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.corpus.wire import cases
from tests.counters.memories import TINY, new_table
from tests.net.harness import SECRET, proxy_to
from tests.net.lines import until
from tests.net.messages import chunked, get, in_chunks, ok, post, statuses
from tests.net.origins import Origin, recording_origin
from tests.net.test_tunnel import HANDSHAKE
from trafficguard.exchange import Conditions, Exchange
from trafficguard.guard import Guard
from trafficguard.policy.build import build
from trafficguard.policy.model import PolicyFile, SitePolicy
from trafficguard.policy.orders import Orders
from trafficguard.settings import SiteSettings
from trafficguard.signals.facts import facts_of
from trafficguard.telemetry.events import event_of

STRICTEST = PolicyFile.model_validate({"thresholds": [{"steps": [{"score": 1, "action": "block"}]}]})
FORM = "Content-Type: application/x-www-form-urlencoded"
LIBRARY = ("User-Agent: python-requests/2.32.0", "Accept: */*")
CONVERSATIONS = {
    "a plain request": get("/bad"),
    "a library": get("/bad", *LIBRARY),
    "claims": get("/bad", "X-Bot-Score: 0", "X-Forwarded-For: 1.2.3.4", "X-Request-Id: mine"),
    "a pipeline": get("/bad") * 3 + get("/good") + get("/bad", method="HEAD"),
    "bodies": post(b"body", "/bad") + chunked(b"a", b"b", path="/bad"),
    "an old client": get("/bad", *LIBRARY, version="1.0"),
    "an absolute target": get("/bad").replace(b" /", b" http://shop.example/", 1),
    "a handshake": get("/bad", *HANDSHAKE),
    "a refusal": get("/bad") + b"GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a login": post(b"username=ann&password=x", "/login", FORM) * 2 + get("/bad"),
    "a login in chunks": get("/login", FORM, "Transfer-Encoding: chunked", method="POST") + in_chunks(b"user", b"=ann"),
    "a login in broken chunks": get("/login", FORM, "Transfer-Encoding: chunked", method="POST") + b"4\r\nuser!",
    "a large login": post(b"username=ann&pad=" + b"x" * 40_000, "/login", FORM),
    "a visit to a page": get("/", "Accept: text/html") + get("/bad", "Accept: text/html", "Cookie: tgs=none"),
    "a host that is not served": get("/bad").replace(b"shop.example", b"other.example"),
}


async def bytes_of(mode: str, conversation: bytes, real_guard: bool) -> tuple[bytes, list[bytes], list[str]]:
    """What the client got and what the origin got, without ids and dates; and what was decided."""

    async with recording_origin(lambda seen: ok(seen.target, b"X-Shop: a\r\n")) as origin:
        sites = [{"hosts": ["shop.example"], "upstreams": [{"servers": [origin.url]}]}]
        async with proxy_to(sites=sites, mode=mode, real_guard=real_guard, policy=STRICTEST) as proxy:
            proxy.stop_time()
            answers = await proxy.send(conversation)
            decided = [one.verdict.action.word if one.verdict else None for one in proxy.record.exchanges]
        return answers, received_by(origin), decided


def received_by(origin: Origin) -> list[bytes]:
    return [received for received in origin.received if received]


@pytest.mark.parametrize("real_guard", [False, True], ids=["path guard", "real guard"])
@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
async def test_shadow_changes_no_byte_in_any_direction(conversation: bytes, real_guard: bool) -> None:
    off_client, off_origin, nothing = await bytes_of("off", conversation, real_guard)
    shadow_client, shadow_origin, decided = await bytes_of("shadow", conversation, real_guard)
    assert (shadow_client, shadow_origin) == (off_client, off_origin)
    assert set(nothing) <= {None}
    if statuses(off_client)[0] not in (400, 421):
        assert decided[0] is not None


async def test_what_shadow_lets_through_enforce_blocks() -> None:
    for real_guard, conversation in ((False, CONVERSATIONS["a plain request"]), (True, CONVERSATIONS["a library"])):
        _, reached, decided = await bytes_of("shadow", conversation, real_guard)
        assert (len(reached), decided) == (1, ["block"])
        client, reached, decided = await bytes_of("enforce", conversation, real_guard)
        assert (statuses(client), reached, decided) == ([403], [], ["block"])


async def test_enforce_tells_the_origin_about_what_passes_and_the_client_nothing() -> None:
    off_client, _, _ = await bytes_of("off", get("/good"), real_guard=False)
    client, (reached,), _ = await bytes_of("enforce", get("/good"), real_guard=False)
    assert client == off_client
    assert b"\r\nX-Bot-Score: 12\r\nX-Bot-Verdict: pass\r\nX-Bot-Labels: ua.browser, bot.none\r\n" in reached


async def test_protocol_is_enforced_in_every_mode() -> None:
    for mode in ("off", "shadow", "enforce"):
        async with (
            recording_origin() as origin,
            proxy_to(origin.url, mode=mode, limits={"body": 3, "head": 600}) as proxy,
        ):
            assert statuses(await proxy.send(b"nonsense\r\n\r\n")) == [400]
            assert statuses(await proxy.send(post(b"1234"))) == [413]
            assert statuses(await proxy.send(get("/" + "x" * 700))) == [431]
            assert not origin.received


# ---- whatever the verdict, for all that can come

ACTIONS: dict[str, object] = {
    "pass": "pass",
    "throttle": {"throttle": {"rate": 0.01, "burst": 1, "delay": "1ms", "reveal": True}},
    "throttle with delays": {"throttle": {"rate": 0.02, "burst": 1, "delay": "60s", "reveal": True}},
    "challenge": "challenge",
    "tarpit": {"tarpit": {"hold": "1h"}},
    "block": {"block": {"status": 451, "body": "no", "close": True}},
}
EVERYTHING = {case.id: case.raw for case in cases()} | CONVERSATIONS


def policy_of(action: object) -> PolicyFile:
    """Whatever is asked, this is done about it; it is weighed and labelled too, and a rule in shadow would block."""
    return PolicyFile.model_validate(
        {
            "rules": [
                {"name": "weigh", "when": 'method == "GET"', "weigh": 2, "label": "heavy"},
                {"name": "seen", "when": '"heavy" in labels', "action": "block", "mode": "shadow"},
                {"name": "all", "when": "true", "action": action},
            ]
        }
    )


@dataclass
class Run:
    """What came of all conversations, one after another."""

    client: dict[str, bytes]
    origin: list[bytes]
    exchanges: list[Exchange]


async def run(policy: PolicyFile, **sections: Any) -> Run:
    """All conversations through one proxy; origin connections are not kept, so that their order is that of requests."""
    async with recording_origin(lambda seen: ok(seen.target, b"X-Shop: a\r\n")) as origin:
        sites = [
            {"hosts": ["*"], "upstreams": [{"servers": [origin.url]}], "session": {"cookie": "sid"}},
        ]
        settings = {"sites": sites, "pool": {"idle": 0}, **sections}
        async with proxy_to(real_guard=True, policy=policy, **settings) as proxy:
            proxy.stop_time()
            answers = {}
            for name, conversation in EVERYTHING.items():
                answers[name] = await proxy.send(conversation)
                await until(lambda: proxy.connections == 0 and origin.open == 0)
            return Run(answers, received_by(origin), proxy.record.exchanges)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_in_shadow_no_verdict_changes_a_byte_of_anything_that_can_come(action: object) -> None:
    policy = policy_of(action)
    off, shadow = await run(policy, mode="off"), await run(policy, mode="shadow")
    assert shadow.client == off.client
    assert shadow.origin == off.origin
    word = action if isinstance(action, str) else next(iter(action))  # type: ignore[call-overload]
    judged = {one.verdict.action.word for one in shadow.exchanges if one.verdict is not None}
    assert judged == {word}
    assert all(one.verdict is None for one in off.exchanges)


@pytest.mark.parametrize("where", ["policy", "site", "rules"])
async def test_a_policy_a_site_and_rules_in_shadow_change_no_byte_either(where: str) -> None:
    policy = policy_of(ACTIONS["challenge"])
    off = await run(policy, mode="off")
    if where == "policy":
        policy = policy.model_copy(update={"mode": "shadow"})
    elif where == "site":
        policy = policy.model_copy(update={"sites": {"*": SitePolicy(mode="shadow")}})
    else:
        rules = [rule.model_copy(update={"mode": "shadow", "label": None}) for rule in policy.rules]
        policy = policy.model_copy(update={"rules": [rules[0], rules[2]]})
    shadow = await run(policy, mode="enforce")
    if where == "rules":  # what passes is told to the origin, as of every request while enforcing
        shadow.origin = [re.sub(rb"X-Bot-[^\r]*\r\n", b"", received) for received in shadow.origin]
        assert {one.verdict.shadow[-1] for one in shadow.exchanges if one.verdict} == {"all: challenge"}
    assert shadow.client == off.client
    assert shadow.origin == off.origin


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_what_is_recorded_in_shadow_is_what_enforcing_would_have_recorded(action: object) -> None:
    """Every request that shadow judged is judged once more by a guard that enforces, and told the same outcomes."""
    policy = policy_of(action)
    shadow = await run(policy, mode="shadow")
    site = SiteSettings.model_validate(
        {"hosts": ["*"], "upstreams": [{"servers": ["http://127.0.0.1:9"]}], "session": {"cookie": "sid"}}
    )
    guard = Guard(Orders(1, build(policy), "enforce"), new_table(TINY).memory, facts_of([site], SECRET))
    judged = [one for one in shadow.exchanges if one.verdict is not None and one.request is not None]
    assert len(judged) > 30
    for exchange in judged:
        before, request = event_of(exchange), exchange.request
        assert request is not None
        exchange.verdict = guard.judge(request, exchange.started, Conditions())
        guard.observe(request, exchange.outcome, exchange.ended)
        assert event_of(exchange) == before
    assert guard.errors == 0
