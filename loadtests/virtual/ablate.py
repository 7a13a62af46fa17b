"""`python -m loadtests ablate`: what each signal adds, by running again without it.

A signal that is a reason for nobody's score cannot move one: it is listed as silent and not run. Of all others the
table says by how much figures change when the signal is off. What moves nothing should be off by default, or have a
test in which it alone moves evidence.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.virtual.command import chosen, run_scenario
from loadtests.virtual.guards import signal_names
from loadtests.virtual.metrics import Figures, WaveFigures
from loadtests.virtual.scenario import HOUR, Scenario

LEAST_SHIFT = 0.005
"""Shares that change by less count as unmoved."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What one crawler's figures, or people's, lose without a signal."""

    signal: str
    who: str
    suspect: float
    """Change of the share of its requests (of people: visits) at 50 or above; negative: the signal raised it."""
    caught: float
    """The same at 75."""
    first: str
    """First request at 75 with and without, where that changes."""

    @property
    def is_one(self) -> bool:
        """Whether anything moved."""
        return abs(self.suspect) >= LEAST_SHIFT or abs(self.caught) >= LEAST_SHIFT or bool(self.first)


def shifts(signal: str, whole: Figures, without: Figures) -> list[Shift]:
    """How two runs differ, crawler by crawler, then people."""
    found = []
    for one, other in zip(whole.waves, without.waves, strict=True):
        suspect, caught = other.suspect_share - one.suspect_share, other.caught_share - one.caught_share
        before, after = _first(one), _first(other)
        first = f"{before} → {after}" if before != after else ""
        found.append(Shift(signal, one.name, suspect, caught, first))
    for group, rest in zip(whole.people[:1], without.people[:1], strict=True):
        suspect, caught = rest.suspect - group.suspect, rest.caught - group.caught
        found.append(Shift(signal, "people", suspect / group.people, caught / group.people, ""))
    return [shift for shift in found if shift.is_one]


def _first(wave: WaveFigures) -> str:
    return "never" if wave.caught is None else f"{wave.caught.request:,}"


def spoken(figures: Figures) -> set[str]:
    """Signals that were among the reasons for anybody's score."""
    return {signal for wave in figures.waves for signal, _ in wave.reasons} | {name for name, _ in figures.suspicions}


def ablate(scenario: Scenario, names: tuple[str, ...], console: Console) -> tuple[list[Shift], list[str], list[str]]:
    """What moves without each signal; signals that move nothing; signals that are silent."""
    whole = run_scenario(scenario, "all signals", console).figures
    heard = spoken(whole)
    moved: list[Shift] = []
    idle: list[str] = []
    for name in (name for name in names if name in heard):
        without = run_scenario(scenario, f"without {name}", console, frozenset((name,))).figures
        found = shifts(name, whole, without)
        moved += found
        if not found:
            idle.append(name)
    return moved, idle, [name for name in names if name not in heard]


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--minutes", default=HOUR, show_default=True, type=click.FloatRange(1, 600), help="Virtual length.")
@click.option("--people", default=2000, show_default=True, type=click.IntRange(10, 100_000), help="Visitors.")
@click.option("--signal", "names", multiple=True, help="This signal alone; repeatable. All that are on by default.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all shifts here.")
def main(seed: int, minutes: float, people: int, names: tuple[str, ...], json_file: Path | None) -> None:
    """Run the virtual hour once with all signals and once without each."""
    console = Console()
    known = signal_names()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise click.BadParameter(f"no signal that is on is called {', '.join(unknown)}", param_hint="--signal")
    moved, idle, silent = ablate(chosen(seed, minutes, (), people), names or tuple(known), console)
    table = Table(title="Without the signal", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(("signal", "who", "≥50", "≥75", "first ≥75")):
        table.add_column(column, justify="left" if number < 2 else "right", no_wrap=True)
    for shift in moved:
        table.add_row(shift.signal, shift.who, f"{shift.suspect:+.1%}", f"{shift.caught:+.1%}", shift.first)
    console.print(table)
    console.print(f"Move nothing: {', '.join(idle) or 'none'}.")
    console.print(f"Silent throughout: {', '.join(silent) or 'none'}.")
    if json_file is not None:
        record = {"shifts": [asdict(shift) for shift in moved], "idle": idle, "silent": silent}
        json_file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
