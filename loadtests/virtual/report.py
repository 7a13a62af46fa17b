"""The figures of a run for people and for machines: terminal table, Markdown, JSON.

Never: reckons a figure (`metrics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.virtual.metrics import Figures, First, GroupFigures, WaveFigures
from loadtests.virtual.separability import Separability

MOST_REASONS = 5
"""Reasons of a crawler that tables name."""


class Rows(NamedTuple):
    """A table before it is drawn."""

    title: str
    names: tuple[str, ...]
    rows: list[tuple[str, ...]]


_WAVE_NAMES = ("crawler", "req", "req/s", "first ≥50", "first ≥75", "90 % ≥50", "90 % ≥75", "≥50", "≥75")
_LEAK_NAMES = ("crawler", "before ≥75", "below ≥75", "of catalogue", "asked and got", "highest", "strongest reasons")
_TEXTS = ("strongest reasons",)
_GROUP_NAMES = ("people", "number", "≥50", "≤ (95 %)", "≥75", "≤ (95 %)", "refused", "highest")


def tables(figures: Figures) -> list[Rows]:
    """All tables of a report."""
    found = [
        Rows("Crawlers: when they are seen", _WAVE_NAMES, [_wave_row(wave) for wave in figures.waves]),
        Rows("Crawlers: items leaked", _LEAK_NAMES, [_leak_row(wave, figures.items) for wave in figures.waves]),
        Rows("People", _GROUP_NAMES, [_group_row(group) for group in figures.people]),
        Rows(
            "Bystanders: people with the same browser as the crawler", _GROUP_NAMES,
            [_group_row(group) for group in figures.bystanders],
        ),
    ]  # fmt: skip
    if figures.suspicions:
        rows: list[tuple[str, ...]] = [(signal, str(count)) for signal, count in figures.suspicions]
        found.append(Rows("Why people's requests were at 50 or above", ("signal", "requests"), rows))
    return found


def _wave_row(wave: WaveFigures) -> tuple[str, ...]:
    return (
        wave.name, f"{wave.requests:,}", f"{wave.rate:.2f}", _first(wave.suspect), _first(wave.caught),
        _seconds(wave.steady_suspect), _seconds(wave.steady_caught), f"{wave.suspect_share:.1%}",
        f"{wave.caught_share:.1%}",
    )  # fmt: skip


def _leak_row(wave: WaveFigures, catalogue: int) -> tuple[str, ...]:
    return (
        wave.name, f"{wave.leaked_before:,}", f"{wave.leaked:,}", f"{wave.leaked / catalogue:.2%}", f"{wave.items:,}",
        f"{wave.highest:.1f}", ", ".join(f"{signal} {share:.0%}" for signal, share in wave.reasons[:MOST_REASONS])
        or "-",
    )  # fmt: skip


def _first(first: First | None) -> str:
    return "never" if first is None else f"{first.request:,} ({first.seconds:.0f} s)"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"


def _group_row(group: GroupFigures) -> tuple[str, ...]:
    return (
        group.name, f"{group.people:,}", str(group.suspect), f"{group.suspect_bound:.2%}", str(group.caught),
        f"{group.caught_bound:.2%}", str(group.refused), f"{group.highest:.1f}",
    )  # fmt: skip


def headline(figures: Figures) -> str:
    """What was run, in one line."""
    return (
        f"{figures.minutes:g} minutes of virtual time, seed {figures.seed}, {figures.requests:,} requests, "
        f"catalogue of {figures.items:,} items"
    )


def show(figures: Figures, separability: Separability, console: Console) -> None:
    """Prints a report."""
    console.print(headline(figures))
    for rows in tables(figures):
        table = Table(title=rows.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for number, name in enumerate(rows.names):
            is_text = number == 0 or name in _TEXTS
            table.add_column(name, justify="left" if is_text else "right", overflow="fold", no_wrap=number == 0)
        for row in rows.rows:
            table.add_row(*row)
        console.print(table)
    for wave in figures.waves:
        console.print(f"{wave.name}: {wave.text}")
    console.print(f"scenario {separability.text}")


def as_markdown(figures: Figures, separability: Separability, command: str) -> str:
    """A report in Markdown."""
    parts = [f"`{command}`", headline(figures) + ".", f"Scenario {separability.text}."]
    parts += [f"## {rows.title}\n\n{_grid(rows.names, rows.rows)}" for rows in tables(figures)]
    parts.append("\n".join(f"- {wave.name}: {wave.text}" for wave in figures.waves))
    return "\n\n".join(parts) + "\n"


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(figures: Figures, separability: Separability) -> dict[str, Any]:
    """A report for machines; seconds, shares of 1."""
    return asdict(figures) | {"separability": separability._asdict() | {"valid": separability.is_valid}}
