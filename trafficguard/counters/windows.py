"""stub"""
from __future__ import annotations
from typing import Final
import numpy as np
from trafficguard.counters import layout
from trafficguard.counters.jit import *
Word = np.uint64
_ZERO=np.uint64(0)
_ONE=np.uint64(1)
_EPOCH: Final = np.uint64(32)
_COUNT: Final = np.uint64((1 << 32) - 1)
_FULL: Final = np.uint64((1 << 32) - (1 << 16))
_ROLLS: Final = 4
# ---- windows


@kernel()
def add_one(counters: Words, index: Word, epoch: Word) -> Word:
    """Counts one in the bucket, which is first made the epoch's own; returns the count after."""
    held = load_acquire(counters, index)
    for _ in range(_ROLLS):
        if held >> _EPOCH == epoch:
            break
        rolled = epoch << _EPOCH
        before = compare_and_swap(counters, index, held, rolled)
        held = rolled if before == held else before
    if held & _COUNT >= _FULL:
        return _FULL
    # Should another process have rolled the bucket on meanwhile, it counts there: late, but not lost.
    return (atomic_add(counters, index, _ONE) & _COUNT) + _ONE


@kernel()
def count_in_window(counters: Words, first: Word, width: Word, now: Word, amount: Word) -> float:
    """Counts one in the window whose buckets start at `first`; returns the estimate with it.

    A process whose clock is one epoch behind still finds its bucket. A bucket that is further ahead can only
    come from a clock that was set back, and starts again.
    """
    epoch = now // width
    elapsed = now - epoch * width
    current = add_one(counters, first + (epoch & _ONE), epoch)
    other = load_acquire(counters, first + ((epoch + _ONE) & _ONE))
    if (other >> _EPOCH) + _ONE != epoch:
        return float(current)
    return float(other & _COUNT) * (1.0 - float(elapsed) / float(width)) + float(current)



@kernel()
def window_now(memory: Words, first: Word, width: Word, now: Word) -> float:
    """x"""
    epoch = now // width
    elapsed = now - epoch * width
    this = load_acquire(memory, first + (epoch & _ONE))
    other = load_acquire(memory, first + ((epoch + _ONE) & _ONE))
    current = float(this & _COUNT) if this >> _EPOCH == epoch else 0.0
    if (other >> _EPOCH) + _ONE != epoch:
        return current
    return float(other & _COUNT) * (1.0 - float(elapsed) / float(width)) + current
