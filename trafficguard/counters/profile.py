"""What one key's slot remembers of its requests, and what can be read from it.

Promises: every change is one atomic operation on one word, or a short bounded loop around one, so that any number of
processes may count at once; a lost race loses one observation of one histogram, never a count. Nothing is allocated or
raised. Never: finds the slot (`directory`), weighs (`ramps`), or reads a clock.

Sources of the formulas: burstiness B = (sqrt(n+1) r - sqrt(n-1)) / ((sqrt(n+1) - 2) r + sqrt(n-1)) with r = sigma / mu
for n gaps (Goh & Barabasi 2008; finite-size form of Kim & Jo 2016); entropies in bits with the Miller-Madow term
(k - 1) / (2 n ln 2); distinct counts by HyperLogLog with linear counting below 2.5 m (Flajolet et al. 2007), with
registers of four bits, which is enough for 2^15 times the number of registers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import slot
from trafficguard.counters.jit import Words, atomic_add, atomic_exchange, compare_and_swap, kernel, load_acquire

Word = np.uint64

ATTEMPTS: Final = 4
"""Races lost before an observation is given up."""
MINUTE_NS: Final = np.uint64(60_000_000_000)
HOUR_NS: Final = np.uint64(3_600_000_000_000)

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_MILLISECOND: Final = np.uint64(1_000_000)

# ---- counter words: epoch << 48 | third << 32 | second << 16 | first

_EPOCH: Final = np.uint64(48)
_EPOCHS: Final = np.uint64((1 << 16) - 1)
_FIELD: Final = np.uint64((1 << 16) - 1)
_FULL: Final = np.uint64(60_000)
"""Where a field stops, far enough below its bits for every process to be adding at that moment."""
SECOND_FIELD: Final = np.uint64(16)
THIRD_FIELD: Final = np.uint64(32)
_OF_PAGES: Final = ((slot.VIEWS, 16), (slot.ITEMS, 0), (slot.SHOWS, 0), (slot.SHOWS, 16), (slot.SHOWS, 32))
"""Counts of what a page may be: of an item, of a new one, of one hardly looked at, bare, out of nowhere."""


@kernel()
def field(word: Word, shift: Word) -> Word:
    """One of the three counts."""
    return (word >> shift) & _FIELD


@kernel()
def amounts(first: int, second: int, third: int) -> Word:
    """Three small counts as one word."""
    return np.uint64(first) | (np.uint64(second) << SECOND_FIELD) | (np.uint64(third) << THIRD_FIELD)


@kernel()
def add_counts(memory: Words, index: Word, epoch: Word, added: Word) -> None:
    """Adds three counts to the word of this epoch; `index` is the first of the two."""
    if added == _ZERO:
        return
    place = index + (epoch & _ONE)
    mark = (epoch & _EPOCHS) << _EPOCH
    held = load_acquire(memory, place)
    for _ in range(ATTEMPTS):
        if held >> _EPOCH == mark >> _EPOCH:
            break
        before = compare_and_swap(memory, place, held, mark)
        held = mark if before == held else before
    full = field(held, _ZERO) >= _FULL or field(held, SECOND_FIELD) >= _FULL or field(held, THIRD_FIELD) >= _FULL
    if not full:
        atomic_add(memory, place, added)


@kernel()
def counts_of(memory: Words, index: Word, epoch: Word) -> Word:
    """The word of an epoch, without its mark; 0 where nothing was counted in it."""
    held = load_acquire(memory, index + (epoch & _ONE))
    if held >> _EPOCH != epoch & _EPOCHS:
        return _ZERO
    return held & ((_ONE << _EPOCH) - _ONE)


@kernel()
def count_of(memory: Words, index: Word, epoch: Word, shift: Word) -> float:
    """A count of this epoch and the one before, whole: what ratios are formed of."""
    this = field(counts_of(memory, index, epoch), shift)
    return float(this + field(counts_of(memory, index, epoch - _ONE), shift))


@kernel()
def take_back(memory: Words, index: Word, epoch: Word, shift: Word) -> bool:
    """Takes one off one of the counts, of this epoch or else of the one before; False where there is none."""
    for back in range(2):
        place = index + ((epoch - np.uint64(back)) & _ONE)
        mark = (epoch - np.uint64(back)) & _EPOCHS
        held = load_acquire(memory, place)
        for _ in range(ATTEMPTS):
            if held >> _EPOCH != mark or field(held, shift) == _ZERO:
                break
            before = compare_and_swap(memory, place, held, held - (_ONE << shift))
            if before == held:
                return True
            held = before
    return False


@kernel()
def take_page_back(memory: Words, first: Word, epoch: Word, chance: Word) -> bool:
    """Takes one page off a key's counts, with what comes of a page; False where there is none.

    Nobody knows what the page was of which only the number is left. So each of what pages are (of an item, out of
    nowhere ...) is taken with it as often as it is met among the key's pages: shares of pages stay what they were.
    `chance` is any well mixed number.
    """
    pages = count_of(memory, first + np.uint64(slot.VIEWS), epoch, _ZERO)
    if pages < 1.0:
        return False
    drawn = float(chance % np.uint64(pages))
    for at, shift in _OF_PAGES:
        index = first + np.uint64(at)
        if drawn < count_of(memory, index, epoch, np.uint64(shift)):
            take_back(memory, index, epoch, np.uint64(shift))
    return take_back(memory, first + np.uint64(slot.VIEWS), epoch, _ZERO)


# ---- histograms: sixteen counts of four bits

_NIBBLE: Final = np.uint64(15)
_FOUR: Final = np.uint64(4)
_HALVES: Final = np.uint64(0x7777777777777777)
BINS: Final = 16

_C_LOG_C: Final = np.array([0.0] + [c * np.log2(c) for c in range(1, 16)])


@kernel()
def note_bin(memory: Words, index: Word, place: Word) -> None:
    """Counts one in a bin; when that is full, all bins are halved first."""
    shift = (place & _NIBBLE) * _FOUR
    for _ in range(ATTEMPTS):
        held = load_acquire(memory, index)
        word = held
        if (word >> shift) & _NIBBLE == _NIBBLE:
            word = (word >> _ONE) & _HALVES
        if compare_and_swap(memory, index, held, word + (_ONE << shift)) == held:
            return


@kernel()
def entropy(word: Word) -> float:
    """Shannon entropy of a histogram in bits, corrected for few observations; 0 for an empty one."""
    n, used, weighted = 0, 0, 0.0
    for place in range(BINS):
        count = int((word >> (np.uint64(place) * _FOUR)) & _NIBBLE)
        if count > 0:
            n += count
            used += 1
            weighted += _C_LOG_C[count]
    if n == 0:
        return 0.0
    return float(np.log2(n) - weighted / n + (used - 1) / (2.0 * n * np.log(2.0)))


# ---- gaps between pages, and steps between items

_LONGEST_GAP_MS: Final = np.uint64(600_000)
"""Ten minutes: whoever is away for longer begins anew."""
_SHORTEST_GAP_MS: Final = np.uint64(400)
"""Below are tabs opened together, redirects, and what a page loads by itself."""
_MOMENT_BITS: Final = np.uint64(30)
_ITEM_BITS: Final = np.uint64((1 << 30) - 1)
_GAP_EPOCH: Final = np.uint64(48)
_GAP_COUNT: Final = np.uint64(32)
_LOW32: Final = np.uint64((1 << 32) - 1)
_LOW48: Final = np.uint64((1 << 48) - 1)
_TEN: Final = np.uint64(10)
_NUMBERED: Final = np.uint64(1 << 62)
SMALL_STEP: Final = np.uint64(16)
"""A step from one item id to the next counts as small up to here."""


@kernel()
def add_marked(memory: Words, index: Word, epoch: Word, added: Word) -> None:
    """Adds to the word of this epoch, whose upper sixteen bits are its mark."""
    place = index + (epoch & _ONE)
    mark = (epoch & _EPOCHS) << _GAP_EPOCH
    held = load_acquire(memory, place)
    for _ in range(ATTEMPTS):
        if held >> _GAP_EPOCH == mark >> _GAP_EPOCH:
            break
        before = compare_and_swap(memory, place, held, mark)
        held = mark if before == held else before
    if (held & _LOW48) + added < (_ONE << np.uint64(47)):
        atomic_add(memory, place, added)


@kernel()
def bin_of_gap(gap_ms: Word) -> Word:
    """Powers of two of 1/8 s: 0 below 250 ms ... 12 from 512 s on."""
    place = _ZERO
    left = gap_ms // np.uint64(250)
    while left > _ZERO and place < np.uint64(15):
        left = left >> _ONE
        place += _ONE
    return place


@kernel()
def note_order(memory: Words, first: Word, epoch: Word, now: Word, item: Word, dense: bool) -> int:
    """Notes when a page was asked for, and which item; 1 if the item's id is a small step above the last one's.

    Of a crowd (`dense`) the shortest gaps count as well.
    """
    now_ms = now // _MILLISECOND
    at = first + np.uint64(slot.ORDER)
    known = load_acquire(memory, at)
    kept = item & _ITEM_BITS if item != _ZERO else known & _ITEM_BITS
    before = atomic_exchange(memory, at, (now_ms << _MOMENT_BITS) | kept)
    if before == _ZERO:
        return 0
    gap = ((now_ms << _MOMENT_BITS) - (before & ~_ITEM_BITS)) >> _MOMENT_BITS
    if (dense or gap >= _SHORTEST_GAP_MS) and gap <= _LONGEST_GAP_MS:
        note_bin(memory, first + np.uint64(slot.GAPS), bin_of_gap(gap))
        hundredths = gap // _TEN
        add_marked(memory, first + np.uint64(slot.GAP_SUMS), epoch, (_ONE << _GAP_COUNT) | hundredths)
        add_marked(memory, first + np.uint64(slot.GAP_SQUARES), epoch, hundredths * hundredths)
    if item == _ZERO or item & _NUMBERED != _ZERO or before & _ITEM_BITS == _ZERO:
        return 0
    step = (item - (before & _ITEM_BITS)) & _ITEM_BITS
    return 1 if _ZERO < step <= SMALL_STEP else 0


@kernel()
def marked(memory: Words, index: Word, epoch: Word) -> Word:
    """The value of an epoch's marked word."""
    held = load_acquire(memory, index + (epoch & _ONE))
    return held & _LOW48 if held >> _GAP_EPOCH == epoch & _EPOCHS else _ZERO


