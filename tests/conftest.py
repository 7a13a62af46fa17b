"""What tests of every folder share: programs of the machine, and test material from outside the project.

Promises: a test that lacks one of them is skipped with a reason that names the remedy; with
TRAFFICGUARD_REQUIRE_PROGRAMS=1 a missing program is a failure instead. Never: installs or downloads anything.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[[str], Path]

PACKAGES = {
    "Xvfb": "xvfb",
    "chromium": "chromium",
    "curl": "curl",
    "firefox-esr": "firefox-esr",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "wget": "wget",
    "wrk": "wrk",
}
"""Debian packages by the name of the program."""

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian puts servers; often not on the search path of an ordinary user."""


def find_program(name: str) -> Path:
    """The path of a program; skips the running test without it, or fails it where programs are required."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    path = shutil.which(name, path=search)
    if path is not None:
        return Path(path)
    message = f"needs {name}: apt-get install {PACKAGES.get(name, name)}"
    if os.environ.get("TRAFFICGUARD_REQUIRE_PROGRAMS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def find_shared_data() -> Path:
    """The folder of third-party test material, no part of the project; skips the test without it."""
    folder = Path(os.environ.get("TRAFFICGUARD_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs the shared data folder")
    return folder


@pytest.fixture(scope="session")
def program() -> Program:
    """`program("nginx")` gives the path of nginx, or skips the test (or fails it, see above)."""
    return find_program


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party test material, or the test is skipped."""
    return find_shared_data()
