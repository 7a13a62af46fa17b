"""Warming: what it reports, and that nothing is left to compile behind it. Each start is a fresh process.

The kernels come from the cache of whoever runs the tests, which the first start fills; `test_jit` breaks caches.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.kernels import ENTRY_KERNELS

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
    "remark": report.remark, "seconds": report.seconds,
    "signatures": [signature_count(entry) for entry in ENTRY_KERNELS],
}))
"""


@pytest.fixture(scope="module")
def started() -> dict[str, Any]:
    """What a fresh process tells of warming, behind this one, which has compiled or loaded all kernels."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    printed = subprocess.check_output([sys.executable, "-c", START], env=inherited, cwd=ROOT, timeout=120)
    found: dict[str, Any] = json.loads(printed)
    return found


def test_every_entry_kernel_is_ready_and_compiled_for_one_signature(started: dict[str, Any]) -> None:
    assert started["kernels"] == [entry.__name__ for entry in ENTRY_KERNELS]
    assert started["signatures"] == [1] * len(ENTRY_KERNELS)


def test_the_compiler_is_imported_by_warming_only(started: dict[str, Any]) -> None:
    assert started["imported_before"] is False


def test_kernels_that_are_cached_are_loaded_and_not_compiled(started: dict[str, Any]) -> None:
    if started["folder"] == "None":
        pytest.skip(f"no cache: {started['remark']}")
    assert started["remark"] == ""
    assert started["hits"] == len(ENTRY_KERNELS)


def test_what_it_took_is_told(started: dict[str, Any]) -> None:
    assert 0 < started["seconds"] < 120
