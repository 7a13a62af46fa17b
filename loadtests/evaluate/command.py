"""`python -m loadtests eval`: the command.

Exit status: 0 done; 1 the guard could not judge a request; 2 wrong usage or unreadable recordings.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from loadtests.evaluate import report
from loadtests.evaluate.judging import Given, judge
from loadtests.evaluate.recordings import RecordingError, read_sessions
from loadtests.evaluate.summary import as_json, clients_of


@click.group(name="eval")
def evaluate() -> None:
    """Measure how well people and programs are told apart."""


@evaluate.command(
    epilog="""\b
Examples:
  python -m loadtests eval captures ../shared/data/captures
  python -m loadtests eval captures DIR --no-tls
  python -m loadtests eval captures DIR --json | jq -c 'select(.human)'

\b
Exit codes: 0 done, 1 a request could not be judged, 2 nothing to read."""
)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "for_machines", is_flag=True, help="One JSON object per client and leg instead of tables.")
@click.option("--no-tls", is_flag=True, help="Withhold JA4 and HTTP/2 fingerprints.")
@click.option("--no-telemetry", is_flag=True, help="Leave out the posts of the shop's own script.")
def captures(folder: Path, for_machines: bool, no_tls: bool, no_telemetry: bool) -> None:
    """Judge recorded clients, each leg of each from a clean state.

    DIR holds one gzipped file of JSON lines per client, and a MANIFEST.json that names families. A person's figure
    is the highest score on any leg; a program is caught when it scores 75 within 20 requests on every leg of at
    least five. What counts as what is the docstring of the package: python -m pydoc loadtests.evaluate
    """
    given = Given(tls=not no_tls, telemetry=not no_telemetry)
    try:
        figures = [judge(session, given) for session in read_sessions(folder)]
    except RecordingError as error:
        raise click.UsageError(str(error)) from error
    figures = [one for one in figures if one.requests]
    if for_machines:
        for one in figures:
            click.echo(json.dumps(as_json(one)))
    else:
        report.show(clients_of(figures), Console(highlight=False, markup=False, emoji=False))
    failures = sorted({one.errors for one in figures if one.errors})
    for failure in failures:
        click.echo(f"a request could not be judged: {failure}", err=True)
    sys.exit(1 if failures else 0)
