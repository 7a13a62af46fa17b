"""Verdicts carried out on real connections: throttles, challenges and tarpits.

The clock stands still unless a test moves it, so that every wait is known beforehand; what has to run out does so in
milliseconds.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.net.harness import NOON, Proxy, orders_of, proxy_to
from tests.net.lines import settle, until
from tests.net.messages import chunked, get, post, statuses, value_of
from tests.net.origins import Origin, recording_origin, scripted_origin
from tests.net.test_drain import serving_worker, tell_to_go
from trafficguard.actions import ActionValue, BlockAction, ChallengeAction, TarpitAction, ThrottleAction
from trafficguard.control.dispatch import Parcel, confirmed, open_line
from trafficguard.exchange import Outcome
from trafficguard.net.connection import Hold
from trafficguard.net.tarpit import MOST_TRAPPED
from trafficguard.net.throttle import MOST_HELD_OF_ONE
from trafficguard.policy.model import PolicyFile
from trafficguard.settings import Settings

NEVER = ThrottleAction.model_validate({"rate": 0.02, "burst": 1, "delay": "60s"})
"""The second request waits for 50 s, longer than any test."""
SOON = ThrottleAction.model_validate({"rate": 100, "burst": 1, "delay": "10s"})
"""Each one waits for 10 ms more."""
NOW_OR_NOT = ThrottleAction.model_validate({"rate": 0.01, "burst": 1, "delay": "1ms"})
PAGE = ("Accept: text/html",)


@contextlib.asynccontextmanager
async def enforcing(action: ActionValue, **more: Any) -> AsyncIterator[tuple[Origin, Proxy]]:
    """An origin, and a proxy that does `action` about `/bad`."""
    async with recording_origin() as origin, proxy_to(origin.url, mode="enforce", action=action, **more) as proxy:
        proxy.stop_time()
        yield origin, proxy


def paced(proxy: Proxy) -> int:
    return proxy.meters.paced


async def spend_burst(proxy: Proxy) -> None:
    """The one request that goes at once."""
    head, _ = await proxy.ask(get("/bad"))
    assert statuses(head) == [200]


def targets(origin: Origin) -> list[bytes]:
    return [seen.target for seen in origin.requests]


# ---- throttle: going on


async def test_who_keeps_to_its_pace_goes_on_and_the_origin_is_told() -> None:
    async with enforcing(SOON) as (origin, proxy):
        await spend_burst(proxy)
        assert origin.requests[0].values(b"x-bot-verdict") == [b"throttle"]
        assert origin.requests[0].values(b"x-bot-score") == [b"99"]
        assert proxy.record.exchanges[0].outcome == Outcome(200)


async def test_who_is_too_quick_waits_its_turn_unread_and_then_goes_on() -> None:
    async with enforcing(SOON) as (origin, proxy):
        await spend_burst(proxy)
        line = await proxy.line(get("/bad/2"))
        await until(lambda: paced(proxy) == 1)
        (connection,) = proxy.worker.services.wheel.items()
        assert connection._holds == Hold.PACE
        assert targets(origin) == [b"/bad"]
        head, _ = await line.hear_answer()
        assert statuses(head) == [200]
        assert targets(origin) == [b"/bad", b"/bad/2"]
        assert (paced(proxy), connection._holds, len(proxy.worker.services.departures)) == (0, 0, 0)
        line.say(get("/good"))
        assert statuses((await line.hear_answer())[0]) == [200]
        line.close()


async def test_turns_come_in_the_order_in_which_they_were_reserved() -> None:
    async with enforcing(SOON) as (origin, proxy):
        await spend_burst(proxy)
        lines = []
        for number in range(8):
            lines.append(await proxy.line(get(f"/bad/{number}")))
            await until(lambda: paced(proxy) + len(origin.requests) == number + 2)  # noqa: B023
        for line in lines:
            assert statuses((await line.hear_answer())[0]) == [200]
            line.close()
        assert targets(origin)[1:] == [f"/bad/{number}".encode() for number in range(8)]


@pytest.mark.parametrize("message", [post(b"x" * 100_000, "/bad"), chunked(b"a", b"b" * 5000, path="/bad")])
@pytest.mark.parametrize("cut", [1, 200, 100_000])
async def test_a_body_arrives_whole_however_much_of_it_was_there_before(message: bytes, cut: int) -> None:
    async with enforcing(SOON) as (origin, proxy):
        await spend_burst(proxy)
        at = message.index(b"\r\n\r\n") + 4 + cut
        line = await proxy.line(message[:at])
        await until(lambda: paced(proxy) == 1)
        await line.say_all(message[at:])
        assert statuses((await line.hear_answer())[0]) == [200]
        body = origin.requests[1].body
        assert body in (b"x" * 100_000, b"a" + b"b" * 5000)
        line.say(get("/good"))
        assert statuses((await line.hear_answer())[0]) == [200]
        line.close()


async def test_a_pipeline_is_answered_in_order() -> None:
    async with enforcing(SOON) as (origin, proxy):
        line = await proxy.line(get("/bad/1") + get("/bad/2") + get("/good/3"))
        answers = b"".join([(await line.hear_answer())[0] for _ in range(3)])
        assert statuses(answers) == [200] * 3
        assert targets(origin) == [b"/bad/1", b"/bad/2", b"/good/3"]
        line.close()


async def test_what_waits_is_not_cut_by_a_deadline() -> None:
    async with enforcing(NEVER) as (origin, proxy):
        await spend_burst(proxy)
        line = await proxy.line(get("/bad/2"))
        await until(lambda: paced(proxy) == 1)
        proxy.turn_wheel(600)
        await settle()
        assert (paced(proxy), targets(origin)) == (1, [b"/bad"])
        line.close()


# ---- throttle: refusing


async def test_who_would_wait_too_long_is_told_when_to_come_again() -> None:
    async with enforcing(NOW_OR_NOT) as (origin, proxy):
        await spend_burst(proxy)
        line = await proxy.line(get("/bad/2"))
        head, _ = await line.hear_answer()
        assert statuses(head) == [429]
        assert value_of(head, "Retry-After") == "101"
        assert value_of(head, "RateLimit") is None
        assert value_of(head, "RateLimit-Policy") is None
        assert targets(origin) == [b"/bad"]
        assert proxy.record.exchanges[1].outcome == Outcome(0)
        line.say(get("/good"))
        assert statuses((await line.hear_answer())[0]) == [200]
        line.close()


@pytest.mark.parametrize("why", ["reveal", "pass", "label"])
async def test_who_may_know_is_told_its_pace(why: str) -> None:
    action = NOW_OR_NOT.model_copy(update={"reveal": why == "reveal"})
    async with enforcing(action) as (_, proxy):
        lines: tuple[str, ...] = ()
        if why == "label":
            proxy.guard.labels = ("bot.verified.google",)
        if why == "pass":
            await spend_burst(proxy)
            passes, request = proxy.worker.services.reception.desk.passes, proxy.guard.requests[0]
            cookie = re.search(rb"tg=[^;]+", passes.give(request, "pow", 8, 0, None, NOON))
            assert cookie is not None
            lines = (f"Cookie: {cookie[0].decode()}",)
        heads = [(await proxy.ask(get("/bad", *lines)))[0] for _ in range(2)]
        if why != "pass":
            assert value_of(heads[0], "RateLimit-Policy") == '"test";q=1;w=100'
            assert value_of(heads[0], "RateLimit") is None
        assert value_of(heads[1], "RateLimit") == '"test";r=0;t=101'
        other, _ = await proxy.ask(get("/good", *lines))
        assert value_of(other, "RateLimit-Policy") is None


async def test_who_waits_is_told_so_with_the_answer_of_the_shop() -> None:
    async with enforcing(SOON.model_copy(update={"reveal": True})) as (_, proxy):
        await spend_burst(proxy)
        head, body = await proxy.ask(get("/bad"))
        assert (statuses(head), body) == ([200], b"ok")
        assert value_of(head, "RateLimit") == '"test";r=0;t=1'


async def test_a_full_queue_refuses_and_is_refilled_in_turn() -> None:
    async with enforcing(SOON.model_copy(update={"delay": 60.0})) as (origin, proxy):
        await spend_burst(proxy)
        pacer = proxy.worker.services.pacer
        key, _, _ = pacer.turn(proxy.guard.requests[0], SOON, "test", NOON)  # the turn of those who fill it
        for _ in range(MOST_HELD_OF_ONE):
            pacer.hold(key, 1)
        assert statuses((await proxy.ask(get("/bad/more")))[0]) == [429]
        assert statuses((await proxy.ask(get("/good")))[0]) == [200]
        pacer.release(key, 1)
        assert statuses((await proxy.ask(get("/bad/last")))[0]) == [200]
        assert targets(origin) == [b"/bad", b"/good", b"/bad/last"]


async def test_what_a_client_sends_while_it_waits_stays_out_of_our_memory() -> None:
    async with enforcing(NEVER) as (_, proxy):
        await spend_burst(proxy)
        line = await proxy.line(get("/bad/2"))
        await until(lambda: paced(proxy) == 1)
        line.say(get("/good") * 200_000)
        await settle()
        (connection,) = proxy.worker.services.wheel.items()
        assert connection._queued == b""  # type: ignore[attr-defined]
        assert line._writer.transport.get_write_buffer_size() > 0
        line.reset()


async def test_what_came_of_bodies_counts_as_held() -> None:
    async with enforcing(NEVER) as (_, proxy):
        await spend_burst(proxy)
        body = b"x" * 100_000
        line = await proxy.line()
        await line.say_all(post(body, "/bad/2") + get("/good"))
        await until(lambda: paced(proxy) == 1)
        (connection,) = proxy.worker.services.wheel.items()
        pacer, upload = proxy.worker.services.pacer, connection._upload  # type: ignore[attr-defined]
        assert pacer._held_bytes >= len(upload.held) + len(connection._queued)  # type: ignore[attr-defined]
        line.reset()
        await until(lambda: paced(proxy) == 0)
        assert pacer._held_bytes == 0


async def test_a_login_is_held_back_and_goes_on_whole() -> None:
    policy = PolicyFile.model_validate(
        {"rules": [{"name": "slow", "when": "true", "action": {"throttle": {"rate": 50, "burst": 1, "delay": "10s"}}}]}
    )
    form = post(b"username=ann&password=x", "/login", "Content-Type: application/x-www-form-urlencoded")
    async with enforcing(SOON, real_guard=True, policy=policy) as (origin, proxy):
        for _ in range(2):
            line = await proxy.line(form[:-5])
            line.say(form[-5:])
            assert statuses((await line.hear_answer())[0]) == [200]
            line.close()
        assert [seen.body for seen in origin.requests] == [b"username=ann&password=x"] * 2
        assert {one.verdict.action.word for one in proxy.record.exchanges if one.verdict} == {"throttle"}


# ---- throttle: leaving


@pytest.mark.parametrize("leave", ["close", "reset", "end"])
@pytest.mark.parametrize("message", [get("/bad/2"), post(b"x" * 9, "/bad/2"), post(b"x" * 9, "/bad/2")[:-5]])
async def test_a_client_that_leaves_frees_its_place(message: bytes, leave: str) -> None:
    async with enforcing(NEVER) as (origin, proxy):
        await spend_burst(proxy)
        line = await proxy.line(message)
        await until(lambda: paced(proxy) == 1)
        getattr(line, leave)()
        await until(lambda: paced(proxy) == 0)
        await until(lambda: proxy.connections == 0)
        assert proxy.record.errors == ["", "client-left"]
        assert targets(origin) == [b"/bad"]
        assert len(proxy.worker.services.departures) == 0
        assert proxy.guard.observed[-1][1] == Outcome(0)


async def test_a_client_that_says_at_once_that_it_is_done_and_need_not_wait_is_answered() -> None:
    async with enforcing(SOON) as (_, proxy):
        assert statuses(await proxy.send(get("/bad"))) == [200]


# ---- throttle: orders and going


async def test_what_is_held_back_goes_on_at_once_when_the_worker_goes() -> None:
    async with recording_origin() as origin, serving_worker(origin.url, mode="enforce", policy=THROTTLES) as serving:
        head = (await (first := await serving.line(get("/"))).hear_answer())[0]
        assert statuses(head) == [200]
        line = await serving.line(get("/2"))
        upload = await serving.line(post(b"body", "/3"))
        await until(lambda: serving.worker.services.meters.paced == 2)
        first.say(get("/4")[:-2])  # on its way when the worker goes
        tell_to_go()
        for waiting in (line, upload):
            head, _ = await waiting.hear_answer()
            assert statuses(head) == [200]
            assert value_of(head, "Connection") == "close"
        await until(lambda: serving.worker.services.draining)
        first.say(b"\r\n")
        assert statuses((await first.hear_answer())[0]) == [200]
        await serving.has_ended()
        assert {seen.target for seen in origin.requests} == {b"/", b"/2", b"/3", b"/4"}
        assert [seen.body for seen in origin.requests if seen.target == b"/3"] == [b"body"]


THROTTLES = PolicyFile.model_validate(
    {"rules": [{"name": "slow", "when": "true", "action": {"throttle": {"rate": 0.06, "burst": 1, "delay": "60s"}}}]}
)


@pytest.mark.parametrize("mode", ["shadow", "off"])
async def test_who_is_held_goes_on_when_verdicts_are_no_longer_carried_out(mode: str) -> None:
    async with enforcing(NEVER) as (_, proxy):
        await spend_burst(proxy)
        line = await proxy.line(get("/bad/2"))
        await until(lambda: paced(proxy) == 1)
        await order(proxy, mode="enforce")
        assert paced(proxy) == 1
        await order(proxy, mode=mode)
        assert statuses((await line.hear_answer())[0]) == [200]
        line.close()


async def test_who_is_trapped_is_let_out_when_verdicts_are_no_longer_carried_out() -> None:
    async with enforcing(tarpit("1h")) as (_, proxy):
        line = await proxy.line(get("/bad"))
        await line.hear_head()
        await order(proxy, mode="shadow")
        await line.hear_nothing_more()
        await until(lambda: proxy.connections == 0)
        assert proxy.meters.trapped == 0


async def order(proxy: Proxy, mode: str) -> None:
    """Has a worker take other orders over, as the supervisor does."""
    ours, theirs = open_line()
    worker = proxy.worker
    worker._berth = replace(worker._berth, line=theirs)
    orders = replace(orders_of_mode(mode), number=9)
    parcel = Parcel(orders)
    assert parcel.send(ours)
    parcel.close()
    worker._on_orders()
    assert confirmed(ours) == 9
    ours.close()
    theirs.close()


def orders_of_mode(mode: str) -> Any:
    values = {"mode": mode, "sites": [{"upstreams": [{"servers": ["http://127.0.0.1:9"]}]}]}
    return orders_of(Settings.model_validate(values))


# ---- challenge


async def test_head_goes_through_the_same_gate() -> None:
    async with enforcing(ChallengeAction()) as (_, proxy):
        answer = await proxy.send(get("/bad", *PAGE, method="HEAD"))
        assert statuses(answer) == [403]
        assert b"Set-Cookie: tg-try=" in answer
        assert answer.endswith(b"\r\n\r\n")


# ---- block


async def test_a_block_says_what_it_is_told_and_closes_when_it_is_told() -> None:
    async with enforcing(BlockAction(status=451, body="Not here <b>", close=True)) as (_, proxy):
        answer = await proxy.send(get("/bad", *PAGE) + get("/good"), end=False)
        assert statuses(answer) == [451]
        assert b"\r\nConnection: close\r\n" in answer
        assert b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in answer
        assert answer.endswith(b"\r\n\r\nNot here <b>")


# ---- tarpit


def tarpit(hold: str, size: int = 64) -> TarpitAction:
    return TarpitAction.model_validate({"hold": hold, "size": size})


def trapped(proxy: Proxy) -> int:
    return proxy.meters.trapped


async def test_who_is_trapped_gets_its_drops_and_then_nothing() -> None:
    async with enforcing(tarpit("30ms")) as (origin, proxy):
        line = await proxy.line(get("/bad") + get("/good"))
        head = await line.hear_head()
        assert value_of(head, "Content-Length") == "65"
        assert await line.hear_all() == b" " * 64
        await until(lambda: proxy.connections == 0)
        (exchange,) = proxy.record.exchanges
        assert (exchange.status, exchange.bytes_out, exchange.error) == (200, len(head) + 64, "")
        assert exchange.outcome == Outcome(0)
        assert (trapped(proxy), origin.requests) == (0, [])


async def test_nobody_is_cut_by_a_deadline_or_read_from_while_trapped() -> None:
    async with enforcing(tarpit("1h")) as (_, proxy):
        line = await proxy.line(post(b"x" * 9, "/bad")[:-5])
        await line.hear_head()
        (connection,) = proxy.worker.services.wheel.items()
        line.say(b"xxxxx" + get("/good"))
        proxy.turn_wheel(600)
        await settle()
        assert (trapped(proxy), connection._holds & Hold.PACE) == (1, Hold.PACE)
        line.reset()


@pytest.mark.parametrize("leave", ["close", "reset", "end"])
async def test_who_leaves_the_tarpit_makes_room(leave: str) -> None:
    async with enforcing(tarpit("1h")) as (_, proxy):
        line = await proxy.line(get("/bad"))
        await line.hear_head()
        getattr(line, leave)()
        await until(lambda: proxy.connections == 0)
        assert (trapped(proxy), len(proxy.record.exchanges)) == (0, 1)


async def test_who_comes_when_the_tarpit_is_full_is_blocked() -> None:
    async with enforcing(tarpit("1h")) as (_, proxy):
        for _ in range(MOST_TRAPPED):
            assert proxy.worker.services.tarpit.enter()
        head, _ = await proxy.ask(get("/bad"))
        assert statuses(head) == [403]
        proxy.worker.services.tarpit.leave()
        line = await proxy.line(get("/bad"))
        assert statuses(await line.hear_head()) == [200]
        line.reset()


async def test_who_does_not_read_its_drops_is_cut() -> None:
    async with enforcing(tarpit("10ms", 1 << 20)) as (_, proxy):
        line = await proxy.narrow_line(get("/bad"))
        line.stop_hearing()
        await until(lambda: proxy.connections == 0)
        assert trapped(proxy) == 0
        line.close()


async def test_what_is_trapped_ends_when_the_worker_goes_and_what_comes_then_is_blocked() -> None:
    policy = PolicyFile.model_validate(
        {"rules": [{"name": "trap", "when": "true", "action": {"tarpit": {"hold": "1h"}}}]}
    )
    async with scripted_origin() as origin, serving_worker(origin.url, mode="enforce", policy=policy) as serving:
        line = await serving.line(get("/"))
        await line.hear_head()
        late = await serving.line(get("/")[:-2])
        await until(lambda: len(serving.worker.services.wheel.items()) == 2)
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        await line.hear_nothing_more()
        late.say(b"\r\n")
        assert statuses((await late.hear_answer())[0]) == [403]
        await serving.has_ended()


# ---- parts of a page, with the guard that knows them


async def test_a_page_with_thirty_parts_is_not_delayed() -> None:
    policy = PolicyFile.model_validate(
        {"rules": [{"name": "slow", "when": "true", "action": {"throttle": {"rate": 0.01, "burst": 1, "delay": "1ms"}}}]}
    )
    async with enforcing(ThrottleAction(), real_guard=True, policy=policy) as (origin, proxy):
        head, _ = await proxy.ask(get("/", *PAGE))
        assert statuses(head) == [200]
        lines = [await proxy.line(get(f"/static/{number}.css")) for number in range(30)]
        for line in lines:
            assert statuses((await line.hear_answer())[0]) == [200]
            line.close()
        assert statuses((await proxy.ask(get("/", *PAGE)))[0]) == [429]
        assert len(origin.requests) == 31
