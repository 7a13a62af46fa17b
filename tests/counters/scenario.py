"""One small scenario through every entry kernel, run as a program: prints what came out and what the memory then holds.

Promises: no randomness, no clock but its own, the same secret each time: only the way kernels are compiled can make
a difference. Never: asserts.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from tests.counters.memories import ADDRESS, HOUR, SECOND, START, TINY, key, new_table
from trafficguard.counters import kernels, layout, slot
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.table import Table

DIGITS = 9
"""Of a result: logarithms may differ in their last bits."""


def digest(table: Table, name: str) -> str:
    """What a region of the memory holds."""
    region = table.plan[name]
    return hashlib.sha256(table.memory[region.offset : region.end].tobytes()).hexdigest()[:16]


def asked(step: int, now: int) -> bytes:
    """One request of a few visitors of one site."""
    ask = np.zeros(slot.ASK_WORDS, np.uint64)
    ask[slot.NOW] = now
    who = step % 5
    ask[slot.ADDRESS_LOW], ask[slot.NETWORK_LOW] = 100 + who, 200 + who // 2
    ask[slot.SESSION_LOW] = 300 + who if who else 0
    ask[slot.STEADY_MARK], ask[slot.MANNER_MARK] = 400, 500
    ask[slot.ACCOUNT_LOW] = 600 if step % 7 == 0 else 0
    ask[slot.ROUTE], ask[slot.TEMPLATE], ask[slot.ITEM] = 1, 1 + step % 3, 1 + step * step % 31
    ask[slot.PATH], ask[slot.QUERY] = step % 11, step % 4
    ask[slot.FLAGS] = slot.IS_PAGE | slot.READS_ALL | (slot.IS_LOGIN if step % 7 == 0 else 0)
    return ask.tobytes()


def ramps() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The terms of the sum, and one ramp for requests of a session."""
    rows = np.zeros((2, slot.RAMP_COLUMNS))
    rows[0, slot.MOST_GROUP], rows[0, slot.MOST_TOTAL] = 3.0, 12.0
    rows[0, slot.HALF_LIFE_SESSION : slot.HALF_LIFE_ACCOUNT + 1] = 600.0
    rows[1, slot.RAMP_KIND], rows[1, slot.RAMP_FEATURE] = layout.SESSION, slot.FEATURE["requests_10m"]
    rows[1, slot.RAMP_TO], rows[1, slot.RAMP_ENOUGH] = 20.0, 1.0
    rows[1, slot.RAMP_WEIGHT], rows[1, slot.RAMP_COUNTS] = 2.0, 1.0
    rows[1, slot.RAMP_SUPPORT] = slot.FEATURE["requests_10m"]
    return rows


def visits(table: Table) -> list[tuple[int, int]]:
    """More keys than there are slots, of two groups, by a clock that steps back as well."""
    found = []
    for step in range(150):
        now = START + step * 200 * SECOND - (HOUR if step % 17 == 0 else 0)
        found.append(table.visit(ADDRESS, key(step // 12 * 4 + step % 4), now, 1 + step % 2))
        if step % 10 == 0 and found[-1][0]:
            table.hold(ADDRESS, found[-1][0], 1 + step % 3, now)
    return found


def gates(table: Table) -> list[tuple[int, int]]:
    """Arrivals at more gates than there are, and nonces burnt more than once."""
    found = []
    for step in range(100):
        now = START + step * SECOND // 20
        waited = table.reserve(key(step % 9), SECOND, SECOND, now, 2 * SECOND)
        found.append((waited, table.burn(key(step * step % 23), START + 100 * SECOND, now)))
        table.add_to_gauge(step % 4, step % 8, 1 - step % 3)
    return found


def requests(ledger: Ledger) -> list[list[float]]:
    """What is known after each of some requests."""
    found, weights = [], ramps()
    for step in range(120):
        now = START + step * 15 * SECOND
        ledger.take_in(asked(step, now), 0.5, weights)
        found.append([float(f"{value:.{DIGITS}g}") for value in ledger.result])
        result = step % 6 // 4 - step % 5 // 4
        ledger.feed_back(asked(step, now), 2 + step % 4, step % 3 - 1, b"", now + SECOND, result, step % 4 == 0)
    return found


def wild_access_is_seen(table: Table) -> bool:
    """Whether a kernel raises that is given too little memory; where it does not, it reads on, which is the table's."""
    try:
        kernels.visit(
            table.memory[: layout.HEADER_WORDS], ADDRESS, np.zeros(2, np.uint64), 0, START, np.zeros(1, np.uint64)
        )
    except IndexError:
        return True
    return False


def main() -> None:
    """Runs all of it on one table."""
    table = new_table(TINY)
    told = {"visits": visits(table), "gates": gates(table), "requests": requests(Ledger(table.memory))}
    evictions = table.stats(ADDRESS).evictions
    memory = {region.name: digest(table, region.name) for region in table.plan.regions}
    seen = wild_access_is_seen(table)
    outcome = {"told": told, "memory": memory, "evictions": evictions}
    print(json.dumps({**outcome, "compiled": jit_is_on(), "wild access is seen": seen}))


if __name__ == "__main__":
    main()
