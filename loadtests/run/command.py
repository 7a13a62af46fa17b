"""`python -m loadtests run SCENARIO`: one scenario, in virtual time or over sockets, and its report."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtests.actors.waves import WAVES, Half
from loadtests.bench.errors import BenchError
from loadtests.run import really
from loadtests.run.metrics import Figures
from loadtests.run.really import CEILING_S
from loadtests.run.report import as_json, as_markdown, grid, show
from loadtests.run.scenario import SCENARIOS, ScenarioFile, find, load
from loadtests.run.virtually import Played, figures, play_all
from loadtests.run.wire import Via
from trafficguard.errors import ConfigError

USAGE: Final = 2
INVALID: Final = 3
"""Exit status where bytes alone tell crawlers from people."""


def chosen(
    file: ScenarioFile, *, virtual: bool = False, seeds: tuple[int, ...] = (), half: Half | None = None,
    minutes: float | None = None, people: int | None = None,
) -> ScenarioFile:  # fmt: skip
    """A scenario with what a command line changes; moments shrink with its length, groups with its people."""
    changes: dict[str, object] = {}
    if virtual:
        changes["runner"] = "virtual"
    if seeds:
        changes["seeds"] = list(seeds)
    if half is not None:
        changes["half"] = half
    share = 1.0 if minutes is None else minutes / file.minutes
    fewer = 1.0 if people is None or not file.people.number else people / file.people.number
    changes["minutes"] = file.minutes * share
    changes["waves"] = [
        wave.model_copy(update={"starts": wave.starts * share, "lasts": wave.lasts * share}) for wave in file.waves
    ]
    crowd = file.people
    changes["people"] = crowd.model_copy(
        update={
            "number": round(crowd.number * fewer), "office": int(crowd.office * fewer), "sale": int(crowd.sale * fewer),
            "sale_at": crowd.sale_at * share,
        }
    )  # fmt: skip
    return file.model_copy(update=changes)


def perform(
    scenario: ScenarioFile, console: Console, processes: int = 1, *, url: str | None = None, via: Via = Via.PROXY,
    ceiling_s: float = CEILING_S,
) -> tuple[Figures, list[Played]]:  # fmt: skip
    """Runs a scenario; progress goes to `console`."""
    seeds = scenario.seeds
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(scenario.name, total=float(len(seeds)))
        done = dict.fromkeys(seeds, 0.0)

        def progress(seed: int, share: float) -> None:
            done[seed] = share
            bar.update(task, completed=sum(done.values()), description=f"{scenario.name} {seed}")

        if scenario.runner == "virtual":
            played, costs = play_all(scenario, seeds, processes, progress), None
        else:
            tell = console.print
            played, costs = really.perform(scenario, progress, tell, url=url, via=via, ceiling_s=ceiling_s)
    return figures(scenario, seeds, played, costs), played


def read(name: str) -> ScenarioFile:
    """The scenario that a command line names; ends the program with all complaints."""
    try:
        return load(find(name))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)


@click.command(
    epilog="""\b
Examples:
  python -m loadtests run crawlers
  python -m loadtests run storefront --virtual --seed 131
  python -m loadtests run my-shop.yaml --json figures.json --markdown report.md
Scenarios that come with it lie in loadtests/scenarios."""
)
@click.argument("scenario")
@click.option("--virtual", is_flag=True, help="In virtual time, whatever the file says.")
@click.option("--seed", "seeds", multiple=True, type=int, help="Instead of those of the file; repeatable.")
@click.option("--half", type=click.Choice(get_args(Half)), help="Of the space of parameters, to draw waves from.")
@click.option("--minutes", type=click.FloatRange(0.1, 600), help="Length; moments shrink with it.")
@click.option("--people", type=click.IntRange(0, 100_000), help="Visitors; office and sale in proportion.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64))
@click.option("--url", help="A proxy on this machine that runs already, for scenarios over sockets: http://127.0.0.1:8080")
@click.option(
    "--via", type=click.Choice([one.value for one in Via]), default=Via.PROXY.value, show_default=True,
    help="How addresses get across: PROXY protocol v2, X-Forwarded-For, or source addresses of 127.0.0.0/8.",
)
@click.option("--ceiling", default=CEILING_S, show_default=True, type=click.FloatRange(0, 60),
              help="Seconds of each of four stretches in which ceilings are found; 0 for none.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write the report here.")
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Draw pictures (SVG) into this folder.")
def main(
    scenario: str, virtual: bool, seeds: tuple[int, ...], half: Half | None, minutes: float | None,
    people: int | None, processes: int, url: str | None, via: str, ceiling: float, json_file: Path | None,
    markdown: Path | None, plots: Path | None,
) -> None:  # fmt: skip
    """Run SCENARIO, a file or the name of one that comes with the tool.

    Exits with 3 when the scenario is invalid: when bytes alone tell its crawlers from its people.
    """
    console = Console()
    asked = chosen(read(scenario), virtual=virtual, seeds=seeds, half=half, minutes=minutes, people=people)
    if url is not None and asked.runner == "virtual":
        raise click.BadParameter("a scenario in virtual time asks nobody", param_hint="--url")
    try:
        if url is not None:
            really.target(url)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--url") from error
    try:
        result, played = perform(asked, console, processes, url=url, via=Via(via), ceiling_s=ceiling)
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    show(result, console)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(result), indent=1) + "\n", encoding="utf-8")
    if markdown is not None:
        markdown.write_text(as_markdown(result, f"python -m loadtests run {scenario}"), encoding="utf-8")
    if plots is not None:
        from loadtests.run.plots import draw  # which needs a library that only pictures do

        draw(played, asked.items, plots)
    if not result.is_valid:
        sys.exit(INVALID)


@click.command()
def waves() -> None:
    """List the waves that scenarios can name, and the scenarios that come with the tool."""
    rows = [
        (wave.name, wave.text, f"{wave.rate.low:g} to {wave.rate.high:g}", wave.solves, wave.adapts)
        for wave in WAVES.values()
    ]
    click.echo(grid(("wave", "what it does", "pages a second", "solves", "adapts"), rows))
    for file in sorted(SCENARIOS.glob("*.yaml")):
        click.echo(f"{file.stem}: {load(file).about}")
