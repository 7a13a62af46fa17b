"""Reloads a policy again and again, as an operator would, and takes the time until all workers follow.

Promises: each reload is a version of its own, asked for by file watch, SIGHUP or the admin listener in turn; one file
in the middle is broken, and what the admin listener, the metrics and the log say about it is kept. Never: goes on to
the next reload before the last one is in force.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from loadtests.bench.errors import BenchError
from loadtests.reloading import versions

WAYS: Final = ("file watch", "SIGHUP", "admin")
PATIENCE_S: Final = 30.0
LOOK_S: Final = 0.05
"""Seconds between two looks at what is in force."""


@dataclass(slots=True)
class Reloads:
    """What became of the reloads."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    """From the order to all workers following, by way."""
    broken_told_by: list[str] = field(default_factory=list)
    """Where the broken file was complained about."""

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(map(len, self.seconds.values()))


@dataclass(frozen=True, slots=True)
class Steered:
    """The proxy whose policy is reloaded."""

    pid: int
    """Of the supervisor."""
    admin: str
    """URL of the admin listener."""
    file: Path
    """Its policy."""
    log: Path
    """Where its words go."""
    rules: int


async def reload_often(proxy: Steered, count: int, seconds: float) -> Reloads:
    """`count` reloads over as many seconds, and a broken file in the middle of them."""
    reloads, loop = Reloads(), asyncio.get_running_loop()
    start = loop.time()
    async with aiohttp.ClientSession(proxy.admin) as session:
        for number in range(1, count + 1):
            await asyncio.sleep(max(0.0, start + seconds * (number - 1) / count - loop.time()))
            if number == count // 2 + 1:
                await _break(proxy, session, reloads)
            way = WAYS[number % len(WAYS)]
            began = loop.time()
            versions.write(proxy.file, number, proxy.rules)
            if way == "SIGHUP":
                os.kill(proxy.pid, signal.SIGHUP)
            elif way == "admin":
                await (await session.post("/policy/reload", json={})).read()
            await _until(session, lambda policy, n=number: policy["name"] == f"version-{n}" and policy["applied"])
            reloads.seconds[way].append(loop.time() - began)
    return reloads


async def _break(proxy: Steered, session: aiohttp.ClientSession, reloads: Reloads) -> None:
    before = (await _policy(session))["version"]
    versions.replace(proxy.file, versions.BROKEN)
    told = await _until(session, lambda policy: bool(policy["complaints"]))
    if told["version"] != before:
        raise BenchError("a broken policy was put in force")
    reloads.broken_told_by.append("admin listener")
    if "trafficguard_policy_refused_total 1" in await (await session.get("/metrics")).text():
        reloads.broken_told_by.append("metrics")
    if f"{proxy.file.name}:3:" in proxy.log.read_text(encoding="utf-8"):
        reloads.broken_told_by.append("log")


async def _policy(session: aiohttp.ClientSession) -> dict[str, Any]:
    async with session.get("/policy") as answer:
        policy: dict[str, Any] = await answer.json()
        return policy


async def _until(session: aiohttp.ClientSession, holds: Any) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    while not holds(policy := await _policy(session)):
        if loop.time() > end:
            raise BenchError(f"a reload does not end; in force is {policy}")
        await asyncio.sleep(LOOK_S)
    return policy
