"""`python -m loadtests clients`: real clients take items from the sample shop, while a person shops there.

Promises: every client of the catalogue is in the report, those that are not here with what brings them. Exits with 1
where the person was challenged or blocked. Never: goes anywhere but to loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.bench.errors import BenchError
from loadtests.clients.catalogue import CLIENTS
from loadtests.clients.fates import Fate
from loadtests.clients.meeting import PERSON, Meeting
from loadtests.clients.tools import FOLDER, Tools
from loadtests.run.report import grid

RESULT: Final = Path(__file__).parents[1] / "results" / "clients.json"
COMMAND: Final = "python -m loadtests clients"
HINDERED: Final = 1
LEAST_ITEMS: Final = 5
"""That the person has to have looked at for the run to say anything of people."""
_NAMES: Final = (PERSON, *(client.name for client in CLIENTS))
_COLUMNS: Final = (
    "client", "sort", "requests", "passed", "throttled", "challenged", "blocked", "items", "first action", "score",
    "why",
)  # fmt: skip
_LEFT: Final = ("client", "sort", "first action", "why")


@click.command(
    epilog="""\b
Examples:
  python -m loadtests clients --install        # brings the libraries, into a folder of their own
  python -m loadtests clients
  python -m loadtests clients --only curl --only requests --items 20"""
)
@click.option("--install", is_flag=True, help="First install what comes from PyPI and npm, into the folder of --tools.")
@click.option("--tools", "folder", default=FOLDER, show_default=True, type=click.Path(file_okay=False, path_type=Path),
              help="The folder of what was installed.")  # fmt: skip
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="These instead of all; repeatable.")
@click.option("--items", default=60, show_default=True, type=click.IntRange(1, 2000), help="That each client wants.")
@click.option(
    "--seconds", default=90.0, show_default=True, type=click.FloatRange(5, 3600),
    help="That the person shops at least; otherwise as long as the clients take.",
)  # fmt: skip
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here.")
@click.option("--write", is_flag=True, help=f"Keep the figures in {RESULT.parent.name}/{RESULT.name}.")
def main(install: bool, folder: Path, only: tuple[str, ...], items: int, seconds: float, **files: Any) -> None:
    """Let real clients take items from the sample shop behind the proxy, beside a person with a mouse."""
    console, tools = Console(), Tools(folder)
    chosen = [client for client in CLIENTS if not only or client.name in only]
    shops = PERSON in only or not only
    try:
        if install:
            console.print(f"Installing into {folder}")
            tools.install()
        fates = Meeting(tools, chosen, items, seconds if shops else 0.0, console.print).hold()
    except (BenchError, subprocess.CalledProcessError) as error:
        raise click.ClickException(str(error)) from error
    console.print(table_of(fates))
    _keep(fates, **files)
    _judge(fates)


def table(fates: Sequence[Fate]) -> str:
    """The table in Markdown."""
    return grid(_COLUMNS, [row_of(fate) for fate in fates])


def row_of(fate: Fate) -> tuple[str, ...]:
    """A client's row."""
    if fate.trouble:
        return (fate.name, fate.sort, *("",) * 8, f"not tried: {fate.trouble}")
    first = f"{fate.first_request} ({fate.first_s:.1f} s)" if fate.first_request else "never"
    counts = (fate.requests, fate.passed, fate.throttled, fate.challenged, fate.blocked, fate.items)
    return (fate.name, fate.sort, *map(str, counts), first, f"{fate.score:.0f}", fate.reason)


def table_of(fates: Sequence[Fate]) -> Table:
    """All rows, for a terminal."""
    drawn = Table(box=SIMPLE_HEAD)
    for column in _COLUMNS:
        drawn.add_column(column, justify="left" if column in _LEFT else "right")
    for fate in fates:
        drawn.add_row(*row_of(fate))
    return drawn


def _keep(fates: Sequence[Fate], markdown: Path | None, write: bool) -> None:
    if markdown is not None:
        markdown.write_text(table(fates) + "\n", encoding="utf-8")
    if write:
        RESULT.write_text(json.dumps([asdict(fate) for fate in fates], indent=1) + "\n", encoding="utf-8")


def _judge(fates: Sequence[Fate]) -> None:
    """Exits where the person was hindered, or saw too little to say that nobody is."""
    shopper = next((fate for fate in fates if fate.sort == PERSON and not fate.trouble), None)
    if shopper is None:
        return
    if shopper.is_hindered:
        print("The person was hindered.", file=sys.stderr)
        sys.exit(HINDERED)
    if shopper.items < LEAST_ITEMS:
        raise click.ClickException(f"the person looked at {shopper.items} items only, which says nothing of people")
