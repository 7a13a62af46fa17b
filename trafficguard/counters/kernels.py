"""What happens to the table on a request: hash, find or take a slot, count, and estimate the rates.

Promises: one call of `observe` per request for all of its keys; nothing is allocated, nothing is raised,
every loop is bounded, and time is an argument. Any number of processes may call it at once on the same
memory: a count is never lost, except those of a key that is evicted. `now` may step back. Never: reads a
clock, or writes outside the arrays it was given.

Sliding windows. Each window of W seconds has a bucket for the current epoch (`now // W`) and one for the
epoch before it. The estimate is `previous * (1 - elapsed / W) + current`. It is exact for what came in the
current epoch and for arrivals spread evenly; at worst it counts what is up to 2 W old, and it is off by less
than the count of the previous bucket. Because each burst counts in full while its epoch lasts, the peak of
the estimate over any W seconds is never below half of what truly came in them.

In hash and epoch arithmetic every operand is an unsigned 64-bit word: mixing signed ones in changes the type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from trafficguard.counters import layout
from trafficguard.counters.jit import (
    Words,
    atomic_add,
    atomic_exchange,
    compare_and_swap,
    kernel,
    load_acquire,
    store_release,
)

Word = np.uint64
Rows = npt.NDArray[np.float64]

CLAIM_PATIENCE_MS: Final = 10_000
"""How long a slot stays with the process that fills it, which takes well under a microsecond, before it is
taken for dead. Ten seconds outlast any pause of a process that still serves."""

_SECOND: Final = np.uint64(1_000_000_000)
_W10S: Final = np.uint64(layout.WINDOWS_S[0]) * _SECOND
_W1M: Final = np.uint64(layout.WINDOWS_S[1]) * _SECOND
_W10M: Final = np.uint64(layout.WINDOWS_S[2]) * _SECOND
_W1H: Final = np.uint64(layout.WINDOWS_S[3]) * _SECOND

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)

_EMPTY: Final = _ZERO
_PUBLISHED: Final = np.uint64(1 << 63)
"""Set in the tag of a key; clear in the claim of a process that is filling the slot."""
_UNSEEN: Final = np.uint64(1 << 63)
"""Set in the last-seen word of a slot from its replacement until its new key is first counted."""
_MOMENT: Final = np.uint64((1 << 63) - 1)
_NO_SLOT: Final = np.uint64((1 << 64) - 1)
_PROBES: Final = layout.PROBES
_ATTEMPTS: Final = 4
"""Races lost to other processes before a key is refused."""

_EPOCH: Final = np.uint64(32)
"""How far the epoch is shifted; the count is below it."""
_COUNT: Final = np.uint64((1 << 32) - 1)
_FULL: Final = np.uint64((1 << 32) - (1 << 16))
"""Where a count stops, far enough below the epoch's bits for every process to be adding at that moment."""
_ROLLS: Final = 4

_SECONDS_SINCE: Final = layout.SECONDS_SINCE
_DIRECTORY: Final = np.uint64(layout.DIRECTORY_WORDS)
_LAST_SEEN: Final = np.uint64(layout.LAST_SEEN)
_COUNTERS: Final = np.uint64(layout.COUNTER_WORDS)
_SECRET: Final = np.uint64(layout.SECRET)
_LIVE: Final = np.uint64(layout.LIVE)
_EVICTIONS: Final = np.uint64(layout.EVICTIONS)
_REFUSALS: Final = np.uint64(layout.REFUSALS)


# ---- hashing: SipHash-1-3 of the 16 bytes of a key (Aumasson & Bernstein 2012), as Python hashes bytes

_V0: Final = np.uint64(0x736F6D6570736575)
_V1: Final = np.uint64(0x646F72616E646F6D)
_V2: Final = np.uint64(0x6C7967656E657261)
_V3: Final = np.uint64(0x7465646279746573)
_LENGTH: Final = np.uint64(16 << 56)
_FINISH: Final = np.uint64(0xFF)
_R13: Final = np.uint64(13)
_R16: Final = np.uint64(16)
_R17: Final = np.uint64(17)
_R21: Final = np.uint64(21)
_R32: Final = np.uint64(32)
_R64: Final = np.uint64(64)


@kernel()
def rotate(word: Word, by: Word) -> Word:
    """Rotates left by 1 to 63 bits."""
    return (word << by) | (word >> (_R64 - by))


@kernel()
def sip_round(v0: Word, v1: Word, v2: Word, v3: Word) -> tuple[Word, Word, Word, Word]:
    """One SipRound."""
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = rotate(v1, _R13) ^ v0, rotate(v3, _R16) ^ v2
    v0, v2 = rotate(v0, _R32) + v3, v2 + v1
    v3, v1 = rotate(v3, _R21) ^ v0, rotate(v1, _R17) ^ v2
    return v0, v1, rotate(v2, _R32), v3


@kernel()
def keyed_hash(low: Word, high: Word, secret0: Word, secret1: Word) -> Word:
    """SipHash-1-3 under the secret of the 16 bytes whose little-endian halves are `low` and `high`."""
    v0, v1, v2, v3 = secret0 ^ _V0, secret1 ^ _V1, secret0 ^ _V2, secret1 ^ _V3
    for block in (low, high, _LENGTH):
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3 ^ block)
        v0 ^= block
    v2 ^= _FINISH
    for _ in range(3):
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


# ---- slots: open addressing in a window of `_PROBES` from the key's home; a used slot is never empty again


@kernel()
def place_of(directory: Words, tag: Word) -> Word:
    """The slot that holds the tag, else the first empty one, beyond which it cannot stand, else none."""
    mask = np.uint64(directory.size) // _DIRECTORY - _ONE
    for step in range(_PROBES):
        slot = (tag + np.uint64(step)) & mask
        held = load_acquire(directory, slot * _DIRECTORY)
        if held == tag:
            return slot
        if held == _EMPTY:
            return slot
    return _NO_SLOT


