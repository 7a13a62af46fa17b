"""Warming: what it reports, and that every state of a cache is survived. Each start is a fresh process."""

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
START = """
import json, sys
from trafficguard.counters.warm import warm
before = "numba" in sys.modules
report = warm()
from trafficguard.counters.kernels import ENTRY_KERNELS
from trafficguard.counters.jit import signature_count
hits = sum(sum(getattr(entry, "stats").cache_hits.values()) for entry in ENTRY_KERNELS)
print(json.dumps({
    "imported_before": before, "folder": str(report.cache_dir), "kernels": report.kernels, "hits": hits,
    "remark": report.remark, "signatures": [signature_count(entry) for entry in ENTRY_KERNELS],
}))
"""


def start(**environment: str) -> dict[str, Any]:
    """Warms in a fresh process and tells what it found."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    everything = {**inherited, **environment}
    printed = subprocess.check_output([sys.executable, "-c", START], env=everything, cwd=ROOT, timeout=120)
    found: dict[str, Any] = json.loads(printed)
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that one start has filled."""
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    first = start(**{FOLDER: str(folder)})
    assert first["hits"] == 0
    assert Path(first["folder"]).parent == folder
    assert first["kernels"] == ["observe"]
    return folder


def test_a_second_start_loads_what_the_first_compiled(filled: Path) -> None:
    second = start(**{FOLDER: str(filled)})
    assert second["hits"] == len(second["kernels"])
    assert second["signatures"] == [1] * len(second["kernels"])
    assert second["remark"] == ""


def test_the_compiler_is_imported_by_warming_only(filled: Path) -> None:
    assert start(**{FOLDER: str(filled)})["imported_before"] is False


def test_a_bounds_checked_start_loads_no_unchecked_kernel(filled: Path) -> None:
    checked = start(**{FOLDER: str(filled), "NUMBA_BOUNDSCHECK": "1"})
    assert checked["hits"] == 0


def test_a_broken_cache_costs_time_only(filled: Path) -> None:
    files = [path for path in filled.rglob("*") if path.suffix in {".nbi", ".nbc"}]
    assert files
    for path in files:
        path.write_bytes(b"not a pickle")
    broken = start(**{FOLDER: str(filled)})
    assert broken["hits"] == 0
    assert broken["signatures"] == [1] * len(broken["kernels"])


def test_a_cache_that_cannot_be_written_costs_time_only(filled: Path) -> None:
    for path in [path for path in filled.rglob("*") if path.suffix in {".nbi", ".nbc"}]:
        path.unlink()
        path.mkdir()
    stuck = start(**{FOLDER: str(filled)})
    assert stuck["signatures"] == [1] * len(stuck["kernels"])


def test_without_a_cache_nothing_is_written(tmp_path: Path) -> None:
    report = start(**{FOLDER: str(tmp_path), SWITCH: "off"})
    assert (report["folder"], report["hits"]) == ("None", 0)
    assert SWITCH in report["remark"]
    assert list(tmp_path.iterdir()) == []
