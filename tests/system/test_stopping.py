"""SIGTERM loses nothing: what is in flight is answered, what is new is refused, and the end comes in bounded time."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest

from tests.system import origins
from tests.system.clients import ask, connected, is_refused, page, read_answer
from tests.system.load import call, load
from tests.system.operators import readiness
from tests.system.origins import shop
from tests.system.program import DEADLINE, Proxy, free_port, serve, to, until

VISITORS = 12


@pytest.mark.parametrize("workers", [1, 2])
async def test_sigterm_under_load_loses_no_request(workers: int, tmp_path: Path) -> None:
    async with shop() as origin, Proxy(tmp_path, to(origin.url, workers=workers, mode="shadow")) as proxy:
        held = [await call(proxy.port) for _ in range(8)]
        for line in held:
            line.say("/hold")
        await origin.wait_until_it_holds(len(held), DEADLINE)
        async with load(proxy.port, VISITORS) as account:
            await account.wait_for_more(200)
            proxy.send(signal.SIGTERM)
            await asyncio.to_thread(until, lambda: is_refused(proxy.port), "that new connections are refused")
        origin.release()
        assert [await line.status() for line in held] == [200] * len(held)
        assert all(line.is_over for line in held)
        assert await asyncio.to_thread(proxy.wait) == 0
        assert proxy.processes() == []
        for line in held:
            line.close()
    assert account.lost == []
    assert set(account.answered) == {200}


async def test_everybody_is_sent_away_while_the_last_request_is_answered(tmp_path: Path) -> None:
    async with shop() as origin, Proxy(tmp_path, to(origin.url)) as proxy:
        held, kept, fresh = [await call(proxy.port) for _ in range(3)]
        kept.say("/page")
        assert await kept.status() == 200
        held.say("/hold")
        await origin.wait_until_it_holds(1, DEADLINE)
        proxy.send(signal.SIGTERM)
        await asyncio.to_thread(until, lambda: is_refused(proxy.port), "that new connections are refused")
        assert await asyncio.to_thread(readiness, proxy) == (503, ["shutting down"])

        # A first request, or a next one, may have been on its way, so it is answered; no other follows it.
        for line in (kept, fresh):
            line.say("/page")
            assert await line.status() == 200
            assert line.is_over
            assert await line.is_closed_in_silence()
        origin.release()
        assert await held.status() == 200
        assert await asyncio.to_thread(proxy.wait) == 0
        for line in (held, kept, fresh):
            line.close()


def test_the_drain_deadline_cuts_a_request_that_an_origin_never_answers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = {"timeouts": {"drain": "1s"}, "log": {"file": str(log)}}
    with origins.silent() as origin, Proxy(tmp_path, to(origin, **settings)) as proxy, connected(proxy.port) as sock:
        sock.sendall(page("/never"))
        until_it_is_in_flight(proxy)
        start = time.monotonic()
        assert proxy.stop() == 0
        assert 1.0 <= time.monotonic() - start < 1.0 + 3.0
        assert sock.recv(1) == b""
    *_, event = map(json.loads, log.read_text().splitlines())
    assert (event["target"], event["status"]) == ("/never", 0)


def until_it_is_in_flight(proxy: Proxy) -> None:
    """Another request on another connection has been answered by the same worker since."""
    assert ask(proxy.port, page("/x").replace(b"Host: shop.example", b"Host: a b")).status == 400


def test_sigint_drains_too_and_a_second_unix_signal_does_not_wait(tmp_path: Path) -> None:
    with origins.silent() as origin, Proxy(tmp_path, to(origin)) as proxy, connected(proxy.port) as sock:
        sock.sendall(page("/"))
        until_it_is_in_flight(proxy)
        proxy.send(signal.SIGINT)
        proxy.wait_for_text("draining")
        start = time.monotonic()
        assert proxy.stop() == 0
        assert time.monotonic() - start < 5.0


def test_a_start_that_is_interrupted_ends_as_well_and_answers_who_had_connected(tmp_path: Path) -> None:
    port = free_port()
    with origins.raw(origins.answering) as origin:
        settings = to(origin, listen=[f"127.0.0.1:{port}"], admin={"listen": "127.0.0.1:0"})
        with serve(tmp_path, settings) as program:
            program.wait_for_text("health and metrics on")  # workers are about to be forked
            with connected(port) as sock:
                sock.sendall(page("/"))
                program.send(signal.SIGTERM)
                assert read_answer(sock).status == 200
            assert program.wait() == 0, program.said()
            assert program.processes() == []
