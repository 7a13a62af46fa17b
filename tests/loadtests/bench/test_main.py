"""Tests of loadtests/bench/__main__.py: the command line, up to where it would start something."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loadtests.bench import __main__ as command
from loadtests.bench import compare
from loadtests.bench.compare import Gap
from loadtests.bench.errors import BenchError
from loadtests.bench.machine import Circumstances
from loadtests.bench.measure import Row
from loadtests.bench.plan import Plan
from tests.loadtests.bench.samples import HOT, row

WHERE = Circumstances("2030-01-02T03:04:05+00:00", "CPU", 2, "Linux", "CPython", 0.0, {}, "python -m x")
COSTS = {"nginx": 20.0, "haproxy": 20.0, "caddy": 150.0, "aiohttp": 180.0, "trafficguard": 30.0}


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """What each target costs in a run that measures nothing; 0 makes a row invalid."""
    costs = dict(COSTS)

    def measured(plan: Plan, _tell: Any) -> list[Row]:
        rows = [row(name, costs[name], cell=cell) for cell in plan.cells() for name in plan.targets]
        for one in rows:
            if not costs[one.target]:
                one.fail("no request was answered")
        return rows

    monkeypatch.setattr(command, "measure", measured)
    monkeypatch.setattr(command, "find", lambda name: name)
    monkeypatch.setattr(command, "circumstances", lambda _targets, arguments: replace(WHERE, command=f"{arguments}"))
    monkeypatch.setattr(compare, "GAPS", {})
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    monkeypatch.setattr(command, "SAVED", tmp_path / "bench.json")
    return costs


def status(*arguments: str) -> int:
    return CliRunner().invoke(command.main, arguments).exit_code


def test_promises_that_hold_exit_0_and_one_that_fails_exits_1_only_when_checked(
    costs: dict[str, float],
) -> None:
    assert status("--check") == 0
    costs["trafficguard"] = 33.0
    assert status() == 0
    assert status("--check") == 1


def test_a_known_gap_exits_0_while_it_fails_and_1_once_it_holds(
    costs: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "GAPS", {(HOT, "nginx"): Gap(1.65, "a reason")})
    hot = ("--check", "--workloads", "hot", "--styles", "keep-alive")
    assert status(*hot) == 1
    costs["trafficguard"] = 33.0
    assert status(*hot) == 0
    costs["trafficguard"] = 60.0  # now it breaks the other promises as well
    assert status(*hot) == 1


def test_the_command_that_is_shown_repeats_the_figures_and_tells_no_path(
    costs: dict[str, float], tmp_path: Path
) -> None:
    table = tmp_path / "table.md"
    assert status("--save", "--markdown", str(table), "--json", str(tmp_path / "a.json")) == 0
    assert "```sh\n[]\n```" in table.read_text()
    assert status("--markdown", str(table), "--targets", "nginx,caddy", "--rounds", "2", "--seconds", "3") == 0
    assert "['--targets', 'nginx,caddy', '--rounds', '2']" in table.read_text()


def test_an_invalid_row_exits_1(costs: dict[str, float]) -> None:
    costs["haproxy"] = 0.0
    assert status() == 1
    assert status("--targets", "nginx,caddy") == 0


def test_json_and_markdown_are_written_into_folders_that_need_not_exist(
    costs: dict[str, float], tmp_path: Path
) -> None:
    data, table = tmp_path / "new" / "a.json", tmp_path / "b.md"
    assert status("--json", str(data), "--markdown", str(table), "--targets", "nginx,caddy") == 0
    assert {one["target"] for one in json.loads(data.read_text())["rows"]} == {"nginx", "caddy"}
    assert "| caddy | 150.0 |" in table.read_text()


def test_a_check_of_nothing_and_an_unknown_name_are_wrong_usage(costs: dict[str, float]) -> None:
    assert status("--check", "--targets", "nginx,caddy") == 2
    assert status("--targets", "nginx,apache") == 2
    assert status("--rounds", "0") == 2


def test_a_missing_wrk_is_one_line_with_the_remedy(
    costs: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise BenchError(f"{name} not found: apt-get install {name}")

    monkeypatch.setattr(command, "find", missing)
    result = CliRunner().invoke(command.main, [])
    assert result.exit_code == 2
    assert result.output.strip() == "error: wrk not found: apt-get install wrk"


def test_the_time_it_takes_is_said_up_front(costs: dict[str, float]) -> None:
    output = CliRunner().invoke(command.main, []).output
    assert output.startswith("5 × 4 rows, about 5 min 50 s")
