"""Warming: what it reports, and that every state of a cache is survived. Each start is a fresh process.

What becomes of the cache is tried with one small kernel, since the real ones take most of a minute to compile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trafficguard.counters.cache_folder import FOLDER, SWITCH
from trafficguard.counters.jit import jit_is_on

pytestmark = pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")

ROOT = Path(__file__).parents[2]
WARM = """
import json, sys
from trafficguard.counters.warm import warm
before = "numba" in sys.modules
report = warm()
from trafficguard.counters.jit import CACHE, signature_count
from trafficguard.counters.kernels import ENTRY_KERNELS
print(json.dumps({
    "imported before": before, "folder": str(report.cache_dir), "chosen": str(CACHE.folder),
    "kernels": report.kernels, "entries": [entry.__name__ for entry in ENTRY_KERNELS], "seconds": report.seconds,
    "hits": sum(sum(entry.stats.cache_hits.values()) for entry in ENTRY_KERNELS),
    "signatures": [signature_count(entry) for entry in ENTRY_KERNELS],
}))
"""
SMALL = """
import json
import numpy as np
from trafficguard.counters.jit import CACHE, atomic_add, kernel, signature_count

@kernel("uint64(uint64[::1], uint64)")
def grow(words, amount):
    return atomic_add(words, np.uint64(0), amount)

words = np.zeros(1, np.uint64)
grow(words, np.uint64(5))
print(json.dumps({
    "folder": str(CACHE.folder), "remark": CACHE.remark, "sum": int(words[0]),
    "hits": sum(grow.stats.cache_hits.values()), "signatures": signature_count(grow),
}))
"""


def run(*command: str, **environment: str) -> dict[str, Any]:
    """What a fresh Python tells."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    everything = {**inherited, "PYTHONPATH": str(ROOT), **environment}
    printed = subprocess.check_output([sys.executable, *command], env=everything, cwd=ROOT, timeout=300)
    found: dict[str, Any] = json.loads(printed)
    return found


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A program with one small kernel."""
    program = tmp_path / "small.py"
    program.write_text(SMALL)
    return program


@pytest.fixture
def filled(tmp_path: Path, small: Path) -> Path:
    """A cache that one start of it has filled."""
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    first = run(str(small), **{FOLDER: str(folder)})
    assert (first["hits"], first["sum"], first["remark"]) == (0, 5, "")
    assert Path(first["folder"]).parent == folder
    return folder


def cached(folder: Path) -> list[Path]:
    """The files of a cache; there are some."""
    files = [path for path in folder.rglob("*") if path.suffix in {".nbi", ".nbc"}]
    assert files
    return files


# ---- all kernels


def test_warming_makes_every_entry_kernel_ready_and_is_what_imports_the_compiler() -> None:
    # This process has compiled them already, or loaded them, so they are in the cache unless there is none.
    report = run("-c", WARM)
    assert report["imported before"] is False
    assert report["kernels"] == report["entries"]
    assert report["signatures"] == [1] * len(report["entries"])
    assert report["folder"] == report["chosen"]
    assert report["seconds"] > 0
    if report["folder"] != "None":
        assert report["hits"] == len(report["entries"])


# ---- what may become of a cache


def test_a_second_start_loads_what_the_first_compiled(filled: Path, small: Path) -> None:
    second = run(str(small), **{FOLDER: str(filled)})
    assert (second["hits"], second["signatures"], second["sum"]) == (1, 1, 5)


def test_a_bounds_checked_start_loads_no_unchecked_kernel(filled: Path, small: Path) -> None:
    checked = run(str(small), **{FOLDER: str(filled), "NUMBA_BOUNDSCHECK": "1"})
    assert (checked["hits"], checked["sum"]) == (0, 5)


def test_a_broken_cache_costs_time_only(filled: Path, small: Path) -> None:
    for path in cached(filled):
        path.write_bytes(b"not a pickle")
    broken = run(str(small), **{FOLDER: str(filled)})
    assert (broken["hits"], broken["signatures"], broken["sum"]) == (0, 1, 5)


def test_a_cache_that_cannot_be_written_costs_time_only(filled: Path, small: Path) -> None:
    for path in cached(filled):
        path.unlink()
        path.mkdir()
    stuck = run(str(small), **{FOLDER: str(filled)})
    assert (stuck["hits"], stuck["signatures"], stuck["sum"]) == (0, 1, 5)


def test_without_a_cache_nothing_is_written(tmp_path: Path, small: Path) -> None:
    folder = tmp_path / "unused"
    folder.mkdir(mode=0o700)
    report = run(str(small), **{FOLDER: str(folder), SWITCH: "off"})
    assert (report["folder"], report["hits"], report["sum"]) == ("None", 0, 5)
    assert SWITCH in report["remark"]
    assert list(folder.iterdir()) == []