@kernel()
def burstiness(memory: Words, first: Word, epoch: Word) -> tuple[float, float]:
    """Burstiness of the gaps, -1 (clockwork) to 1 (all in bursts), and how many there are; 0 for fewer than three."""
    n, total, squares = 0.0, 0.0, 0.0
    for back in range(2):
        sums = marked(memory, first + np.uint64(slot.GAP_SUMS), epoch - np.uint64(back))
        n += float(sums >> _GAP_COUNT)
        total += float(sums & _LOW32)
        squares += float(marked(memory, first + np.uint64(slot.GAP_SQUARES), epoch - np.uint64(back)))
    if n < 3.0 or total <= 0.0:
        return 0.0, n
    mean = total / n
    spread = np.sqrt(max(squares / n - mean * mean, 0.0) * n / (n - 1.0)) / mean
    up, down = np.sqrt(n + 1.0), np.sqrt(n - 1.0)
    return (up * spread - down) / ((up - 2.0) * spread + down), n


# ---- items seen before


_BLOOM_FULL: Final = 0.5
_BYTE: Final = np.uint64(6)
_BIT: Final = np.uint64(63)


@kernel()
def bits_set(word: Word) -> int:
    """How many bits of a word are set."""
    word = word - ((word >> _ONE) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> _FOUR)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel()
