"""What the kernel tells about other processes, from /proc.

Promises: a process that ends while it is looked at counts as gone. Never: changes what it looks at, but for the mark
of the largest resident size.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

_ESTABLISHED = "01"
_GONE = (FileNotFoundError, ProcessLookupError)


class Facts(NamedTuple):
    """One line of /proc/PID/stat."""

    pid: int
    state: str
    parent: int
    group: int


def members(group: int) -> list[int]:
    """Live processes of a process group; those that only wait to be reaped are dead."""
    return [facts.pid for facts in _all() if facts.group == group and facts.state not in "ZX"]


def children(parent: int) -> list[int]:
    """Live children of a process, oldest first."""
    return sorted(facts.pid for facts in _all() if facts.parent == parent and facts.state not in "ZX")


def is_stopped(pid: int) -> bool:
    """Whether a process is held by SIGSTOP."""
    return any(facts.state == "T" for facts in _all() if facts.pid == pid)


def reset_peak(pid: int) -> None:
    """Makes `peak_kib` count from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident_kib(pid: int) -> int:
    """Resident memory now."""
    return _memory(pid, "VmRSS")


def peak_kib(pid: int) -> int:
    """The most resident memory since the process started or `reset_peak`."""
    return _memory(pid, "VmHWM")


def accepted_by(pid: int, port: int) -> set[int]:
    """The clients' ports of all connections to `port` of this machine that a process has accepted.

    Connections that wait in the accept queue have no inode yet, so they are not among them.
    """
    held = _sockets(pid)
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {
        _port(row[2]) for row in rows if _port(row[1]) == port and row[3] == _ESTABLISHED and row[9] in held
    }


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process holds."""
    inodes = set()
    with contextlib.suppress(*_GONE):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(*_GONE):
                inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    return inodes


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _all() -> list[Facts]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(*_GONE):
                # The name in brackets may hold anything, brackets too.
                state, parent, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                found.append(Facts(int(folder.name), state, int(parent), int(group)))
    return found
