"""Paces: who shares one, how long each request waits, and that they are exact over processes."""

from __future__ import annotations

import heapq
import mmap
import os
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus.clients import head_of
from tests.counters.memories import TINY, new_table
from tests.counters.naive import NaiveGate
from tests.guards import NOON, SHOP, Visitor, make_guard
from tests.signals.heads import CHROME
from trafficguard.actions import Key, ThrottleAction
from trafficguard.clock import SECOND
from trafficguard.counters import slot
from trafficguard.counters.jit import jit_is_on
from trafficguard.exchange import Request
from trafficguard.net.throttle import (
    MOST_HELD,
    MOST_HELD_BYTES,
    MOST_HELD_OF_ONE,
    PARTS,
    Pacer,
    retry_after,
    revealed,
)
from trafficguard.policy.keys import gate_key
from trafficguard.policy.model import PolicyFile
from trafficguard.telemetry.meters import Meters, plane_bytes, planes

KEYS: tuple[Key, ...] = get_args(Key)
WHERE = {
    "address": slot.ADDRESS_LOW, "network": slot.NETWORK_LOW, "session": slot.SESSION_LOW,
    "fingerprint": slot.STEADY_MARK, "cluster": slot.MANNER_MARK, "account": slot.ACCOUNT_LOW,
}  # fmt: skip
HEAD = head_of("GET / HTTP/1.1\nHost: shop.example")


def action(rate: float = 1.0, burst: int = 1, key: Key = "address", **more: Any) -> ThrottleAction:
    return ThrottleAction.model_validate({"rate": rate, "burst": burst, "key": key, **more})


def request(client: str = "192.0.2.1", *, part: bool = False, site: int = 1, **who: int) -> Request:
    """A request that was counted; `who` are words of what counting was told."""
    words = [0] * slot.ASK_WORDS
    words[slot.SITE], words[slot.FLAGS] = site, slot.IS_ASSET if part else slot.IS_PAGE
    for name, number in {"address": 7, **who}.items():
        words[WHERE[name]] = number
    asked = Request(HEAD, client, True, SHOP, b"0")
    asked.asked = struct.pack(f"<{slot.ASK_WORDS}Q", *words)
    return asked


def new_meters() -> Meters:
    return Meters(planes(bytearray(plane_bytes(1)), 1)[0])


def new_pacer() -> Pacer:
    return Pacer(new_table(TINY).reserve, new_meters())


# ---- turns


@given(
    st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=40), st.sampled_from((0.5, 1.0, 3.0)), st.integers(1, 5),
    st.integers(1, 4),
)  # fmt: skip
def test_turns_are_those_of_a_naive_gate(gaps: list[int], rate: float, burst: int, delay: int) -> None:
    interval = int(SECOND / rate)
    gate = NaiveGate(interval, (burst - 1) * interval, delay * SECOND)
    pacer, wanted, now = new_pacer(), action(rate, burst, delay=delay), NOON
    for gap in gaps:
        now += gap
        assert pacer.turn(request(), wanted, "test", now).wait == gate.reserve(now)


