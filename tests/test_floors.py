"""The floors of the house hold, and the contract in `pyproject.toml` would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

BREACHES = {
    "http/target.py": ("trafficguard.settings", "a sibling"),
    "signals/catalog.py": ("trafficguard.counters.layout", "a sibling"),
    "settings.py": ("trafficguard.guard", "an upper floor"),
    "exchange.py": ("trafficguard.policy", "the same floor, upwards"),
    "telemetry/meters.py": ("trafficguard.net", "an upper floor"),
    "storage/sinks.py": ("trafficguard.control", "a sibling"),
    "worker.py": ("trafficguard.supervisor", "the same floor, upwards"),
    "supervisor.py": ("trafficguard.demo", "only cli may"),
    "guard.py": ("asyncio", "nothing below the doors waits"),
    "counters/table.py": ("numba", "only counters.jit may"),
    "lurker.py": ("trafficguard.clock", "a module that stands on no floor"),
}
"""Files of the package, an import that each of them must not have, and why."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_no_floor_imports_an_upper_one() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contract says of a copy of the house in which every breach has been made."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "trafficguard", folder / "trafficguard", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file, (module, _) in BREACHES.items():
        with (folder / "trafficguard" / file).open("a") as source:
            source.write(f"\nimport {module}\n")
    result = lint(folder)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("file", BREACHES)
def test_a_breach_is_noticed(file: str, complaints: str) -> None:
    importer = "trafficguard." + file.removesuffix(".py").replace("/", ".")
    module, _ = BREACHES[file]
    breach = importer if file == "lurker.py" else f"{importer} -> {module}"
    assert breach in complaints
