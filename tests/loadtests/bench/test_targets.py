"""Tests of loadtests/bench/targets.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.bench import targets
from loadtests.bench.configs import TRAFFICGUARD, Place
from loadtests.bench.targets import BASELINE, TARGETS


@pytest.fixture(autouse=True)
def everything_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "find", lambda name: f"/bin/{name}")


def test_the_baseline_is_a_target() -> None:
    assert BASELINE in TARGETS


def test_trafficguard_needs_no_file_where_it_trusts_nobody(tmp_path: Path) -> None:
    launch = TARGETS["trafficguard"].launch(Place(1, 2, trusting=False), tmp_path)
    assert " ".join(launch.command) == (
        "/bin/trafficguard serve --listen 127.0.0.1:1 --upstream http://127.0.0.1:2 --workers 1 --shadow"
    )
    assert list(tmp_path.iterdir()) == []


def test_trafficguard_is_given_the_file_that_trusts_the_crowds_peer(tmp_path: Path) -> None:
    launch = TARGETS["trafficguard"].launch(Place(1, 2, trusting=True), tmp_path)
    assert Path(launch.command[-1]).read_text() == TRAFFICGUARD
    assert launch.command[-2] == "--config"


def test_caddy_gets_one_core_and_writes_only_into_its_folder(tmp_path: Path) -> None:
    environment = TARGETS["caddy"].launch(Place(1, 2, trusting=False), tmp_path).environment
    assert environment["GOMAXPROCS"] == "1"
    assert environment["HOME"] == environment["XDG_DATA_HOME"] == str(tmp_path)
