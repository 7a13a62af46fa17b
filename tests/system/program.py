"""A program under test: started as a user starts it, watched from outside, and gone at the end.

Promises: output is collected as it comes; every wait has a deadline, and one that fails shows what the program said;
when the block of a `Program` ends, every process that it started has ended. Never: sleeps to let something happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

import trafficguard
from tests.system.processes import children, members

DEADLINE = 30.0
"""Seconds after which a wait has failed; on a busy machine a start takes a few."""
_HOME = Path(trafficguard.__file__).parents[1]
_READY = "INFO listening on "
_LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")
_ADMIN = re.compile(r"health and metrics on http://127\.0\.0\.1:(\d+)")
_KEPT_VARIABLE = "TRAFFICGUARD_CACHE_DIR"


class Program:
    """`trafficguard` with some arguments, in a process group of its own."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        """`variables` are added to the environment, which holds no settings of whoever runs the tests."""
        foreign = [name for name in os.environ if name.startswith("TRAFFICGUARD_") and name != _KEPT_VARIABLE]
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trafficguard", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=_HOME,
            env={**kept, **variables},
        )
        self.pid = self._process.pid
        self.output: list[str] = []
        """Lines of standard output so far."""
        self.errors: list[str] = []
        """Lines of standard error so far."""
        self._changed = threading.Condition()
        self._open = 2
        """Outputs that something may still come from."""
        self._readers = [
            threading.Thread(target=self._collect, args=(self._process.stdout, self.output)),
            threading.Thread(target=self._collect, args=(self._process.stderr, self.errors)),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_trouble: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *trouble: object) -> None:
        await asyncio.to_thread(self.__exit__, *trouble)

    def _collect(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until its output makes `condition` true."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or not self._open, DEADLINE)
            if not condition():
                raise AssertionError(f"{what} did not come; {self.said()}")

    def wait_for_text(self, text: str, lines: list[str] | None = None) -> str:
        """The first line with `text`, out of standard error unless told otherwise."""
        lines = self.errors if lines is None else lines
        self.wait_for(lambda: any(text in line for line in lines), repr(text))
        return next(line for line in lines if text in line)

    def said(self) -> str:
        """Both outputs, for messages."""
        return "\n".join(("standard output:", *self.output, "standard error:", *self.errors))

    def send(self, number: signal.Signals) -> None:
        """Sends a Unix signal to its first process."""
        self._process.send_signal(number)

    def wait(self, deadline: float = DEADLINE) -> int:
        """The exit code, once it has ended and all that it said has been read."""
        try:
            code = self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {deadline:g} s; {self.said()}") from None
        if code >= 0:  # killed ones leave workers behind, which hold the pipes open
            for reader in self._readers:
                reader.join(DEADLINE)
        return code

    def stop(self) -> int:
        """Asks it to stop; the exit code. Nothing of it may be left then."""
        self.send(signal.SIGTERM)
        code = self.wait()
        assert self.processes() == [], self.said()
        return code

    def processes(self) -> list[int]:
        """All live processes that it has started, itself included."""
        return members(self.pid)


def serve(folder: Path, settings: dict[str, Any], *flags: str) -> Program:
    """`trafficguard serve` with a configuration file, which it finds in `folder`."""
    return Program(*_serving(folder, settings, flags))


def _serving(folder: Path, settings: dict[str, Any], flags: tuple[str, ...]) -> list[str]:
    file = folder / f"{random.randrange(1 << 32):08x}.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    return ["serve", "--config", str(file), *flags]


class Proxy(Program):
    """`trafficguard serve` on free ports; its block begins once all workers serve."""

    def __init__(self, folder: Path, settings: dict[str, Any], *flags: str) -> None:
        """Starts; `settings` need `sites` only. `folder` takes the file."""
        free = {"listen": ["127.0.0.1:0"], "admin": {"listen": "127.0.0.1:0"}}
        super().__init__(*_serving(folder, {**free, **settings}, flags))
        self.port = 0
        """Where clients connect, once it is ready; 0 without such a place."""
        self.admin_port = 0

    def __enter__(self) -> Self:
        try:
            self.wait_for_text(_READY)
        except BaseException:
            self.__exit__()
            raise
        self.port = self._number(_LISTENING)
        self.admin_port = self._number(_ADMIN)
        return self

    @property
    def workers(self) -> list[int]:
        """Its worker processes."""
        return children(self.pid)

    def _number(self, pattern: re.Pattern[str]) -> int:
        matches = [match for line in self.errors if (match := pattern.search(line))]
        return int(matches[0][1]) if matches else 0


def to(*servers: str, **more: Any) -> dict[str, Any]:
    """Settings of a proxy in front of `servers`."""
    return {"sites": [{"upstreams": [{"servers": list(servers)}]}], **more}


def free_port() -> int:
    """A port on which nobody listens, out of those that the kernel gives to no client."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def until(condition: Callable[[], bool], what: str) -> None:
    """Looks again and again whether something outside the program and its output has come true."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true")
        time.sleep(0.005)
