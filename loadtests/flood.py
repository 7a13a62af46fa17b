"""`python -m loadtests flood`: a flood of new addresses; do those known before it still find their state?

As many new keys as it is told visit the counters in their default memory at a rate of virtual time, between them known
keys every 30 s, and newcomers that stay. Promises: all numbers are counted, none is typed in; nothing is kept of a run
that was not asked to. Never: opens a socket, or waits.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from trafficguard.counters import layout
from trafficguard.counters.directory import acquire, lookup
from trafficguard.counters.hashing import tag_of
from trafficguard.counters.jit import Words, kernel
from trafficguard.counters.layout import KINDS, WORD_BYTES, Layout, Sizes
from trafficguard.counters.table import Table

RESULT: Final = Path(__file__).parent / "results" / "flood.json"
START: Final = 1_700_000_000 * 1_000_000_000
PERIOD_S: Final = 30
"""How often each known key and each newcomer that stays comes."""
WARM_ROUNDS: Final = 5
"""Visits of each known key before the flood."""
CHUNK: Final = 100_000
"""New keys between two looks at the progress."""
LEAST_SHARE: Final = 0.999
"""Share of known visits that must find the state of the visits before."""
MOST_MEMORY: Final = 1 << 30
"""Bytes of all memory."""
MOST_SLOT: Final = {
    "address": 512, "network": 2048, "session": 512, "fingerprint": 2048, "cluster": 8192, "account": 2048,
}  # fmt: skip
"""Bytes of one key, its directory entry included."""
MISSED: Final = 1
"""Exit status where something that must hold does not."""
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
    known_keys: int
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
    """Size of all memory, which is taken when the table is made."""
    memory_taken_after: int
    """Bytes that the system has given to it when all is over."""
    slot_bytes: dict[str, int]
    """Bytes of one key by kind, its directory entry included."""
    seconds: float
    """What it took."""

    def misses(self) -> list[str]:
        """What must hold and does not."""
        missed = []
        if not self.known_visits or self.known_share < LEAST_SHARE:
            missed.append(f"known keys found their state on {self.known_share:.3%} of visits, not {LEAST_SHARE:.1%}")
        if max(self.memory_bytes, self.memory_taken_after) > MOST_MEMORY:
            missed.append(f"memory took {self.memory_taken_after:,} bytes, more than {MOST_MEMORY:,}")
        for kind, size in self.slot_bytes.items():
            if size > MOST_SLOT[kind]:
                missed.append(f"one {kind} took {size:,} bytes, more than {MOST_SLOT[kind]:,}")
        return missed


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


def run(sizes: Sizes, new_keys: int, per_second: int, known: int, told: Callable[[int], object]) -> Outcome:
    """The flood against an empty memory of these sizes; `told` hears how many new keys have come."""
    table = Table.create(sizes)
    counts = np.zeros(5, np.uint64)
    for turn in range(WARM_ROUNDS):
        meet(table.memory, known, START - (WARM_ROUNDS - turn) * PERIOD_S * 1_000_000_000)
    known_every = max(per_second * PERIOD_S // known, 1)
    began = time.perf_counter()
    for begin in range(0, new_keys, CHUNK):
        end = min(begin + CHUNK, new_keys)
        flood(table.memory, begin, end, 1_000_000_000 // per_second, START, known, known_every, counts)
        told(end)
    took = time.perf_counter() - began
    visits, found, stayers, slotted, false_thirds = map(int, counts)
    stats = table.stats(layout.ADDRESS)
    taken = os.fstat(table.fd).st_blocks * 512
    table.close()
    return Outcome(
        new_keys=new_keys,
        per_second=per_second,
        known_keys=known,
        known_visits=visits,
        known_found=found,
        known_share=found / visits if visits else 0.0,
        stayers=stayers,
        stayers_with_slot=slotted,
        false_thirds=false_thirds,
        false_third_share=false_thirds / new_keys,
        refusals=stats.refusals,
        evictions=stats.evictions,
        memory_bytes=table.plan.size,
        memory_taken_after=taken,
        slot_bytes=slot_bytes(table.plan),
        seconds=round(took, 2),
    )


def slot_bytes(plan: Layout) -> dict[str, int]:
    """Bytes of one key by kind, its directory entry included."""
    return {kind: (plan[f"{kind} directory"].words + plan[f"{kind} slots"].words) * WORD_BYTES for kind in KINDS}


def show(outcome: Outcome, console: Console) -> None:
    """Prints what became of everybody."""
    grid = Grid(title="A flood of new addresses", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("what", "counted", "must hold"):
        grid.add_column(column, justify="right" if column == "counted" else "left")
    rows = (
        ("new keys", f"{outcome.new_keys:,}", ""),
        ("in a second of virtual time", f"{outcome.per_second:,}", ""),
        (f"visits of {outcome.known_keys:,} known keys", f"{outcome.known_visits:,}", ""),
        ("that found their state", f"{outcome.known_share:.4%}", f"at least {LEAST_SHARE:.1%}"),
        ("newcomers at their third visit", f"{outcome.stayers:,}", ""),
        ("of them with a slot", f"{outcome.stayers_with_slot:,}", ""),
        ("new keys taken for seen before", f"{outcome.false_third_share:.4%}", ""),
        ("refused for want of a slot", f"{outcome.refusals:,}", ""),
        ("evicted", f"{outcome.evictions:,}", ""),
        ("bytes of memory, afterwards", f"{outcome.memory_taken_after:,}", f"at most {MOST_MEMORY:,}"),
        *((f"bytes of one {kind}", f"{size:,}", f"at most {MOST_SLOT[kind]:,}") for kind, size in
          outcome.slot_bytes.items()),
    )  # fmt: skip
    for row in rows:
        grid.add_row(*row)
    console.print(grid)
    console.print(f"took {outcome.seconds:g} s")


@click.command(
    epilog="""\b
Examples:
  python -m loadtests flood
  python -m loadtests flood --new 500000 --per-second 5000"""
)
@click.option(
    "--new", "new_keys", default=5_000_000, show_default=True, type=click.IntRange(1, 1 << 40), help="New addresses."
)
@click.option(
    "--per-second", default=50_000, show_default=True, type=click.IntRange(1, 10_000_000),
    help="New addresses in a second of virtual time.",
)
@click.option(
    "--known", default=10_000, show_default=True, type=click.IntRange(1, 100_000),
    help=f"Addresses known before, each of which comes every {PERIOD_S} s.",
)
@click.option("--write", is_flag=True, help=f"Keep the result in loadtests/results/{RESULT.name}.")
def main(new_keys: int, per_second: int, known: int, write: bool) -> None:
    """Flood the counters with new addresses and see whether known ones still find their state.

    Visits are counted as the proxy counts them, in memory of the default size, with virtual time. Exits with 1 where
    known addresses found their state on fewer than 99.9 % of visits, or a key or all memory took more than stated.
    """  # fmt: skip
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("flood (compiles first)", total=new_keys)
        outcome = run(Sizes(), new_keys, per_second, known, lambda come: bar.update(task, completed=come))
    show(outcome, console)
    missed = outcome.misses()
    for miss in missed:
        console.print(f"MISSED: {miss}")
    if write:
        RESULT.write_text(json.dumps({**asdict(outcome), "missed": missed}, indent=1) + "\n", encoding="utf-8")
    if missed:
        sys.exit(MISSED)


if __name__ == "__main__":
    main(prog_name="python -m loadtests.flood")
