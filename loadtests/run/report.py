"""The figures of scenarios for people and for machines: terminal tables, Markdown, JSON.

Never: reckons a figure (`metrics`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.run.metrics import EVERYBODY, Costs, Figures, First, GroupFigures, Share, WaveFigures, misses
from loadtests.run.record import FATES

_PEOPLE: Final = ("people", "sessions", "blocked", "challenged", "of them solved", "looping", "429", "held back",
                  "parts refused", "highest score")  # fmt: skip
_WAVES: Final = ("wave", "requests", "recall", "after 1 min", "first action", "first refusal", "items leaked",
                 "before refusal", "origin saved")  # fmt: skip
MEANING: Final = (
    "Recall: share of a wave's pages and forms that it did not get. Leaked: distinct items it got, of the catalogue, "
    "in the worst seed; before: those of them before the first refusal. Saved: requests that never reached the shop. "
    "Of people, ≤ is the upper end of the exact one-sided 95 % interval. First action and refusal: requests and "
    "seconds since its first, median of the seeds."
)
TUNING: Final = (
    "Waves are drawn from the half `{half}` of the space of parameters, seeds {seeds}. The weights of signals were "
    "looked at with `python -m loadtests virtual` (other crawlers, fixed parameters, seeds from 1) and with recorded "
    "clients, never with the held-out half."
)


class Rows(NamedTuple):
    """A table before it is drawn."""

    title: str
    names: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(figures: Figures) -> list[Rows]:
    """All tables of a scenario."""
    found = [Rows("Crawlers", _WAVES, [_wave(wave) for wave in figures.waves])] if figures.waves else []
    found.append(Rows("People", _PEOPLE, [_group(group) for group in figures.people]))
    if figures.why:
        rows: list[tuple[str, ...]] = [(rule, f"{count:,}") for rule, count in figures.why]
        found.append(Rows("What hindered people", ("rule", "requests"), rows))
    if figures.costs is not None:
        found.append(Rows("Costs", ("what", "figure"), costs_rows(figures.costs)))
    return found


def _wave(wave: WaveFigures) -> tuple[str, ...]:
    name = f"{wave.name} (browser)" if wave.is_browser else f"{wave.name} (honest)" if wave.is_honest else wave.name
    return (
        name, f"{wave.requests:,}", _percent(wave.recall), _percent(wave.settled), _first(wave.action),
        _first(wave.refusal), f"{wave.leaked:,} ({wave.leaked / wave.catalogue:.2%})",
        f"{wave.leaked_before:,}", _percent(wave.saved),
    )  # fmt: skip


def _group(group: GroupFigures) -> tuple[str, ...]:
    told = bounded if group.name == EVERYBODY else _count
    highest = "-" if math.isnan(group.highest) else f"{group.highest:.0f}"
    return (
        group.name, f"{group.blocked.size:,}", told(group.blocked), told(group.challenged),
        f"{group.solved.hits} of {group.solved.size}", told(group.looping), str(group.limited.hits),
        str(group.delayed.hits), str(group.parts.hits), highest,
    )  # fmt: skip


def bounded(share: Share) -> str:
    """A count with the upper end of its interval."""
    return f"{share.hits} (≤ {share.bound:.2%})" if share.size else "-"


def _count(share: Share) -> str:
    return str(share.hits)


def _percent(share: Share) -> str:
    return f"{share.share:.1%}" if share.size else "-"


def _first(first: First | None) -> str:
    return "never" if first is None else f"{first.request:,} ({first.seconds:.0f} s)"


def costs_rows(costs: Costs) -> list[tuple[str, ...]]:
    """What a run on sockets took."""
    return [
        ("requests a second, on average", f"{costs.rate:,.0f}"),
        ("answers to people, p50 / p99 / p99.9", _three(costs.people_ms)),
        (f"a steady {costs.steady_rate:,.0f} a second without the proxy", _three(costs.direct_ms)),
        ("the same through the proxy", _three(costs.through_ms)),
        ("added", _three(costs.added_ms)),
        ("the generator alone reaches", f"{costs.ceiling:,.0f} requests a second"),
        ("generator, proxy and origin together reach", f"{costs.joint:,.0f} requests a second"),
        ("CPU of the proxy's processes for a request of the steady stream", f"{costs.proxy_cpu_us:.0f} µs"),
        ("the same for one of the crowd, idling contained", f"{costs.crowd_cpu_us:.0f} µs"),
        ("cores that the generator used", f"{costs.generator_cpu:.2f}"),
        ("how late it sent what was due, p99", f"{costs.late_ms:.1f} ms"),
    ]


def _three(times: Sequence[float]) -> str:
    return " / ".join(f"{time:.1f}" for time in times) + " ms"


def headline(figures: Figures) -> str:
    """What was run, in one line."""
    seeds = ", ".join(map(str, figures.seeds))
    where = "virtual time" if figures.runner == "virtual" else "real time, over sockets"
    return (
        f"{figures.scenario}: {figures.minutes:g} minutes of {where}, policy {figures.policy}, seeds {seeds}, "
        f"{figures.requests:,} requests"
    )


def tuning(figures: Figures) -> str:
    """From which half the parameters were drawn, and what weights were set by."""
    return TUNING.format(half=figures.half, seeds=", ".join(map(str, figures.seeds)))


def show(figures: Figures, console: Console) -> None:
    """Prints a report."""
    console.print(headline(figures), highlight=False)
    for rows in tables(figures):
        table = Table(title=rows.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for number, name in enumerate(rows.names):
            table.add_column(name, justify="left" if number == 0 else "right", overflow="fold", no_wrap=number == 0)
        for row in rows.rows:
            table.add_row(*row)
        console.print(table)
    console.print(MEANING, highlight=False)
    console.print(tuning(figures), highlight=False)
    if figures.separability:
        console.print(f"scenario {figures.separability}", highlight=False)
    for words in misses(figures):
        console.print(f"MISSED: {words}", highlight=False)


def as_markdown(figures: Figures, command: str = "", level: int = 1) -> str:
    """A report in Markdown."""
    mark = "#" * level
    parts = [f"{mark} {figures.scenario}", f"{figures.about}." if figures.about else "", headline(figures) + "."]
    if command:
        parts.append(f"`{command}`")
    parts += [f"{mark}# {rows.title}\n\n{grid(rows.names, rows.rows)}" for rows in tables(figures)]
    parts += [MEANING, tuning(figures)]
    if figures.separability:
        parts.append(f"Scenario {figures.separability}.")
    parts.append("\n".join(f"- {wave.name}: {wave.text}. Drawn: {wave.drawn}" for wave in figures.waves))
    missed = misses(figures)
    if missed:
        parts.append("Missed:\n\n" + "\n".join(f"- {words}" for words in missed))
    return "\n\n".join(part for part in parts if part) + "\n"


def grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(figures: Figures) -> dict[str, Any]:
    """A report for machines; seconds, shares of 1, null for what was not seen."""
    record: dict[str, Any] = _plain(asdict(figures))
    for wave, of in zip(record["waves"], figures.waves, strict=True):
        wave["fates"] = dict(zip(FATES, of.fates, strict=True))
        wave["missed"] = of.misses
        for name in ("recall", "settled", "saved"):
            wave[name]["share"] = getattr(of, name).share
    for group, of_group in zip(record["people"], figures.people, strict=True):
        for name in ("blocked", "challenged", "limited", "looping"):
            group[name]["bound"] = getattr(of_group, name).bound
    if figures.costs is not None:
        record["costs"]["added_ms"] = list(figures.costs.added_ms)
    record["missed"] = misses(figures)
    return record


def _plain(value: Any) -> Any:
    """Without what JSON has no word for."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
