"""What is lost when a process is killed: the requests in flight of that worker, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.system.demo import Demo
from tests.system.load import Line, call, load, quietly
from tests.system.operators import readiness
from tests.system.origins import shop
from tests.system.processes import accepted_by, children, is_stopped
from tests.system.program import DEADLINE, Proxy, to, until

VISITORS = 12
WORKERS = 2
IN_FLIGHT = 24
QUEUED = 24
"""Of so many connections some go to each of two workers, but for one case in 2^24."""


async def hold_requests(port: int, count: int) -> list[Line]:
    """Connections with a request each that the origin does not answer."""
    lines = [await call(port) for _ in range(count)]
    for line in lines:
        line.say("/hold")
    return lines


async def test_kill_9_of_a_worker_loses_only_its_own_requests_in_flight(tmp_path: Path) -> None:
    async with shop() as origin, Proxy(tmp_path, to(origin.url, workers=WORKERS, mode="shadow")) as proxy:
        victim, _ = workers = proxy.workers
        async with load(proxy.port, VISITORS) as account:
            await account.wait_for_more(100)
            in_flight = await hold_requests(proxy.port, IN_FLIGHT)
            await origin.wait_until_it_holds(IN_FLIGHT, DEADLINE)

            # A worker that stands still accepts nothing, so it is known what it has and what waits for it.
            os.kill(victim, signal.SIGSTOP)
            await asyncio.to_thread(until, lambda: is_stopped(victim), "that the worker stands still")
            doomed = accepted_by(victim, proxy.port)
            queued = [await call(proxy.port) for _ in range(QUEUED)]
            for line in queued:
                line.say("/page")
            os.kill(victim, signal.SIGKILL)

            # Connections that nobody had accepted are served by the worker that takes its place.
            assert [await line.status() for line in queued] == [200] * QUEUED
            # What was in flight is lost with its worker, and only there.
            lost = [line for line in in_flight if line.port in doomed]
            kept = [line for line in in_flight if line.port not in doomed]
            assert lost
            assert kept
            assert all([await line.is_closed_in_silence() for line in lost])
            origin.release()
            assert [await line.status() for line in kept] == [200] * len(kept)
            await account.wait_for_more(100)

        assert set(account.answered) == {200}
        assert set(account.lost) <= doomed
        assert len(account.lost) <= VISITORS
        assert account.refused == 0
        assert len(proxy.workers) == WORKERS
        assert len(set(proxy.workers) & set(workers)) == WORKERS - 1
        assert "worker 0 was ended by SIGKILL" in await asyncio.to_thread(proxy.wait_for_text, "ERROR")
        for line in (*queued, *in_flight):
            line.close()
        assert await asyncio.to_thread(proxy.stop) == 0


async def test_a_worker_that_dies_again_and_again_comes_back_every_time(tmp_path: Path) -> None:
    deaths = 5
    async with shop() as origin, Proxy(tmp_path, to(origin.url, mode="shadow")) as proxy:
        for turn in range(deaths):
            (victim,) = proxy.workers
            os.kill(victim, signal.SIGKILL)
            if turn == deaths - 1:  # each death in a row is followed by a longer pause, so this one can be seen
                await asyncio.to_thread(until, lambda: readiness(proxy)[0] == 503, "that the loss is told")
                assert readiness(proxy) == (503, ["worker 0 is not running"])
            line = await call(proxy.port)  # is taken by the kernel, and waits for the next worker
            line.say("/page")
            # Only one that the old worker had just accepted dies with it.
            assert await quietly(line) in ((200, None) if turn < deaths - 1 else (200,))
            line.close()
            await asyncio.to_thread(until, lambda old=victim: is_replaced(proxy, old), f"replacement {turn}")
        await asyncio.to_thread(until, lambda: readiness(proxy) == (200, []), "that it is ready again")
        assert len([line for line in proxy.errors if "was ended by SIGKILL" in line]) == deaths


def is_replaced(proxy: Proxy, victim: int) -> bool:
    return len(proxy.workers) == 1 and victim not in proxy.workers


async def test_workers_of_a_killed_supervisor_answer_what_is_in_flight_and_go(tmp_path: Path) -> None:
    async with shop() as origin, Proxy(tmp_path, to(origin.url, workers=WORKERS, mode="shadow")) as proxy:
        in_flight = await hold_requests(proxy.port, IN_FLIGHT)
        await origin.wait_until_it_holds(IN_FLIGHT, DEADLINE)
        workers = proxy.workers
        assert len(workers) == WORKERS
        proxy.send(signal.SIGKILL)
        assert await asyncio.to_thread(proxy.wait) == -signal.SIGKILL
        origin.release()
        assert [await line.status() for line in in_flight] == [200] * IN_FLIGHT
        assert all(line.is_over for line in in_flight)
        await asyncio.to_thread(until, lambda: proxy.processes() == [], "that the workers go")
        for line in in_flight:
            line.close()


async def test_the_shop_of_a_killed_demo_goes_too() -> None:
    async with Demo(products=20) as demo:
        assert len(children(demo.pid)) == 2
        demo.send(signal.SIGKILL)
        await asyncio.to_thread(until, lambda: demo.processes() == [], "that shop and worker go")
