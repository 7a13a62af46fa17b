"""What must be exact over all processes: throttle gates, spent nonces and gauges.

A gate is a tag and a theoretical arrival time (GCRA): every reservation moves the time on by one interval, with
one compare-and-swap, so N processes together let through exactly what one would. A time that has passed says
nothing any more, so its gate may be given to another tag. A tag stands in one bucket of seven gates; giving it a
gate happens under the bucket's lock, so that it never has two. Tags are compared whole (63 bits of a keyed hash):
two gates never share a time.

A nonce is burnt into the expiry generation that it expires in (`NONCE_LIFE_S` long). Within a generation no word
is ever emptied, and the first empty word of the nonce's window is the same for everybody, so exactly one of all
processes that burn a nonce is told so. The words of a generation are reused two generations later, when all that
it held have expired; a process whose clock was set back to before that is denied.

Gauges are words of one worker, changed by it alone, summed by readers, zeroed for its successor.

Promises: no room, a lock that is not given back at once, a nonce that has expired: always denied, and full is
tallied. A process that dies while it holds a lock costs its bucket's newcomers ten seconds. Never: reads a clock,
allocates, raises, or lets through because it does not know.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.hashing import remixed
from trafficguard.counters.jit import Words, atomic_add, compare_and_swap, kernel, load_acquire, store_release

Word = np.uint64

NONCE_LIFE_S: Final = 1800
"""Longest time from a nonce's burning to its expiry."""
LOCK_PATIENCE_MS: Final = 10_000
"""How long a lock, which is held for well under a microsecond, stays with its holder before that is taken for dead."""

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_NOWHERE: Final = np.uint64((1 << 64) - 1)
_FROZEN: Final = np.uint64((1 << 64) - 1)
"""The time of a gate that is being given to another tag."""
_DENIED: Final = -1
_SLACK: Final = np.uint64(60 * 1_000_000_000)
"""A time that is further ahead than its gate's parameters allow, by this, is from a clock since set back."""
_MILLISECOND: Final = np.uint64(1_000_000)
_LOCK_SPINS: Final = 2000
_RACES: Final = 1000
"""Each lost race is another process's success, so as many mean that the gate is being rushed."""

_GATES: Final = np.uint64(layout.GATES)
_GATES_MASK: Final = np.uint64(layout.GATES_MASK)
_GATES_FULL: Final = np.uint64(layout.GATES_FULL)
_BUCKET: Final = np.uint64(layout.BUCKET_WORDS)
_PER_BUCKET: Final = layout.GATES_PER_BUCKET

_NONCES: Final = np.uint64(layout.NONCES)
_NONCES_MASK: Final = np.uint64(layout.NONCES_MASK)
_NONCES_FULL: Final = np.uint64(layout.NONCES_FULL)
_NONCE_GENERATION: Final = np.uint64(layout.NONCE_GENERATION)
_NONCE_LIFE: Final = np.uint64(NONCE_LIFE_S * 1_000_000_000)
_NONCE_PROBES: Final = layout.NONCE_PROBES
_STAMP: Final = np.uint64((1 << 24) - 1)

_GAUGES: Final = np.uint64(layout.GAUGES)
_PER_WORKER: Final = np.uint64(layout.GAUGES_PER_WORKER)


# ---- throttle gates


@kernel()
def bucket_of(memory: Words, tag: Word) -> Word:
    """Where the bucket of a tag starts."""
    bucket: Word = memory[_GATES] + (remixed(tag) & memory[_GATES_MASK]) * _BUCKET
    return bucket


@kernel()
def time_of(memory: Words, bucket: Word, tag: Word) -> tuple[Word, Word]:
    """The index of the tag's arrival time and what it holds, else none.

    The time is read before the tag: a gate that changes its tag changes its time first, and only ever to a later
    one, so whoever then swaps the time that was read here swaps it for this tag.
    """
    for number in range(_PER_BUCKET):
        index = bucket + _TWO + _TWO * np.uint64(number) + _ONE
        held = load_acquire(memory, index)
        if held != _FROZEN and load_acquire(memory, index - _ONE) == tag:
            return index, held
    return _NOWHERE, _ZERO


@kernel()
def lock(memory: Words, bucket: Word, now: Word) -> Word:
    """Takes the bucket's lock and returns what unlocks it, or 0 if it is held by somebody else."""
    now_ms = now // _MILLISECOND
    mine = now_ms + _ONE
    for _ in range(_LOCK_SPINS):
        held = load_acquire(memory, bucket)
        age = mine - held if mine >= held else held - mine
        free = held == _ZERO or age > np.uint64(LOCK_PATIENCE_MS)
        if free and compare_and_swap(memory, bucket, held, mine) == held:
            return mine
    return _ZERO