def set_bit(memory: Words, index: Word, bit: Word) -> bool:
    """Sets a bit; whether it was set before."""
    for _ in range(ATTEMPTS):
        held = load_acquire(memory, index)
        if held & bit != _ZERO:
            return True
        if compare_and_swap(memory, index, held, held | bit) == held:
            return False
    return False


@kernel()
def meet_item(memory: Words, first: Word, words: int, mixed: Word) -> bool:
    """Whether the key has very likely seen this item before; now it has.

    A Bloom filter with two bits an item. About half full it is emptied, so it errs by about a quarter at most towards
    "seen", and by a tenth or so over all.
    """
    base = first + np.uint64(slot.BLOOM)
    size = np.uint64(words)
    one = mixed
    two = (mixed >> np.uint64(32)) | (mixed << np.uint64(32))
    at = base + (one >> _BYTE) % size
    seen = set_bit(memory, at, _ONE << (one & _BIT))
    seen = set_bit(memory, base + (two >> _BYTE) % size, _ONE << (two & _BIT)) and seen
    if not seen and bits_set(load_acquire(memory, at)) > _BLOOM_FULL * 64:
        total = 0
        for word in range(words):
            total += bits_set(load_acquire(memory, base + np.uint64(word)))
        if total > _BLOOM_FULL * 64 * words:
            for word in range(words):
                atomic_exchange(memory, base + np.uint64(word), _ZERO)
    return seen


# ---- distinct counts


_REGISTERS: Final = 16
_SHARE_OF_RANK: Final = 0.5 ** np.arange(16)
_STAMPS: Final = np.uint64((1 << 32) - 1)
_HALF: Final = np.uint64(32)


