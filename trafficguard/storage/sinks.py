"""The supervisor's side of the decision log: events from the channel, lines into a file.

Promises: `read_events` gives only records with the keys of an event, whatever a worker sent. `JsonLines`
writes one event per line, in ASCII, so that no text of a client can start a line of its own or steer a
terminal; the file never holds half a line and, with its predecessor, never more than twice `max_size`. A
full disk or a missing permission costs events, counted and warned of once, until it is over. Never: raises
for what a worker sent or a disk did, except from `open`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgpack

from trafficguard.errors import StartError
from trafficguard.storage.pump import MOST_BYTES
from trafficguard.telemetry.events import Event

MOST_MESSAGES: Final = 16
"""Messages read in one turn, so that a flood of events cannot keep the supervisor from other work."""
FILE_MODE: Final = 0o640

_SHAPE: Final = Event.__annotations__.keys()
_log: Final = logging.getLogger(__name__)


def read_events(channel: socket.socket, on_rubbish: Callable[[], None]) -> Iterator[Event]:
    """Events that wait on the non-blocking `channel`, of at most MOST_MESSAGES messages.

    `on_rubbish` is called for every message or record that no pump has made. EOFError, before any event, when
    nothing is left to read and nobody holds the writing end any more.
    """
    for turn in range(MOST_MESSAGES):
        try:
            message = channel.recv(MOST_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not message and turn:
            return  # so that a caller keeps the events it has; the next call says it again
        if not message:
            raise EOFError("no worker is left at the other end of the event channel")
        for record in _unpack(message):
            if isinstance(record, dict) and record.keys() == _SHAPE:
                yield record  # type: ignore[misc]
            else:
                on_rubbish()


def _unpack(message: bytes) -> list[Any]:
    """The records of a message; one None, which is no event, for a message that cannot be understood."""
    try:
        records = msgpack.unpackb(message)
    except (ValueError, msgpack.UnpackException):
        return [None]
    return records if isinstance(records, list) else [None]


def _resolved(path: Path) -> Path:
    """What has to be renamed to rotate `path`: the target of a link, but a pipe or terminal as named."""
    try:
        is_device = path.exists() and not path.is_file()
    except OSError:
        is_device = False
    return path if is_device else Path(os.path.realpath(path))


class JsonLines:
    """A file of JSON lines that is rotated to `PATH.1`, and reopened when somebody else moved it away."""

    def __init__(self, path: str, max_size: int) -> None:
        self.lost = 0
        """Events that reached the supervisor and not the file."""
        self._path = _resolved(Path(path))
        self._previous = Path(f"{self._path}.1")
        self._max_size = max_size
        self._file = -1
        self._size = 0
        self._is_regular = False
        self._ends_torn = False
        self._is_failing = False

    def open(self) -> None:
        """Opens the file now instead of at the first event; StartError when that cannot be done."""
        try:
            self._reopen()
        except OSError as error:
            raise StartError(
                f"log.file: cannot write to {self._path}: {error.strerror}\n"
                "    choose a file in a folder this user may write to, or leave log.file out"
            ) from error

    def write(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Appends the events; those that cannot be written are counted as lost."""
        lines = [line for event in events if (line := self._line(event))]
        if not lines:
            return
        written = 0
        try:
            self._follow()
            for chunk, count in self._chunks(lines):
                self._append(chunk)
                written += count
        except OSError as error:
            self._fail(error, len(lines) - written)
        else:
            self._recover()

    def close(self) -> None:
        """Closes the file; a later `write` opens it again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _line(self, event: Mapping[str, Any]) -> bytes:
        """The event as a line, or nothing where it holds what JSON does not know."""
        try:
            text = json.dumps(event, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError):
            self.lost += 1
            return b""
        return text.encode("ascii") + b"\n"

    def _chunks(self, lines: list[bytes]) -> Iterator[tuple[bytes, int]]:
        """The lines in as few pieces as the limit on the file's size allows; rotates between two pieces."""
        chunk: list[bytes] = []
        size = self._size
        for line in lines:
            if self._is_regular and size and size + len(line) > self._max_size:
                if chunk:
                    yield b"".join(chunk), len(chunk)
                    chunk = []
                self._rotate()
                size = self._size
            chunk.append(line)
            size += len(line)
        yield b"".join(chunk), len(chunk)

    def _append(self, chunk: bytes) -> None:
        if self._ends_torn:
            chunk = b"\n" + chunk
        written = os.write(self._file, chunk)
        self._ends_torn = False
        if written < len(chunk):
            self._mend()
            raise OSError(None, f"only {written} of {len(chunk)} bytes could be written")
        self._size += written

    def _mend(self) -> None:
        """After half a chunk: removes it from a file; in a pipe, where it stays, its line is ended later."""
        if self._is_regular:
            os.ftruncate(self._file, self._size)
        else:
            self._ends_torn = True

    def _follow(self) -> None:
        """Makes sure that the open file is the one the path names."""
        if self._file >= 0:
            try:
                named = self._path.stat()
            except FileNotFoundError:
                pass
            else:
                if os.path.samestat(named, os.fstat(self._file)):
                    return
        self._reopen()

    def _rotate(self) -> None:
        self._path.replace(self._previous)
        self._reopen()

    def _reopen(self) -> None:
        self.close()
        # O_NONBLOCK matters for a named pipe only: without a reader, opening it would stop the supervisor.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._file = os.open(self._path, flags, FILE_MODE)
        facts = os.fstat(self._file)
        self._size = facts.st_size
        self._is_regular = stat.S_ISREG(facts.st_mode)

    def _fail(self, error: OSError, events: int) -> None:
        self.lost += events
        if not self._is_failing:
            self._is_failing = True
            _log.warning(
                "decision log %s: %s; events are lost until this is over", self._path, error.strerror
            )

    def _recover(self) -> None:
        if self._is_failing:
            self._is_failing = False
            _log.warning(
                "decision log %s: written again; %d events lost since the start", self._path, self.lost
            )
