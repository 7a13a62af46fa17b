"""A program that runs as long as a block: started in a process group of its own, ready when it answers 200.

Promises: whatever happens in the block, nothing of the group is left behind; a start that fails says what the
program said last.
Never: knows which program it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.fetch import PLAIN, connection

START_DEADLINE = 60.0
"""Seconds until the first 200; a first start may compile kernels."""
STOP_DEADLINE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
POLL = 0.05


@dataclass(frozen=True)
class Launch:
    """How to start a program."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the benchmark's own."""


@dataclass(frozen=True)
class Service:
    """A program that runs and answers."""

    pid: int
    """Leader of its process group and session, root of its process tree."""
    port: int


@contextmanager
def running(launch: Launch, port: int, folder: Path, question: bytes = PLAIN) -> Iterator[Service]:
    """Start in `folder`, wait until it answers 200 on `port`, stop at the end. BenchError when it never does."""
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command,
            cwd=folder,
            env={**os.environ, **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, log, question)
        yield Service(process.pid, port)
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path, question: bytes) -> None:
    deadline = time.monotonic() + START_DEADLINE
    reason = "no answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"ended with status {process.returncode}: {_tail(log)}")
        try:
            with connection(port) as asked:
                status = asked.ask(question).status
        except BenchError as error:
            reason = str(error)
        else:
            if status == 200:
                return
            reason = f"answers {status}"
        time.sleep(POLL)
    raise BenchError(f"not ready after {START_DEADLINE:.0f} s: {reason}; {_tail(log)}")


def _tail(log: Path, length: int = 400) -> str:
    said = log.read_text(errors="replace").strip()
    return f"…{said[-length:]}" if len(said) > length else said or "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_DEADLINE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
