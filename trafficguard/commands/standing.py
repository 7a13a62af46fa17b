"""What is in force, for people: of `trafficguard status`, and after every order.

Promises: says in what mode each site really is, and who holds it there when that is not what was ordered. Never: asks
anybody; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trafficguard.clock import SECOND

State = dict[str, Any]

_WORDS: Final = ("pass", "throttle", "challenge", "block", "tarpit")
"""Actions, gentlest first."""
_STRENGTH: Final = ("off", "shadow", "enforce")
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_MEANING: Final = {
    "off": "nothing is judged",
    "shadow": "judged and recorded, but nothing is acted on",
    "enforce": "verdicts are carried out",
}


def show(state: State, now: int, console: Console) -> None:
    """Prints all of it; `now` in ns since the Unix epoch."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    for heading, text in _facts(state, now):
        table.add_row(heading, Text(text))
    console.print(table)
    _show_verdicts(state, console)
    _show_by_hand(state, now, console)


def modes_in_words(state: State) -> list[str]:
    """The mode in force, one line for all sites or one for each, and what holds a site below what was ordered."""
    modes: dict[str, str] = state["modes"]
    words = {site: f"{mode}{_held_by(state, site)}" for site, mode in modes.items()}
    if len(set(words.values())) == 1:
        word, mode = next(iter(words.values())), next(iter(modes.values()))
        return [f"{word}: {_MEANING[mode]}"]
    return [f"{site}: {word}: {_MEANING[modes[site]]}" for site, word in words.items()]


def falls_short(state: State, mode: str, site: str | None) -> list[str]:
    """Sites that are not in the mode that was ordered, of one or of all."""
    return [one for one, really in state["modes"].items() if site in (one, None) and really != mode]


def by_hand_in_words(one: dict[str, Any], now: int) -> str:
    """One decision by hand."""
    reason = f" ({one['reason']})" if one["reason"] else ""
    left = for_people(one["until"] - now)
    return f"{one['key']} is {one['action']}ed for another {left}, until {_clock(one['until'])}{reason}"


def for_people(span: int) -> str:
    """A span of time, ns, in its two largest units: `59 min 58 s`."""
    seconds = max(0, round(span / SECOND))
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "0 s"


def _facts(state: State, now: int) -> Iterator[tuple[str, str]]:
    place = state["file"] or "built in"
    yield "Policy", f"{state['name']}, version {state['version']}, {place}"
    yield "", f"since {_clock(state['policy_since'])}, for {for_people(now - state['policy_since'])}"
    for index, line in enumerate(modes_in_words(state)):
        yield "Mode" if index == 0 else "", line
    yield "", f"since {_clock(state['mode_since'])}, for {for_people(now - state['mode_since'])}"
    yield "Orders", f"number {state['number']}, {state['latest']}; {_followed(state)}"
    yield "Reloads", f"{state['reloads']} taken, {state['refused']} refused"
    watching = f"watches the latest change for another {state['fuse_seconds']} s" if state["fuse_seconds"] else "quiet"
    jump = f"a jump of more than {state['fuse_limit']:.0%} of challenges and blocks"
    yield "Fuse", f"{watching}; blown {_times(state['fuses'])}; blows at {jump}"
    for index, complaint in enumerate(state["complaints"]):
        yield "Not taken" if index == 0 else "", complaint


def _followed(state: State) -> str:
    following: list[int] = state["following"]
    late = [index for index, number in enumerate(following) if number < state["number"]]
    if not late:
        return f"followed by all workers ({len(following)})"
    told = ", ".join(f"worker {index} {_follows(following[index])}" for index in late)
    return f"followed by {len(following) - len(late)} of {len(following)} workers: {told}"


def _follows(number: int) -> str:
    return f"still follows number {number}" if number else "is starting"


def _held_by(state: State, site: str) -> str:
    """What holds a site below what was ordered for it; nothing else is worth a word."""
    ordered = min(state["mode"], state["site_modes"].get(site, "enforce"), key=_STRENGTH.index)
    if state["modes"][site] != ordered:
        return f" (the policy says so; ordered is {ordered})"
    if ordered != state["mode"]:
        return " (ordered for this site)"
    return ""


def _show_verdicts(state: State, console: Console) -> None:
    if not state["verdicts"]:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Verdicts of version")
    counts: dict[str, dict[str, int]] = {}
    for one in state["verdicts"]:
        counts.setdefault(one["version"], {})[one["action"]] = one["count"]
    words = [word for word in _WORDS if any(word in known for known in counts.values())]
    for word in words:
        table.add_column(word, justify="right")
    for version, known in counts.items():
        mark = " (in force)" if version == state["version"] else ""
        table.add_row(Text(f"{version}{mark}"), *(f"{known.get(word, 0):,}" for word in words))
    console.print(table)


def _show_by_hand(state: State, now: int, console: Console) -> None:
    if state["by_hand"]:
        console.print("Decided by hand:")
    for one in state["by_hand"]:
        console.print(Text(f"  {by_hand_in_words(one, now)}"))


def _times(count: int) -> str:
    return "never" if count == 0 else "once" if count == 1 else f"{count} times"


def _clock(when: int) -> str:
    """A moment, on the clock of whoever looks."""
    return datetime.fromtimestamp(when / SECOND).astimezone().strftime("%Y-%m-%d %H:%M:%S")
