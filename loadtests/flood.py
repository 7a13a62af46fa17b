"""`python -m loadtests flood`: do those who were known before a flood of new addresses still find their state?

As many new keys as it is told (5 million at 50,000 a second of virtual time) visit a memory of the default sizes, and
between them known keys come every 30 s. Promises: all figures are counted or measured, none is typed in; exits with 1
when one misses what it is held to. Never: opens a socket, or waits.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Figures

from loadtests.bench.machine import cpu_model
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
STEPS: Final = 50
"""Parts in which the flood runs, so that progress shows."""
LEAST_FOUND: Final = 0.999
"""Share of the known keys' visits that must find their state."""
MOST_BYTES: Final = 1 << 30
"""Most that all counters together may take (design §6)."""
MOST_SLOT_BYTES: Final = (512, 2048, 512, 2048, 8192, 2048)
"""Most that a slot of each kind may take with its directory entry (design §6), in the order of `layout.KINDS`."""
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
    slot_bytes: dict[str, int]
    """Bytes of a slot of each kind, its directory entry included."""
    memory_bytes: int
    """What the system says that the memory takes, after the flood."""
    memory_growth_bytes: int
    """By how much that is more than before the flood."""
    seconds: float
    """What the flood took."""

    def misses(self) -> list[str]:
        """What it is held to and does not hold, in words."""
        slots = zip(layout.KINDS, MOST_SLOT_BYTES, strict=True)
        missed = [
            f"a slot of {kind} takes {self.slot_bytes[kind]:,} bytes, more than {most:,}"
            for kind, most in slots
            if self.slot_bytes[kind] > most
        ]
        if self.memory_bytes > MOST_BYTES:
            missed.append(f"the memory takes {self.memory_bytes:,} bytes, more than {MOST_BYTES:,}")
        if self.memory_growth_bytes > 0:
            missed.append(f"the memory grew by {self.memory_growth_bytes:,} bytes")
        if self.known_share < LEAST_FOUND:
            missed.append(f"{self.known_share:.3%} of known visits found their state, fewer than {LEAST_FOUND:.1%}")
        return missed


@kernel()
def tag(memory: Words, number: np.uint64) -> np.uint64:
    """A tag for a number under the memory's secret."""
    return tag_of(number, _ONE, memory[_SECRET], memory[_SECRET + _ONE])


@kernel()
def group_of(tag: np.uint64) -> np.uint64:
    """The group of a key: its network, of which there are as many as there are names for one."""
    return tag >> np.uint64(48)


