"""Keyed hashing: SipHash-1-3 of the 16 bytes of a key (Aumasson & Bernstein 2012), as Python hashes bytes.

Promises: whoever does not know the secret cannot choose keys that collide. Never: allocates or raises. Every
operand is an unsigned 64-bit word: mixing signed ones in changes the type.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trafficguard.counters.jit import kernel

Word = np.uint64

PUBLISHED: Final = np.uint64(1 << 63)
"""Set in every tag, so that a tag is neither empty nor a claim."""

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
_R33: Final = np.uint64(33)
_MIX0: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX1: Final = np.uint64(0xC4CEB9FE1A85EC53)


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


@kernel()
def tag_of(low: Word, high: Word, secret0: Word, secret1: Word) -> Word:
    """The tag of a key: its keyed hash with the top bit set."""
    return keyed_hash(low, high, secret0, secret1) | PUBLISHED


@kernel()
def remixed(word: Word) -> Word:
    """Other 64 bits from a hash, for whoever needs more of them than it has (the finish of MurmurHash3)."""
    word ^= word >> _R33
    word *= _MIX0
    word ^= word >> _R33
    word *= _MIX1
    return word ^ (word >> _R33)
