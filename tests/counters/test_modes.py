"""The kernel tests with nothing compiled, which the races need too, and with bounds checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
MODES = {
    "NUMBA_DISABLE_JIT": ("test_kernels.py", "test_races.py"),
    "NUMBA_BOUNDSCHECK": ("test_kernels.py",),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_kernel_tests_pass_in_every_mode(mode: str) -> None:
    files = [str(FOLDER / name) for name in MODES[mode]]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    outcome = subprocess.run(
        command,
        env={**os.environ, mode: "1"},
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    for reason in ("bounds are not checked", "only uncompiled operations"):
        assert reason not in outcome.stdout
