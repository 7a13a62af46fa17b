"""Prints an evaluation for people.

Promises: per class and per family how many were caught and why, the people's highest scores, and who was missed. No
share without its two numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from loadtests.evaluate.summary import PEOPLE, SOON, Client, Group, grouped


def show(clients: Sequence[Client], console: Console) -> None:
    """Prints all tables."""
    programs = [client for client in clients if not client.human]
    people = [client for client in clients if client.human]
    _show_people(people, console)
    console.print()
    console.print(_table("Programs by class", grouped(programs, lambda client: client.kind)))
    console.print()
    console.print(_halves(programs))
    console.print()
    console.print(
        _table("Programs by class and family", grouped(programs, lambda client: f"{client.kind} / {client.family}"))
    )
    console.print()
    _show_missed(programs, console)


def _show_people(people: Sequence[Client], console: Console) -> None:
    group = Group(PEOPLE, tuple(people))
    console.print(
        f"People: {len(people)}, highest score {group.highest:.1f};"
        f" ever >= 50: {group.ever_middle}, ever >= 75: {group.ever_caught}",
        style="bold",
    )
    for client in sorted(people, key=lambda client: -client.highest):
        if client.highest >= 10:
            console.print(f"  {client.highest:5.1f}  {client.name}: {', '.join(client.reasons()[:3])}")


def _table(title: str, groups: Sequence[Group]) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    table.add_column("Group", overflow="fold")
    table.add_column("Clients", justify="right")
    table.add_column(f">= 75 in {SOON}", justify="right")
    table.add_column(f">= 50 in {SOON}", justify="right")
    table.add_column("Strongest reasons", overflow="fold")
    for group in groups:
        table.add_row(
            group.name, str(len(group.clients)), _share(group.caught, group), _share(group.suspected, group),
            ", ".join(group.reasons()),
        )  # fmt: skip
    return table


def _share(count: int, group: Group) -> str:
    return f"{count} ({100 * count / len(group.clients):.0f} %)" if group.clients else "-"


def _halves(programs: Sequence[Client]) -> Table:
    """Per class, families that rules were chosen on beside families that were left out of that."""
    table = Table(title=f"The same by half of the families, >= 75 in {SOON}", title_justify="left", expand=False)
    for heading in ("Class", "Chosen on", "Held out"):
        table.add_column(heading, justify="left" if heading == "Class" else "right")
    for group in grouped(programs, lambda client: client.kind):
        halves = [Group(group.name, tuple(c for c in group.clients if c.held_out is out)) for out in (False, True)]
        table.add_row(group.name, *(f"{half.caught} of {len(half.clients)}" for half in halves))
    return table


def _show_missed(programs: Sequence[Client], console: Console) -> None:
    console.print("Missed (leg: highest score)", style="bold")
    for client in sorted(programs, key=lambda client: (client.kind, client.name)):
        if not client.is_caught:
            legs = ", ".join(f"{leg.session.leg}: {leg.max_score:.0f}" for leg in client.missed_legs)
            console.print(f"  {client.kind:13} {client.name} ({legs}) {', '.join(client.reasons()[:4])}")
