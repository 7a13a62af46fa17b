"""`trafficguard signals`: the catalog of signals, for people and for machines.

Promises: says what the catalog says and nothing else; the Markdown is the same in every run. Never: measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trafficguard.signals.catalog import CATALOG, Signal

_HEAD: Final = """\
# Signals

Written by `trafficguard signals --markdown`; a test keeps it so. Weights are evidence in nats, the log-odds that a bot
sent the request: 4.55 are a bot score of 50, 5.65 of 75. A signal adds weight times amount, at most its cap; without
what it needs it adds nothing, and no signal ever takes evidence away.

What `page.*` say was reported by the visitor's own browser while it solved a challenge. Plain programs give themselves
away there; one that is written to deceive reports that all is well, and a clean report therefore helps nobody.
"""


def as_json(catalog: Mapping[str, Signal] = CATALOG) -> list[dict[str, Any]]:
    """The catalog for machines."""
    return [
        {
            "name": signal.name,
            "unit": signal.unit,
            "text": signal.text,
            "keys": list(signal.keys),
            "weight": signal.weight,
            "cap": signal.cap,
            "mode": signal.mode,
            "needs": needs_of(signal),
            "source": signal.source,
        }
        for signal in catalog.values()
    ]


def needs_of(signal: Signal) -> list[str]:
    """What a signal needs, in words and in alphabetical order."""
    return sorted(need.value for need in signal.needs)


def as_markdown(catalog: Mapping[str, Signal] = CATALOG) -> str:
    """The reference of the catalog."""
    return _HEAD + "".join(map(_section, catalog.values()))


def _section(signal: Signal) -> str:
    lines = (
        f"\n## {signal.name}\n",
        f"{signal.text}.\n",
        f"- weight {signal.weight:g} per {signal.unit!r}, at most {signal.cap:g}; mode `{signal.mode}`",
        f"- measured on: {', '.join(signal.keys)}",
        f"- needs: {', '.join(needs_of(signal)) or 'nothing'}",
        f"- source: {signal.source}\n",
    )
    return "\n".join(lines)


def show(console: Console, catalog: Mapping[str, Signal] = CATALOG) -> None:
    """Prints the catalog for people."""
    table = Table(expand=False)
    for heading in ("Signal", "Weight", "Cap", "Mode", "On", "Needs", "What it means"):
        table.add_column(heading, justify="right" if heading in ("Weight", "Cap") else "left", overflow="fold")
    for signal in catalog.values():
        table.add_row(
            Text(signal.name), f"{signal.weight:g}", f"{signal.cap:g}", signal.mode, ", ".join(signal.keys),
            ", ".join(needs_of(signal)), Text(signal.text),
        )  # fmt: skip
    console.print(table)
    console.print("Weights are nats of evidence per unit. Units and sources: trafficguard signals --markdown")
