"""Names the machine and the programs, so that a figure can be judged later.

Promises: model, cores, kernel, versions; a program that is missing is named as such.
Never: host names, users or paths.
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.programs import first_line
from loadtests.bench.targets import TARGETS


@dataclass(frozen=True)
class Circumstances:
    """Where, when and how the figures came about."""

    started: str
    """UTC, to the second."""
    cpu: str
    cores: int
    """Cores this process may use."""
    kernel: str
    python: str
    load: float
    """Load average of the last minute before the start; well above 0 means a disturbed run."""
    programs: dict[str, str]
    """Version of each target, of the origin and of wrk."""
    command: str
    """What repeats the run."""


def circumstances(targets: Iterable[str], arguments: list[str]) -> Circumstances:
    """Read them now, before the run with these arguments."""
    return Circumstances(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=processor(),
        cores=len(os.sched_getaffinity(0)),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=os.getloadavg()[0],
        programs={name: _version(name) for name in targets} | {"wrk": _wrk_version()},
        command=shlex.join(["python", "-m", "loadtests.bench", *arguments]),
    )


def processor() -> str:
    """The model of this machine's processor."""
    return cpu_model(Path("/proc/cpuinfo").read_text())


def cpu_model(cpuinfo: str) -> str:
    """The model in /proc/cpuinfo; the architecture where it names none (as on ARM)."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version(target: str) -> str:
    try:
        return TARGETS[target].version()
    except BenchError as error:
        return str(error)


def _wrk_version() -> str:
    return " ".join(first_line("wrk", "-v").split()[:2])
