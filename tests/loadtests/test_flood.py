from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests import flood
from loadtests.__main__ import main as dispatcher
from loadtests.flood import Outcome, run
from tests.counters.memories import SMALL, TINY
from trafficguard.counters.layout import Sizes, layout

SHORT = ["flood", "--new", "30000", "--per-second", "1000", "--known", "100"]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """A flood of which 256 slots see 30,000 keys and keep 50."""
    return run(SMALL, 30_000, 1000, 50)


def test_known_keys_find_their_state_while_many_times_more_keys_than_slots_pass(outcome: Outcome) -> None:
    assert outcome.known_visits == 50
    assert outcome.known_share == 1.0
    assert outcome.misses() == []


def test_no_more_is_taken_than_the_layout_says(outcome: Outcome) -> None:
    assert layout(SMALL).size <= outcome.memory_bytes < layout(SMALL).size + 4096
    assert outcome.memory_growth_bytes == 0


def test_newcomers_that_stay_have_a_slot_at_their_third_visit() -> None:
    outcome = run(replace(SMALL, sketch_cells=1 << 18), 90_000, 1000, 50)
    assert outcome.stayers == outcome.stayers_with_slot == 50


def test_progress_is_told_up_to_the_end() -> None:
    shares: list[float] = []
    run(SMALL, 1000, 1000, 10, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_more_known_keys_than_slots_are_a_miss_that_is_told() -> None:
    outcome = run(TINY, 30_000, 1000, 100)
    assert outcome.evictions > 0
    (missed,) = outcome.misses()
    assert "of known visits found their state, fewer than 99.9%" in missed


def test_whatever_is_larger_than_stated_is_a_miss_that_is_told(outcome: Outcome) -> None:
    bloated = replace(
        outcome,
        memory_bytes=(1 << 30) + 1,
        memory_growth_bytes=4096,
        slot_bytes={**outcome.slot_bytes, "session": 520},
    )
    assert bloated.misses() == [
        "a slot of session takes 520 bytes, more than 512",
        "the memory takes 1,073,741,825 bytes, more than 1,073,741,824",
        "the memory grew by 4,096 bytes",
    ]


def test_the_command_prints_its_figures_and_writes_them_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "RESULT", tmp_path / "flood.json")
    assert CliRunner().invoke(dispatcher, SHORT).exit_code == 0
    assert not flood.RESULT.exists()
    result = CliRunner().invoke(dispatcher, [*SHORT, "--write"])
    assert result.exit_code == 0, result.output
    assert "100.000%" in result.output
    kept = json.loads(flood.RESULT.read_text())
    assert (kept["new_keys"], kept["known_share"]) == (30_000, 1.0)
    assert kept["machine"]["cores"] >= 1


def test_the_command_fails_when_something_is_missed(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    monkeypatch.setattr(flood, "run", lambda *_args: replace(outcome, known_share=0.9989))
    result = CliRunner().invoke(dispatcher, SHORT)
    assert result.exit_code == 1
    assert "MISSED: 99.890% of known visits" in result.output


def test_known_keys_that_cannot_all_come_in_their_time_are_refused() -> None:
    assert CliRunner().invoke(dispatcher, [*SHORT, "--known", "30001"]).exit_code == 2


def test_the_kept_result_is_of_the_whole_flood_at_the_default_sizes_and_misses_nothing() -> None:
    kept = json.loads(flood.RESULT.read_text())
    kept.pop("machine")
    whole = Outcome(**kept)
    assert (whole.new_keys, whole.per_second, whole.known_keys) == (5_000_000, 50_000, 10_000)
    assert layout(Sizes()).size <= whole.memory_bytes < layout(Sizes()).size + 4096
    assert whole.misses() == []