def test_a_burst_goes_at_once_then_one_by_one_then_none() -> None:
    pacer, wanted = new_pacer(), action(rate=2, burst=3, delay=1)
    waits = [pacer.turn(request(), wanted, "test", NOON).wait for _ in range(7)]
    assert waits == [0, 0, 0, SECOND // 2, SECOND, -1, -1]


def test_without_room_in_memory_a_request_is_refused() -> None:
    pacer = Pacer(lambda *_: -1, new_meters())
    assert pacer.turn(request(), action(), "test", NOON).wait == -1


def test_the_loads_of_a_page_are_counted_apart_and_not_delayed() -> None:
    pacer, wanted = new_pacer(), action(rate=1, burst=1, delay=5)
    for second in range(20):
        now = NOON + second * SECOND
        assert pacer.turn(request(), wanted, "test", now).wait == 0
        parts = [pacer.turn(request(part=True), wanted, "test", now) for _ in range(30)]
        assert {(turn.wait, turn.is_part) for turn in parts} == {(0, True)}


def test_parts_have_a_pace_too() -> None:
    pacer, wanted = new_pacer(), action(rate=1, burst=1, delay=1)
    waits = [pacer.turn(request(part=True), wanted, "test", NOON).wait for _ in range(3 * PARTS)]
    assert waits[: PARTS + 1] == [0] * PARTS + [SECOND // PARTS]
    assert waits[-1] == -1


def test_what_a_guard_takes_for_an_asset_is_a_part() -> None:
    guard = make_guard(PolicyFile())
    turns = {}
    for target in ("/", "/product/7", "/assets/a.css", "/login"):
        visitor = Visitor(guard, CHROME)
        asked = visitor.request(target)
        guard.judge(asked, NOON, Any)
        turns[target] = new_pacer().turn(asked, action(), "test", NOON).is_part
    assert turns == {"/": False, "/product/7": False, "/assets/a.css": True, "/login": False}


# ---- who shares a pace


@pytest.mark.parametrize("kind", KEYS)
def test_each_of_a_kind_has_a_pace_of_its_own(kind: Key) -> None:
    one = gate_key(request(**{kind: 1}), kind, "rule", False)
    assert gate_key(request(**{kind: 1, "address": 9} if kind != "address" else {kind: 1}), kind, "rule", False) == one
    others = [
        gate_key(request(**{kind: 2}), kind, "rule", False),
        gate_key(request(**{kind: 1}), kind, "other", False),
        gate_key(request(**{kind: 1}), kind, "rule", True),
        gate_key(request(site=2, **{kind: 1}), kind, "rule", False),
        *(gate_key(request(**{kind: 1, other: 1}), other, "rule", False) for other in KEYS if other != kind),
    ]
    assert one not in others
    assert len(set(others)) == len(others)
    assert len(one) == 16


@pytest.mark.parametrize("kind", ["session", "account"])
def test_who_has_no_such_key_is_paced_by_address(kind: Key) -> None:
    assert gate_key(request(), kind, "rule", False) == gate_key(request(), "address", "rule", False)
    assert gate_key(request(address=8), kind, "rule", False) != gate_key(request(), kind, "rule", False)


def test_what_could_not_be_counted_is_paced_by_address() -> None:
    keys = []
    for client in ("192.0.2.1", "192.0.2.2"):
        asked = request(client)
        asked.asked = b""
        keys.append(gate_key(asked, "network", "rule", False))
    assert keys[0] != keys[1]


def test_rules_of_long_names_that_begin_alike_have_paces_of_their_own() -> None:
    assert gate_key(request(), "address", "a" * 63 + "b", False) != gate_key(request(), "address", "a" * 63 + "c", False)


def test_a_pace_outlives_the_process_that_counted_and_a_change_of_its_rate() -> None:
    table = new_table(TINY)
    one, other = (Pacer(table.reserve, new_meters()) for _ in range(2))
    assert [one.turn(request(), action(1, 1), "test", NOON).wait for _ in range(2)] == [0, SECOND]
    assert other.turn(request(), action(2, 1), "test", NOON).wait == 2 * SECOND


# ---- who is held back


def test_the_queue_of_one_key_is_bounded_and_a_full_one_spends_no_turn() -> None:
    meters = new_meters()
    pacer, wanted = Pacer(new_table(TINY).reserve, meters), action(rate=100, burst=1, delay=5)
    key = pacer.turn(request(), wanted, "test", NOON).key
    waits = []
    for _ in range(MOST_HELD_OF_ONE):
        waits.append(pacer.turn(request(), wanted, "test", NOON).wait)
        pacer.hold(key, 1)
    assert waits == [(number + 1) * SECOND // 100 for number in range(MOST_HELD_OF_ONE)]
    assert [pacer.turn(request(), wanted, "test", NOON).wait for _ in range(100)] == [-1] * 100
    assert meters.paced == MOST_HELD_OF_ONE
    pacer.release(key, 1)
    assert pacer.turn(request(), wanted, "test", NOON).wait == waits[-1] + SECOND // 100
    assert meters.paced == MOST_HELD_OF_ONE - 1


def test_who_need_not_wait_needs_no_room() -> None:
    pacer, wanted = new_pacer(), action(rate=100, burst=1, delay=5)
    key = pacer.turn(request(), wanted, "test", NOON).key
    for _ in range(MOST_HELD_OF_ONE):
        pacer.hold(key, 1)
    assert pacer.turn(request(), wanted, "test", NOON + SECOND).wait == 0


def test_all_queues_together_are_bounded_and_forget_who_has_left() -> None:
    meters = new_meters()
    pacer = Pacer(lambda _key, _interval, _tolerance, _now, longest: min(longest, 1) or -1, meters)
    keys = []
    for number in range(MOST_HELD):
        turn = pacer.turn(request(address=number), action(), "test", NOON)
        assert turn.wait == 1
        pacer.hold(turn.key, 1)
        keys.append(turn.key)
    assert pacer.turn(request(address=MOST_HELD), action(), "test", NOON).wait == -1
    for key in keys:
        pacer.release(key, 1)
    assert pacer.turn(request(address=MOST_HELD), action(), "test", NOON).wait == 1
    assert meters.paced == 0
    assert pacer._held == {}


def test_what_is_held_is_bounded_in_bytes_too() -> None:
    pacer = Pacer(lambda _key, _interval, _tolerance, _now, longest: min(longest, 1) or -1, new_meters())
    half = MOST_HELD_BYTES // 2
    for address in (1, 2):
        turn = pacer.turn(request(address=address), action(), "test", NOON)
        assert turn.wait == 1
        pacer.hold(turn.key, half)
    assert pacer.turn(request(address=3), action(), "test", NOON).wait == -1
    pacer.release(turn.key, half)
    assert pacer.turn(request(address=3), action(), "test", NOON).wait == 1


# ---- what is told


@settings(deadline=None)
@given(st.floats(0.01, 50), st.integers(1, 50), st.integers(1, 5))
def test_who_comes_again_after_retry_after_goes_on_at_once(rate: float, burst: int, delay: int) -> None:
    wanted, pacer = action(round(rate, 2), burst, delay=delay), new_pacer()
    while pacer.turn(request(), wanted, "test", NOON).wait >= 0:
        pass
    assert pacer.turn(request(), wanted, "test", NOON + retry_after(wanted) * SECOND).wait == 0


def test_rate_limit_fields_tell_the_pace_and_what_is_left_where_it_is_known() -> None:
    wanted = action(rate=2, burst=10, delay=5)
    assert revealed(wanted, "slow-down", 0) == b'RateLimit-Policy: "slow-down";q=10;w=5\r\n'
    assert revealed(wanted, "slow-down", SECOND + 1).endswith(b'RateLimit: "slow-down";r=0;t=2\r\n')
    assert revealed(wanted, "slow-down", -1).endswith(b'RateLimit: "slow-down";r=0;t=6\r\n')


# ---- over processes

PROCESSES = 4
STEP = SECOND // 20
SECONDS = 180
WINDOW = 60 * SECOND
MOST_TIMES = 1 << 18


class Journal:
    """When requests went on, by all processes."""

    def __init__(self) -> None:
        self._words = np.frombuffer(mmap.mmap(-1, PROCESSES * MOST_TIMES * 8), np.int64).reshape(PROCESSES, MOST_TIMES)
        self._count = 0

    def note(self, process: int, moment: int) -> None:
        self._count += 1
        self._words[process, self._count] = moment
        self._words[process, 0] = self._count

    def times(self) -> Any:
        return np.sort(np.concatenate([row[1 : row[0] + 1] for row in self._words]))


def in_lock_step(work: Callable[[int], Iterator[None]], steps: int) -> None:
    """Runs `work(0)` … `work(3)` in processes of their own, which take each step at the same time."""
    children = []
    for number in range(PROCESSES):
        (go, going), (done, doing) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                todo = work(number)
                while os.read(go, 1) == b"+":
                    next(todo)
                    os.write(doing, b".")
                status = 0
            finally:
                os._exit(status)
        os.close(go)
        os.close(doing)
        children.append((child, going, done))
    for _ in range(steps):
        for _, going, _ in children:
            os.write(going, b"+")
        for _, _, done in children:
            assert os.read(done, 1) == b"."
    for child, going, done in children:
        os.write(going, b"-")
        assert os.waitpid(child, 0)[1] == 0
        os.close(going)
        os.close(done)


@pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")
@pytest.mark.parametrize(
    ("rate", "burst", "delay", "demand"),
    [(10.0, 20, 5.0, 3.0), (100.0, 1, 5.0, 4.0), (2.0, 10, 5.0, 1.2), (5.0, 5, 0.001, 20.0)],
    ids=["crawler", "longer queue than room", "hardly too quick", "no patience"],
)
def test_a_client_spread_over_four_processes_gets_its_pace(rate: float, burst: int, delay: float, demand: float) -> None:
    table, journal, wanted = new_table(TINY), Journal(), action(rate, burst, delay=delay)
    most_held = np.frombuffer(mmap.mmap(-1, PROCESSES * 8), np.int64)

    def work(number: int) -> Iterator[None]:
        chance, meters = random.Random(number), new_meters()
        pacer, held = Pacer(table.reserve, meters), list[tuple[int, bytes]]()
        each = rate * demand * STEP / SECOND / PROCESSES
        for step in range(SECONDS * SECOND // STEP):
            start = NOON + step * STEP
            share = number / PROCESSES
            count = int(each * (step + 1) + share) - int(each * step + share)
            for moment in sorted(start + chance.randrange(STEP) for _ in range(count)):
                while held and held[0][0] <= moment:
                    pacer.release(heapq.heappop(held)[1], 1)
                turn = pacer.turn(request(), wanted, "test", moment)
                if turn.wait >= 0:
                    journal.note(number, moment + turn.wait)
                if turn.wait > 0:
                    pacer.hold(turn.key, 1)
                    heapq.heappush(held, (moment + turn.wait, turn.key))
                most_held[number] = max(most_held[number], meters.paced)
            yield

    in_lock_step(work, SECONDS * SECOND // STEP)
    times = journal.times()
    most = max(np.searchsorted(times, times + WINDOW) - np.arange(len(times)))
    starts = np.arange(NOON + 10 * SECOND, NOON + (SECONDS - 60) * SECOND, SECOND)
    least = min(np.searchsorted(times, starts + WINDOW) - np.searchsorted(times, starts))
    print(f"\nadmitted in 60 s at {rate:g}/s and a burst of {burst}: {least} to {most}; held at most {max(most_held)}")
    assert most <= 60 * rate * 1.02 + burst
    assert least >= 60 * rate * 0.98
    assert max(most_held) <= MOST_HELD_OF_ONE
