"""Lets the cast loose, in a process of its own that ends when the demo does.

Promises: nobody asks before `start`; whoever loses heart, and the end, is told over a pipe; nothing of it is left after
`end`. Never: writes to the terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from trafficguard.demo.wave.cast import Role
from trafficguard.demo.wave.life import Life
from trafficguard.demo.wave.sockets import Connection
from trafficguard.nursery import fork

END: Final = "end"
"""What is told when the time is over."""
_GOODBYE_S: Final = 5.0
_NO_ANSWER: Final = (OSError, EOFError)
"""What a visitor sees of a proxy that stops: no connection, half an answer, or none in time."""


class Crowd:
    """The process of the cast; the parent's end of it."""

    def __init__(self, cast: tuple[Role, ...], place: Path, seconds: float) -> None:
        """Forks; `place` is the Unix socket that they connect to."""
        go, self._go = os.pipe()
        self.told, telling = os.pipe()
        """File descriptor with one line for each thing told; at its end, everybody has left."""
        self._child = fork(lambda: asyncio.run(_live(cast, place, seconds, go, telling)), [go, telling])
        os.close(go)
        os.close(telling)
        self._is_over = False

    def start(self) -> None:
        """Lets them in."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._go, b"g")

    def end(self) -> None:
        """Sends them home, and waits until they have gone."""
        if self._is_over:
            return
        self._is_over = True
        os.close(self._go)
        ended = os.pidfd_open(self._child.pid)
        if not select.select([ended], [], [], _GOODBYE_S)[0]:
            self._child.send(signal.SIGKILL)
            select.select([ended], [], [], _GOODBYE_S)
        os.close(ended)
        os.close(self.told)
        self._child.has_ended()


async def _live(cast: tuple[Role, ...], place: Path, seconds: float, go: int, telling: int) -> None:
    loop = asyncio.get_running_loop()
    started, stop = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))

    def hear() -> None:
        if os.read(go, 1):
            started.set()
        else:
            loop.remove_reader(go)
            stop.set()
            started.set()

    loop.add_reader(go, hear)
    await started.wait()
    with os.fdopen(telling, "w", buffering=1) as out, contextlib.suppress(BrokenPipeError):
        await play(cast, place, seconds, stop, lambda line: print(line, file=out))
        print(END, file=out)


async def play(
    cast: tuple[Role, ...], place: Path, seconds: float, stop: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Runs all lives until `seconds` have passed, or `stop` is set; `tell` gets the name of a role that gives up."""
    roles = [asyncio.create_task(_act(role, place, tell)) for role in cast]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    for task in roles:
        task.cancel()
    for ended in await asyncio.gather(*roles, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def _act(role: Role, place: Path, tell: Callable[[str], None]) -> None:
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(_lead(life, place)) for life in role.lives]
    if all(life.result() for life in lives):
        tell(role.name)


async def _lead(life: Life, place: Path) -> bool:
    """Whether it ended by itself, and not because there was no answer any more."""
    connection = Connection(place)
    try:
        ask = next(life)
        while True:
            await asyncio.sleep(ask.pause)
            ask = life.send(await connection.send(ask))
    except StopIteration:
        return True
    except _NO_ANSWER:
        return False
    finally:
        life.close()
        await connection.close()
