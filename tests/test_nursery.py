"""A forked child starts clean, ends with its function, and tells how."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trafficguard.nursery import Child, fork

DEADLINE = 10.0
STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def outcome(child: Child) -> str:
    """Waits for the end of a child; how it ended."""
    watched = os.pidfd_open(child.pid)
    try:
        assert select.select([watched], [], [], DEADLINE)[0], "the child did not end"
    finally:
        os.close(watched)
    assert child.has_ended()
    return child.how


def said_by(child_main: Callable[[int], None]) -> bytes:
    """What a child writes to the one file descriptor that it is given."""
    told, telling = os.pipe()
    child = fork(lambda: child_main(telling), [telling])
    os.close(telling)
    with os.fdopen(told, "rb") as answer:
        said = answer.read()
    assert outcome(child) == "ended with exit code 0"
    return said


def test_a_child_ends_when_its_function_does() -> None:
    assert outcome(fork(lambda: None, [])) == "ended with exit code 0"


@pytest.mark.parametrize("failure", [RuntimeError("broken egg"), SystemExit(0), KeyboardInterrupt()])
def test_a_function_that_raises_never_returns_into_its_parents_code(
    failure: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        sys.stderr = os.fdopen(2, "w")  # pytest's own is a descriptor that the child does not get
        raise failure

    assert outcome(fork(fail, [])) == "ended with exit code 1"
    assert type(failure).__name__ in capfd.readouterr().err


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGUSR1, "SIGUSR1"), (36, "Unix signal 36")]
)
def test_it_is_told_which_unix_signal_ended_a_child(number: int, name: str) -> None:
    child = fork(signal.pause, [])
    assert not child.has_ended()
    os.kill(child.pid, number)
    assert outcome(child) == f"was ended by {name}"


def test_a_child_that_somebody_else_reaped_is_gone() -> None:
    child = fork(lambda: None, [])
    os.waitpid(child.pid, 0)
    assert child.has_ended()
    assert child.how == "is gone"
    child.send(signal.SIGTERM)  # harms nobody


def test_a_child_holds_nothing_but_what_it_is_given() -> None:
    def list_descriptors(telling: int) -> None:
        held = {int(link.name) for link in Path("/proc/self/fd").iterdir()}
        # The descriptor by which the folder was read is the lowest free one, and closed by now.
        os.write(telling, repr(sorted(held - {3, telling})).encode())

    spare, other = os.pipe()
    try:
        assert said_by(list_descriptors) == b"[0, 1, 2]"
    finally:
        os.close(spare)
        os.close(other)


def test_a_child_has_no_handlers_of_its_parent() -> None:
    def list_handlers(telling: int) -> None:
        handlers = {signal.getsignal(number) for number in (*STOPPING, signal.SIGCHLD)}
        os.write(telling, repr(handlers == {signal.SIG_DFL}).encode())

    before = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, signal.SIGCHLD)}
    try:
        assert said_by(list_handlers) == b"True"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_unix_signal_that_comes_before_the_child_can_take_it_is_not_lost() -> None:
    start, starting = os.pipe()

    def obey() -> None:
        os.read(start, 1)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.pause()

    child = fork(obey, [start])
    child.send(signal.SIGTERM)
    os.write(starting, b"!")
    assert outcome(child) == "ended with exit code 7"
    os.close(start)
    os.close(starting)


def test_forking_leaves_the_parents_unix_signals_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    outcome(fork(lambda: None, []))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before

    def refuse() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(BlockingIOError):
        fork(lambda: None, [])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
