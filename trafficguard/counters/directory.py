"""Who holds which slot: find a key, give it a slot at its third visit, keep what is worth keeping.

Open addressing in a window of `PROBES` entries from the key's home; a used entry is never empty again. A key
without a slot counts in the sketch and is given one at its third visit there. An empty entry is taken by one
compare-and-swap; a used one is first claimed, then emptied, and its new tag is published last. A claim that its
maker did not finish within ten seconds is a dead process's, and is taken over.

A slot is kept from newcomers while its key was seen within the hour and came three times to it in this clock hour
and the last, or carries a mark (`hold`) less than an hour old. Of the others in the window the one seen longest
ago goes first. No such slot: the key stays in the sketch and the tally `REFUSALS` tells; that is never a pass.
A group (the keys of one /24 or /48) holds at most `GROUP_CAP` slots, one more for each process that races for
the last. A full group gets back what its keys have not used for an hour, sixteen entries at each refusal. A
process that dies at the wrong moment may leave its group one too high, never too low.

Promises: nothing is allocated, nothing is raised, every loop is bounded, `now` may step back. A process that
found a key a moment before it was evicted may still write to its slot's new owner; only keys that are not kept
can be evicted. Never: reads a clock, or counts anything but visits.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.hashing import PUBLISHED
from trafficguard.counters.jit import (
    Words,
    atomic_add,
    atomic_exchange,
    compare_and_swap,
    kernel,
    load_acquire,
    store_release,
)
from trafficguard.counters.sketch import count_in_sketch

Word = np.uint64

CLAIM_PATIENCE_MS: Final = 10_000
"""How long an entry stays with the process that fills it, which takes about a microsecond, before it is taken
for dead. Ten seconds outlast any pause of a process that still serves."""
KEPT_S: Final = 3600
"""How long visits and marks protect a slot."""
KEPT_VISITS: Final = 3
SLOT_AT: Final = 3
"""The visit at which a key is given a slot."""

HAS_EVIDENCE: Final = layout.HAS_EVIDENCE
HAS_PASS: Final = layout.HAS_PASS

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_THREE: Final = np.uint64(3)
_EMPTY: Final = _ZERO
_NOWHERE: Final = np.uint64((1 << 64) - 1)
_PROBES: Final = layout.PROBES
_ATTEMPTS: Final = 4
"""Races lost to other processes before a key is refused."""
_RACES: Final = 16
"""Races lost for one word before a visit goes unnoted."""

_SECOND: Final = np.uint64(1_000_000_000)
_MILLISECOND: Final = np.uint64(1_000_000)
_HOUR: Final = np.uint64(3600)
_LAG: Final = np.uint64(60)
"""Seconds by which the clock of another process may be behind before it is taken for set back."""

# Fields of a state word.
_SEEN: Final = np.uint64((1 << 16) - 1)
_HERE: Final = np.uint64(16)
_BEFORE: Final = np.uint64(18)
_LAST: Final = np.uint64(32)

# Fields of a keep word.
_GROUP: Final = np.uint64(48)
_GROUP_BITS: Final = np.uint64((1 << 16) - 1)
_MARKS: Final = np.uint64((1 << 48) - 1)
_EVIDENCE: Final = np.uint64(24)
_MOMENT: Final = np.uint64((1 << 24) - 1)
_UNIT: Final = np.uint64(64)
"""Seconds in which marks are dated."""
_MARK_LIFE: Final = np.uint64(KEPT_S // 64 + 1)

_KIND_ROWS: Final = np.uint64(layout.KIND_ROWS)
_TALLIES: Final = np.uint64(layout.TALLIES)
_KIND_WORDS: Final = np.uint64(layout.KIND_WORDS)
_DIRECTORY: Final = np.uint64(layout.DIRECTORY)
_MASK: Final = np.uint64(layout.MASK)
_DATA: Final = np.uint64(layout.DATA)
_SLOT_WORDS: Final = np.uint64(layout.SLOT_WORDS)
_GROUPS: Final = np.uint64(layout.GROUPS)
_GROUP_CAP: Final = np.uint64(layout.GROUP_CAP)
_LIVE: Final = np.uint64(layout.LIVE)
_EVICTIONS: Final = np.uint64(layout.EVICTIONS)
_REFUSALS: Final = np.uint64(layout.REFUSALS)
_HAND: Final = np.uint64(layout.HAND)
_ENTRY: Final = np.uint64(layout.DIRECTORY_WORDS)
_STATE: Final = np.uint64(layout.STATE)
_KEEP: Final = np.uint64(layout.KEEP)
_HAS_EVIDENCE: Final = np.uint64(HAS_EVIDENCE)
_HAS_PASS: Final = np.uint64(HAS_PASS)


# ---- where things are; an entry is named by the index of its first word


@kernel()
def kind_row(kind: int) -> Word:
    """Where the row of a kind starts in the kinds table."""
    return _KIND_ROWS + np.uint64(kind) * _KIND_WORDS


@kernel()
def kind_tally(kind: int) -> Word:
    """Where the tallies of a kind start."""
    return _TALLIES + np.uint64(kind) * _KIND_WORDS


@kernel()
def entry_at(memory: Words, row: Word, position: Word) -> Word:
    """The entry at a position, which may be beyond the end of the directory and is wrapped."""
    entry: Word = memory[row + _DIRECTORY] + (position & memory[row + _MASK]) * _ENTRY
    return entry


@kernel()
def data_of(memory: Words, row: Word, entry: Word) -> Word:
    """Where the data of an entry's slot start."""
    slot = (entry - memory[row + _DIRECTORY]) // _ENTRY
    first: Word = memory[row + _DATA] + slot * memory[row + _SLOT_WORDS]
    return first


