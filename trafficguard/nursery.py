"""Forking a child out of a process that runs an event loop.

Promises: the child starts clean: no inherited loop, Unix signal handlers or file descriptors but those it is given and
the standard three; a Unix signal that asks it to stop waits until the child is ready for it; it ends with the function
it runs and never returns into the parent's code. Never: waits.
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
        self.how = f"ended with exit code {code}" if code >= 0 else f"was ended by {_name_of(-code)}"
        return True

    def send(self, number: signal.Signals) -> None:
        """Sends a Unix signal, if it still runs."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"Unix signal {number}"


def fork(main: Callable[[], None], keep: Iterable[int]) -> Child:
    """Runs `main` in a child that holds the file descriptors in `keep` and no others beyond 2.

    SIGTERM, SIGINT and SIGHUP are blocked in the child: `main` unblocks those that it has made handlers for, so that
    none comes too early. OSError when no process can be made.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(main, sorted(keep))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return Child(pid)


def _be_child(main: Callable[[], None], keep: list[int]) -> NoReturn:
    code = 1
    try:
        # What the parent made is never collected here: its loop would close descriptors that are ours by then.
        gc.freeze()
        signal.set_wakeup_fd(-1)
        for number in _HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
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
