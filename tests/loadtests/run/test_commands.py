"""The commands `run`, `waves` and `nightly`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests.__main__ import main as dispatcher
from loadtests.actors.waves import WAVES
from loadtests.run import nightly
from loadtests.run.scenario import SCENARIOS

TINY = """\
name: tiny
minutes: 4
items: 240
people: {number: 40}
waves:
  - {wave: naive, starts: 1, lasts: 2}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file


@pytest.mark.parametrize("command", ["run", "waves", "nightly"])
def test_help_teaches(command: str) -> None:
    result = CliRunner().invoke(dispatcher, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_all_waves_and_scenarios_are_listed() -> None:
    text = CliRunner().invoke(dispatcher, ["waves"]).output
    assert all(f"| {name} |" in text for name in WAVES)
    assert all(f"{file.stem}:" in text for file in SCENARIOS.glob("*.yaml"))


def test_a_broken_file_ends_with_its_complaints(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("name: broken\nminutes: soon\nwaves: [{wave: nobody, lasts: 1}]\n")
    result = CliRunner().invoke(dispatcher, ["run", str(file)])
    assert result.exit_code == 2
    assert "broken.yaml:2:" in result.output
    assert "broken.yaml:3:" in result.output


def test_a_url_for_virtual_time_is_refused(tiny: Path) -> None:
    result = CliRunner().invoke(dispatcher, ["run", str(tiny), "--url", "http://127.0.0.1:8080"])
    assert result.exit_code == 2
    assert "virtual time" in result.output


def test_a_run_prints_its_tables_and_writes_its_files_and_pictures(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = {name: tmp_path / name for name in ("run.json", "run.md", "pictures")}
    arguments = ["--json", str(files["run.json"]), "--markdown", str(files["run.md"]), "--plots", str(files["pictures"])]
    result = CliRunner().invoke(dispatcher, ["run", str(tiny), *arguments])
    assert result.exit_code in (0, 3), result.output
    assert "naive" in result.output
    assert "everybody" in result.output
    assert json.loads(files["run.json"].read_text())["scenario"] == "tiny"
    assert "| naive |" in files["run.md"].read_text()
    pictures = {file.stem: file.read_text() for file in files["pictures"].iterdir()}
    assert pictures.keys() == {"scores", "detection", "leaks", "actions"}
    assert all("</svg>" in picture for picture in pictures.values())


def test_nightly_writes_one_report_of_all(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "NAMES", [str(tiny)])
    result = CliRunner().invoke(nightly.main, ["--into", str(tmp_path / "results"), "--processes", "1"])
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "results" / "latest.json").read_text())
    assert [record["scenario"] for record in kept["scenarios"]] == ["tiny"]
    text = (tmp_path / "results" / "LATEST.md").read_text()
    assert "`python -m loadtests nightly`" in text
    assert "| naive | tiny | 100.0% | 1 (0 s) |" in text
    assert "| in virtual time | 40 | 0 (" in text