@kernel()
def entry_of(memory: Words, row: Word, first: Word) -> Word:
    """The entry of the slot whose data start at `first`."""
    slot = (first - memory[row + _DATA]) // memory[row + _SLOT_WORDS]
    entry: Word = memory[row + _DIRECTORY] + slot * _ENTRY
    return entry


@kernel()
def place_of(memory: Words, row: Word, tag: Word) -> Word:
    """The entry that holds the tag, else the first empty one, beyond which it cannot stand, else none."""
    for step in range(_PROBES):
        entry = entry_at(memory, row, tag + np.uint64(step))
        held = load_acquire(memory, entry)
        if held == tag:
            return entry
        if held == _EMPTY:
            return entry
    return _NOWHERE


# ---- what is worth keeping


@kernel()
def visited(state: Word, seconds: Word, known: Word) -> Word:
    """The state word after one more visit, of which at least `known` were seen before somewhere else."""
    last = state >> _LAST
    # A clock slightly behind another does not turn time back.
    moment = last if seconds < last and last - seconds < _LAG else seconds
    hour, last_hour = moment // _HOUR, last // _HOUR
    here, before = (state >> _HERE) & _THREE, (state >> _BEFORE) & _THREE
    if hour != last_hour:
        before = here if hour == last_hour + _ONE else _ZERO
        here = _ZERO
    seen = min(max((state & _SEEN) + _ONE, known + _ONE), _SEEN)
    here = min(here + _ONE, _THREE)
    return (moment << _LAST) | (before << _BEFORE) | (here << _HERE) | seen


@kernel()
def recent_visits(state: Word, seconds: Word) -> Word:
    """Visits in this clock hour and the one before, at most 6; none if the last is more than an hour away."""
    last = state >> _LAST
    away = seconds - last if seconds >= last else last - seconds
    if away >= np.uint64(KEPT_S):
        return _ZERO
    here, before = (state >> _HERE) & _THREE, (state >> _BEFORE) & _THREE
    return here + before if seconds // _HOUR <= last // _HOUR else here


