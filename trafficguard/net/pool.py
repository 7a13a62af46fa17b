"""Connections to one origin server: kept ones are reused, new ones are awaited.

Promises: at most `pool.idle` idle connections are kept, none longer than `pool.idle_timeout`; the one used last is
taken first, so that the rest can age out. A server that keeps failing to connect rests. Never: holds a connection
that is readable while idle, and never retries (`downstream` knows whether that is safe).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trafficguard.net.wheel import ticks
from trafficguard.settings import PoolSettings

if TYPE_CHECKING:
    from trafficguard.net.services import Services
    from trafficguard.net.upstream import Upstream


class Origin:
    """One origin server as one worker sees it."""

    __slots__ = (
        "_board", "_connect_timeout", "_failures", "_fall", "_idle_ticks", "_index", "_most_idle", "_rest",
        "_resting_until", "_services", "idle", "server",
    )  # fmt: skip

    def __init__(
        self, server: str, index: int, board: memoryview, pool: PoolSettings, connect_timeout: float, services: Services
    ) -> None:
        self.server = server
        """As configured: `http://host:port` or `unix:/path`."""
        self.idle: list[Upstream] = []
        """Kept connections, the one used last at the end."""
        self._index = index
        self._board = board
        self._most_idle = pool.idle
        self._idle_ticks = ticks(pool.idle_timeout)
        self._connect_timeout = connect_timeout
        self._fall = pool.fall
        self._rest = ticks(pool.rest)
        self._failures = 0
        self._resting_until = 0
        self._services = services

    @property
    def is_listed(self) -> bool:
        """Whether active health checks, if there are any, let it take part."""
        return self._board[self._index] == 1

    def is_resting(self) -> bool:
        """Whether it failed so often that others should be tried first."""
        return self._services.wheel.now < self._resting_until

    def take(self) -> Upstream | None:
        """A kept connection, if there is one."""
        return self.idle.pop() if self.idle else None

    def keep(self, upstream: Upstream) -> None:
        """Keeps a connection for the next request, or closes it when enough are kept."""
        if len(self.idle) >= self._most_idle or self._services.draining:
            upstream.close()
            return
        upstream.idle_since = self._services.wheel.now
        self.idle.append(upstream)

    def sweep(self) -> None:
        """Closes what has been idle for too long; called about once a second."""
        oldest = self._services.wheel.now - self._idle_ticks
        stale = 0
        for upstream in self.idle:
            if upstream.idle_since > oldest:
                break
            stale += 1
        for upstream in self.idle[:stale]:
            upstream.close()
        del self.idle[:stale]

    def close_idle(self) -> None:
        """Closes every kept connection."""
        for upstream in self.idle:
            upstream.close()
        self.idle.clear()

    async def connect(self) -> Upstream:
        """A new connection; OSError or TimeoutError when there is none to be had."""
        from trafficguard.net.upstream import Upstream

        loop, meters = asyncio.get_running_loop(), self._services.meters
        meters.upstream_connects += 1
        try:
            async with asyncio.timeout(self._connect_timeout):
                if self.server.startswith("unix:"):
                    path = self.server.removeprefix("unix:")
                    _, upstream = await loop.create_unix_connection(lambda: Upstream(self, self._services), path)
                else:
                    parts = urlsplit(self.server)
                    _, upstream = await loop.create_connection(
                        lambda: Upstream(self, self._services), parts.hostname or "", parts.port or 80
                    )
        except OSError:
            meters.upstream_connect_failures += 1
            self._failures += 1
            if self._failures >= self._fall:
                self._resting_until = self._services.wheel.now + self._rest
            raise
        self._failures = 0
        return upstream
