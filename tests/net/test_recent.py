"""Requests of late: any worker finds them, once, for a while, and nothing half written."""

from __future__ import annotations

import random

import pytest

from trafficguard.clock import SECOND
from trafficguard.counters import slot
from trafficguard.net import recent
from trafficguard.net.recent import KEPT_S, Kept, Recent, recent_bytes

NOON = 1_700_000_000 * SECOND
ASKED = bytes(range(8 * slot.ASK_WORDS))


def make(workers: int = 3) -> tuple[memoryview, list[Recent]]:
    memory = memoryview(bytearray(recent_bytes(workers)))
    return memory, [Recent(memory, workers, index) for index in range(workers)]


def test_ids_are_unique_over_workers_and_restarts() -> None:
    _, rings = make()
    ids = {ring.new_id() for _ in range(2) for ring in (*rings, *make()[1]) for _ in range(100)}
    assert len(ids) == 1200
    assert {len(one) for one in ids} == {20}


@pytest.mark.parametrize("finder", range(3))
def test_every_worker_finds_what_one_has_let_through_and_only_once(finder: int) -> None:
    _, rings = make()
    ids = [(ring.new_id(), index) for index, ring in enumerate(rings)]
    for id_bytes, index in ids:
        rings[index].keep(id_bytes, index, ASKED, NOON)
    for id_bytes, index in ids:
        assert rings[finder].take(id_bytes, NOON + SECOND) == Kept(index, ASKED)
        assert [ring.take(id_bytes, NOON + SECOND) for ring in rings] == [None] * 3


def test_nobody_is_found_under_an_id_that_was_not_kept() -> None:
    _, (ring, *_) = make()
    id_bytes = ring.new_id()
    assert ring.take(id_bytes, NOON) is None
    assert ring.take(b"0" * 20, NOON) is None
    assert ring.take(bytes(20).hex().encode()[:20], NOON) is None


def test_what_became_of_a_request_may_be_told_for_ten_minutes() -> None:
    _, (ring, *_) = make()
    for late, found in ((KEPT_S * SECOND - 1, True), (KEPT_S * SECOND, False)):
        id_bytes = ring.new_id()
        ring.keep(id_bytes, 0, ASKED, NOON)
        assert (ring.take(id_bytes, NOON + late) is not None) is found


def test_the_latest_are_kept_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "SLOTS", 8)
    _, (ring, *_) = make(1)
    ids = [ring.new_id() for _ in range(20)]
    for id_bytes in ids:
        ring.keep(id_bytes, 0, ASKED, NOON)
    assert [ring.take(id_bytes, NOON) is not None for id_bytes in ids] == [False] * 12 + [True] * 8


def test_what_is_half_written_is_not_found() -> None:
    memory, (ring, *_) = make(1)
    id_bytes = ring.new_id()
    ring.keep(id_bytes, 7, ASKED, NOON)
    at = bytes(memory).index(id_bytes)
    size = recent_bytes(1) // recent.SLOTS
    rng = random.Random(1)
    for offset in range(20, size):
        before = memory[at + offset]
        memory[at + offset] = before ^ rng.randrange(1, 256)
        assert ring.take(id_bytes, NOON) is None
        memory[at + offset] = before
    assert ring.take(id_bytes, NOON) == Kept(7, ASKED)
