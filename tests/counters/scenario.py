"""`python -m tests.counters.scenario FILE`: half an hour of everything, written down to the last bit.

Promises: the same bytes each time, whichever way the kernels are run: every result of every call, then the whole memory.
`test_modes` compares them. Never: reads a clock, or asks how the kernels are run.
"""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path
from typing import Final

from tests.counters.asks import ASSET, LOGIN, PAGE, ask
from tests.counters.memories import ADDRESS, MINUTE, SECOND, START, TINY, key, new_table
from trafficguard.counters import layout, slot
from trafficguard.counters.layout import Sizes
from trafficguard.counters.ledger import Ledger
from trafficguard.scoring.terms import terms_of

REQUESTS: Final = 1500
SIZES: Final = Sizes(64, 16, 64, 16, 16, 16, sketch_cells=1 << 9, gate_buckets=1, nonces=16, workers=4)
"""So few that keys are evicted and refused, gates and nonces run out, and generations of the sketch turn."""
FLAGS: Final = (
    PAGE | slot.REFERRER_OWN, PAGE | slot.IS_TYPED, PAGE | slot.IS_HEAD | slot.REFERRER_FOREIGN, PAGE | slot.TAKES_COOKIES,
    ASSET, ASSET | slot.READS_ALL, LOGIN, slot.IS_ROBOTS, PAGE | slot.READS_ALL,
)  # fmt: skip


def requests() -> bytes:
    """A crowd of regulars and strangers, taken in and answered."""
    generator, table, ramps = random.Random(3), new_table(SIZES), terms_of().ramps
    ledger, results, now = Ledger(table.memory), [], START
    for number in range(REQUESTS):
        # A step back now and then, as between two processors, and once a clock that is set back by an hour.
        now += generator.choice((0, 1, 700_000_000, SECOND, 2 * SECOND, 5 * SECOND, -SECOND))
        now -= 60 * MINUTE if number == REQUESTS // 2 else 0
        regular = generator.random() < 0.8
        row = ask(
            now,
            generator.choice(FLAGS),
            site=generator.choice((1, 1, 1, 2)),
            address=generator.randrange(12) if regular else generator.randrange(1 << 30),
            session=generator.choice((0, 1, 2, 3)),
            steady=generator.randrange(1, 4),
            manner=generator.randrange(1, 4),
            account=generator.choice((0, 0, 1)),
            route=generator.randrange(3),
            template=generator.randrange(6),
            item=generator.choice((0, number + 1, generator.randrange(1, 40), generator.getrandbits(63))),
            path=generator.randrange(50),
            query=generator.randrange(4),
        )
        ledger.take_in(row, generator.choice((0.0, 0.0, 0.7, 3.1)), ramps)
        results.append(bytes(ledger.result))
        results.append(repr((ledger.strongest(), ledger.found())).encode())
        if generator.random() < 0.7:
            status, login = generator.choice((0, 2, 2, 4, 5)), generator.choice((-1, 0, 1))
            ledger.feed_back(row, status, login, b"", now + SECOND)
    return b"".join(results) + table.memory.tobytes()


def words() -> bytes:
    """Slots, groups, marks, gates, nonces and gauges, all of them short."""
    generator, table, results, now = random.Random(5), new_table(TINY), [], START
    for _ in range(REQUESTS):
        now += generator.choice((0, SECOND // 3, 20 * SECOND, -SECOND))
        first, seen = table.visit(ADDRESS, key(generator.randrange(60)), now, generator.randrange(4))
        if first and generator.random() < 0.1:
            table.hold(ADDRESS, first, generator.choice((layout.HAS_PASS, layout.HAS_EVIDENCE)), now)
        wait = table.reserve(key(generator.randrange(10)), SECOND, 3 * SECOND, now, 2 * SECOND)
        burnt = table.burn(key(generator.randrange(40)), now + generator.randrange(2000) * SECOND, now)
        table.add_to_gauge(generator.randrange(4), 1, generator.randrange(-3, 4))
        results.append(struct.pack("<4q", first, seen, wait, burnt))
    assert table.stats(ADDRESS).evictions > 0
    assert min(table.gate_stats().gates_full, table.gate_stats().nonces_full) > 0
    return b"".join(results) + table.memory.tobytes()


def main(file: Path) -> None:
    """Writes it all down."""
    file.write_bytes(requests() + words())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