@kernel()
def turn_generation(memory: Words, first: Word, start: int, registers: int, epoch: Word) -> None:
    """Empties the generation of this parity when it is another epoch's; one process does it, the others go on."""
    at = first + np.uint64(slot.STAMP)
    shift = (epoch & _ONE) * _HALF
    held = load_acquire(memory, at)
    mine = (epoch + _ONE) & _STAMPS  # 0 stands for never used
    if (held >> shift) & _STAMPS == mine:
        return
    fresh = (held & ~(_STAMPS << shift)) | (mine << shift)
    if compare_and_swap(memory, at, held, fresh) != held:
        return
    for kind in range(len(slot.DISTINCT)):
        base = start + (2 * kind + int(epoch & _ONE)) * registers
        for word in range(registers):
            atomic_exchange(memory, first + np.uint64(base + word), _ZERO)


@kernel()
def note_distinct(memory: Words, first: Word, start: int, kind: int, registers: int, epoch: Word, mixed: Word) -> None:
    """Takes one value, well mixed, into a distinct count."""
    base = start + (2 * kind + int(epoch & _ONE)) * registers
    register = mixed % np.uint64(registers * _REGISTERS)
    rest = mixed >> np.uint64(16)
    rank = _ONE
    while rest & _ONE == _ZERO and rank < _NIBBLE:
        rest = rest >> _ONE
        rank += _ONE
    index = first + np.uint64(base) + register // np.uint64(_REGISTERS)
    shift = (register % np.uint64(_REGISTERS)) * _FOUR
    for _ in range(ATTEMPTS):
        held = load_acquire(memory, index)
        if (held >> shift) & _NIBBLE >= rank:
            return
        if compare_and_swap(memory, index, held, (held & ~(_NIBBLE << shift)) | (rank << shift)) == held:
            return


@kernel()
def is_current(stamp: Word, epoch: Word) -> bool:
    """Whether a generation holds what was counted in this epoch."""
    return bool((stamp >> ((epoch & _ONE) * _HALF)) & _STAMPS == (epoch + _ONE) & _STAMPS)


@kernel()
def distinct(memory: Words, first: Word, start: int, kind: int, registers: int, epoch: Word) -> float:
    """How many distinct values came in this epoch and the one before."""
    stamp = load_acquire(memory, first + np.uint64(slot.STAMP))
    now_on = is_current(stamp, epoch)
    before_on = is_current(stamp, epoch - _ONE)
    this = start + (2 * kind + int(epoch & _ONE)) * registers
    other = start + (2 * kind + int((epoch + _ONE) & _ONE)) * registers
    total, empty = 0.0, 0
    for word in range(registers):
        here = load_acquire(memory, first + np.uint64(this + word)) if now_on else _ZERO
        there = load_acquire(memory, first + np.uint64(other + word)) if before_on else _ZERO
        if here | there == _ZERO:
            total += float(_REGISTERS)
            empty += _REGISTERS
            continue
        for _ in range(_REGISTERS):
            rank = max(here & _NIBBLE, there & _NIBBLE)
            empty += 1 if rank == _ZERO else 0
            total += _SHARE_OF_RANK[rank]
            here = here >> _FOUR
            there = there >> _FOUR
    m = float(registers * _REGISTERS)
    alpha = 0.709 if registers <= 4 else 0.7213 / (1.0 + 1.079 / m)
    estimate = alpha * m * m / total
    if empty > 0 and estimate <= 2.5 * m:
        return float(m * np.log(m / empty))
    return estimate


# ---- evidence remembered, in 1/1048576 nats << 32 | seconds

_NAT: Final = 1048576.0
_MOST_NATS: Final = 4000.0


@kernel()
def held_evidence(memory: Words, first: Word, now: Word, half_life: float) -> float:
    """Evidence remembered of a key in nats, halved for every half-life (s) that has passed."""
    held = load_acquire(memory, first + np.uint64(slot.EVIDENCE))
    if held == _ZERO:
        return 0.0
    seconds = now // np.uint64(1_000_000_000) & _LOW32
    since = float(seconds - (held & _LOW32)) if seconds >= held & _LOW32 else 0.0
    return float(float(held >> _HALF) / _NAT * 2.0 ** (-since / half_life))


@kernel()
def remember(memory: Words, first: Word, now: Word, evidence: float) -> None:
    """Keeps evidence; callers have found it to be no less than what was held."""
    seconds = now // np.uint64(1_000_000_000) & _LOW32
    word = (np.uint64(min(evidence, _MOST_NATS) * _NAT) << _HALF) | seconds
    atomic_exchange(memory, first + np.uint64(slot.EVIDENCE), word)
