"""`python -m loadtests virtual`: an hour of mixed traffic in virtual time, and what the guard made of it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crawlers import WAVES
from loadtests.virtual.guards import make_guard
from loadtests.virtual.metrics import Figures, figures
from loadtests.virtual.report import as_json, as_markdown, show
from loadtests.virtual.runner import Runner
from loadtests.virtual.samples import Samples
from loadtests.virtual.scenario import HOUR, Scenario, cast
from loadtests.virtual.separability import Separability, check

INVALID = 3
"""Exit status where bytes alone tell crawlers from people."""


class Result(NamedTuple):
    """A run and what is known of its scenario."""

    figures: Figures
    separability: Separability


def run_scenario(scenario: Scenario, title: str, console: Console, off: frozenset[str] = frozenset()) -> Result:
    """Runs a scenario against a guard with empty memory, without the signals in `off`; progress goes to `console`."""
    catalogue, samples = Catalogue(scenario.items), Samples()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with make_guard(off) as guard, Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        runner = Runner(cast(scenario, catalogue), catalogue, guard, samples)
        tally = runner.run(scenario.minutes, lambda share: bar.update(task, completed=share))
    return Result(figures(scenario, tally), check(samples, scenario.seed))


def chosen(seed: int, minutes: float, only: tuple[str, ...], people: int | None) -> Scenario:
    """The default scenario with what a command line changes."""
    waves = tuple(wave for wave in WAVES if not only or wave.name in only)
    scenario = replace(Scenario(seed=seed, minutes=minutes), waves=waves)
    return scenario if people is None else scenario.with_people(people)


@click.command()
@click.option("--seed", default=1, show_default=True, help="Another seed is another crowd.")
@click.option(
    "--minutes", default=HOUR, show_default=True, type=click.FloatRange(1, 600),
    help="Virtual length; starts and lengths of waves shrink with it.",
)
@click.option(
    "--only", multiple=True, type=click.Choice([wave.name for wave in WAVES]), help="This crawler alone; repeatable."
)
@click.option(
    "--people", type=click.IntRange(10, 100_000), help="Visitors; 2,000 by default, office and sale in proportion."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write the report here.")
def main(
    seed: int, minutes: float, only: tuple[str, ...], people: int | None, json_file: Path | None, markdown: Path | None
) -> None:
    """Run people and crawlers against the guard in virtual time.

    Exits with 3 when the scenario is invalid: when bytes alone tell its crawlers from its people.
    """  # fmt: skip
    console = Console()
    started = time.perf_counter()
    result = run_scenario(chosen(seed, minutes, only, people), "virtual run", console)
    show(result.figures, result.separability, console)
    console.print(f"ran {time.perf_counter() - started:.0f} s")
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(*result), indent=1) + "\n", encoding="utf-8")
    if markdown is not None:
        command = f"python -m loadtests virtual --seed {seed} --minutes {minutes:g}"
        command += "".join(f" --only {name}" for name in only) + (f" --people {people}" if people else "")
        markdown.write_text(as_markdown(*result, command), encoding="utf-8")
    if not result.separability.is_valid:
        sys.exit(INVALID)
