"""Sliding windows: how much came in the last W seconds, in two words for any W.

A window has a bucket for the current epoch (`now // W`) and one for the epoch before, by parity. Each counts the
two halves of its epoch apart. The estimate is what came in the current half and in the half before, and of the
half before that the share that is still inside W.

Promises: on arrivals spread evenly the estimate is exact. Whatever comes, it lies between the true counts of the
last W/2 and of the last 3W/2: it is off by less than what came in the one half that the window's far end cuts,
and a burst counts in full for at least W/2. (Two whole buckets, the usual form, only lie between the counts of
the last 0 and 2W: a burst at the end of one begins to fade at once.) A count is never lost except to saturation
at 3 million for each half (870 a second in an hour's window). `now` may step back: a process one epoch
behind still finds its bucket; one that is further ahead comes from a clock since set back, and starts again. An
epoch is known by its lowest 20 bits, which repeat after 121 days of the shortest window. Never: reads a clock,
allocates or raises.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters.jit import Words, atomic_add, compare_and_swap, kernel, load_acquire

Word = np.uint64

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_EPOCH: Final = np.uint64(44)
"""How far the epoch is shifted; below it the counts of its second and of its first half."""
_EPOCH_BITS: Final = np.uint64((1 << 20) - 1)
_LATE: Final = np.uint64(22)
_COUNT: Final = np.uint64((1 << 22) - 1)
_MOST: Final = np.uint64(1 << 12)
"""Most that is added at once."""
_FULL: Final = np.uint64(3 << 20)
"""Where a count stops, far enough below its neighbour's bits for 256 processes to be adding at that moment."""
_ROLLS: Final = 4


@kernel()
def half_of(word: Word, late: bool) -> Word:
    """The count of the second or of the first half of a bucket's epoch."""
    return (word >> _LATE) & _COUNT if late else word & _COUNT


@kernel()
def bucket(memory: Words, index: Word, epoch: Word) -> Word:
    """The bucket of an epoch in the window that starts at `index`; empty if it holds another one's."""
    held = load_acquire(memory, index + (epoch & _ONE))
    return held if held >> _EPOCH == epoch & _EPOCH_BITS else _ZERO


@kernel()
def add_to_bucket(memory: Words, index: Word, epoch: Word, late: bool, amount: Word) -> Word:
    """Counts in the bucket at `index`, which is first made the epoch's own; returns what it then holds."""
    held = load_acquire(memory, index)
    rolled = (epoch & _EPOCH_BITS) << _EPOCH
    for _ in range(_ROLLS):
        if held >> _EPOCH == epoch & _EPOCH_BITS:
            break
        before = compare_and_swap(memory, index, held, rolled)
        held = rolled if before == held else before
    if half_of(held, late) >= _FULL:
        return held
    # Should another process have rolled the bucket on meanwhile, it counts there: late, but not lost.
    step = amount << _LATE if late else amount
    return atomic_add(memory, index, step) + step


@kernel()
def estimate(current: Word, before: Word, width: Word, elapsed: Word, late: bool) -> float:
    """The estimate from the buckets of the current epoch and of the one before."""
    half = width // _TWO
    share = 1.0 - float(elapsed - half if late else elapsed) / float(half)
    if late:
        recent, oldest = half_of(current, False) + half_of(current, True), half_of(before, True)
    else:
        recent, oldest = half_of(current, False) + half_of(before, True), half_of(before, False)
    return float(recent) + float(oldest) * max(share, 0.0)


@kernel()
def count_in_window(memory: Words, index: Word, width: Word, now: Word, amount: Word) -> float:
    """Counts `amount` (at most 4,096) in the window of `width` ns at `index`; returns the estimate with it."""
    epoch = now // width
    elapsed = now - epoch * width
    late = bool(elapsed >= width // _TWO)
    current = add_to_bucket(memory, index + (epoch & _ONE), epoch, late, min(amount, _MOST))
    return estimate(current, bucket(memory, index, epoch - _ONE), width, elapsed, late)


@kernel()
def window_now(memory: Words, index: Word, width: Word, now: Word) -> float:
    """The estimate of the window of `width` ns at `index`, without counting."""
    epoch = now // width
    elapsed = now - epoch * width
    late = bool(elapsed >= width // _TWO)
    return estimate(bucket(memory, index, epoch), bucket(memory, index, epoch - _ONE), width, elapsed, late)


@kernel()
def count_of_epoch(memory: Words, index: Word, epoch: Word) -> Word:
    """What came in the whole epoch (`now // width`) of the window at `index`; 0 if that is too long ago."""
    held = bucket(memory, index, epoch)
    return half_of(held, False) + half_of(held, True)