@kernel()
def is_abandoned(claim: Word, now_ms: Word) -> bool:
    """Whether its maker must have died; a claim far in the future is from a clock since set back."""
    age = now_ms - claim if now_ms >= claim else claim - now_ms
    return bool(age > np.uint64(CLAIM_PATIENCE_MS))


@kernel()
def stalest(directory: Words, tag: Word, now_ms: Word) -> tuple[Word, Word]:
    """The slot of the tag's window that was seen longest ago, with what it holds; never one being filled."""
    mask = np.uint64(directory.size) // _DIRECTORY - _ONE
    victim, victim_tag, oldest = _NO_SLOT, _EMPTY, _NO_SLOT
    for step in range(_PROBES):
        slot = (tag + np.uint64(step)) & mask
        held = load_acquire(directory, slot * _DIRECTORY)
        seen = load_acquire(directory, slot * _DIRECTORY + _LAST_SEEN) & _MOMENT
        if held < _PUBLISHED:  # a claim
            if not is_abandoned(held, now_ms):
                continue
            seen = _ZERO
        if seen < oldest:
            victim, victim_tag, oldest = slot, held, seen
    return victim, victim_tag


@kernel()
def evict(header: Words, directory: Words, counters: Words, tag: Word, now: Word) -> Word:
    """Gives the stalest slot of the tag's window to the tag; none if all are being filled or a race was lost.

    A process that found the old key there a moment before may still count that one request under the new key.
    """
    now_ms = now // np.uint64(1_000_000)
    slot, held = stalest(directory, tag, now_ms)
    if slot == _NO_SLOT:
        return _NO_SLOT
    claim = now_ms | _ONE
    if compare_and_swap(directory, slot * _DIRECTORY, held, claim) != held:
        return _NO_SLOT
    for lane in range(layout.COUNTER_WORDS):
        store_release(counters, slot * _COUNTERS + np.uint64(lane), _ZERO)
    store_release(directory, slot * _DIRECTORY + _LAST_SEEN, now | _UNSEEN)
    if compare_and_swap(directory, slot * _DIRECTORY, claim, tag) != claim:
        return _NO_SLOT
    atomic_add(header, _EVICTIONS, _ONE)
    return slot


@kernel()
def slot_for(header: Words, directory: Words, counters: Words, tag: Word, now: Word) -> Word:
    """The slot of the tag, found or taken; none after a few lost races, which is counted as a refusal.

    Two processes that at the same moment evict for the same new key may give it two slots. Everyone finds the
    first of them from then on, and the other ages out: at most one count for each process is missed.
    """
    for _ in range(_ATTEMPTS):
        slot = place_of(directory, tag)
        if slot == _NO_SLOT:
            slot = evict(header, directory, counters, tag, now)
            if slot != _NO_SLOT:
                return slot
            continue
        if load_acquire(directory, slot * _DIRECTORY) == tag:
            return slot
        # An empty slot has zero counters, so its first tag publishes it at once.
        if compare_and_swap(directory, slot * _DIRECTORY, _EMPTY, tag) == _EMPTY:
            atomic_add(header, _LIVE, _ONE)
            return slot
    atomic_add(header, _REFUSALS, _ONE)
    return _NO_SLOT


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
def count_in_window(counters: Words, first: Word, width: Word, now: Word) -> float:
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
def seconds_since_seen(directory: Words, slot: Word, now: Word) -> float:
    """Notes that the slot was seen; infinite on first sight, 0 if last seen by a clock that is ahead."""
    seen = atomic_exchange(directory, slot * _DIRECTORY + _LAST_SEEN, now)
    if seen == _ZERO or seen & _UNSEEN != _ZERO:
        return np.inf
    if seen >= now:
        return 0.0
    return float(now - seen) / float(_SECOND)


# ---- entry kernels


@kernel("void(uint64[::1], uint64[::1], uint64[::1], uint64[::1], int64, int64, float64[:, ::1])")
def observe(
    header: Words, directory: Words, counters: Words, key_ids: Words, keys: int, now: int, rows: Rows
) -> None:
    """Counts one request under each of its keys and writes one row of estimates per key.

    `key_ids` holds two words per key, `now` is nanoseconds since the Unix epoch. A row holds the estimates of
    the four windows with this request included, and the seconds since the key was last seen. The row of a
    refused key says that nothing is known: zeros, which no counted key can have, and infinite time.
    """
    moment = np.uint64(max(now, 0))
    for key in range(keys):
        low, high = key_ids[2 * key], key_ids[2 * key + 1]
        tag = keyed_hash(low, high, header[_SECRET], header[_SECRET + _ONE]) | _PUBLISHED
        slot = slot_for(header, directory, counters, tag, moment)
        if slot == _NO_SLOT:
            rows[key, :_SECONDS_SINCE] = 0.0
            rows[key, _SECONDS_SINCE] = np.inf
            continue
        first = slot * _COUNTERS
        rows[key, 0] = count_in_window(counters, first, _W10S, moment)
        rows[key, 1] = count_in_window(counters, first + _TWO, _W1M, moment)
        rows[key, 2] = count_in_window(counters, first + _TWO * _TWO, _W10M, moment)
        rows[key, 3] = count_in_window(counters, first + _TWO * (_TWO + _ONE), _W1H, moment)
        rows[key, _SECONDS_SINCE] = seconds_since_seen(directory, slot, moment)


ENTRY_KERNELS: Final[tuple[Callable[..., None], ...]] = (observe,)
"""What Python calls; everything else above is compiled into these."""
