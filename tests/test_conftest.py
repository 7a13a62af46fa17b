"""Tests of the fixtures that decide whether a test runs, is skipped or fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import conftest

TESTS = Path(__file__).parent
MISSING = "no-such-program-anywhere"


def test_a_program_that_is_there_is_found() -> None:
    assert conftest.find_program("sh").name == "sh"


def test_a_missing_program_skips_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAFFICGUARD_REQUIRE_PROGRAMS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"needs {MISSING}: apt-get install {MISSING}"):
        conftest.find_program(MISSING)


def test_the_remedy_names_the_debian_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRAFFICGUARD_REQUIRE_PROGRAMS", raising=False)
    monkeypatch.setattr(conftest, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="needs nginx: apt-get install nginx-light"):
        conftest.find_program("nginx")


def test_a_missing_program_fails_where_programs_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFICGUARD_REQUIRE_PROGRAMS", "1")
    with pytest.raises(pytest.fail.Exception, match=f"needs {MISSING}"):
        conftest.find_program(MISSING)


def test_every_program_that_a_test_needs_is_installed_where_programs_are_required() -> None:
    needed = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r'program\("(\w+)"\)', file.read_text())}
    assert {"chromium", "Xvfb", "nginx"} <= needed <= conftest.PACKAGES.keys() | {"sh"}
    (pairs,) = re.findall(r"for pair in (.+); do", (TESTS.parent / ".ci" / "run").read_text())
    assert dict(pair.split(":") for pair in pairs.split()) == conftest.PACKAGES


def test_the_shared_data_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRAFFICGUARD_DATA", str(tmp_path))
    assert conftest.find_shared_data() == tmp_path


def test_an_absent_shared_data_folder_skips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRAFFICGUARD_DATA", str(tmp_path / "absent"))
    with pytest.raises(pytest.skip.Exception, match="needs the shared data folder"):
        conftest.find_shared_data()
