"""The Python face of a counter table: owns or borrows the memory, checks it once, then calls the kernel.

Promises: `observe` is one compiled call. Memory that is handed over with a fitting header keeps its counts;
any other starts empty. Every process that inherits the memory counts in the same table, so make it before
forking. Never: counts by itself, reads a clock, grows, or stores a key. A table object belongs to one thread
of one process at a time.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.jit import Words
from trafficguard.counters.kernels import observe

Memory = mmap.mmap | memoryview | bytearray

KEY_BYTES: Final = 16
"""Bytes of a key."""
MAX_KEYS: Final = 8
"""Most keys of one request."""
SECRET_BYTES: Final = 16
"""Bytes of the hash secret."""


@dataclass(frozen=True, slots=True)
class TableStats:
    """What became of the slots since the table was empty."""

    slots: int
    """How many there are."""
    live: int
    """How many hold a key, fresh or aged."""
    evictions: int
    """Keys that were replaced by a newer one because their neighbourhood was full."""
    refusals: int
    """Requests of a new key that went uncounted because its whole neighbourhood was busy."""


class Table:
    """Sliding-window counters for a fixed number of keys."""

    __slots__ = ("_counters", "_directory", "_header", "_key_words", "_keys", "_rates", "_rows", "slots")

    def __init__(self, memory: Memory, slots: int, secret: bytes | None = None) -> None:
        """Takes over memory whose header fits layout, `slots` and (where given) secret; empties any other.

        New memory must be zeroed, as a fresh mapping is. Without a secret a random one is drawn. Raises
        ValueError for a number of slots that `layout` refuses, for memory that is too small or not aligned to
        64 bytes, and for a secret that is not 16 bytes long.
        """
        plan = layout.layout(slots)
        words = _words_of(memory, plan)
        self.slots = slots
        self._header = _part(words, plan.header)
        self._directory = _part(words, plan.directory)
        self._counters = _part(words, plan.counters)
        if not _fits(self._header, slots, secret):
            _start_empty(words, slots, os.urandom(SECRET_BYTES) if secret is None else secret)

        self._rows = np.zeros((MAX_KEYS, layout.ROW_COLUMNS))
        self._rates = cast("memoryview[float]", self._rows.data)
        scratch = bytearray(MAX_KEYS * KEY_BYTES)
        self._keys = memoryview(scratch)
        self._key_words = np.frombuffer(scratch, np.uint64)

    @classmethod
    def in_new_memory(cls, slots: int, secret: bytes | None = None) -> Table:
        """An empty table in new memory that processes forked from now on share. Raises as `Table` does."""
        return cls(mmap.mmap(-1, cls.bytes_needed(slots)), slots, secret)

    @staticmethod
    def bytes_needed(slots: int) -> int:
        """Bytes of memory for that many slots. Raises ValueError for a number that `layout` refuses."""
        return layout.layout(slots).size

    def observe(self, keys: Sequence[bytes], now: int) -> memoryview[float]:
        """Counts one request under each of its keys, at `now` nanoseconds since the Unix epoch.

        Returns the estimates: `rates[key, window]` for the windows of `layout.WINDOWS_S`, this request
        included, and `rates[key, layout.SECONDS_SINCE]`, infinite on first sight. A row of zeros says that
        the key could not be counted. The view is overwritten by the next call; rows beyond the keys mean
        nothing. Raises ValueError unless there are at most 8 keys of 16 bytes.
        """
        count = len(keys)
        self._keys[: KEY_BYTES * count] = b"".join(keys)
        observe(self._header, self._directory, self._counters, self._key_words, count, now, self._rows)
        return self._rates

    def stats(self) -> TableStats:
        """What became of the slots, over all processes."""
        header = self._header
        return TableStats(
            slots=self.slots,
            live=int(header[layout.LIVE]),
            evictions=int(header[layout.EVICTIONS]),
            refusals=int(header[layout.REFUSALS]),
        )


def _words_of(memory: Memory, plan: layout.Layout) -> Words:
    if memoryview(memory).nbytes < plan.size:
        raise ValueError(f"{plan.slots} slots need {plan.size} bytes, not {memoryview(memory).nbytes}")
    words = np.frombuffer(memory, np.uint64, plan.size // layout.WORD_BYTES)
    if words.ctypes.data % layout.ALIGNMENT:
        raise ValueError(f"a table must start at a multiple of {layout.ALIGNMENT} bytes")
    return words


def _part(words: Words, region: layout.Region) -> Words:
    return words[region.offset // layout.WORD_BYTES : region.end // layout.WORD_BYTES]


def _secret_words(secret: bytes) -> Words:
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a hash secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return np.frombuffer(secret, np.uint64)


def _fits(header: Words, slots: int, secret: bytes | None) -> bool:
    if int(header[layout.DIGEST]) != layout.layout_digest() or int(header[layout.SLOTS]) != slots:
        return False
    return secret is None or bool((header[layout.SECRET : layout.SECRET + 2] == _secret_words(secret)).all())


def _start_empty(words: Words, slots: int, secret: bytes) -> None:
    key = _secret_words(secret)
    # A new mapping is already zero; writing zeros would make every page of it resident.
    if words[: layout.HEADER_WORDS].any():
        words[:] = 0
    words[layout.SLOTS] = slots
    words[layout.SECRET : layout.SECRET + 2] = key
    words[layout.DIGEST] = layout.layout_digest()
