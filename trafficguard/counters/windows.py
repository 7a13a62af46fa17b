"""Sliding windows: how much came in the last W seconds, in three words for any W.

A window has a bucket for the current half of its width (the epoch, `now // (W / 2)`) and one for each of the two
before. The estimate is the current bucket, the one before, and of the oldest the share that is still inside W.

Promises: on arrivals spread evenly the estimate is exact. Whatever comes, it lies between the true counts of the
last W/2 and of the last 3W/2: it is off by less than what came in the one half-width bucket that the window's
far end cuts, and a burst counts in full for at least W/2 and for at most 3W/2. (Two buckets of a whole W, the
usual form, only lie between the counts of the last 0 and 2W: a burst at the end of one begins to fade at once.)
A count is never lost except to saturation at about 4.3 billion. `now` may step back: a process one epoch behind
still finds its bucket; one that is further ahead comes from a clock since set back, and starts again. Never:
reads a clock, allocates or raises.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters.jit import Words, atomic_add, compare_and_swap, kernel, load_acquire

Word = np.uint64

_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_THREE: Final = np.uint64(3)
_EPOCH: Final = np.uint64(32)
"""How far the epoch is shifted; the count is below it."""
_COUNT: Final = np.uint64((1 << 32) - 1)
_MOST: Final = np.uint64(1 << 16)
"""Most that is added at once."""
_FULL: Final = np.uint64((1 << 32) - (1 << 26))
"""Where a count stops, far enough below the epoch's bits for 1,000 processes to be adding at that moment."""
_ROLLS: Final = 4


@kernel()
def add_to_bucket(memory: Words, index: Word, epoch: Word, amount: Word) -> Word:
    """Counts in the bucket, which is first made the epoch's own; returns the count after."""
    held = load_acquire(memory, index)
    for _ in range(_ROLLS):
        if held >> _EPOCH == epoch:
            break
        rolled = epoch << _EPOCH
        before = compare_and_swap(memory, index, held, rolled)
        held = rolled if before == held else before
    if held & _COUNT >= _FULL:
        return _FULL
    # Should another process have rolled the bucket on meanwhile, it counts there: late, but not lost.
    return (atomic_add(memory, index, amount) & _COUNT) + amount


@kernel()
def bucket(memory: Words, index: Word, epoch: Word) -> Word:
    """What the window that starts at `index` holds for an epoch."""
    held = load_acquire(memory, index + epoch % _THREE)
    return held & _COUNT if held >> _EPOCH == epoch else np.uint64(0)


@kernel()
def older_share(memory: Words, index: Word, half: Word, epoch: Word, now: Word) -> float:
    """What the two older buckets add to an estimate."""
    elapsed = now - epoch * half
    oldest = float(bucket(memory, index, epoch - _TWO))
    return float(bucket(memory, index, epoch - _ONE)) + oldest * (1.0 - float(elapsed) / float(half))


@kernel()
def count_in_window(memory: Words, index: Word, width: Word, now: Word, amount: Word) -> float:
    """Counts `amount` (at most 65,536) in the window of `width` ns at `index`; returns the estimate with it."""
    half = width // _TWO
    epoch = now // half
    current = add_to_bucket(memory, index + epoch % _THREE, epoch & _COUNT, min(amount, _MOST))
    return float(current) + older_share(memory, index, half, epoch, now)


@kernel()
def window_now(memory: Words, index: Word, width: Word, now: Word) -> float:
    """The estimate of the window of `width` ns at `index`, without counting."""
    half = width // _TWO
    epoch = now // half
    return float(bucket(memory, index, epoch)) + older_share(memory, index, half, epoch, now)