@kernel()
def known_visit(memory: Words, number: np.uint64, now: np.uint64) -> bool:
    """One visit of a known key, which counts its visits in its slot; whether all counted before are there."""
    key = _KNOWN + number
    own = tag(memory, key)
    first, _seen = acquire(memory, layout.ADDRESS, own, group_of(own), now)
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
        _first, seen = acquire(memory, kind, key, group_of(key), moment)
        if seen >= np.uint64(3):
            counts[4] += _ONE
        if number % known_every == 0:
            turn = number // known_every
            counts[0] += _ONE
            if known_visit(memory, np.uint64(turn % known), moment):
                counts[1] += _ONE
            stayer = tag(memory, _STAYING + np.uint64(turn % known + turn // (3 * known) * known))
            acquire(memory, kind, stayer, group_of(stayer), moment)
            if turn // known % 3 == 2:
                counts[2] += _ONE
                if lookup(memory, kind, stayer) != np.uint64(0):
                    counts[3] += _ONE


@kernel()
def meet(memory: Words, known: int, now: int) -> None:
    """One round of all known keys."""
    for number in range(known):
        known_visit(memory, np.uint64(number), np.uint64(now))


def run(
    sizes: Sizes, new_keys: int, per_second: int, known: int, progress: Callable[[float], object] = lambda _share: None
) -> Outcome:
    """The flood against an empty memory of these sizes; `progress` is told the share that has passed."""
    table = Table.create(sizes)
    counts = np.zeros(5, np.uint64)
    for turn in range(WARM_ROUNDS):
        meet(table.memory, known, START - (WARM_ROUNDS - turn) * PERIOD_S * 1_000_000_000)
    known_every = max(per_second * PERIOD_S // known, 1)
    gap = 1_000_000_000 // per_second
    flood(table.memory, 0, 0, gap, START, known, known_every, counts)  # compiles
    bytes_before, began = bytes_of(table), time.perf_counter()
    edges = [new_keys * step // STEPS for step in range(STEPS + 1)]
    for begin, end in pairwise(edges):
        flood(table.memory, begin, end, gap, START, known, known_every, counts)
        progress(end / new_keys)
    took = time.perf_counter() - began
    visits, found, stayers, slotted, false_thirds = map(int, counts)
    stats, taken = table.stats(layout.ADDRESS), bytes_of(table)
    table.close()
    return Outcome(
        new_keys=new_keys,
        per_second=per_second,
        known_keys=known,
        known_visits=visits,
        known_found=found,
        known_share=found / visits,
        stayers=stayers,
        stayers_with_slot=slotted,
        false_thirds=false_thirds,
        false_third_share=false_thirds / new_keys,
        refusals=stats.refusals,
        evictions=stats.evictions,
        slot_bytes={
            kind: (words + layout.DIRECTORY_WORDS) * layout.WORD_BYTES
            for kind, words in zip(layout.KINDS, layout.DATA_WORDS, strict=True)
        },
        memory_bytes=taken,
        memory_growth_bytes=taken - bytes_before,
        seconds=round(took, 2),
    )


def bytes_of(table: Table) -> int:
    """What a table's memory takes of the machine's."""
    return os.fstat(table.fd).st_blocks * 512


def record(outcome: Outcome) -> str:
    """The outcome, and on what it came about, as one JSON object."""
    machine = {
        "cpu": cpu_model(Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    return json.dumps({"machine": machine, **asdict(outcome)}, indent=1) + "\n"


def show(outcome: Outcome, console: Console) -> None:
    """Prints the figures that matter to people."""
    table = Figures(box=SIMPLE_HEAD, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("new keys", f"{outcome.new_keys:,}")
    table.add_row("of them taken for one that came twice before", f"{outcome.false_third_share:.2%}")
    table.add_row("visits of known keys", f"{outcome.known_visits:,}")
    table.add_row(f"of them found their state (at least {LEAST_FOUND:.1%})", f"{outcome.known_share:.3%}")
    table.add_row("newcomers that stay, at their third visit", f"{outcome.stayers:,}")
    table.add_row("of them with a slot", f"{outcome.stayers_with_slot:,}")
    table.add_row("keys replaced by newer ones", f"{outcome.evictions:,}")
    table.add_row("visits that found no slot to take", f"{outcome.refusals:,}")
    table.add_row(f"memory in MiB (at most {MOST_BYTES >> 20:,})", f"{outcome.memory_bytes / (1 << 20):,.1f}")
    table.add_row("seconds", f"{outcome.seconds:,.1f}")
    console.print(table)


@click.command(
    epilog="""\b
Examples:
  python -m loadtests flood --write
  python -m loadtests flood --new 200000 --known 500"""
)
@click.option("--new", default=5_000_000, show_default=True, type=click.IntRange(1), help="New keys, each once.")
@click.option(
    "--per-second", default=50_000, show_default=True, type=click.IntRange(1, 1_000_000),
    help="New keys in a second of virtual time.",
)
@click.option(
    "--known", default=10_000, show_default=True, type=click.IntRange(1), help=f"Known keys, each every {PERIOD_S} s."
)
@click.option("--write", is_flag=True, help=f"Keep the figures in loadtests/results/{RESULT.name}.")
def main(new: int, per_second: int, known: int, write: bool) -> None:
    """Flood the counters with addresses that come once.

    A memory of the default sizes meets the known keys, then the flood passes in virtual time, as fast as the machine
    can. Exits with 1 when fewer than 99.9 % of the known keys' visits find their state, or when the memory or a slot is
    larger than stated.
    """  # fmt: skip
    if known > per_second * PERIOD_S:
        raise click.UsageError(f"at most {per_second * PERIOD_S:,} known keys can come within {PERIOD_S} s")
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("flood", total=1.0)
        outcome = run(Sizes(), new, per_second, known, lambda share: bar.update(task, completed=share))
    show(outcome, console)
    if write:
        RESULT.write_text(record(outcome), encoding="utf-8")
    missed = outcome.misses()
    for words in missed:
        console.print(f"MISSED: {words}")
    if missed:
        raise SystemExit(1)
