"""Turns of a visit: what happens to a key a few times an hour, seven small numbers in a counter word.

Above them stands the epoch, as in every counter word (`profile`); six count, the seventh is the moment at which a
challenge was counted last, so that tabs that are opened at once are one visitor who is asked once.

Promises: a number never runs into its neighbour: it stops at its largest. A lost race is run again; who loses
`ATTEMPTS` in a row loses one count. Nothing is allocated or raised. Never: reads a clock.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import slot
from trafficguard.counters.jit import Words, compare_and_swap, kernel, load_acquire
from trafficguard.counters.profile import ATTEMPTS

Word = np.uint64

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_EPOCH: Final = np.uint64(48)
_EPOCHS: Final = np.uint64((1 << 16) - 1)

CHANGES: Final = np.uint64(slot.TURN_CHANGES)
ROBOTS: Final = np.uint64(slot.TURN_ROBOTS)
SOLVED: Final = np.uint64(slot.TURN_SOLVED)
FAILED: Final = np.uint64(slot.TURN_FAILED)
ASKED: Final = np.uint64(slot.TURN_ASKED)
WITHHELD: Final = np.uint64(slot.TURN_WITHHELD)
_MOMENT: Final = np.uint64(slot.TURN_MOMENT)
_WIDE: Final = np.uint64(slot.TURN_SOLVED)
"""From here on numbers have eight bits, before four."""
_BYTE: Final = np.uint64(255)
_NIBBLE: Final = np.uint64(15)
_MOMENT_NS: Final = np.uint64(8_000_000_000)
"""Eight seconds: no page that solves by itself takes longer, and nobody who waits for it asks again."""


@kernel()
def largest(shift: Word) -> Word:
    """The largest that the number at a place can be."""
    return _NIBBLE if shift < _WIDE else _BYTE


@kernel()
def small(word: Word, shift: Word) -> Word:
    """One of the numbers."""
    return (word >> shift) & largest(shift)


@kernel()
def one_more(word: Word, shift: Word) -> Word:
    """The word with one number counted up, unless it is at its largest."""
    return word if small(word, shift) == largest(shift) else word + (_ONE << shift)


@kernel()
def of_epoch(word: Word, epoch: Word) -> Word:
    """The word if it is of an epoch, else that epoch's empty one."""
    mark = (epoch & _EPOCHS) << _EPOCH
    return word if word >> _EPOCH == mark >> _EPOCH else mark


@kernel()
def note_turn(memory: Words, index: Word, epoch: Word, shift: Word) -> None:
    """Counts one; `index` is the first of the two words."""
    place = index + (epoch & _ONE)
    held = load_acquire(memory, place)
    for _ in range(ATTEMPTS):
        before = compare_and_swap(memory, place, held, one_more(of_epoch(held, epoch), shift))
        if before == held:
            return
        held = before


@kernel()
def note_asked(memory: Words, index: Word, epoch: Word, now: Word) -> None:
    """Counts a page that was withheld for a challenge, and, once a moment, that a challenge was asked."""
    place = index + (epoch & _ONE)
    moment = (now // _MOMENT_NS) & _BYTE
    held = load_acquire(memory, place)
    for _ in range(ATTEMPTS):
        fresh = of_epoch(held, epoch)
        if small(fresh, ASKED) == _ZERO or small(fresh, _MOMENT) != moment:
            fresh = one_more((fresh & ~(_BYTE << _MOMENT)) | (moment << _MOMENT), ASKED)
        before = compare_and_swap(memory, place, held, one_more(fresh, WITHHELD))
        if before == held:
            return
        held = before


@kernel()
def turns_in(this: Word, before: Word, shift: Word) -> float:
    """A number of this epoch and the one before (`profile.counts_of`), whole."""
    return float(small(this, shift) + small(before, shift))
