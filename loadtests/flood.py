"""A flood of new addresses against the counters: do those who were known before it still find their state?

`python -m loadtests.flood` visits as many new keys as it is told (5 million at 50,000 a second of virtual time) in the
default memory, between them known keys every 30 s, and prints one JSON object; `--write` records it. Promises: all
numbers in it are counted, none is typed in. Never: opens a socket, or waits.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from trafficguard.counters import layout
from trafficguard.counters.directory import acquire, lookup
from trafficguard.counters.hashing import tag_of
from trafficguard.counters.jit import Words, kernel
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table

RESULT: Final = Path(__file__).parent / "results" / "flood.json"
START: Final = 1_700_000_000 * 1_000_000_000
PERIOD_S: Final = 30
"""How often each known key and each newcomer that stays comes."""
WARM_ROUNDS: Final = 5
"""Visits of each known key before the flood."""
_ONE: Final = np.uint64(1)
_KNOWN: Final = np.uint64(1 << 60)
_STAYING: Final = np.uint64(1 << 61)
_SECRET: Final = np.uint64(layout.SECRET)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of everybody."""

    new_keys: int
    per_second: int
    """New keys in a second of virtual time."""
    known_visits: int
    known_found: int
    """Known visits that found the state of the visits before."""
    known_share: float
    stayers: int
    """Newcomers that begin within the flood and come every 30 s, three times."""
    stayers_with_slot: int
    """Those of them with a slot at the third visit."""
    false_thirds: int
    """New keys that were taken for one seen twice before."""
    false_third_share: float
    refusals: int
    evictions: int
    memory_bytes: int
    """Size of the mapping, whatever comes."""
    seconds: float
    """What it took."""


@kernel()
def tag(memory: Words, number: np.uint64) -> np.uint64:
    """A tag for a number under the memory's secret."""
    return tag_of(number, _ONE, memory[_SECRET], memory[_SECRET + _ONE])


@kernel()
def known_visit(memory: Words, number: np.uint64, now: np.uint64) -> bool:
    """One visit of a known key, which counts its visits in its slot; whether all counted before are there."""
    key = _KNOWN + number
    first, _seen = acquire(memory, layout.ADDRESS, tag(memory, key), np.uint64(0), now)
    if first == np.uint64(0):
        return False
    held = memory[first]
    memory[first] = key
    return bool(held == key)


@kernel()
def flood(
    memory: Words, begin: int, end: int, gap: int, now: int, known: int, known_every: int, counts: Words
) -> None:
    """New keys `begin` to `end`, one each `gap` ns; each `known_every` of them one known key, and one that stays.

    Counts: known visits, those that found their state, stayers at their third visit, those with a slot, false thirds.
    """
    kind = layout.ADDRESS
    for number in range(begin, end):
        moment = np.uint64(now + number * gap)
        key = tag(memory, np.uint64(number))
        _first, seen = acquire(memory, kind, key, key >> np.uint64(48), moment)
        if seen >= np.uint64(3):
            counts[4] += _ONE
        if number % known_every == 0:
            turn = number // known_every
            counts[0] += _ONE
            if known_visit(memory, np.uint64(turn % known), moment):
                counts[1] += _ONE
            stayer = tag(memory, _STAYING + np.uint64(turn % known + turn // (3 * known) * known))
            acquire(memory, kind, stayer, np.uint64(0), moment)
            if turn // known % 3 == 2:
                counts[2] += _ONE
                if lookup(memory, kind, stayer) != np.uint64(0):
                    counts[3] += _ONE


@kernel()
def meet(memory: Words, known: int, now: int) -> None:
    """One round of all known keys."""
    for number in range(known):
        known_visit(memory, np.uint64(number), np.uint64(now))


def run(sizes: Sizes, new_keys: int, per_second: int, known: int) -> Outcome:
    """The flood against an empty memory of these sizes."""
    table = Table.create(sizes)
    counts = np.zeros(5, np.uint64)
    for turn in range(WARM_ROUNDS):
        meet(table.memory, known, START - (WARM_ROUNDS - turn) * PERIOD_S * 1_000_000_000)
    began = time.perf_counter()
    known_every = max(per_second * PERIOD_S // known, 1)
    flood(table.memory, 0, new_keys, 1_000_000_000 // per_second, START, known, known_every, counts)
    took = time.perf_counter() - began
    visits, found, stayers, slotted, false_thirds = map(int, counts)
    stats = table.stats(layout.ADDRESS)
    table.close()
    return Outcome(
        new_keys=new_keys,
        per_second=per_second,
        known_visits=visits,
        known_found=found,
        known_share=found / visits,
        stayers=stayers,
        stayers_with_slot=slotted,
        false_thirds=false_thirds,
        false_third_share=false_thirds / new_keys,
        refusals=stats.refusals,
        evictions=stats.evictions,
        memory_bytes=table.plan.size,
        seconds=round(took, 2),
    )


def main() -> None:
    """Runs the whole flood and prints, or records, what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"record the result in {RESULT.name}")
    parser.add_argument("--new", type=int, default=5_000_000, help="new keys")
    parser.add_argument("--per-second", type=int, default=50_000, help="new keys in a second of virtual time")
    asked = parser.parse_args()
    outcome = json.dumps(asdict(run(Sizes(), asked.new, asked.per_second, 10_000)), indent=2)
    print(outcome)
    if asked.write:
        RESULT.write_text(outcome + "\n")


if __name__ == "__main__":
    main()
