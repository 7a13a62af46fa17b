"""The compiler in its place: entry kernels have one signature, and every state of a cache is survived.

Each start is a fresh process that compiles a kernel of one line, since the real ones take half a minute.
"""

from __future__ import annotations

import json
import os
import shutil
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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that each start runs."""
    source = tmp_path_factory.mktemp("source") / "smallest.py"
    source.write_text(SMALLEST)
    return source


def start(source: Path, folder: Path, **environment: str) -> dict[str, Any]:
    """Runs the smallest kernel in a fresh process with its cache in a folder, and tells what it found."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    everything = {**inherited, "PYTHONPATH": str(ROOT), FOLDER: str(folder), **environment}
    printed = subprocess.check_output([sys.executable, str(source)], env=everything, timeout=60)
    found: dict[str, Any] = json.loads(printed)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder that only we can write to."""
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="module")
def first(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder that one start has filled, and what that start found."""
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    return folder, start(source, folder)


@pytest.fixture
def filled(first: tuple[Path, dict[str, Any]], folder: Path) -> Path:
    """A copy of the filled folder, to be broken."""
    return shutil.copytree(first[0], folder, dirs_exist_ok=True)


def cached(folder: Path) -> list[Path]:
    """The files of the cache."""
    return [path for path in folder.rglob("*") if path.suffix in {".nbi", ".nbc"}]


def test_a_second_start_loads_what_the_first_compiled(
    first: tuple[Path, dict[str, Any]], source: Path, filled: Path
) -> None:
    folder, told = first
    second = start(source, filled)
    assert Path(told["folder"]).parent == folder
    assert (told["hits"], second["hits"]) == (0, 1)
    assert told["answers"] == second["answers"] == RIGHT
    assert (second["signatures"], second["remark"]) == (1, "")


def test_a_wrong_type_is_an_error_and_not_a_second_compilation(first: tuple[Path, dict[str, Any]]) -> None:
    assert first[1]["refused"]
    assert first[1]["signatures"] == 1


def test_a_bounds_checked_start_loads_no_unchecked_kernel(source: Path, filled: Path) -> None:
    checked = start(source, filled, NUMBA_BOUNDSCHECK="1")
    assert (checked["hits"], checked["answers"]) == (0, RIGHT)


def test_a_broken_cache_costs_time_only(source: Path, filled: Path) -> None:
    files = cached(filled)
    assert files
    for path in files:
        path.write_bytes(b"not a pickle")
    broken = start(source, filled)
    assert (broken["hits"], broken["answers"], broken["signatures"]) == (0, RIGHT, 1)


def test_a_cache_that_cannot_be_written_costs_time_only(source: Path, filled: Path) -> None:
    for path in cached(filled):
        path.unlink()
        path.mkdir()
    stuck = start(source, filled)
    assert (stuck["hits"], stuck["answers"], stuck["signatures"]) == (0, RIGHT, 1)


@pytest.mark.parametrize(
    ("environment", "remark", "signatures"),
    [({SWITCH: "off"}, SWITCH, 1), ({"NUMBA_DISABLE_JIT": "1"}, "nothing is compiled", 0)],
    ids=["cache off", "nothing compiled"],
)
def test_without_a_cache_the_same_comes_out_and_nothing_is_written(
    source: Path, folder: Path, environment: dict[str, str], remark: str, signatures: int
) -> None:
    found = start(source, folder, **environment)
    assert (found["folder"], found["hits"], found["answers"]) == ("None", 0, RIGHT)
    assert remark in found["remark"]
    assert found["signatures"] == signatures
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
