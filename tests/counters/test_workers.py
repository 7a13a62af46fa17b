"""One stream of requests over one, two and four workers: the same verdicts, whatever depends on order included.

Each worker is a process that takes over the memory as a successor would (`Table.adopt`). Requests that come at the same
moment are handled at the same moment, each visitor's by another worker every time. What is told is compared as scores:
with the signals of the catalog, though this file belongs to the counters.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from typing import Final

import pytest

from tests.counters.asks import ASSET, LOGIN, PAGE, ask
from tests.counters.memories import HOUR, SECOND, SECRET, START
from trafficguard.counters import slot
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.layout import Sizes
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm
from trafficguard.scoring.score import score_of
from trafficguard.scoring.terms import terms_of

pytestmark = pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")

SIZES: Final = Sizes(1 << 12, 256, 1 << 12, 256, 64, 256, sketch_cells=1 << 15, gate_buckets=4, nonces=64, workers=4)
DAWN: Final = START - START % HOUR
COOKIES: Final = slot.TAKES_COOKIES
BLOCK: Final = 75
SLOW: Final = 50
"""Scores at which verdicts change."""
Round = list[tuple[str, bytes, int]]
"""Requests of one moment: who asks, what, and how an attempt to log in ended."""


def crowd() -> list[Round]:
    """Half an hour: people, a crawler of each habit, and a flood that looks like the people's browser."""
    generator, rounds = random.Random(7), []
    visits = {
        person: iter(sorted(generator.sample(range(1800), 60))) for person in range(1, 9)
    }
    wanted = {person: next(visit) for person, visit in visits.items()}
    for second in range(1800):
        now, here = DAWN + second * SECOND, []
        for person, moment in wanted.items():
            if moment == second:
                item = int(generator.paretovariate(0.7)) % 500
                who = {"address": 500 + person, "session": person, "steady": 7, "manner": 8}
                template = generator.randrange(4)
                page = ask(now, PAGE | COOKIES | slot.REFERRER_OWN, **who, template=template, item=item, path=item)
                here += [("person", page, 0), ("person's assets", ask(now, ASSET | COOKIES, **who), 0)]
                wanted[person] = next(visits[person], -1)
        if second % 2 == 0:
            walk = {"address": 1 << 12, "steady": 9, "manner": 10, "item": 1000 + second // 2, "path": second}
            here.append(("in order", ask(now, PAGE | COOKIES, **walk), 0))
        if second % 3 == 0:
            walk = {"address": 2 << 12, "session": 99, "steady": 7, "manner": 8, "item": generator.randrange(1, 1 << 29)}
            here.append(("at random", ask(now, PAGE | COOKIES | slot.IS_TYPED, **walk, path=second), 0))
        if second % 5 == 0:
            stuffing = {"address": (3 << 12) + second % 7, "steady": 11, "manner": 12, "account": 1 + second}
            here.append(("stuffing", ask(now, LOGIN | COOKIES, **stuffing, route=5), -1))
        if second >= 1200:
            for number in range(2):
                one = {"address": (9 << 20) + 2 * second + number << 8, "item": generator.randrange(1, 1 << 29)}
                here.append(("flood", ask(now, PAGE | COOKIES, **one, steady=7, manner=8, path=second), 0))
        rounds.append(here)
    return rounds


def serve(connection: Connection, fd: int) -> None:
    """A worker: takes in what it is told to, and tells what it makes of it, until nothing more comes."""
    ledger, ramps = Ledger(Table.adopt(os.dup(fd), SIZES).memory), terms_of().ramps
    while asked := connection.recv_bytes():
        row, login = asked[:-1], asked[-1] - 1
        ledger.take_in(row, 0.0, ramps)
        total = ledger.result[slot.TOTAL]
        if login:
            ledger.feed_back(row, 2, login, b"", struct.unpack_from("<Q", row)[0])
        connection.send_bytes(struct.pack("<d", total))


@contextmanager
def workers(count: int) -> Iterator[Sequence[Connection]]:
    """So many processes on one empty memory."""
    warm()
    table, connections, children = Table.create(SIZES, SECRET), [], []
    for _ in range(count):
        ours, theirs = Pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ours.close()
                serve(theirs, table.fd)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        connections.append(ours)
        children.append(child)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.send_bytes(b"")
        table.close()
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * count


def scores_over(count: int, rounds: list[Round]) -> list[tuple[str, float]]:
    """What everybody scored when so many workers shared the requests."""
    told, turn = [], 0
    with workers(count) as connections:
        for here in rounds:
            turn += 1
            places = [(place + turn) % count for place in range(len(here))]
            for (_who, row, login), place in zip(here, places, strict=True):
                connections[place].send_bytes(row + bytes([login + 1]))
            for (who, _row, _login), place in zip(here, places, strict=True):
                told.append((who, score_of(struct.unpack("<d", connections[place].recv_bytes())[0])))
    return told


def test_one_two_and_four_workers_come_to_the_same_verdicts() -> None:
    rounds = crowd()
    alone = scores_over(1, rounds)
    for count in (2, 4):
        shared = scores_over(count, rounds)
        assert [who for who, _score in shared] == [who for who, _score in alone]
        apart = [abs(ours - theirs) for (_, ours), (_, theirs) in zip(alone, shared, strict=True)]
        assert sum(difference > 1.0 for difference in apart) <= 0.01 * len(apart)
        for least in (SLOW, BLOCK):
            verdicts = [(ours >= least) != (theirs >= least) for (_, ours), (_, theirs) in zip(alone, shared, strict=True)]
            assert sum(verdicts) <= 0.01 * len(verdicts)


def test_order_matters_in_what_is_compared() -> None:
    told = scores_over(1, crowd())
    highest = {who: max(score for name, score in told if name == who) for who, _score in told}
    assert highest["in order"] > BLOCK
    assert highest["at random"] > SLOW
    assert highest["stuffing"] > BLOCK
    assert highest["flood"] > SLOW
    assert len({round(score) for _who, score in told}) > 20
