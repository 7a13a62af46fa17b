"""The Python face of the counters' memory: makes or adopts it, checks it once, then calls the kernels.

Promises: one memory, `memory`, that every process forked from its maker shares, and a file descriptor, `fd`, with
which a new supervisor can adopt it. Memory that fits keeps its counts and its secret; any other is left as it
is, and a new one starts empty. Never: counts by itself, reads a clock, grows, or stores a key. A table object
belongs to one thread of one process at a time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
from dataclasses import dataclass
from typing import Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.jit import Words
from trafficguard.counters.kernels import add_to_gauge, burn_nonce, mark, visit
from trafficguard.counters.layout import Layout, Sizes
from trafficguard.counters.timers import KEY_BYTES, Timers

SECRET_BYTES: Final = 16
"""Bytes of the hash secret."""

_MADV_POPULATE_WRITE: Final = 23
"""From Linux 5.14 on; `mmap` has no name for it."""
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""Nobody who is handed the memory can cut it off under those who use it."""


@dataclass(frozen=True, slots=True)
class KindStats:
    """What became of the slots of one kind since the memory was empty."""

    slots: int
    """How many there are."""
    live: int
    """How many hold a key, fresh or aged."""
    evictions: int
    """Keys that were replaced by a newer one because their neighbourhood was full."""
    refusals: int
    """Visits of a key that should have had a slot and found none to take: to be alarmed about."""
    generation: int
    """How many generations of its sketch there have been, roughly."""


@dataclass(frozen=True, slots=True)
class GateStats:
    """What was denied for want of room: to be alarmed about."""

    gates_full: int
    """Reservations."""
    nonces_full: int
    """Nonces."""


