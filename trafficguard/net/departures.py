"""Clients that leave while nobody reads from them.

A connection that is not read from tells its owner nothing, neither that its client has closed it nor that it was reset.
The kernel knows, and tells an epoll of our own, which asks for nothing else.

Promises: who closes a watched connection, or only its sending side, is told of within one turn of the loop. Never:
reads a byte, or takes for gone who is only silent.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Final

_GONE: Final = select.EPOLLRDHUP
"""A reset and a connection that is shut in both directions are told of without being asked for."""


class Departures:
    """One worker's."""

    __slots__ = ("_poll", "_watched")

    def __init__(self) -> None:
        self._poll: select.epoll | None = None
        self._watched: dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Calls once when the client of this socket leaves, unless it is forgotten before."""
        if self._poll is None:  # the first one, for which there is a loop by now
            self._poll = select.epoll()
            asyncio.get_running_loop().add_reader(self._poll.fileno(), self._look)
        self._poll.register(fd, _GONE)
        self._watched[fd] = call

    def forget(self, fd: int) -> None:
        """Ends a watch; to be called before the socket is closed."""
        if self._poll is not None and self._watched.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _look(self) -> None:
        if self._poll is None:
            return
        for fd, _ in self._poll.poll(0):
            call = self._watched.get(fd)
            self.forget(fd)
            if call is not None:
                call()
