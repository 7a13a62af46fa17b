"""What became of people and waves in all scenarios together, as the one table that is looked at first.

Promises: made of the records of scenarios as JSON alone (`report.as_json`), so that a kept file and the table in a
document can be held against each other. Never: reckons a figure of one scenario (`metrics`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from loadtests.run.metrics import EVERYBODY, MOST_BLOCKED_BOUND, MOST_CHALLENGED, Share
from loadtests.run.report import bounded, grid

Record = dict[str, Any]
_WAVES: Final = ("wave", "scenario", "refused", "first refusal", "items leaked", "kept from the shop", "held to")
_PEOPLE: Final = ("people", "sessions", "blocked", "challenged", "of them solved", "looping")
_RUNNERS: Final = {"virtual": "in virtual time", "sockets": "over sockets"}


def waves_table(records: Sequence[Record]) -> str:
    """Every wave of every scenario, in Markdown."""
    return grid(_WAVES, [_wave(record, wave) for record in records for wave in record["waves"]])


def people_table(records: Sequence[Record]) -> str:
    """People of all scenarios together, by runner, in Markdown."""
    return grid(_PEOPLE, list(_people(records)))


def people_of(records: Sequence[Record], runner: str, figure: str) -> Share:
    """How many of all people of a runner were `blocked`, `challenged` or `looping`."""
    groups = [_everybody(record) for record in records if record["runner"] == runner]
    return Share(sum(group[figure]["hits"] for group in groups), sum(group[figure]["size"] for group in groups))


def missed(records: Sequence[Record]) -> list[str]:
    """What waves, and all people of a runner together, are held to and do not hold, in words."""
    waves = [(record["scenario"], wave) for record in records for wave in record["waves"]]
    found = [f"{scenario}, {wave['name']}: {what}" for scenario, wave in waves for what in wave["missed"]]
    for runner in _RUNNERS:
        found += _missed_by_people(records, runner)
    for record in records:
        found += [f"{record['scenario']}, {what}" for what in record["missed"] if what.startswith(("latency", "bytes"))]
    return found


def _missed_by_people(records: Sequence[Record], runner: str) -> Iterator[str]:
    blocked, challenged, looping = (people_of(records, runner, name) for name in ("blocked", "challenged", "looping"))
    name = f"people {_RUNNERS[runner]}"
    if blocked.hits:
        yield f"{name}: {bounded(blocked)} blocked"
    elif runner == "virtual" and blocked.size and blocked.bound > MOST_BLOCKED_BOUND:
        yield f"{name}: {blocked.size:,} are too few to show that none is blocked"
    if challenged.share > MOST_CHALLENGED:
        yield f"{name}: {bounded(challenged)} challenged, more than {MOST_CHALLENGED:.1%}"
    if looping.hits:
        yield f"{name}: {looping.hits} going in circles"


def _wave(record: Record, wave: Record) -> tuple[str, ...]:
    kind = " (browser)" if wave["is_browser"] else " (honest)" if wave["is_honest"] else ""
    first = wave["refusal"]
    held = "-" if wave["is_honest"] else "missed" if wave["missed"] else "yes"
    return (
        wave["name"] + kind, record["scenario"], f"{wave['recall']['share']:.1%}",
        "never" if first is None else f"{first['request']:,} ({first['seconds']:.0f} s)",
        f"{wave['leaked']:,} ({wave['leaked'] / wave['catalogue']:.2%})", f"{wave['saved']['share']:.1%}", held,
    )  # fmt: skip


def _people(records: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    for runner, words in _RUNNERS.items():
        groups = [_everybody(record) for record in records if record["runner"] == runner]
        if not groups:
            continue
        figures = {name: people_of(records, runner, name) for name in ("blocked", "challenged", "solved", "looping")}
        yield (
            words, f"{figures['blocked'].size:,}", bounded(figures["blocked"]), bounded(figures["challenged"]),
            f"{figures['solved'].hits} of {figures['solved'].size}", str(figures["looping"].hits),
        )  # fmt: skip


def _everybody(record: Record) -> Record:
    group: Record = next(group for group in record["people"] if group["name"] == EVERYBODY)
    return group
