"""A worker that is told to go answers everything that was asked, and then is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.net.harness import leave_berth, make_berth, orders_of
from tests.net.lines import DEADLINE, Line, settle, until
from tests.net.messages import get, ok, post, value_of
from tests.net.origins import recording_origin, scripted_origin
from tests.net.test_tunnel import HANDSHAKE, switch
from trafficguard.net.listener import bind
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.model import PolicyFile
from trafficguard.settings import Settings
from trafficguard.worker import Worker


@dataclass
class Serving:
    """A worker that serves as in its own process, timers and Unix signals included."""

    worker: Worker
    place: tuple[str, int]
    ready: int
    """Where the worker tells that it accepts."""
    life: int
    """The supervisor's end of the pipe whose closing tells that it is gone."""
    ends: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self.ends = asyncio.create_task(self.worker.serve())
        async with asyncio.timeout(DEADLINE):
            await asyncio.get_running_loop().run_in_executor(None, os.read, self.ready, 1)

    async def line(self, first: bytes = b"") -> Line:
        line = Line(*await asyncio.open_connection(*self.place))
        line.say(first)
        return line

    def lose_supervisor(self) -> None:
        os.close(self.life)
        self.life = os.open(os.devnull, os.O_WRONLY)

    async def has_ended(self) -> None:
        """Waits for the end; time passes quickly meanwhile, for those who are only waited for in case they ask more."""
        assert self.ends is not None
        async with asyncio.timeout(DEADLINE):
            while not self.ends.done():
                self.worker.services.wheel.turn()
                await asyncio.sleep(0.001)
            await self.ends


@contextlib.asynccontextmanager
async def idle_worker(url: str, policy: PolicyFile = BALANCED, **sections: Any) -> AsyncIterator[Serving]:
    """A worker whose sockets listen already, but that accepts only after `begin`."""
    settings = Settings.model_validate({"mode": "off", "sites": [{"upstreams": [{"servers": [url]}]}], **sections})
    (sockets,) = bind(["127.0.0.1:0"], workers=1)
    berth, ready, life = make_berth(settings, *sockets)
    serving = Serving(Worker(berth, settings, orders_of(settings, policy)), sockets[0].getsockname(), ready, life)
    try:
        yield serving
    finally:
        if serving.ends is not None:
            serving.ends.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving.ends
        leave_berth(berth, serving.ready, serving.life)


@contextlib.asynccontextmanager
async def serving_worker(url: str, **sections: Any) -> AsyncIterator[Serving]:
    """A worker that accepts."""
    async with idle_worker(url, **sections) as serving:
        await serving.begin()
        yield serving


def tell_to_go() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_a_request_in_flight_is_answered_and_its_connection_closed() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get("/slow"))
        shop, _ = await origin.request()
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        shop.say(ok(b"late"))
        head, body = await client.hear_answer()
        assert body == b"late"
        assert value_of(head, "Connection") == "close"
        await client.hear_nothing_more()
        await shop.hear_nothing_more()  # not kept for requests that cannot come any more
        await serving.has_ended()


async def test_requests_waiting_behind_one_in_flight_are_not_lost_without_a_word() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get("/slow") + get("/waiting"))
        shop, _ = await origin.request()
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        shop.say(ok())
        assert value_of((await client.hear_answer())[0], "Connection") == "close"
        await client.hear_nothing_more()


async def test_a_long_answer_and_a_long_body_are_finished() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url) as serving:
        reader = await serving.line(get("/download"))
        shop, _ = await origin.request()
        shop.say(ok(b"x" * 100_000)[:-50_000])
        await reader.hear_head()
        sender = await serving.line(post(b"y" * 100_000)[:-50_000])
        other, _ = await origin.request()
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        shop.say(b"x" * 50_000)
        assert await reader.hear(100_000) == b"x" * 100_000
        sender.say(b"y" * 50_000)
        assert await other.hear(100_000) == b"y" * 100_000
        other.say(ok())
        assert (await sender.hear_answer())[1] == b"ok"
        await serving.has_ended()


async def test_idle_connections_are_closed_soon_but_a_request_on_its_way_is_still_answered() -> None:
    async with recording_origin() as origin, serving_worker(origin.url) as serving:
        idle, fresh, busy = [await serving.line() for _ in range(3)]
        idle.say(get())
        await idle.hear_answer()
        busy.say(get())
        await busy.hear_answer()
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        await settle()
        busy.say(get())
        head, _ = await busy.hear_answer()
        assert value_of(head, "Connection") == "close"
        assert serving.ends is not None
        assert not serving.ends.done()
        await serving.has_ended()
        await idle.hear_nothing_more()
        await fresh.hear_nothing_more()


async def test_connections_that_wait_to_be_accepted_are_served() -> None:
    async with recording_origin() as origin, idle_worker(origin.url) as serving:
        waiting = [socket.create_connection(serving.place) for _ in range(40)]
        for client in waiting:
            client.sendall(get())
        serving.worker._stop.set()  # told to go before it could accept even one
        await serving.begin()
        for client in waiting:
            client.setblocking(False)
            line = Line(*await asyncio.open_connection(sock=client))
            head, body = await line.hear_answer()
            assert (head[:13], body) == (b"HTTP/1.1 200 ", b"ok")
            assert value_of(head, "Connection") == "close"
            line.close()
        await serving.has_ended()
        assert len(origin.requests) == 40


async def test_nobody_is_accepted_after_that() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get())
        shop, _ = await origin.request()
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        await settle()
        with pytest.raises(ConnectionRefusedError):
            await serving.line()
        shop.say(ok())
        await client.hear_answer()
        client.close()
        await serving.has_ended()


async def test_what_is_not_finished_by_the_deadline_is_cut() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url, timeouts={"drain": "50ms"}) as serving:
        client = await serving.line(get())
        shop, _ = await origin.request()
        tell_to_go()
        await serving.has_ended()
        await client.hear_nothing_more()
        await shop.hear_nothing_more()


async def test_a_tunnel_does_not_keep_a_worker_beyond_the_deadline() -> None:
    async with scripted_origin() as origin, serving_worker(origin.url, timeouts={"drain": "50ms"}) as serving:
        client = await serving.line(get("/", *HANDSHAKE))
        shop, _ = await origin.request()
        shop.say(switch())
        await client.hear_head()
        tell_to_go()
        await serving.has_ended()
        await client.hear_nothing_more()


async def test_a_client_that_is_still_reading_its_last_answer_gets_it_whole() -> None:
    async with recording_origin(lambda _: ok(b"x" * 8_000_000)) as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get())
        await client.hear_head()
        client.stop_hearing()
        (connection,) = serving.worker.services.wheel.items()
        await until(lambda: connection.is_unread)
        tell_to_go()
        await until(lambda: serving.worker.services.draining)
        await settle()
        client.hear_again()
        assert await client.hear(8_000_000) == b"x" * 8_000_000
        await serving.has_ended()
        await client.hear_nothing_more()


async def test_a_worker_goes_when_its_supervisor_is_gone() -> None:
    async with recording_origin() as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get())
        await client.hear_answer()
        client.close()
        serving.lose_supervisor()
        await serving.has_ended()


async def test_kept_origin_connections_are_closed() -> None:
    async with recording_origin() as origin, serving_worker(origin.url) as serving:
        client = await serving.line(get())
        await client.hear_answer()
        assert origin.open == 1
        tell_to_go()
        await until(lambda: origin.open == 0)
        client.close()
        await serving.has_ended()
