"""Tests of loadtests/bench/measure.py: with targets and wrk replaced, so that nothing is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtests.bench import measure as measuring
from loadtests.bench.drive import Run
from loadtests.bench.errors import BenchError
from loadtests.bench.measure import fault, measure
from loadtests.bench.service import Service
from tests.loadtests.bench.samples import plan, sample

GOOD = Run(1000, 1.0, 1_400_000, 0, 1500, 6000)
PORTS = {"nginx": 1, "caddy": 2}


class Stage:
    """Stands for every program: each request costs 20 microseconds of CPU."""

    def __init__(self) -> None:
        self.driven: list[int] = []
        self.cpu = 0.0
        self.running: set[int] = set()
        self.broken_start: int | None = None
        self.answers: dict[int, Run] = {}

    @contextmanager
    def start(self, target: Any, _place: Any, _home: Path) -> Iterator[Service]:
        port = PORTS[target.name]
        if port == self.broken_start:
            raise BenchError("ended with status 1: bind failed")
        self.running.add(port)
        yield Service(port, port)
        self.running.remove(port)

    def drive(self, port: int, _script: Path, **_how: Any) -> Run:
        assert port in self.running
        self.driven.append(port)
        run = self.answers.get(port, GOOD)
        self.cpu += run.requests * 20e-6
        return run


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()

    @contextmanager
    def origin(_folder: Path) -> Iterator[int]:
        yield 9

    monkeypatch.setattr(measuring, "_origin", origin)
    monkeypatch.setattr(measuring, "_start", stage.start)
    monkeypatch.setattr(measuring, "verify", lambda _port, _workload: None)
    monkeypatch.setattr(measuring, "drive", stage.drive)
    monkeypatch.setattr(measuring, "cpu_seconds", lambda _pid: stage.cpu)
    return stage


def test_rounds_are_interleaved_and_the_order_turns(stage: Stage) -> None:
    measure(plan("nginx", "caddy"), lambda _doing, _passed: None)
    warm_up, rounds = stage.driven[:4], stage.driven[4:]
    assert warm_up == [1, 2, 1, 2]
    assert rounds == [1, 2, 1, 2, 2, 1, 2, 1, 1, 2, 1, 2]
    assert not stage.running


def test_a_row_has_a_sample_per_round_and_none_of_the_warm_up(stage: Stage) -> None:
    rows = measure(plan("nginx"), lambda _doing, _passed: None)
    assert [[one.turn for one in row.samples] for row in rows] == [[0, 1, 2], [0, 1, 2]]
    assert {round(one.cpu_us, 6) for row in rows for one in row.samples} == {20.0}


def test_a_target_that_cannot_start_becomes_an_error_and_the_others_are_measured(stage: Stage) -> None:
    stage.broken_start = PORTS["caddy"]
    rows = measure(plan("nginx", "caddy"), lambda _doing, _passed: None)
    errors = {(row.target, row.error) for row in rows}
    assert errors == {("nginx", None), ("caddy", "ended with status 1: bind failed")}
    assert all(len(row.samples) == (3 if row.target == "nginx" else 0) for row in rows)


def test_a_failed_request_makes_the_row_invalid_and_ends_it(stage: Stage) -> None:
    stage.answers[PORTS["caddy"]] = replace(GOOD, errors=2)
    rows = measure(plan("nginx", "caddy"), lambda _doing, _passed: None)
    assert {row.error for row in rows if row.target == "caddy"} == {"warm-up: 2 of 1000 requests failed"}
    assert stage.driven.count(PORTS["caddy"]) == 2


def test_the_seconds_told_are_the_seconds_planned(stage: Stage) -> None:
    told: list[int] = []
    stage.broken_start = PORTS["caddy"]
    measure(plan("nginx", "caddy"), lambda _doing, passed: told.append(passed))
    assert sum(told) == plan("nginx", "caddy").duration()


def test_a_run_counts_only_when_every_answer_can_hold_the_origins_body() -> None:
    good = sample(0, 20.0).run
    assert fault(good) is None
    assert fault(replace(good, requests=0)) == "no request was answered"
    assert fault(replace(good, errors=1)) == "1 of 1000 requests failed"
    assert fault(replace(good, bytes=good.requests * 900)) == "answers without the origin's body"
