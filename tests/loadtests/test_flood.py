"""`python -m loadtests flood`: what it counts, what it keeps, and that it fails where something is missed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests import flood
from loadtests.__main__ import main as dispatcher
from loadtests.flood import MISSED, Outcome, run
from tests.counters.memories import SMALL
from trafficguard.counters.layout import Sizes

ARGUMENTS = ["flood", "--new", "60000", "--per-second", "2000", "--known", "100"]
HELD = Outcome(
    new_keys=10, per_second=1, known_keys=1, known_visits=1000, known_found=999, known_share=0.999, stayers=1,
    stayers_with_slot=1, false_thirds=0, false_third_share=0.0, refusals=0, evictions=0, memory_bytes=1 << 30,
    memory_taken_after=1 << 30, slot_bytes={"address": 512, "cluster": 8192}, seconds=1.0,
)  # fmt: skip


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results are kept, in place of those of the project."""
    file = tmp_path / "flood.json"
    monkeypatch.setattr(flood, "RESULT", file)
    return file


def test_known_keys_find_their_state_and_newcomers_that_stay_get_one() -> None:
    heard: list[int] = []
    outcome = run(Sizes(), 60_000, 2000, 100, heard.append)
    assert heard == [60_000]
    # One known visit and one newcomer's for each 600 new keys.
    assert (outcome.known_visits, outcome.known_found, outcome.known_share) == (100, 100, 1.0)
    assert outcome.misses() == []
    assert outcome.memory_taken_after >= outcome.memory_bytes == 520_082_368


def test_what_does_not_fit_is_missed() -> None:
    outcome = run(SMALL, 60_000, 2000, 1000, lambda _come: None)
    assert outcome.known_share < 0.999
    assert outcome.evictions > 0
    assert any("found their state" in miss for miss in outcome.misses())


def test_each_thing_that_must_hold_can_be_missed() -> None:
    assert HELD.misses() == []
    worse = [
        replace(HELD, known_share=0.9989),
        replace(HELD, known_visits=0),
        replace(HELD, memory_taken_after=(1 << 30) + 1),
        replace(HELD, slot_bytes={"address": 520}),
    ]
    assert [len(outcome.misses()) for outcome in worse] == [1] * len(worse)


def test_the_command_prints_its_figures_and_keeps_nothing_unasked(result: Path) -> None:
    told = CliRunner().invoke(dispatcher, ARGUMENTS)
    assert told.exit_code == 0, told.output
    assert "that found their state" in told.output
    assert "100.0000%" in told.output
    assert not result.exists()


def test_the_result_is_kept_when_asked(result: Path) -> None:
    assert CliRunner().invoke(dispatcher, [*ARGUMENTS, "--write"]).exit_code == 0
    kept = json.loads(result.read_text())
    assert (kept["new_keys"], kept["known_share"], kept["missed"]) == (60_000, 1.0, [])


def test_a_miss_is_said_and_fails(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "run", lambda *_args: replace(HELD, known_share=0.5))
    told = CliRunner().invoke(dispatcher, [*ARGUMENTS, "--write"])
    assert told.exit_code == MISSED
    assert "MISSED: known keys found their state on 50.000%" in told.output
    assert len(json.loads(result.read_text())["missed"]) == 1


def test_help_teaches() -> None:
    told = CliRunner().invoke(dispatcher, ["flood", "--help"]).output
    for word in ("--new", "--per-second", "--known", "--write", "Exits with 1", "Examples:"):
        assert word in told
    assert "flood" in CliRunner().invoke(dispatcher, ["--help"]).output
