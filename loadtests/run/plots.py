"""The figures of a scenario as pictures (SVG): what tables cannot show.

    scores     how scores are spread, people beside each wave (virtual time only)
    detection  share of a wave's pages that it did not get, from its first request on
    leaks      items that a wave has got, from its first request on, as share of the catalogue
    actions    what became of requests over time, people above, waves below
    latency    how long answers to people took (sockets only)

Promises: the same run gives the same bytes; of several seeds the first is drawn, but for scores and latency, which are
of all together. Needs matplotlib, which the extra `lab` brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from loadtests.actors.model import SECOND
from loadtests.run.record import ANSWERED, BIN, FATES, OWN, PEOPLE, REFUSING, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtests.run.virtually import Played

_STEP_S: Final = 5.0
_COLOURS: Final = {
    "served": "#3b7dd8", "delayed": "#8fb8ee", "limited": "#f2c14e", "challenged": "#e58e26", "answered": "#b7950b",
    "blocked": "#c0392b", "own": "#7f8c8d", "failed": "#222222",
}  # fmt: skip


def draw(played: Sequence[Played], catalogue: int, folder: Path) -> list[Path]:
    """All pictures of a scenario, written into a folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update({"svg.hashsalt": "trafficguard", "svg.fonttype": "none"})  # text stays text
    found = []
    for name, figure in (
        ("scores", _scores(played)),
        ("detection", _detection(played[0])),
        ("leaks", _leaks(played[0], catalogue)),
        ("actions", _actions(played[0])),
        ("latency", _latency(played)),
    ):
        if figure is not None:
            file = folder / f"{name}.svg"
            figure.savefig(file, format="svg", metadata={"Date": None})
            found.append(file)
    return found


def _panel(title: str, across: str, up: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.25)
    return figure, axes


def _colour(number: int) -> str:
    return f"C{number % 10}"


def _scores(played: Sequence[Played]) -> Figure | None:
    names = sorted({name for one in played for name in one.record.scores}, key=lambda name: (name != PEOPLE, name))
    if not names:
        return None
    figure, axes = _panel("Scores of requests", "bot score", "share of requests at or above it")
    for number, name in enumerate(names):
        counts = np.zeros(101)
        for one in played:
            if name in one.record.scores:
                counts += np.array(one.record.scores[name], dtype=np.float64)
        above = counts[::-1].cumsum()[::-1] / counts.sum()
        is_people = name == PEOPLE
        axes.plot(range(101), above, label=name, color="black" if is_people else _colour(number),
                  lw=2.4 if is_people else 1.2, ls="-" if number <= 10 else "--")  # fmt: skip
    axes.set_yscale("symlog", linthresh=1e-5)
    axes.set_ylim(0, 1.05)
    axes.legend(fontsize=7, ncols=2)
    return figure


def _detection(one: Played) -> Figure | None:
    if not one.record.waves:
        return None
    figure, axes = _panel("How soon waves are refused", "seconds since a wave's first request", "pages refused, share")
    for number, (name, trace) in enumerate(sorted(one.record.waves.items())):
        times, refused = _refusals(trace)
        if not times.size:
            continue
        steps = (times // _STEP_S).astype(int)
        size, hits = np.bincount(steps), np.bincount(steps, weights=refused)
        there = size > 0
        axes.plot(np.flatnonzero(there) * _STEP_S, hits[there] / size[there], label=name, color=_colour(number),
                  lw=1.2, ls="-" if number < 10 else "--")  # fmt: skip
    axes.set_xlim(0, 600)
    axes.set_ylim(-0.02, 1.05)
    axes.legend(fontsize=7, ncols=2)
    return figure


def _refusals(trace: Trace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of a wave's pages and whether each was refused."""
    rows = [
        ((at - trace.times[0]) / SECOND, fate in REFUSING)
        for at, fate, visit in zip(trace.times, trace.fates, trace.visits, strict=True)
        if visit and fate != ANSWERED
    ]
    if not rows:
        return np.zeros(0), np.zeros(0)
    return np.array([time for time, _ in rows]), np.array([float(refused) for _, refused in rows])


def _leaks(one: Played, catalogue: int) -> Figure | None:
    if not one.record.waves:
        return None
    figure, axes = _panel("What waves get away with", "seconds since a wave's first request", "items, % of catalogue")
    for number, (name, trace) in enumerate(sorted(one.record.waves.items())):
        known: set[int] = set()
        times, counts = [0.0], [0.0]
        for at, item in zip(trace.times, trace.items, strict=True):
            if item and item not in known:
                known.add(item)
                times.append((at - trace.times[0]) / SECOND)
                counts.append(100 * len(known) / catalogue)
        axes.step(times, counts, where="post", label=name, color=_colour(number), lw=1.2,
                  ls="-" if number < 10 else "--")  # fmt: skip
    axes.axhline(2, color="black", lw=0.8, ls=":")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(0)
    axes.legend(fontsize=7, ncols=2)
    return figure


def _actions(one: Played) -> Figure:
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    sides = (
        (upper, "People", [PEOPLE]),
        (lower, "Waves", [name for name in one.record.actions if name != PEOPLE]),
    )
    for axes, title, names in sides:
        counts = [one.record.actions[name] for name in names if name in one.record.actions]
        steps = max((step for each in counts for step, _ in each), default=0) + 1
        rows = np.zeros((len(FATES), steps))
        for each in counts:
            for (step, fate), count in each.items():
                rows[fate, step] += count * SECOND / BIN
        minutes = np.arange(steps) * BIN / SECOND / 60
        shown = [fate for fate in range(len(FATES)) if fate != OWN and rows[fate].any()]
        if shown:
            axes.stackplot(minutes, rows[shown], labels=[FATES[fate] for fate in shown],
                           colors=[_COLOURS[FATES[fate]] for fate in shown])  # fmt: skip
            axes.legend(fontsize=7, loc="upper left")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_ylabel("requests a second")
    lower.set_xlabel("minutes")
    return figure


def _latency(played: Sequence[Played]) -> Figure | None:
    waits = np.concatenate([np.array(one.record.waits, dtype=np.float64) for one in played]) / 1e6
    waits = np.sort(waits[waits > 0])
    if not waits.size:
        return None
    figure, axes = _panel("How long answers to people took", "milliseconds", "share of answers that took longer")
    axes.plot(waits, 1 - np.arange(waits.size) / waits.size, color="black", lw=1.4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    return figure
