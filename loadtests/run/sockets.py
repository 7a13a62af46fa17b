"""Runs a cast over real sockets, in real time: one task for each actor, one sender for each task.

Promises: what is due is sent when it is due, or as soon as the answer before has come; how late the generator itself
was is kept. Works of proof are computed in a process of its own, so that nobody waits for them but their sender.
Never: sends a byte beyond loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import time
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final

from loadtests.actors.challenges import PREFIX
from loadtests.actors.model import SECOND, Actor, Answer, Ask
from loadtests.actors.programs import claims_a_browser
from loadtests.run.record import Record
from loadtests.run.virtual import head_of, offer
from loadtests.run.wire import Sender, Via, front_lines
from loadtests.virtual.samples import Samples
from trafficguard.challenge.work import solve

FILES: Final = 64_000
"""Descriptors that are asked for."""
_TELL_S: Final = 0.25
_NICE: Final = 10


@dataclass(slots=True)
class Traffic:
    """A run, and how the generator itself fared."""

    record: Record
    seconds: float = 0.0
    late: array[float] = field(default_factory=lambda: array("d"))
    """Seconds by which requests were sent after they were due, where their sender was free."""
    cpu_s: float = 0.0
    """CPU of this process."""


class Play:
    """One run of a cast."""

    def __init__(
        self, actors: Sequence[Actor], seed: int, host: str, port: int, via: Via, samples: Samples | None = None,
        *, hurry: bool = False,
    ) -> None:  # fmt: skip
        """`hurry`: sends at once whatever is due later, to find out how much can be sent."""
        self._actors = actors
        self._host, self._port, self._via = host, port, via
        self._samples = samples
        self._hurry = hurry
        self._works: dict[str, asyncio.Future[list[bytes]]] = {}
        self.traffic = Traffic(Record(seed))

    async def run(self, seconds: float, progress: Callable[[float], None] = lambda _share: None) -> Traffic:
        """Everything up to the end."""
        _allow_files()
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1, get_context("spawn"), _be_nice) as self._pool:
            self._start = loop.time() + 0.05
            self._end = self._start + seconds
            began = time.process_time()
            # A full collection would hold up everybody and pass for the proxy's slowness.
            gc.collect()
            gc.freeze()
            gc.disable()
            tasks = [asyncio.create_task(self._live(index, actor)) for index, actor in enumerate(self._actors)]
            try:
                while (left := self._end - loop.time()) > 0 and not all(task.done() for task in tasks):
                    progress(1 - left / seconds)
                    await asyncio.sleep(min(_TELL_S, left))
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                gc.enable()
                gc.unfreeze()
            self.traffic.seconds = loop.time() - self._start
            self.traffic.cpu_s = time.process_time() - began
        progress(1.0)
        for one in ended:
            if isinstance(one, Exception):
                raise one
        return self.traffic

    async def _live(self, index: int, actor: Actor) -> None:
        loop, sender, free = asyncio.get_running_loop(), Sender(self._host, self._port, self._via), self._start
        try:
            ask = next(actor.life, None)
            while ask is not None:
                due = max(self._start + ask.at / SECOND, free)
                if due >= self._end and not self._hurry:
                    return
                if not self._hurry:
                    wait = due - loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    self.traffic.late.append(max(0.0, loop.time() - due))
                answer = await self._serve(index, actor, ask, sender)
                free = loop.time()
                try:
                    ask = actor.life.send(answer)
                except StopIteration:
                    return
        finally:
            actor.life.close()
            sender.close()

    async def _serve(self, index: int, actor: Actor, ask: Ask, sender: Sender) -> Answer:
        loop = asyncio.get_running_loop()
        body = ask.work.body(await self._solved(ask)) if ask.work is not None else ask.body
        head = head_of(ask, ask.cookie, len(body))
        if self._samples is not None and claims_a_browser(ask.browser) and not ask.path.startswith(PREFIX):
            offer(self._samples, ask, head, actor.is_person)
        if self._via is Via.HEADER:
            head = head[:-2] + front_lines(ask) + b"\r\n"
        sent = loop.time()
        got = await sender.send(ask, head + body)
        came = int((loop.time() - self._start) * SECOND)
        answer = Answer(got.status, None, got.cookies, came, got.lines, got.body)
        self.traffic.record.note(index, actor, ask._replace(at=int((sent - self._start) * SECOND)), answer)
        # In a hurry the clock of a life must not be pulled back to the real one.
        return answer._replace(at=0) if self._hurry else answer

    async def _solved(self, ask: Ask) -> list[bytes]:
        work = ask.work
        assert work is not None
        future = self._works.get(work.ticket)
        if future is None:
            future = self._works[work.ticket] = asyncio.wrap_future(
                self._pool.submit(solve, work.ticket.encode(), work.bits, work.parts)
            )
        return await asyncio.shield(future)

    _pool: Executor
    _start: float
    _end: float


def _be_nice() -> None:
    os.nice(_NICE)


def _allow_files() -> None:
    """As many connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
