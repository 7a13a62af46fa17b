"""CPU time of a process and all its descendants, from /proc/<pid>/stat (Linux, see proc_pid_stat(5)).

Promises: user + system time of the whole tree, with the time of children that ended and were waited for, so
that nothing is lost when a worker is replaced between two readings.
Never: samples. Two readings are subtracted; the resolution is one clock tick (10 ms) per process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds per clock tick."""


@dataclass(frozen=True)
class Process:
    """What the accounting needs of one process."""

    pid: int
    parent: int
    session: int
    ticks: int
    """User and system time, its own and that of its children already waited for."""


def parse_stat(text: str) -> Process:
    """One line of /proc/<pid>/stat. The name in parentheses may hold anything: fields count from its end."""
    pid, _, rest = text.partition(" ")
    fields = rest[rest.rindex(")") + 2 :].split()
    return Process(int(pid), int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])))


def processes() -> list[Process]:
    """Every process that can be read now; those that end meanwhile are left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found.append(parse_stat((folder / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def tree(root: int, everyone: Iterable[Process]) -> list[Process]:
    """The root, its descendants, and what else lives in the session it leads (a worker whose parent died)."""
    everyone = list(everyone)
    members: set[int] = {p.pid for p in everyone if p.pid == root or p.session == root}
    grown = True
    while grown:
        found = {p.pid for p in everyone if p.parent in members}
        grown = not found <= members
        members |= found
    return [p for p in everyone if p.pid in members]


def cpu_seconds(root: int) -> float:
    """User + system seconds that the tree under `root` has used so far."""
    return sum(process.ticks for process in tree(root, processes())) * TICK
