"""Entry kernels: what Python calls. All else in this package is compiled into these.

Promises: each is compiled once, for exactly the types stated; nothing is allocated, nothing is raised, every loop
is bounded, and time is an argument, in ns since the Unix epoch (before it counts as 0). Any number of processes
may call them at once on the same memory. Never: reads a clock, or writes outside the memory it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.directory import acquire, hold
from trafficguard.counters.gates import burn, change_gauge, left, reserve
from trafficguard.counters.hashing import tag_of
from trafficguard.counters.intake import feed_back, take_in
from trafficguard.counters.jit import Words, kernel

Word = np.uint64

_SECRET: Final = np.uint64(layout.SECRET)
_ONE: Final = np.uint64(1)


@kernel()
def key_tag(memory: Words, key: Words) -> Word:
    """The tag of a key of two words under the memory's secret."""
    return tag_of(key[0], key[1], memory[_SECRET], memory[_SECRET + _ONE])


@kernel("uint64(uint64[::1], int64, uint64[::1], int64, int64, uint64[::1])")
def visit(memory: Words, kind: int, key: Words, group: int, now: int, found: Words) -> Word:
    """Counts one visit of a key; writes where the data of its slot start to `found`; returns the visits known."""
    moment = np.uint64(max(now, 0))
    first, seen = acquire(memory, kind, key_tag(memory, key), np.uint64(group), moment)
    found[0] = first
    return seen


@kernel("void(uint64[::1], int64, uint64, int64, int64)")
def mark(memory: Words, kind: int, first: Word, flags: int, now: int) -> None:
    """Marks a slot as worth keeping for an hour."""
    hold(memory, kind, np.uint64(first), flags, np.uint64(max(now, 0)))


@kernel("int64(uint64[::1], uint64[::1], int64, int64, int64, int64)")
def reserve_gate(memory: Words, key: Words, interval: int, tolerance: int, now: int, most_wait: int) -> int:
    """Reserves the next arrival at a key's gate; returns how many ns to wait for it, or -1 if denied."""
    return reserve(memory, key_tag(memory, key), interval, tolerance, np.uint64(max(now, 0)), most_wait)


@kernel("int64(uint64[::1], uint64[::1], int64, int64)")
def gate_left(memory: Words, key: Words, now: int, longest: int) -> int:
    """How many ns the time of a key's gate is ahead of `now`, of `longest` at most; 0 if it is not."""
    return left(memory, key_tag(memory, key), np.uint64(max(now, 0)), longest)


@kernel("int64(uint64[::1], uint64[::1], int64, int64)")
def burn_nonce(memory: Words, key: Words, expires: int, now: int) -> int:
    """Burns a nonce: 1 if burnt now, 0 if it already was or has expired, -1 if there is no room to know."""
    return burn(memory, key_tag(memory, key), np.uint64(max(expires, 0)), np.uint64(max(now, 0)))


@kernel("void(uint64[::1], int64, int64, int64)")
def add_to_gauge(memory: Words, worker: int, gauge: int, amount: int) -> None:
    """Adds to a gauge of a worker."""
    change_gauge(memory, np.uint64(worker), np.uint64(gauge), amount)


ENTRY_KERNELS: Final[tuple[Callable[..., Any], ...]] = (
    visit,
    mark,
    reserve_gate,
    gate_left,
    burn_nonce,
    add_to_gauge,
    take_in,
    feed_back,
)
"""What Python calls."""
