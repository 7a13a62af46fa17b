from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from loadtests.__main__ import main as dispatcher
from loadtests.virtual import ablate, command
from loadtests.virtual.command import INVALID, Result, chosen, run_scenario
from loadtests.virtual.guards import make_guard, signal_names
from loadtests.virtual.metrics import Figures, figures
from loadtests.virtual.scenario import Scenario
from loadtests.virtual.separability import Separability
from loadtests.virtual.tally import PersonLog, Tally
from tests.loadtests.virtual.test_metrics import log
from trafficguard.signals.catalog import CATALOG

VALID = Separability(0.5, 1000, 9, 0.0)
SMALL = ["virtual", "--minutes", "2", "--people", "40"]


def made_up(score: float = 80.0, reason: str = "agent.library") -> Figures:
    scenario = Scenario()
    tally = Tally(people={"1": PersonLog(frozenset(("office",)), 3, times=[0, 1])})
    for wave in scenario.waves:
        tally.waves[wave.name] = log(*[1.0] * 5, *[score] * 50)
        tally.waves[wave.name].reasons.update([reason] * 50)
    return figures(scenario, tally)


def test_a_small_run_prints_its_tables_and_writes_them(tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "run.json"), "--markdown", str(tmp_path / "run.md")]
    result = CliRunner().invoke(dispatcher, [*SMALL, "--only", "rotating-600", "--only", "uniform", *files])
    assert result.exit_code in (0, INVALID), result.output
    record = json.loads((tmp_path / "run.json").read_text())
    assert [wave["name"] for wave in record["waves"]] == ["uniform", "rotating-600"]
    assert record["people"][0]["name"] == "everybody"
    assert set(record["separability"]) >= {"auc", "valid", "unmatched"}
    text = (tmp_path / "run.md").read_text()
    assert "`python -m loadtests virtual --seed 1 --minutes 2 --only rotating-600 --only uniform --people 40`" in text
    assert "| uniform |" in text
    assert "everybody" in result.output


def test_an_invalid_scenario_says_so_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Result(made_up(), VALID._replace(auc=0.7))
    monkeypatch.setattr(command, "run_scenario", lambda *_args: broken)
    result = CliRunner().invoke(dispatcher, ["virtual"])
    assert result.exit_code == INVALID
    assert "INVALID" in result.output


def test_a_valid_scenario_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_scenario", lambda *_args: Result(made_up(), VALID))
    result = CliRunner().invoke(dispatcher, ["virtual"], terminal_width=200)
    assert result.exit_code == 0
    assert "long-tail" in result.output


def test_an_unknown_crawler_is_refused() -> None:
    assert CliRunner().invoke(dispatcher, ["virtual", "--only", "nobody"]).exit_code == 2


def test_fewer_people_keep_the_shares_of_office_and_sale() -> None:
    crowd = chosen(1, 60, (), 400).crowd
    assert (crowd.people, crowd.office, crowd.sale) == (400, 40, 100)


def test_a_shorter_run_shrinks_the_moments_of_waves() -> None:
    whole, half = Scenario(), Scenario(minutes=30)
    wave = whole.waves[0]
    assert [moment // 2 for moment in whole.window(wave)] == list(half.window(wave))


def test_a_signal_that_is_off_is_off_for_that_guard_only() -> None:
    before = CATALOG["agent.library"]
    with make_guard({"agent.library"}):
        assert CATALOG["agent.library"].mode == "off"
    assert CATALOG["agent.library"] is before
    assert "agent.library" in signal_names()


def test_the_table_of_ablation_says_what_moved_and_what_did_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs: list[frozenset[str]] = []

    def run(_scenario: Scenario, _title: str, _console: Console, off: frozenset[str] = frozenset()) -> Result:
        runs.append(off)
        return Result(made_up(40.0 if "agent.library" in off else 80.0), VALID)

    monkeypatch.setattr(ablate, "run_scenario", run)
    names = ["--signal", "agent.library", "--signal", "headers.order"]
    result = CliRunner().invoke(dispatcher, ["ablate", *names, "--json", str(tmp_path / "a.json")])
    assert result.exit_code == 0, result.output
    assert runs == [frozenset(), frozenset({"agent.library"})]
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["silent"] == ["headers.order"]
    assert record["idle"] == []
    assert {shift["who"] for shift in record["shifts"]} == {wave.name for wave in Scenario().waves}
    assert record["shifts"][0]["first"] == "6 → never"
    assert record["shifts"][0]["caught"] == pytest.approx(-50 / 55)


def test_a_signal_that_speaks_but_moves_nothing_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablate, "run_scenario", lambda *_args: Result(made_up(), VALID))
    result = CliRunner().invoke(dispatcher, ["ablate", "--signal", "agent.library"])
    assert "Move nothing: agent.library." in result.output


def test_ablation_knows_the_signals() -> None:
    assert CliRunner().invoke(dispatcher, ["ablate", "--signal", "no.such"]).exit_code == 2


def test_a_run_reports_what_the_guard_without_a_signal_says() -> None:
    scenario = chosen(1, 1, ("uniform",), 20)
    result = run_scenario(scenario, "test", Console(quiet=True), frozenset({"agent.library"}))
    assert result.figures.requests > 20
