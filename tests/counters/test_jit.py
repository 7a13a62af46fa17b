"""The compiler in its place: entry kernels have one signature, and every state of a cache is survived.

Each start is a fresh process that compiles a kernel of one line, since the real ones take half a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trafficguard.counters.cache_folder import FOLDER, SWITCH
from trafficguard.counters.jit import (
    atomic_add,
    atomic_exchange,
    compare_and_swap,
    jit_is_on,
    load_acquire,
    python_twin,
    signature_count,
    store_release,
)

compiled_only = pytest.mark.skipif(not jit_is_on(), reason="nothing is compiled")

ROOT = Path(__file__).parents[2]
SMALLEST = '''
import json, sys
import numpy as np
from trafficguard.counters.jit import CACHE, atomic_add, kernel, signature_count

@kernel()
def added(words, at):
    return atomic_add(words, at, np.uint64(2))

@kernel("uint64(uint64[::1], uint64)")
def entry(words, at):
    return added(words, at) + np.uint64(1)

words = np.zeros(1, np.uint64)
answers = [int(entry(words, np.uint64(0))) for _ in range(3)]
try:
    entry(words.astype(np.int64), np.uint64(0))
    refused = False
except TypeError:
    refused = True
hits = sum(entry.stats.cache_hits.values()) if hasattr(entry, "stats") else 0
print(json.dumps({
    "folder": str(CACHE.folder), "remark": CACHE.remark, "answers": answers, "hits": hits, "refused": refused,
    "signatures": signature_count(entry),
}))
'''
RIGHT = [1, 3, 5]


@pytest.fixture
def start(tmp_path: Path) -> Any:
    """Runs the smallest kernel in a fresh process, with what the environment is to say."""
    source = tmp_path / "smallest.py"
    source.write_text(SMALLEST)

    def started(**environment: str) -> dict[str, Any]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
        everything = {**inherited, "PYTHONPATH": str(ROOT), **environment}
        printed = subprocess.check_output([sys.executable, str(source)], env=everything, timeout=60)
        found: dict[str, Any] = json.loads(printed)
        return found

    return started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that only we can write to."""
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    return folder


def cached(folder: Path) -> list[Path]:
    """The files of the cache."""
    return [path for path in folder.rglob("*") if path.suffix in {".nbi", ".nbc"}]


def test_a_second_start_loads_what_the_first_compiled(start: Any, folder: Path) -> None:
    first, second = start(**{FOLDER: str(folder)}), start(**{FOLDER: str(folder)})
    assert Path(first["folder"]).parent == folder
    assert (first["hits"], second["hits"]) == (0, 1)
    assert first["answers"] == second["answers"] == RIGHT
    assert (second["signatures"], second["remark"]) == (1, "")


def test_a_wrong_type_is_an_error_and_not_a_second_compilation(start: Any, folder: Path) -> None:
    found = start(**{FOLDER: str(folder)})
    assert found["refused"]
    assert found["signatures"] == 1


def test_a_bounds_checked_start_loads_no_unchecked_kernel(start: Any, folder: Path) -> None:
    start(**{FOLDER: str(folder)})
    checked = start(**{FOLDER: str(folder), "NUMBA_BOUNDSCHECK": "1"})
    assert (checked["hits"], checked["answers"]) == (0, RIGHT)


def test_a_broken_cache_costs_time_only(start: Any, folder: Path) -> None:
    start(**{FOLDER: str(folder)})
    files = cached(folder)
    assert files
    for path in files:
        path.write_bytes(b"not a pickle")
    broken = start(**{FOLDER: str(folder)})
    assert (broken["hits"], broken["answers"], broken["signatures"]) == (0, RIGHT, 1)


def test_a_cache_that_cannot_be_written_costs_time_only(start: Any, folder: Path) -> None:
    start(**{FOLDER: str(folder)})
    for path in cached(folder):
        path.unlink()
        path.mkdir()
    stuck = start(**{FOLDER: str(folder)})
    assert (stuck["hits"], stuck["answers"], stuck["signatures"]) == (0, RIGHT, 1)


def test_without_a_cache_nothing_is_written(start: Any, folder: Path) -> None:
    found = start(**{FOLDER: str(folder), SWITCH: "off"})
    assert (found["folder"], found["hits"], found["answers"]) == ("None", 0, RIGHT)
    assert SWITCH in found["remark"]
    assert list(folder.iterdir()) == []


def test_with_nothing_compiled_the_same_function_runs_and_keeps_no_cache(start: Any, folder: Path) -> None:
    found = start(**{FOLDER: str(folder), "NUMBA_DISABLE_JIT": "1"})
    assert (found["folder"], found["answers"], found["signatures"]) == ("None", RIGHT, 0)
    assert list(folder.iterdir()) == []


# ---- the operations


def word(number: int) -> np.uint64:
    return np.uint64(number)


def test_operations_return_what_was_there_before() -> None:
    words = np.array([5, 7], np.uint64)
    assert [
        int(atomic_add(words, word(0), word(3))),
        int(atomic_exchange(words, word(1), word(1))),
        int(compare_and_swap(words, word(0), word(8), word(2))),
        int(compare_and_swap(words, word(0), word(8), word(9))),
    ] == [5, 7, 8, 2]
    store_release(words, word(1), word(4))
    assert [int(load_acquire(words, word(at))) for at in range(2)] == [2, 4]


def test_adding_wraps_in_silence() -> None:
    words = np.array([(1 << 64) - 1], np.uint64)
    atomic_add(words, word(0), word(2))
    assert words[0] == 1


@compiled_only
def test_a_helper_tells_its_plain_twin_and_its_signatures() -> None:
    words = np.zeros(1, np.uint64)
    atomic_add(words, word(0), word(1))
    assert signature_count(atomic_add) >= 1
    assert signature_count(python_twin(atomic_add)) == 0
