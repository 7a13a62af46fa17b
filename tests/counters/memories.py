"""Small memories for tests, and keys to fill them with."""

from __future__ import annotations

from trafficguard.counters import layout
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START = 1_700_000_000 * SECOND
SECRET = bytes(range(16))
SMALL = Sizes(256, 16, 256, 16, 16, 16, sketch_cells=1 << 13, gate_buckets=4, nonces=64, workers=4)
TINY = Sizes(16, 16, 16, 16, 16, 16, sketch_cells=1 << 13, gate_buckets=1, nonces=16, workers=4)
ADDRESS = layout.ADDRESS


def key(number: int) -> bytes:
    """A key of 16 bytes."""
    return number.to_bytes(16, "little")


def new_table(sizes: Sizes = SMALL) -> Table:
    """An empty table, the same each time."""
    table = Table.create(sizes, SECRET)
    table.close()
    return table


def settle(table: Table, number: int, now: int, group: int = 0) -> int:
    """Visits a key until it should have a slot; returns where its data start, or 0."""
    for _ in range(3):
        first, _seen = table.visit(ADDRESS, key(number), now, group)
    return first


def tags(table: Table, kind: int = ADDRESS) -> list[int]:
    """What the directory entries of a kind hold."""
    region = table.plan[f"{layout.KINDS[kind]} directory"]
    return [int(tag) for tag in table.memory[region.offset : region.end : layout.DIRECTORY_WORDS]]


def group_counts(table: Table) -> dict[int, int]:
    """How many slots each group of addresses is counted to hold."""
    region = table.plan["address groups"]
    words = table.memory[region.offset : region.end]
    return {int(group): int(words[group]) for group in words.nonzero()[0]}


def groups_charged(table: Table) -> dict[int, int]:
    """How many slots carry each group's name."""
    region = table.plan["address directory"]
    held: dict[int, int] = {}
    for keep in table.memory[region.offset + layout.KEEP : region.end : layout.DIRECTORY_WORDS]:
        group = int(keep) >> 48
        if group:
            held[group] = held.get(group, 0) + 1
    return held
