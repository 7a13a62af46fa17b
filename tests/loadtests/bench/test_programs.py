"""Tests of loadtests/bench/programs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.bench import programs
from loadtests.bench.errors import BenchError
from loadtests.bench.programs import find, first_line, package


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that is searched."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(programs, "_SYSTEM", str(tmp_path))
    return tmp_path


def test_a_missing_program_is_an_error_with_the_remedy(folder: Path) -> None:
    with pytest.raises(BenchError, match=r"^wrk not found: apt-get install wrk$"):
        find("wrk")


def test_the_first_line_may_come_from_stderr_and_a_failing_program(folder: Path) -> None:
    program = folder / "nginx"
    program.write_text("#!/bin/sh\necho nginx/9 >&2\necho more >&2\nexit 1\n")
    program.chmod(0o755)
    assert first_line("nginx", "-v") == "nginx/9"


def test_a_missing_package_is_an_error_with_the_remedy() -> None:
    with pytest.raises(BenchError, match="pip install no-such-package"):
        package("no-such-package")
