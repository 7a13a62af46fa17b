"""Active health checks: asks every origin now and then, and marks on a board which of them are up.

Promises: a server changes its mark only after `fall` bad or `rise` good probes in a row; a probe takes at
most `timeout`, reads at most MOST_BODY bytes, follows no redirect and uses a connection of its own, so that
it also tests whether new connections are taken; the probes of many servers are spread over time. Never:
chooses a server (`net` does), or ends because a probe went wrong in a way nobody thought of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import aiohttp
from aiohttp import hdrs
from yarl import URL

from trafficguard.settings import HealthCheck

MOST_BODY: Final = 64 * 1024
"""Bytes of an answer that are read; the rest is cut off with its connection."""
MOST_SPREAD: Final = 1.0
"""Seconds over which the first probes are spread at most, so that the board is true soon after the start."""

UP: Final = 1
DOWN: Final = 0

_UNIX: Final = "unix:"
_UNHEALTHY: Final = 500
_HEADERS: Final = {hdrs.USER_AGENT: "TrafficGuard-health", hdrs.ACCEPT: "*/*"}


class Board(Protocol):
    """Shared memory with one byte per server: 1 is up, 0 is down."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Marks the server `index`."""


class Target(NamedTuple):
    """One server to ask."""

    slot: int
    """Its place on the board."""
    server: str
    """`http://host:port` or `unix:/path`."""
    check: HealthCheck


class Streak:
    """Turns probes into changes of mind."""

    def __init__(self, rise: int, fall: int) -> None:
        self.up = True
        """A server counts as up until probes say otherwise, so that a start waits for no probe."""
        self._rise = rise
        self._fall = fall
        self._against = 0

    def has_changed(self, good: bool) -> bool:
        """Takes in one probe; whether it turned the opinion."""
        if good is self.up:
            self._against = 0
            return False
        self._against += 1
        if self._against < (self._rise if good else self._fall):
            return False
        self.up, self._against = good, 0
        return True


class HealthChecks:
    """Asks all targets for as long as it runs."""

    def __init__(
        self, targets: Sequence[Target], board: Board, on_change: Callable[[str, bool, str], None]
    ) -> None:
        """`on_change(server, up, why)` is told of every change of mind."""
        self._targets = targets
        self._board = board
        self._on_change = on_change
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Marks every target as up and begins to ask, on the running loop."""
        for position, target in enumerate(self._targets):
            self._board[target.slot] = UP
            delay = min(target.check.interval, MOST_SPREAD) * position / len(self._targets)
            self._tasks.append(asyncio.create_task(self._watch(target, delay)))

    async def close(self) -> None:
        """Stops asking; probes under way are given up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _watch(self, target: Target, delay: float) -> None:
        streak = Streak(target.check.rise, target.check.fall)
        await asyncio.sleep(delay)
        while True:
            trouble = await probe(target.server, target.check)
            if streak.has_changed(good=not trouble):
                self._board[target.slot] = UP if streak.up else DOWN
                self._on_change(target.server, streak.up, trouble or "answers again")
            await asyncio.sleep(target.check.interval)


async def probe(server: str, check: HealthCheck) -> str:
    """Asks once; what is wrong in a few words, or an empty text when the server is healthy."""
    connector: aiohttp.BaseConnector
    if server.startswith(_UNIX):
        connector, base = (
            aiohttp.UnixConnector(server.removeprefix(_UNIX), force_close=True),
            "http://localhost",
        )
    else:
        connector, base = aiohttp.TCPConnector(force_close=True, use_dns_cache=False), server
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=check.timeout),
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as session:
            return await _ask(session, URL(base + check.path))
    except TimeoutError:
        return f"no whole answer within {check.timeout:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return str(error) or type(error).__name__


async def _ask(session: aiohttp.ClientSession, url: URL) -> str:
    async with session.get(url, allow_redirects=False) as answer:
        left = MOST_BODY
        while left > 0 and (piece := await answer.content.read(left)):
            left -= len(piece)
        if not left:
            answer.close()
        return f"status {answer.status}" if answer.status >= _UNHEALTHY else ""
