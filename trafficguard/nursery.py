"""Forking a child out of a process that runs an event loop.

Promises: the child starts clean: no inherited loop, Unix signal handlers or file descriptors but those it is given and
the standard three; it ends with the function it runs and never returns into the parent's code. Never: waits.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

_HIGHEST_FD: Final = 1 << 20
_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)


class Child:
    """A forked process."""

    __slots__ = ("how", "pid")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.how = ""
        """How it ended, once it has."""

    def has_ended(self) -> bool:
        """Whether it is over; then `how` says in which way."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            self.how = "is gone"
            return True
        if pid == 0:
            return False
        code = os.waitstatus_to_exitcode(status)
        self.how = f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        return True

    def send(self, number: signal.Signals) -> None:
        """Sends a Unix signal, if it still runs."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return


def fork(main: Callable[[], None], keep: Iterable[int]) -> Child:
    """Runs `main` in a child that holds the file descriptors in `keep` and no others beyond 2."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be_child(main, sorted(keep))
    return Child(pid)


def _be_child(main: Callable[[], None], keep: list[int]) -> NoReturn:
    code = 1
    try:
        # What the parent made is never collected here: its loop would close descriptors that are ours by then.
        gc.freeze()
        signal.set_wakeup_fd(-1)
        for number in _HANDLED:
            signal.signal(number, signal.SIG_DFL)
        asyncio.events._set_running_loop(None)
        low = 3
        for fd in keep:
            os.closerange(low, fd)
            low = fd + 1
        os.closerange(low, _HIGHEST_FD)
        main()
        code = 0
    except BaseException:  # noqa: BLE001 - a child must never return into its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