@kernel()
def found_gate(memory: Words, bucket: Word, tag: Word, moment: Word) -> bool:
    """Gives the tag a gate whose time has passed, under the lock; False if there is none."""
    for number in range(_PER_BUCKET):
        index = bucket + _TWO + _TWO * np.uint64(number) + _ONE
        held = load_acquire(memory, index)
        # Frozen under our lock: left by a dead process, so free.
        if held != _FROZEN and held > moment:
            continue
        if compare_and_swap(memory, index, held, _FROZEN) == held:
            store_release(memory, index - _ONE, tag)
            # Later than it ever was, so that nobody takes it for what it was.
            store_release(memory, index, moment + _ONE)
            return True
    return False


@kernel()
def make_gate(memory: Words, bucket: Word, tag: Word, moment: Word) -> bool:
    """Makes sure that the tag has a gate; False if the bucket is full or stays locked."""
    key = lock(memory, bucket, moment)
    if key == _ZERO:
        return False
    index, _held = time_of(memory, bucket, tag)
    made = index != _NOWHERE or found_gate(memory, bucket, tag, moment)
    compare_and_swap(memory, bucket, key, _ZERO)
    return made


@kernel()
def reserve(memory: Words, tag: Word, interval: int, tolerance: int, now: Word, most_wait: int) -> int:
    """Reserves the next arrival at a gate; returns how many ns to wait for it, or -1 if that is too long.

    One arrival every `interval` ns, `tolerance` ns of them at once. Nothing is reserved when it is denied.
    """
    bucket = bucket_of(memory, tag)
    step, slack, longest = np.uint64(max(interval, 0)), np.uint64(max(tolerance, 0)), np.uint64(max(most_wait, 0))
    for _ in range(_RACES):
        index, held = time_of(memory, bucket, tag)
        if index == _NOWHERE:
            if not make_gate(memory, bucket, tag, now):
                atomic_add(memory, _GATES_FULL, _ONE)
                return _DENIED
            continue
        # A new gate's time is 1 ns ahead, which is no arrival.
        ahead = held > now + _ONE and held - now <= slack + longest + step + _SLACK
        arrival = held if ahead else now
        wait = arrival - now - slack if arrival > now + slack else _ZERO
        if wait > longest:
            return _DENIED
        if compare_and_swap(memory, index, held, max(arrival, _TWO) + step) == held:
            return int(wait)
    return _DENIED


@kernel()
def left(memory: Words, tag: Word, now: Word, longest: int) -> int:
    """How many ns a gate's time is ahead, which is then nothing else than a mark that runs out; 0 if it is not.

    A time that is further ahead than `longest` is from a clock since set back.
    """
    index, held = time_of(memory, bucket_of(memory, tag), tag)
    if index == _NOWHERE or held <= now + _ONE or held - now > np.uint64(max(longest, 0)) + _SLACK:
        return 0
    return int(held - now)


# ---- spent nonces


@kernel()
def opened(memory: Words, generation: Word) -> bool:
    """Makes the generation the holder of its half of the nonces; False if a later one already is."""
    index = _NONCE_GENERATION + (generation & _ONE)
    for _ in range(_RACES):
        held = load_acquire(memory, index)
        if held > generation:
            return False
        if held == generation:
            return True
        compare_and_swap(memory, index, held, generation)
    return False


@kernel()
def burn(memory: Words, tag: Word, expires: Word, now: Word) -> int:
    """Burns a nonce: 1 if burnt now, 0 if it already was or has expired, -1 if there is no room to know.

    One that expires later than `NONCE_LIFE_S` from now is denied as if there were no room.
    """
    if expires <= now:
        return 0
    if expires - now > _NONCE_LIFE:
        return _DENIED
    generation = expires // _NONCE_LIFE
    if not opened(memory, generation):
        return 0
    mask = memory[_NONCES_MASK]
    start = memory[_NONCES] + (generation & _ONE) * (mask + _ONE)
    stamp = generation & _STAMP
    mine = (tag & ~_STAMP) | stamp
    home = remixed(tag)
    for step in range(_NONCE_PROBES):
        index = start + ((home + np.uint64(step)) & mask)
        held = load_acquire(memory, index)
        if held & _STAMP != stamp:
            before = compare_and_swap(memory, index, held, mine)
            if before == held:
                return 1
            held = before
        if held == mine:
            return 0
    atomic_add(memory, _NONCES_FULL, _ONE)
    return _DENIED


# ---- gauges


@kernel()
def change_gauge(memory: Words, worker: Word, gauge: Word, amount: int) -> None:
    """Adds to a gauge of a worker; the amount may be negative."""
    step = np.uint64(amount) if amount >= 0 else ~np.uint64(-amount) + _ONE
    atomic_add(memory, memory[_GAUGES] + worker * _PER_WORKER + gauge, step)
