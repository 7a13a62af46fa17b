"""Requests of late that were let through to a shop whose answers do not come by here, until somebody says what became
of them.

One ring for each worker in memory that all share: a worker writes its own, and all read all, because what becomes of a
request may be told to any of them. The last digits of a request id say where in the ring it stands.

Promises: memory is fixed; a request is found for `KEPT_S` seconds, unless its worker has let `SLOTS` others through
meanwhile; it is found once, but for two workers that look in the same instant; what is half written is not found.
Never: keeps more of a request than counting was told, which holds no names.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Final, NamedTuple

from trafficguard.clock import SECOND
from trafficguard.counters import slot

SLOTS: Final = 1 << 14
"""Requests of each worker."""
KEPT_S: Final = 600
"""Seconds for which what became of a request may still be told."""

_ID_SIZE: Final = 20
_PREFIX_SIZE: Final = 12
_NOBODY: Final = bytes(_ID_SIZE)
_RECORD: Final = struct.Struct(f"<{_ID_SIZE}sQI{8 * slot.ASK_WORDS}s")
_SUM: Final = struct.Struct("<I")
_SIZE: Final = _RECORD.size + _SUM.size


class Kept(NamedTuple):
    """What is kept of a request."""

    site: int
    """Its site's place in the settings."""
    asked: bytes
    """What counting was told of it."""


def recent_bytes(workers: int) -> int:
    """Size of the memory that so many workers need."""
    return workers * SLOTS * _SIZE


class Recent:
    """One worker's ring, and its view of the others'."""

    __slots__ = ("_first", "_memory", "_number", "_prefix", "_workers")

    def __init__(self, memory: memoryview, workers: int, index: int) -> None:
        """`memory`: of `recent_bytes(workers)`, zeros at first."""
        self._memory = memory
        self._workers = workers
        self._first = index * SLOTS
        self._prefix = os.urandom(_PREFIX_SIZE // 2).hex().encode()
        self._number = 0

    def new_id(self) -> bytes:
        """The id of the next request: 20 hexadecimal digits, unique over workers and restarts."""
        self._number = (self._number + 1) & 0xFFFF_FFFF
        return b"%b%08x" % (self._prefix, self._number)

    def keep(self, id_bytes: bytes, site: int, asked: bytes, now: int) -> None:
        """Keeps the request that was given this id, at `now`."""
        record = _RECORD.pack(id_bytes, now + KEPT_S * SECOND, site, asked)
        at = (self._first + _slot_of(id_bytes)) * _SIZE
        self._memory[at : at + _SIZE] = record + _SUM.pack(zlib.crc32(record))

    def take(self, id_bytes: bytes, now: int) -> Kept | None:
        """What is kept of the request with this id (20 hexadecimal digits), which is then kept no longer."""
        for first in range(0, self._workers * SLOTS, SLOTS):
            at = (first + _slot_of(id_bytes)) * _SIZE
            whole = bytes(self._memory[at : at + _SIZE])
            known, until, site, asked = _RECORD.unpack_from(whole)
            if known == id_bytes and zlib.crc32(whole[: _RECORD.size]) == _SUM.unpack_from(whole, _RECORD.size)[0]:
                self._memory[at : at + _ID_SIZE] = _NOBODY
                return Kept(site, asked) if now < until else None
        return None


def _slot_of(id_bytes: bytes) -> int:
    return int(id_bytes[_PREFIX_SIZE:], 16) % SLOTS
