"""stub"""
from __future__ import annotations
from typing import Final
import numpy as np
from trafficguard.counters import layout
from trafficguard.counters.jit import *
Word = np.uint64

HAS_EVIDENCE: Final = 1
_ZERO=np.uint64(0)
_ONE=np.uint64(1)
_SLOTS = np.uint64(1 << 15)
_WORDS = np.uint64(640)
_DIR = np.uint64(64)
_SITES = np.uint64(64 + 6 * (1 << 15) * 2)
_DATA = np.uint64(64 + 6 * (1 << 15) * 2 + (1 << 17))

@kernel()
def where(kind: int, slot: Word) -> tuple[Word, Word]:
    d = _DIR + (np.uint64(kind) * _SLOTS + slot) * np.uint64(2)
    return d, _DATA + (np.uint64(kind) * _SLOTS + slot) * _WORDS

@kernel()
def acquire(memory: Words, kind: int, tag: Word, group: Word, now: Word) -> tuple[Word, Word]:
    for step in range(64):
        slot = (tag + np.uint64(step)) & (_SLOTS - _ONE)
        d, f = where(kind, slot)
        if memory[d] == _ZERO:
            memory[d] = tag
            memory[d + _ONE] = _ONE
            return _ZERO, _ONE
        if memory[d] == tag:
            memory[d + _ONE] += _ONE
            n = memory[d + _ONE]
            if n < np.uint64(3):
                return _ZERO, n
            return f, n
    return _ZERO, _ONE

@kernel()
def lookup(memory: Words, kind: int, tag: Word) -> Word:
    for step in range(64):
        slot = (tag + np.uint64(step)) & (_SLOTS - _ONE)
        d, f = where(kind, slot)
        if memory[d] == tag:
            if memory[d + _ONE] < np.uint64(3):
                return _ZERO
            return f
        if memory[d] == _ZERO:
            return _ZERO
    return _ZERO

@kernel()
def hold(memory: Words, kind: int, first: Word, flag: int, now: Word) -> None:
    pass
STUB_WORDS = int(_DATA) + 6 * (1 << 15) * 640
def stub_memory():
    import mmap
    m = np.frombuffer(mmap.mmap(-1, STUB_WORDS * 8), np.uint64)
    m[layout.SECRET] = 7
    m[layout.SITES] = _SITES
    return m
