"""The sketch in front of a directory: how often a key without a slot came lately, in 2 bits for each of 4 rows.

A count-min sketch with conservative update. Each word holds 8 cells of the current generation, the same cells of
the one before, and the number of the generation that it was last touched in, so it is rolled on by whoever
touches it next, and nothing is ever cleared. What is known of a key is the sum over both generations.

A generation ends when it has taken 3/4 as many visits as a row has cells, or is half an hour old. With 2^22
cells that is 3,145,728 visits: 63 s at 50,000 new keys a second, so that a client that comes every 30 s has its
third visit within two generations, and on a quiet site everything within half an hour. At such a load a cell of
a full generation is taken with probability 1 - e^-0.75 = 0.53. A key that never came looks like one that came
twice if all its cells are taken in both: 0.53^8 = 0.6 % at the very end of a generation, 0.15 % on average.

Promises: never knows more visits than 7, never less than came to the key within the current generation and the
one before, up to 3 of each, races aside: two processes that count one key at the same moment may count once.
Never: allocates, raises, clears.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.hashing import remixed
from trafficguard.counters.jit import Words, atomic_add, compare_and_swap, kernel, load_acquire, store_release

Word = np.uint64

GENERATION_S: Final = 1800
"""Longest life of a generation in seconds."""

_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_THREE: Final = np.uint64(3)
_MOST: Final = np.uint64(GENERATION_S * 1_000_000_000)
_LAG: Final = np.uint64(60 * 1_000_000_000)
"""How far the clock of another process may be behind before it is taken for set back."""
_HALF: Final = np.uint64(32)
_WRITES: Final = np.uint64((1 << 32) - 1)
_SHIFT: Final = np.uint64(16)
"""From a cell of the current generation to the same one of the generation before."""
_CELLS: Final = np.uint64((1 << 16) - 1)
_ROWS: Final = layout.SKETCH_ROWS
_RACES: Final = 4

_SKETCH: Final = np.uint64(layout.SKETCH)
_SKETCH_MASK: Final = np.uint64(layout.SKETCH_MASK)
_LIMIT: Final = np.uint64(layout.SKETCH_LIMIT)
_GENERATION: Final = np.uint64(layout.GENERATION)
_BEGAN: Final = np.uint64(layout.BEGAN)


@kernel()
def generation_at(memory: Words, tally: Word, now: Word) -> Word:
    """The number of the current generation, which is begun if it is time to."""
    held = load_acquire(memory, tally + _GENERATION)
    began = load_acquire(memory, tally + _BEGAN)
    if held & _WRITES >= memory[_LIMIT]:
        begun = ((held >> _HALF) + _ONE) << _HALF
        if compare_and_swap(memory, tally + _GENERATION, held, begun) == held:
            store_release(memory, tally + _BEGAN, now)
    elif now >= began + _MOST:
        if compare_and_swap(memory, tally + _BEGAN, began, now) == began:
            # After twice the time the generation before is too old as well.
            steps = _ONE if now < began + _TWO * _MOST else _TWO
            atomic_add(memory, tally + _GENERATION, (steps << _HALF) - (held & _WRITES))
    elif began > now + _LAG:
        compare_and_swap(memory, tally + _BEGAN, began, now)
    return load_acquire(memory, tally + _GENERATION) >> _HALF


@kernel()
def rolled(word: Word, generation: Word) -> Word:
    """The word as it reads in a generation."""
    stamp = word >> _HALF
    if stamp == generation:
        return word
    fresh = generation << _HALF
    return fresh | ((word & _CELLS) << _SHIFT) if stamp + _ONE == generation else fresh


@kernel()
def cell_of(memory: Words, row: Word, tag: Word, mixed: Word, number: int) -> tuple[Word, Word]:
    """The word of the tag in a row of the sketch, and how far its cell is shifted there."""
    half = tag if number < _ROWS // 2 else mixed
    bits = half >> _HALF if number % 2 else half & _WRITES
    mask = memory[row + _SKETCH_MASK]
    start = memory[row + _SKETCH] + np.uint64(number) * (mask + _ONE)
    return start + ((bits >> _THREE) & mask), (bits & np.uint64(7)) * _TWO


@kernel()
def raise_cell(memory: Words, index: Word, shift: Word, generation: Word, least: Word) -> None:
    """Makes a cell of the current generation hold at least that much."""
    for _ in range(_RACES):
        held = load_acquire(memory, index)
        word = rolled(held, generation)
        cell = (word >> shift) & _THREE
        if cell >= least:
            return
        if compare_and_swap(memory, index, held, word + ((least - cell) << shift)) == held:
            return


@kernel()
def count_in_sketch(memory: Words, row: Word, tally: Word, tag: Word, now: Word) -> Word:
    """Counts one visit; returns how many are known with it, of the current generation and the one before."""
    generation = generation_at(memory, tally, now)
    # The directory looks at the lowest bits first, so the sketch takes others.
    mixed = remixed(tag)
    other = remixed(mixed)
    current, before = _THREE, _THREE
    for number in range(_ROWS):
        index, shift = cell_of(memory, row, mixed, other, number)
        word = rolled(load_acquire(memory, index), generation)
        current = min(current, (word >> shift) & _THREE)
        before = min(before, (word >> (shift + _SHIFT)) & _THREE)
    if current < _THREE:
        for number in range(_ROWS):
            index, shift = cell_of(memory, row, mixed, other, number)
            raise_cell(memory, index, shift, generation, current + _ONE)
        atomic_add(memory, tally + _GENERATION, _ONE)
    return current + before + _ONE