@kernel()
def live_marks(keep: Word, seconds: Word) -> Word:
    """The marks that have not expired."""
    now = (seconds // _UNIT) & _MOMENT
    marks = _ZERO
    # One unit ahead is the clock of another process.
    evidence, passed = (keep >> _EVIDENCE) & _MOMENT, keep & _MOMENT
    if evidence != _ZERO and (now - evidence + _ONE) & _MOMENT <= _MARK_LIFE:
        marks |= _HAS_EVIDENCE
    if passed != _ZERO and (now - passed + _ONE) & _MOMENT <= _MARK_LIFE:
        marks |= _HAS_PASS
    return marks


@kernel()
def is_kept(memory: Words, entry: Word, seconds: Word) -> bool:
    """Whether no newcomer may have this entry."""
    state = load_acquire(memory, entry + _STATE)
    if recent_visits(state, seconds) >= np.uint64(KEPT_VISITS):
        return True
    return bool(live_marks(load_acquire(memory, entry + _KEEP), seconds) != _ZERO)


@kernel()
def hold(memory: Words, kind: int, first: Word, flags: int, now: Word) -> None:
    """Marks the slot as worth keeping (`HAS_EVIDENCE`, `HAS_PASS`, or both) for an hour from now."""
    entry = entry_of(memory, kind_row(kind), first)
    moment = max((now // _SECOND // _UNIT) & _MOMENT, _ONE)
    for _ in range(_RACES):
        held = load_acquire(memory, entry + _KEEP)
        keep = held
        if np.uint64(flags) & _HAS_EVIDENCE != _ZERO:
            keep = (keep & ~(_MOMENT << _EVIDENCE)) | (moment << _EVIDENCE)
        if np.uint64(flags) & _HAS_PASS != _ZERO:
            keep = (keep & ~_MOMENT) | moment
        if keep == held:
            return
        if compare_and_swap(memory, entry + _KEEP, held, keep) == held:
            return


@kernel()
def marks_of(memory: Words, kind: int, first: Word, now: Word) -> Word:
    """The marks of the slot that have not expired."""
    entry = entry_of(memory, kind_row(kind), first)
    return live_marks(load_acquire(memory, entry + _KEEP), now // _SECOND)


# ---- groups


@kernel()
def charge(memory: Words, row: Word, entry: Word, group: Word) -> None:
    """Counts the slot to its group, unless it already is."""
    if group == _ZERO:
        return
    keep = load_acquire(memory, entry + _KEEP)
    if keep >> _GROUP != _ZERO:
        return
    counter = memory[row + _GROUPS] + (group & _GROUP_BITS)
    # Counted first, so that whoever dies here leaves the group too high and never below zero.
    atomic_add(memory, counter, _ONE)
    if compare_and_swap(memory, entry + _KEEP, keep, keep | ((group & _GROUP_BITS) << _GROUP)) != keep:
        atomic_add(memory, counter, ~_ZERO)


@kernel()
def give_back(memory: Words, row: Word, keep: Word) -> None:
    """Takes the slot that held this keep word off its group."""
    if keep >> _GROUP != _ZERO:
        atomic_add(memory, memory[row + _GROUPS] + (keep >> _GROUP), ~_ZERO)


@kernel()
def is_full(memory: Words, row: Word, group: Word) -> bool:
    """Whether the group holds all the slots that it may."""
    if group == _ZERO:
        return False
    counter = memory[row + _GROUPS] + (group & _GROUP_BITS)
    return bool(load_acquire(memory, counter) >= memory[row + _GROUP_CAP])


@kernel()
def relieve(memory: Words, row: Word, tally: Word, group: Word, seconds: Word) -> None:
    """Looks at the next entries for slots of a full group that are not kept, and takes them off it.

    Such a key keeps its slot until somebody wants it, and is counted to its group again when it comes back.
    """
    start = atomic_add(memory, tally + _HAND, np.uint64(_PROBES))
    for step in range(_PROBES):
        entry = entry_at(memory, row, start + np.uint64(step))
        keep = load_acquire(memory, entry + _KEEP)
        if keep >> _GROUP != group & _GROUP_BITS:
            continue
        last = load_acquire(memory, entry + _STATE) >> _LAST
        if seconds < last + np.uint64(KEPT_S) or is_kept(memory, entry, seconds):
            continue
        if compare_and_swap(memory, entry + _KEEP, keep, keep & _MARKS) == keep:
            give_back(memory, row, keep)


# ---- taking a slot


@kernel()
def is_abandoned(claim: Word, now_ms: Word) -> bool:
    """Whether its maker must have died; a claim far in the future is from a clock since set back."""
    age = now_ms - claim if now_ms >= claim else claim - now_ms
    return bool(age > np.uint64(CLAIM_PATIENCE_MS))


@kernel()
def stalest(memory: Words, row: Word, tag: Word, now: Word) -> tuple[Word, Word]:
    """Of the tag's window the entry that may go and was seen longest ago, with what it holds; else none."""
    seconds, now_ms = now // _SECOND, now // _MILLISECOND
    victim, victim_tag, oldest = _NOWHERE, _EMPTY, _NOWHERE
    for step in range(_PROBES):
        entry = entry_at(memory, row, tag + np.uint64(step))
        held = load_acquire(memory, entry)
        seen = load_acquire(memory, entry + _STATE) >> _LAST
        if held < PUBLISHED:  # a claim
            if not is_abandoned(held, now_ms):
                continue
            seen = _ZERO
        elif is_kept(memory, entry, seconds):
            continue
        if seen < oldest:
            victim, victim_tag, oldest = entry, held, seen
    return victim, victim_tag


@kernel()
def replace(memory: Words, row: Word, entry: Word, held: Word, tag: Word, now: Word) -> bool:
    """Gives an entry that holds `held` to the tag, emptied; False if another process was faster."""
    claim = (now // _MILLISECOND) | _ONE
    if compare_and_swap(memory, entry, held, claim) != held:
        return False
    give_back(memory, row, atomic_exchange(memory, entry + _KEEP, _ZERO))
    first = data_of(memory, row, entry)
    for lane in range(memory[row + _SLOT_WORDS]):
        store_release(memory, first + np.uint64(lane), _ZERO)
    store_release(memory, entry + _STATE, (now // _SECOND) << _LAST)
    return bool(compare_and_swap(memory, entry, claim, tag) == claim)


@kernel()
def take(memory: Words, row: Word, tally: Word, tag: Word, now: Word) -> Word:
    """An entry for the tag, found, empty or emptied; none after a few lost races or if all are kept.

    Two processes that at the same moment evict for the same new key may give it two slots. Everyone finds the
    first of them from then on, and the other ages out: at most one visit for each process is missed.
    """
    for _ in range(_ATTEMPTS):
        entry = place_of(memory, row, tag)
        if entry == _NOWHERE:
            entry, held = stalest(memory, row, tag, now)
            if entry == _NOWHERE:
                return _NOWHERE
            if replace(memory, row, entry, held, tag, now):
                atomic_add(memory, tally + _EVICTIONS, _ONE)
                return entry
            continue
        if load_acquire(memory, entry) == tag:
            return entry
        # An empty slot has no data, so its first tag publishes it at once.
        if compare_and_swap(memory, entry, _EMPTY, tag) == _EMPTY:
            atomic_add(memory, tally + _LIVE, _ONE)
            return entry
    return _NOWHERE


@kernel()
def note(memory: Words, row: Word, entry: Word, group: Word, known: Word, now: Word) -> Word:
    """Notes one visit of the key in an entry, of which `known` came before; returns how many are known now."""
    state = _ZERO
    for _ in range(_RACES):
        held = load_acquire(memory, entry + _STATE)
        state = visited(held, now // _SECOND, known)
        # A busy key's state changes once a second.
        if state == held:
            break
        if compare_and_swap(memory, entry + _STATE, held, state) == held:
            break
    charge(memory, row, entry, group)
    return state & _SEEN


# ---- what others call


@kernel()
def lookup(memory: Words, kind: int, tag: Word) -> Word:
    """Where the data of the key's slot start, or 0 if it has none; counts nothing."""
    row = kind_row(kind)
    entry = place_of(memory, row, tag)
    if entry == _NOWHERE:
        return _ZERO
    return data_of(memory, row, entry) if load_acquire(memory, entry) == tag else _ZERO


@kernel()
def acquire(memory: Words, kind: int, tag: Word, group: Word, now: Word) -> tuple[Word, Word]:
    """Counts one visit of the key; returns where the data of its slot start, and how many visits are known.

    The first is 0 while the key has no slot; it is given one at its third visit, with all data zero. What is
    known stops at 65,535, and at 7 without a slot. `group` is a 16-bit hash of the owning network, 0 for none.
    """
    row, tally = kind_row(kind), kind_tally(kind)
    entry = place_of(memory, row, tag)
    if entry != _NOWHERE and load_acquire(memory, entry) == tag:
        return data_of(memory, row, entry), note(memory, row, entry, group, _ZERO, now)
    seen = count_in_sketch(memory, row, tally, tag, now)
    if seen < np.uint64(SLOT_AT):
        return _ZERO, seen
    if is_full(memory, row, group):
        relieve(memory, row, tally, group, now // _SECOND)
        atomic_add(memory, tally + _REFUSALS, _ONE)
        return _ZERO, seen
    entry = take(memory, row, tally, tag, now)
    if entry == _NOWHERE:
        atomic_add(memory, tally + _REFUSALS, _ONE)
        return _ZERO, seen
    return data_of(memory, row, entry), note(memory, row, entry, group, seen - _ONE, now)
