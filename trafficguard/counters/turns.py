"""Turns of a visit: what happens to a key a few times an hour, six small numbers in a counter word.

Above them stands the epoch, as in every counter word (`profile`); five count, the sixth is the moment at which a
challenge was counted last, so that tabs that are opened at once are one visitor who is asked once.

Promises: a count never runs into its neighbour: it stops far enough below its bits for 64 processes to be adding at
that moment; none is lost but that of a moment which another process has just counted. Nothing is allocated or raised.
Never: reads a clock.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import slot
from trafficguard.counters.jit import Words, atomic_add, compare_and_swap, kernel, load_acquire
from trafficguard.counters.profile import ATTEMPTS

Word = np.uint64

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_EPOCH: Final = np.uint64(48)
_EPOCHS: Final = np.uint64((1 << 16) - 1)
_BYTE: Final = np.uint64(255)
FULL: Final = np.uint64(190)
"""Where a count stops."""

CHANGES: Final = np.uint64(slot.TURN_CHANGES)
ROBOTS: Final = np.uint64(slot.TURN_ROBOTS)
ASKED: Final = np.uint64(slot.TURN_ASKED)
SOLVED: Final = np.uint64(slot.TURN_SOLVED)
FAILED: Final = np.uint64(slot.TURN_FAILED)
_MOMENT: Final = np.uint64(slot.TURN_MOMENT)
_MOMENT_NS: Final = np.uint64(8_000_000_000)
"""Eight seconds: no page that solves by itself takes longer, and nobody who waits for it asks again."""


@kernel()
def small(word: Word, shift: Word) -> Word:
    """One of the six numbers."""
    return (word >> shift) & _BYTE


@kernel()
def roll(memory: Words, place: Word, epoch: Word) -> Word:
    """Makes a word that of an epoch; what it then holds."""
    mark = (epoch & _EPOCHS) << _EPOCH
    held = load_acquire(memory, place)
    for _ in range(ATTEMPTS):
        if held >> _EPOCH == mark >> _EPOCH:
            break
        before = compare_and_swap(memory, place, held, mark)
        held = mark if before == held else before
    return held


@kernel()
def note_turn(memory: Words, index: Word, epoch: Word, shift: Word) -> None:
    """Counts one; `index` is the first of the two words."""
    place = index + (epoch & _ONE)
    if small(roll(memory, place, epoch), shift) < FULL:
        atomic_add(memory, place, _ONE << shift)


@kernel()
def note_asked(memory: Words, index: Word, epoch: Word, now: Word) -> None:
    """Counts that the key is asked to solve a challenge, once a moment."""
    place = index + (epoch & _ONE)
    moment = (now // _MOMENT_NS) & _BYTE
    held = roll(memory, place, epoch)
    for _ in range(ATTEMPTS):
        count = small(held, ASKED)
        if count >= FULL or (count > _ZERO and small(held, _MOMENT) == moment):
            return
        fresh = (held & ~(_BYTE << _MOMENT)) | (moment << _MOMENT)
        before = compare_and_swap(memory, place, held, fresh + (_ONE << ASKED))
        if before == held:
            return
        held = before


@kernel()
def turns_in(this: Word, before: Word, shift: Word) -> float:
    """A count of this epoch and the one before (`profile.counts_of`), whole."""
    return float(small(this, shift) + small(before, shift))
