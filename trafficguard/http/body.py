"""Readers that cut a message body out of a stream, exactly at its end.

Promises: `feed(data)` returns the bytes to send on and how many bytes of `data` belong to this body; `done` tells
that the body is complete, `fault` that it is broken. Fed whole, byte by byte or with trailing bytes, the result is
the same. Never: keeps a body (at most one chunk-size or trailer line of it), never passes a byte beyond its end.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

# RFC 9112 section 7.1: chunk-size, then extensions as token[=token|quoted-string].
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSION: Final = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})((?:" + _EXTENSION + rb")*)\r\n")
_TRAILER_LINE: Final = re.compile(_TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n")

LONGEST_CHUNK_LINE: Final = 1024
LONGEST_TRAILER: Final = 8192


class Emit(Enum):
    """What a `ChunkedBody` sends on."""

    REFRAMED = 1
    """Chunks of our own framing, without extensions and trailers: for requests."""
    RAW = 2
    """The bytes as they came: for answers to HTTP/1.1 clients."""
    PAYLOAD = 3
    """The content alone: for answers to HTTP/1.0 clients."""


class LengthBody:
    """A body of known length."""

    __slots__ = ("done", "fault", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        """Bytes still to come."""
        self.done = length == 0
        self.fault = False

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """The bytes of `data` to send on, and how many of `data` belong to this body."""
        size = len(data)
        if size < self.left:
            self.left -= size
            return data, size
        taken = self.left
        self.left = 0
        self.done = True
        return (data if taken == size else data[:taken]), taken


class UntilClose:
    """The body of an answer that ends with its connection; `done` is set by whoever sees it close."""

    __slots__ = ("done", "fault")

    def __init__(self) -> None:
        self.done = False
        self.fault = False

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """All of `data`."""
        return data, len(data)


class _State(Enum):
    SIZE = 1
    DATA = 2
    DATA_END = 3
    TRAILER = 4


class ChunkedBody:
    """A body in chunks."""

    __slots__ = ("_emit", "_left", "_line", "_state", "_trailer", "done", "fault")

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._state = _State.SIZE
        self._left = 0
        self._line = b""
        self._trailer = 0
        self.done = False
        self.fault = False

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """The bytes to send on, and how many of `data` belong to this body; nothing of it once `fault` is set."""
        if self._is_over():
            return b"", 0
        out: list[bytes] = []
        at, size = 0, len(data)
        while at < size and not self.done:
            at = self._take_data(data, at, out) if self._state is _State.DATA else self._take_line(data, at)
            if self.fault:
                return b"", at
        if self._emit is Emit.RAW:
            return (data if at == size else data[:at]), at
        if self.done and self._emit is Emit.REFRAMED:
            out.append(b"0\r\n\r\n")
        return b"".join(out), at

    def _is_over(self) -> bool:
        return self.done or self.fault

    def _take_data(self, data: bytes, at: int, out: list[bytes]) -> int:
        end = min(at + self._left, len(data))
        self._left -= end - at
        if self._left == 0:
            self._state = _State.DATA_END
        if self._emit is Emit.REFRAMED:
            out.append(b"%x\r\n%b\r\n" % (end - at, data[at:end]))
        elif self._emit is Emit.PAYLOAD:
            out.append(data[at:end])
        return end

    def _take_line(self, data: bytes, at: int) -> int:
        """Takes what has come of a chunk-size line, of the line end behind a chunk, or of a trailer line."""
        end = data.find(b"\n", at) + 1
        self._line += data[at : end or len(data)]
        if end:
            line, self._line = self._line, b""
            self._end_line(line)
            return end
        self.fault = len(self._line) > self._line_limit() or self._is_hopeless(self._line)
        return len(data)

    def _line_limit(self) -> int:
        if self._state is not _State.TRAILER:
            return LONGEST_CHUNK_LINE
        return max(1, LONGEST_TRAILER - self._trailer)  # the CR of the last, empty line is always welcome

    def _is_hopeless(self, line: bytes) -> bool:
        """Whether a partial line cannot become a valid one: a CR that is not before LF, or no size in front."""
        if self._state is _State.DATA_END:
            return line != b"\r"
        return b"\r" in line[:-1] or (self._state is _State.SIZE and line[:1] not in _HEX)

    def _end_line(self, line: bytes) -> None:
        if self._state is _State.DATA_END:
            self.fault = line != b"\r\n"
            self._state = _State.SIZE
        elif self._state is _State.SIZE:
            self._start_chunk(line)
        elif line == b"\r\n":
            self.done = True
        else:
            self._trailer += len(line)
            self.fault = self._trailer > LONGEST_TRAILER or _TRAILER_LINE.fullmatch(line) is None

    def _start_chunk(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line) if len(line) <= LONGEST_CHUNK_LINE else None
        if match is None:
            self.fault = True
            return
        self._left = int(match[1], 16)
        self._state = _State.DATA if self._left else _State.TRAILER


_HEX: Final = frozenset(bytes([byte]) for byte in b"0123456789abcdefABCDEF")

Body = LengthBody | ChunkedBody | UntilClose
