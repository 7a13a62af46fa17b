"""Reloading under load: what the generator and the summary must not overlook."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from pathlib import Path

import pytest

from loadtests.reloading import versions
from loadtests.reloading.command import TOLD_BY, Outcome, Phase, crowd_of_requests, summed_up
from loadtests.reloading.steady import Traffic, drive
from tests.loadtests.bench.servers import serving
from trafficguard.policy.engine import plain_facts
from trafficguard.sources.policy_file import read_policy

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"


def test_each_request_is_sent_at_its_time_and_its_answer_looked_at() -> None:
    with serving(lambda _: (200, b"first-0, last-0")) as port:
        traffic = asyncio.run(drive(port, [REQUEST], rate=200, seconds=0.5, connections=4))
    assert traffic.sent == traffic.answered == 100
    assert (traffic.lost, traffic.statuses, traffic.bodies) == (0, Counter({200: 100}), Counter({b"first-0, last-0": 100}))


def test_a_request_waits_from_when_it_was_due() -> None:
    async def stalled(port: int) -> Traffic:
        return await drive(port, [REQUEST], rate=100, seconds=0.3, connections=1)

    slow = asyncio.Event()

    async def run() -> Traffic:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for number in itertools.count():
                if not await reader.readline():
                    break
                await reader.readuntil(b"\r\n\r\n")
                if not number:  # the first answer comes when all were due
                    asyncio.get_running_loop().call_later(0.3, slow.set)
                    await slow.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            return await stalled(server.sockets[0].getsockname()[1])

    traffic = asyncio.run(run())
    assert traffic.sent == traffic.answered == 30
    assert sum(wait > 0.1 for wait in traffic.waits) >= 15


def test_a_request_whose_connection_ends_is_lost() -> None:
    async def run() -> Traffic:
        async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await drive(port, [REQUEST], rate=10, seconds=0.2, connections=2)

    traffic = asyncio.run(run())
    assert (traffic.sent, traffic.lost, traffic.answered) == (2, 2, 0)


def test_an_answer_with_the_labels_of_two_versions_is_half_of_each() -> None:
    bodies = Counter({b"first-0, last-0": 5, b"ua.library, first-1, last-1": 3, b"first-0, last-1": 2, b"": 1})
    traffic = Traffic(11, 1.0, Counter({200: 11}), bodies, 0, [0.001] * 11)
    assert summed_up("x", traffic, 1).halves == 3


def test_every_version_labels_every_request_first_and_last(tmp_path: Path) -> None:
    versions.write(tmp_path / "policy.yaml", 7, 200)
    policy = read_policy(tmp_path / "policy.yaml").policy
    assert policy is not None
    assert len(policy.names) == 200
    facts = plain_facts(host="shop.test")
    assert ", ".join(policy.decide(facts, policy.new_errors()).labels).encode() == versions.labels(7)


def test_the_crowd_is_of_different_requests_with_addresses() -> None:
    requests = crowd_of_requests(500)
    assert len(set(requests)) > 450
    assert all(b"X-Forwarded-For: " in request and request.endswith(b"\r\n\r\n") for request in requests)


def phase(name: str = "x", *, lost: int = 0, failed: int = 0, halves: int = 0, p99: float = 1.0) -> Phase:
    return Phase(name, 100, 100.0, lost, failed, halves, 0.5, p99, 2.0)


@pytest.mark.parametrize(
    ("quiet", "reloading", "told", "missed"),
    [
        (phase(), phase(p99=2.0), TOLD_BY, 0),
        (phase(), phase(p99=2.1), TOLD_BY, 1),
        (phase(), phase(lost=1), TOLD_BY, 1),
        (phase(), phase(failed=1), TOLD_BY, 1),
        (phase(halves=1), phase(), TOLD_BY, 1),
        (phase(), phase(), TOLD_BY[:2], 1),
    ],
)
def test_whatever_is_missed_is_said(quiet: Phase, reloading: Phase, told: list[str], missed: int) -> None:
    outcome = Outcome("m", 2, 200, 0.6, [phase(), quiet, reloading], 100, {}, told)
    assert len(outcome.misses()) == missed
