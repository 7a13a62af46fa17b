"""Makes every kernel ready, so that nothing is left to compile once requests arrive.

Promises: after `warm` has returned, this process and those it forks call compiled code only. Call it once,
before forking: processes that fill one cache at the same time would do the work several times. Never: imports
the compiler before it is called.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WarmReport:
    """What warming took."""

    seconds: float
    """From the call to ready kernels, the import of the compiler included."""
    cache_dir: Path | None
    """Where the compiled kernels are kept for the next start; None: nowhere."""
    kernels: tuple[str, ...]
    """Names of the kernels that are ready."""
    remark: str
    """Why they are kept nowhere, else empty."""


def warm() -> WarmReport:
    """Loads every entry kernel from the cache or compiles it, and runs it once on a spare table."""
    start = time.perf_counter()
    # Importing compiles, so it belongs to what is measured, and not to importing this module.
    import numpy as np

    from trafficguard.counters import jit, kernels, layout, ledger, slot, table, timers

    spare = table.Table.create(layout.Sizes(16, 16, 16, 16, 16, 16, 64, 1, 16, 1))
    key = bytes(timers.KEY_BYTES)
    for _ in range(3):
        first, _seen = spare.visit(layout.ADDRESS, key, 0)
    spare.hold(layout.ADDRESS, first, layout.HAS_PASS, 0)
    spare.reserve(key, 1, 1, 0, 1)
    spare.timers.left(key, 0, 1)
    spare.burn(key, 1, 0)
    spare.add_to_gauge(0, 0, 1)
    asked = bytes(layout.WORD_BYTES * slot.ASK_WORDS)
    book = ledger.Ledger(spare.memory)
    book.take_in(asked, 0.0, np.zeros((1, slot.RAMP_COLUMNS)))
    book.feed_back(asked, 2, 0, b"", 0)
    spare.close()
    names = tuple(entry.__name__ for entry in kernels.ENTRY_KERNELS)
    return WarmReport(time.perf_counter() - start, jit.CACHE.folder, names, jit.CACHE.remark)
