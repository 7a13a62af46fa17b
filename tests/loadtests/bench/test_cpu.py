"""Tests of loadtests/bench/cpu.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from loadtests.bench.cpu import TICK, Process, cpu_seconds, parse_stat, processes, tree

STAT = "4242 (a) R (b c)) S 41 4242 77 0 -1 4194560 92 300 0 0 11 22 33 44 20 0 1 0 123456 8306688 203"
BURN = """
import os, sys, time
def burn(seconds):
    while time.process_time() < seconds:
        pass
child = os.fork()
burn(0.2)
if child:
    ended = os.fork()
    if not ended:
        burn(0.2)
        os._exit(0)
    os.waitpid(ended, 0)
print("done", flush=True)
sys.stdin.read()
"""
"""The root and a living child burn 0.2 s each, and so does a child that has ended; then both wait."""


@pytest.fixture
def burner() -> Iterator[int]:
    """The pid of a tree that has used 0.6 s and idles."""
    command = [sys.executable, "-S", "-c", BURN]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == [b"done\n"] * 2
        yield process.pid
        process.stdin.close()


def test_a_name_with_spaces_and_parentheses_does_not_shift_the_fields() -> None:
    assert parse_stat(STAT) == Process(pid=4242, parent=41, session=77, ticks=11 + 22 + 33 + 44)


def test_a_tree_holds_descendants_and_orphans_of_its_session_and_nobody_else() -> None:
    root, child, grandchild = Process(10, 1, 10, 0), Process(20, 10, 20, 0), Process(30, 20, 20, 0)
    orphan, stranger = Process(40, 1, 10, 0), Process(50, 1, 50, 0)
    everyone = [grandchild, stranger, orphan, child, root]
    assert {p.pid for p in tree(10, everyone)} == {10, 20, 30, 40}


def test_time_of_living_and_of_ended_children_counts(burner: int) -> None:
    used = cpu_seconds(burner)
    assert 0.6 - 4 * TICK <= used <= 1.5


def test_an_idle_tree_uses_nothing_more(burner: int) -> None:
    assert cpu_seconds(burner) == pytest.approx(cpu_seconds(burner), abs=2 * TICK)


def test_this_process_is_among_the_processes() -> None:
    own = {process.pid: process for process in processes()}[os.getpid()]
    assert own.parent == os.getppid()
    assert own.session == os.getsid(0)
