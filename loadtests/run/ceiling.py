"""What the generator can send alone, what it and a proxy reach together, and what the proxy adds at a share of that.

The crowd's own machinery is driven without pauses against a plain origin: once directly, once through a proxy in
shadow, which judges everything and carries out nothing. Then the same heads go out at a steady share of what was
reached, with and without the proxy; an answer's time counts from when it was due (`loadtests.reloading.steady`).

Promises: all four stretches use the same people. Never: stands in for what the scenario itself measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crowd import Crowd, gather
from loadtests.actors.model import Actor, Answer, Life
from loadtests.actors.people import Habits
from loadtests.reloading.steady import Traffic as Stream
from loadtests.reloading.steady import drive
from loadtests.run.scene import Scene
from loadtests.run.sockets import Play
from loadtests.run.virtual import head_of
from loadtests.run.wire import Via, front_lines

SHARE: Final = 0.6
PEOPLE: Final = 3000
HURRIED: Final = 64
"""Actors that are driven at one time without pauses."""
CONNECTIONS: Final = 64
REQUESTS: Final = 20_000
"""Different ones in the steady stream."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What was reached. Requests a second; milliseconds at p50, p99, p99.9."""

    alone: float
    joint: float
    steady: float
    direct_ms: tuple[float, float, float]
    through_ms: tuple[float, float, float]
    proxy_cpu_us: float
    """CPU of the proxy for each request of the steady stream."""


async def measure(here: Scene, catalogue: Catalogue, seconds: float, tell: Callable[[str], None]) -> Ceiling:
    """All four stretches, each of so many seconds, against a scene with a plain origin, in shadow, told by header."""
    tell("what the generator reaches alone")
    alone = await _hurry(here.behind, catalogue, seconds)
    tell("what it reaches with the proxy")
    joint = await _hurry(here.port, catalogue, seconds)
    heads = _heads(catalogue)
    rate = SHARE * joint
    tell(f"{rate:,.0f} requests a second without the proxy")
    direct = await drive(here.behind, heads, rate=rate, seconds=seconds, connections=CONNECTIONS)
    tell(f"{rate:,.0f} requests a second through the proxy")
    before = here.cpu_s()
    through = await drive(here.port, heads, rate=rate, seconds=seconds, connections=CONNECTIONS)
    cpu = here.cpu_s() - before
    return Ceiling(alone, joint, rate, times(direct), times(through), 1e6 * cpu / max(1, through.answered))


def times(stream: Stream) -> tuple[float, float, float]:
    """Milliseconds at p50, p99 and p99.9."""
    if not stream.waits:
        return 0.0, 0.0, 0.0
    one, two, three = np.percentile(np.array(stream.waits) * 1000, [50, 99, 99.9])
    return float(one), float(two), float(three)


async def _hurry(port: int, catalogue: Catalogue, seconds: float) -> float:
    actors = _people(catalogue)
    chains = [Actor(str(number), _chain(actors[number::HURRIED])) for number in range(HURRIED)]
    traffic = await Play(chains, 0, "127.0.0.1", port, Via.HEADER, hurry=True).run(seconds)
    return traffic.record.requests / traffic.seconds


def _people(catalogue: Catalogue) -> list[Actor]:
    return gather(Crowd(people=PEOPLE, office=0, sale=0), catalogue, Habits(), 7, 60)


def _chain(actors: list[Actor]) -> Life:
    """One life after the other."""
    for actor in actors:
        yield from actor.life


def _keeps_connection(head: bytes) -> bool:
    """Whether the connection goes on after this: text browsers end theirs, and the stream needs its own."""
    return b" HTTP/1.1\r\n" in head and b"\r\nconnection: close\r\n" not in head.lower()


def _heads(catalogue: Catalogue) -> list[bytes]:
    """What people ask for, as bytes, from many of them in turn."""
    heads: list[bytes] = []
    lives = [actor.life for actor in _people(catalogue)]
    asks = [next(life, None) for life in lives]
    while len(heads) < REQUESTS and any(asks):
        for number, ask in enumerate(asks):
            if ask is None:
                continue
            head = head_of(ask, ask.cookie, len(ask.body))
            if _keeps_connection(head):
                heads.append(head[:-2] + front_lines(ask) + b"\r\n" + ask.body)
            try:
                asks[number] = lives[number].send(Answer(200, more_cookies=(b"sid=%016x" % number,)))
            except StopIteration:
                asks[number] = None
    return heads[:REQUESTS]
