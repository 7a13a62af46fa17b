"""The kernels run in three ways: compiled, compiled with bounds checked, and as plain Python. All three agree.

A scenario of everything is written down in each of them and compared to the last bit, and the kernels' own tests run
once more where nothing is compiled, which `test_races` needs, and where bounds are checked. What has to be compiled or
is slow runs side by side.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

FOLDER: Final = Path(__file__).parent
MODES: Final[dict[str, dict[str, str]]] = {
    "compiled": {},
    "checked": {"NUMBA_BOUNDSCHECK": "1"},
    "plain": {"NUMBA_DISABLE_JIT": "1"},
}
"""What the environment says in each mode."""
TESTS: Final = {
    "checked": ("directory", "gates", "windows", "intake"),
    "plain": ("races", "directory", "gates", "windows", "profile", "crowd"),
}
"""Files that run once more."""
DESELECTED: Final = ("whenever_generations_turn", "agree_bit_for_bit")
"""Slow as plain Python, or comparing with it."""
PATIENCE_S: Final = 400


class Run(NamedTuple):
    """The program of one mode, which runs a scenario and then tests, while others do."""

    process: subprocess.Popen[str]
    scenario: Path
    log: Path

    def output(self) -> str:
        """All that it said, once it has ended."""
        self.process.wait(PATIENCE_S)
        return self.log.read_text()


def environment(mode: str) -> dict[str, str]:
    """Ours, but for the mode."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return {**inherited, **MODES[mode]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All modes, started."""
    folder, started = tmp_path_factory.mktemp("modes"), {}
    for mode in MODES:
        scenario, log = folder / f"{mode}.bin", folder / f"{mode}.log"
        commands = [[sys.executable, "-m", "tests.counters.scenario", str(scenario)]]
        if mode in TESTS:
            files = [str(FOLDER / f"test_{name}.py") for name in TESTS[mode]]
            left_out = f"not ({' or '.join(DESELECTED)})"
            commands.append([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", left_out, *files])
        with log.open("w") as output:
            process = subprocess.Popen(
                ["sh", "-c", " && ".join(map(shlex.join, commands))],
                env=environment(mode), cwd=FOLDER.parents[1], stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True,
            )  # fmt: skip
        started[mode] = Run(process, scenario, log)
    yield started
    for run in started.values():
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "compiled"])
def test_every_mode_writes_down_the_same_to_the_last_bit(runs: dict[str, Run], mode: str) -> None:
    outputs = [runs[each].output() for each in ("compiled", mode)]
    assert runs["compiled"].scenario.is_file(), outputs[0]
    assert runs[mode].scenario.is_file(), outputs[1]
    expected, found = (runs[each].scenario.read_bytes() for each in ("compiled", mode))
    assert len(found) == len(expected) > 1 << 20
    differing = next((at for at, (one, other) in enumerate(zip(expected, found, strict=True)) if one != other), None)
    assert differing is None


@pytest.mark.parametrize("mode", TESTS)
def test_the_kernel_tests_pass_in_every_mode(runs: dict[str, Run], mode: str) -> None:
    output = runs[mode].output()
    assert runs[mode].process.returncode == 0, output
    assert " passed" in output
    for reason in ("bounds are not checked", "only uncompiled operations"):
        assert reason not in output
