"""Shows the result: tables for the terminal, Markdown for the README, JSON for programs.

Promises: all three hold the same figures; the JSON also every single measurement.
Never: computes a figure itself (`compare`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table

from loadtests.bench.compare import Check, Rows, Spread, figure
from loadtests.bench.machine import Circumstances
from loadtests.bench.measure import Row, Sample
from loadtests.bench.plan import Cell, Plan
from loadtests.bench.targets import BASELINE

COLUMNS = ("target", "CPU µs", f"× {BASELINE}", "min–max", "req/s", "p50 ms", "p99 ms", "errors")
"""CPU is per request."""


@dataclass(frozen=True)
class Report:
    """A finished run."""

    plan: Plan
    where: Circumstances
    rows: Rows
    checks: list[Check]

    def faults(self) -> list[str]:
        """Rows that do not count, with the reason."""
        return [f"{row.cell}, {row.target}: {row.error}" for row in self.rows.all if row.error]


def lines(report: Report, cell: Cell) -> list[tuple[str, ...]]:
    """The cells of one table, a tuple per target."""
    found = [report.rows.at(cell, target) for target in report.plan.targets]
    return [_line(report.rows, row) for row in found if row]


def _line(rows: Rows, row: Row) -> tuple[str, ...]:
    ratio = rows.ratio(row.cell, row.target, BASELINE)
    return (
        row.target,
        _median(figure(row, lambda sample: sample.cpu_us), ".1f"),
        _median(ratio, ".2f"),
        f"{ratio.least:.2f}–{ratio.greatest:.2f}" if ratio else "–",
        _median(figure(row, lambda sample: sample.run.rps), ",.0f"),
        _median(figure(row, lambda sample: sample.run.p50_us / 1000), ".2f"),
        _median(figure(row, lambda sample: sample.run.p99_us / 1000), ".2f"),
        "invalid" if row.error else str(sum(sample.run.errors for sample in row.samples)),
    )


def _median(values: Spread | None, form: str) -> str:
    return format(values.median, form) if values else "–"


def _check_line(check: Check) -> str:
    measured = "not measured" if check.measured is None else f"{check.measured:.2f}"
    ratio = f"{check.cell}: trafficguard / {check.must.base}"
    return f"{ratio} = {measured}, at most {check.must.limit:.2f}: {_check_verdict(check)}"


def _check_verdict(check: Check) -> str:
    gap = check.gap
    if gap is None:
        return "holds" if check.holds else "FAILS"
    if check.holds:
        return "HOLDS although it is a known gap: strike it from GAPS in compare.py and from the README"
    known = f"known gap ({gap.measured:.2f} when it was recorded): {gap.reason}"
    return f"fails, {known}" if check.is_as_known else f"FAILS, {known}"


def _method(plan: Plan) -> str:
    return (
        f"CPU µs: per request, of the whole process tree. {plan.rounds} interleaved rounds of "
        f"{plan.seconds} s, {plan.connections} connections; medians, ratios formed inside each round"
    )


def _machine(where: Circumstances) -> str:
    programs = ", ".join(f"{name}: {version}" for name, version in where.programs.items())
    return f"{where.cpu}, {where.cores} cores, {where.kernel}, {where.python}; {programs}"


def terminal(report: Report, console: Console) -> None:
    """Print everything for a person."""
    for cell in report.plan.cells():
        table = Table(*COLUMNS, title=str(cell), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in table.columns[1:]:
            column.justify = "right"
        for line in lines(report, cell):
            table.add_row(*line)
        console.print(table)
    text = [_method(report.plan), _machine(report.where), f"load before the start: {report.where.load:.2f}"]
    text += [_check_line(check) for check in report.checks]
    text += [f"invalid: {fault}" for fault in report.faults()]
    console.print(Group(*text), markup=False, highlight=False)


def markdown(report: Report) -> str:
    """The tables with the machine and the command, ready for the README."""
    parts = [_markdown_table(report, cell) for cell in report.plan.cells()]
    parts.append(f"{_method(report.plan)}. {_machine(report.where)}; {report.where.started}.")
    parts.append(f"```sh\n{report.where.command}\n```")
    parts += [f"Invalid: {fault}" for fault in report.faults()]
    return "\n\n".join(parts) + "\n"


def _markdown_table(report: Report, cell: Cell) -> str:
    rule = ["---"] + ["---:"] * (len(COLUMNS) - 1)
    table = [COLUMNS, tuple(rule), *lines(report, cell)]
    return "\n".join([f"**{cell}**\n", *(f"| {' | '.join(line)} |" for line in table)])


def to_json(report: Report) -> str:
    """Every measurement and every figure, microseconds and seconds as named."""
    document = {
        "circumstances": asdict(report.where),
        "plan": asdict(report.plan),
        "rows": [_row_document(report.rows, row) for row in report.rows.all],
        "checks": [_check_document(check) for check in report.checks],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _row_document(rows: Rows, row: Row) -> dict[str, Any]:
    ratio = rows.ratio(row.cell, row.target, BASELINE)
    cpu = figure(row, lambda sample: sample.cpu_us)
    return {
        **asdict(row.cell),
        "target": row.target,
        "error": row.error,
        "cpu_us_per_request": asdict(cpu) if cpu else None,
        f"ratio_to_{BASELINE}": asdict(ratio) if ratio else None,
        "samples": [_sample_document(sample) for sample in row.samples],
    }


def _sample_document(sample: Sample) -> dict[str, Any]:
    return {"round": sample.turn + 1, "cpu_seconds": round(sample.cpu_seconds, 3), **asdict(sample.run)}


def _check_document(check: Check) -> dict[str, Any]:
    return {
        **asdict(check.cell),
        "base": check.must.base,
        "limit": check.must.limit,
        "measured": check.measured,
        "holds": check.holds,
        "known_gap": asdict(check.gap) if check.gap else None,
    }
