"""`python -m loadtests nightly`: all scenarios, one after the other, and what became of everybody, kept in files.

Promises: LATEST.md, latest.json and the pictures beside them are of one run on one machine, and name the command that
made them. Files are written when all scenarios have run, so that a run that breaks off leaves the last one's in place.
Never: leaves out a scenario that misses what it is held to.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.markdown import Markdown

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import processor
from loadtests.run.command import perform, read
from loadtests.run.headline import missed, people_table, waves_table
from loadtests.run.metrics import Figures
from loadtests.run.report import MEANING, as_json, as_markdown, tuning
from loadtests.run.scenario import SCENARIOS

RESULTS: Final = Path(__file__).parents[1] / "results"
NAMES: Final = sorted(file.stem for file in SCENARIOS.glob("*.yaml"))
COMMAND: Final = "python -m loadtests nightly"


@click.command()
@click.option(
    "--into", default=RESULTS, show_default="loadtests/results", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for LATEST.md, latest.json and pictures.",
)
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="These instead of all; repeatable.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64))
def main(into: Path, only: tuple[str, ...], processes: int) -> None:  # fmt: skip
    """Run all scenarios and write what came of them.

    Takes some eight minutes on two cores: three scenarios in virtual time, one over sockets in real time.
    """
    console = Console()
    began = time.monotonic()
    figures: list[Figures] = []
    pictures: dict[str, list[Path]] = {}
    for name in only or NAMES:
        console.rule(name)
        try:
            scenario = read(name)
            found, played = perform(scenario, console, processes)
        except BenchError as error:
            raise click.ClickException(str(error)) from error
        figures.append(found)
        pictures[scenario.name] = _draw(played, scenario.items, into / "pictures" / scenario.name, console)
    records = [as_json(one) for one in figures]
    into.mkdir(parents=True, exist_ok=True)
    kept = {"machine": _machine(), "minutes": round((time.monotonic() - began) / 60, 1), "scenarios": records}
    (into / "latest.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    (into / "LATEST.md").write_text(_report(kept, figures, pictures, into), encoding="utf-8")
    console.print(Markdown(_headline(records)))
    console.print(f"{into / 'LATEST.md'}, {kept['minutes']} minutes")


def _headline(records: list[dict[str, Any]]) -> str:
    parts = [people_table(records), waves_table(records)]
    lines = missed(records)
    if lines:
        parts.append("Missed:\n\n" + "\n".join(f"- {line}" for line in lines))
    return "\n\n".join(parts)


def _report(kept: dict[str, Any], figures: list[Figures], pictures: dict[str, list[Path]], into: Path) -> str:
    parts = [
        "# Waves and people, all scenarios", f"`{COMMAND}`, {kept['minutes']} minutes on {kept['machine']}.",
        _headline(kept["scenarios"]), MEANING,
    ]  # fmt: skip
    parts += [tuning(figures[0])] if figures else []
    for one in figures:
        parts.append(as_markdown(one, f"python -m loadtests run {one.scenario}", 2).rstrip())
        parts += [f"![{file.stem}]({file.relative_to(into)})" for file in pictures[one.scenario]]
    return "\n\n".join(parts) + "\n"


def _draw(played: list[Any], items: int, folder: Path, console: Console) -> list[Path]:
    try:
        from loadtests.run.plots import draw
    except ImportError:
        console.print("No pictures: they need matplotlib, which the extra `lab` brings.")
        return []
    return draw(played, items, folder)


def _machine() -> str:
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