class Table:
    """The counters' memory."""

    __slots__ = ("_found", "_key", "_key_bytes", "_mapping", "fd", "memory", "plan", "timers")

    def __init__(self, fd: int, plan: Layout) -> None:
        """Maps memory that fits; `create` and `adopt` see to that. The descriptor is the table's from now on."""
        self.fd = fd
        self.plan = plan
        self._mapping = mmap.mmap(fd, plan.size)
        self.memory: Words = np.frombuffer(self._mapping, np.uint64)
        self._key_bytes = bytearray(KEY_BYTES)
        self._key = np.frombuffer(self._key_bytes, np.uint64)
        self._found = np.zeros(1, np.uint64)
        self.timers = Timers(self.memory)
        """Its throttle gates."""

    @classmethod
    def create(cls, sizes: Sizes | None = None, secret: bytes | None = None) -> Table:
        """An empty table in new memory; without a secret a random one is drawn.

        Raises ValueError for sizes that `layout` refuses and for a secret that is not 16 bytes long, OSError where
        there is no memory: all of it is taken now, so that it cannot be missing when it is written to.
        """
        plan = layout.layout(sizes)
        _check_machine(plan)
        words = _secret_words(os.urandom(SECRET_BYTES) if secret is None else secret)
        fd = os.memfd_create("trafficguard-counters", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.posix_fallocate(fd, 0, plan.size)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            table = cls(fd, plan)
        except BaseException:
            os.close(fd)
            raise
        table.memory[layout.SECRET : layout.SECRET + 2] = words
        # The digest comes last: memory without it is nobody's.
        for index, word in sorted(layout.fixed_words(plan).items(), reverse=True):
            table.memory[index] = word
        return table

    @classmethod
    def adopt(cls, fd: int, sizes: Sizes | None = None) -> Table:
        """The table in memory handed over, if it has this layout and these sizes, else an empty one in new memory.

        The descriptor is taken: it becomes the table's, or is closed. Raises as `create` does.
        """
        plan = layout.layout(sizes)
        with contextlib.suppress(OSError, ValueError):
            if os.fstat(fd).st_size == plan.size:
                table = cls(fd, plan)
                if _fits(table.memory, plan):
                    return table
        with contextlib.suppress(OSError):
            os.close(fd)
        return cls.create(sizes)

    def populate(self) -> None:
        """Maps every page into this process now; without it, each is mapped by the request that first needs it.

        Takes some 0.1 s per 100 MiB. Linux before 5.14 cannot, and then does not.
        """
        with contextlib.suppress(OSError):
            self._mapping.madvise(_MADV_POPULATE_WRITE)

    def close(self) -> None:
        """Closes the descriptor; the mapping goes with the last array over it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def visit(self, kind: int, key: bytes, now: int, group: int = 0) -> tuple[int, int]:
        """Counts one visit of a key of 16 bytes at `now` ns since the Unix epoch.

        Returns where the data of its slot start in `memory`, 0 if it has none, and how many visits are known.
        Raises ValueError for a key of another length.
        """
        self._set_key(key)
        seen = visit(self.memory, kind, self._key, group, now, self._found)
        return int(self._found[0]), int(seen)

    def hold(self, kind: int, first: int, flags: int, now: int) -> None:
        """Marks the slot whose data start at `first` as worth keeping for an hour."""
        mark(self.memory, kind, np.uint64(first), flags, now)

    def reserve(self, key: bytes, interval: int, tolerance: int, now: int, most_wait: int) -> int:
        """Reserves the next arrival at the key's gate; all times in ns.

        One arrival every `interval`, `tolerance` of them at once. Returns how long to wait for it, or -1 if that
        is longer than `most_wait` or there is no room for the gate; nothing is reserved then.
        """
        return self.timers.reserve(key, interval, tolerance, now, most_wait)

    def burn(self, nonce: bytes, expires: int, now: int) -> int:
        """Burns a nonce: 1 if burnt now, 0 if it already was or has expired, -1 if there is no room to know."""
        self._set_key(nonce)
        return int(burn_nonce(self.memory, self._key, expires, now))

    def add_to_gauge(self, worker: int, gauge: int, amount: int) -> None:
        """Adds to a gauge of a worker. Raises IndexError for a worker or gauge that there is not."""
        self._check_gauge(worker, gauge)
        add_to_gauge(self.memory, worker, gauge, amount)

    def gauge(self, gauge: int) -> int:
        """The sum of a gauge over all workers. Raises IndexError for a gauge that there is not."""
        self._check_gauge(0, gauge)
        return int(self._gauges()[:, gauge].astype(np.int64).sum())

    def zero_gauges(self, worker: int) -> None:
        """Forgets what a worker that died had counted, for its successor. Raises IndexError as `add_to_gauge`."""
        self._check_gauge(worker, 0)
        self._gauges()[worker, :] = 0

    def stats(self, kind: int) -> KindStats:
        """What became of the slots of a kind, over all processes."""
        row = layout.TALLIES + kind * layout.KIND_WORDS
        tally = [int(word) for word in self.memory[row : row + layout.KIND_WORDS]]
        return KindStats(
            slots=self.plan.sizes.slots[kind],
            live=tally[layout.LIVE],
            evictions=tally[layout.EVICTIONS],
            refusals=tally[layout.REFUSALS],
            generation=tally[layout.GENERATION] >> 32,
        )

    def gate_stats(self) -> GateStats:
        """What was denied for want of room, over all processes."""
        return GateStats(int(self.memory[layout.GATES_FULL]), int(self.memory[layout.NONCES_FULL]))

    def _set_key(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._key_bytes[:] = key

    def _gauges(self) -> Words:
        region = self.plan["gauges"]
        return self.memory[region.offset : region.end].reshape(region.rows, region.words)

    def _check_gauge(self, worker: int, gauge: int) -> None:
        if not (0 <= worker < self.plan.sizes.workers and 0 <= gauge < layout.GAUGES_PER_WORKER):
            raise IndexError(f"there is no gauge {gauge} of worker {worker}")


def _check_machine(plan: Layout) -> None:
    # The kernel would not refuse, but kill whoever it likes when it has nothing left to give.
    if plan.size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise OSError(errno.ENOMEM, f"counters of {plan.size:,} bytes are larger than this machine's memory")


def _secret_words(secret: bytes) -> Words:
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a hash secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return np.frombuffer(secret, np.uint64)


def _fits(memory: Words, plan: Layout) -> bool:
    return all(int(memory[index]) == word for index, word in layout.fixed_words(plan).items())
