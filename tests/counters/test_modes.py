"""Compiled, plain and bounds-checked kernels do the same, and what tests them passes with nothing compiled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trafficguard.counters import slot

ROOT = Path(__file__).parents[2]
MODES = {"compiled": {}, "plain": {"NUMBA_DISABLE_JIT": "1"}, "checked": {"NUMBA_BOUNDSCHECK": "1"}}
SWITCHES = {name for switches in MODES.values() for name in switches}
FILES = ("test_races.py", "test_directory.py", "test_gates.py", "test_windows.py")

Outcome = dict[str, Any]


def environment(mode: str) -> dict[str, str]:
    """That of this process in another mode."""
    return {**{name: value for name, value in os.environ.items() if name not in SWITCHES}, **MODES[mode]}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What the scenario tells in each mode; all run at once."""
    command = [sys.executable, "-m", "tests.counters.scenario"]
    running = {
        mode: subprocess.Popen(command, env=environment(mode), cwd=ROOT, stdout=subprocess.PIPE) for mode in MODES
    }
    told = {mode: process.communicate(timeout=300)[0] for mode, process in running.items()}
    assert all(process.returncode == 0 for process in running.values())
    return {mode: json.loads(printed) for mode, printed in told.items()}


def test_each_mode_is_what_it_says(outcomes: dict[str, Outcome]) -> None:
    assert {mode: outcome["compiled"] for mode, outcome in outcomes.items()} == {
        "compiled": True,
        "plain": False,
        "checked": True,
    }
    assert {mode: outcome["wild access is seen"] for mode, outcome in outcomes.items()} == {
        "compiled": False,
        "plain": True,
        "checked": True,
    }


def test_the_scenario_meets_what_is_worth_comparing(outcomes: dict[str, Outcome]) -> None:
    told = outcomes["compiled"]["told"]
    assert {first > 0 for first, _seen in told["visits"]} == {True, False}
    assert outcomes["compiled"]["evictions"] > 0
    assert {wait for wait, _burnt in told["gates"] if wait <= 0} == {0, -1}
    assert any(wait > 0 for wait, _burnt in told["gates"])
    assert {burnt for _wait, burnt in told["gates"]} >= {0, 1}
    totals = [request[slot.TOTAL] for request in told["requests"]]
    assert totals[-1] > totals[0]
    assert len({json.dumps(request) for request in told["requests"]}) > len(totals) * 3 // 4


@pytest.mark.parametrize("mode", ["plain", "checked"])
def test_a_mode_tells_what_the_compiled_one_tells(outcomes: dict[str, Outcome], mode: str) -> None:
    for part, told in outcomes["compiled"]["told"].items():
        assert outcomes[mode]["told"][part] == told, part


@pytest.mark.parametrize("mode", ["plain", "checked"])
def test_a_mode_leaves_every_region_of_the_memory_as_the_compiled_one_does(
    outcomes: dict[str, Outcome], mode: str
) -> None:
    assert outcomes[mode]["memory"] == outcomes["compiled"]["memory"]


def test_what_tests_the_kernels_passes_with_nothing_compiled_the_races_too() -> None:
    files = [str(Path(__file__).parent / name) for name in FILES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    outcome = subprocess.run(
        command, env=environment("plain"), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    for reason in ("bounds are not checked", "only uncompiled operations"):
        assert reason not in outcome.stdout
