"""Takes recorded requests from a worker's ring to the supervisor.

Promises: `Pump.pump` does a bounded amount of work and never waits: what the channel does not take at once
is dropped and counted. A message is one msgpack array of events, at most MOST_BYTES long. Never: raises
because the supervisor is slow or gone, or sends an event twice.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import msgpack

from trafficguard.telemetry.events import EventRing, event_of
from trafficguard.telemetry.meters import Meters

MOST_BYTES: Final = 64 * 1024
"""Longest message on the channel."""
MOST_EVENTS: Final = 512
"""Events taken from the ring in one turn: about 3 ms of work."""
_ARRAY_HEADER: Final = 5
_SEND_BUFFER: Final = 4 * 1024 * 1024


def open_channel() -> tuple[socket.socket, socket.socket]:
    """A channel for events, to be made before the fork: reading end and writing end, both non-blocking."""
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (reading, writing):
        end.setblocking(False)
    writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return reading, writing


class Pump:
    """One worker's side of the channel."""

    def __init__(
        self, ring: EventRing, channel: socket.socket, meters: Meters, limit: int = MOST_EVENTS
    ) -> None:
        """`channel` must be a non-blocking SOCK_SEQPACKET socket; `limit` bounds the events of one turn."""
        self._ring = ring
        self._channel = channel
        self._meters = meters
        self._limit = limit
        # A request id or site that is not valid text must not stop the log, so it is spelled out instead.
        self._packer = msgpack.Packer(unicode_errors="backslashreplace")

    def pump(self) -> None:
        """One turn; to be called every 100 ms, and at exit."""
        packed = [self._packer.pack(event_of(exchange)) for exchange in self._ring.drain(self._limit)]
        for batch in _batches(packed):
            if self._is_sent(self._packer.pack_array_header(len(batch)) + b"".join(batch)):
                self._meters.events_logged += len(batch)
            else:
                self._meters.events_dropped += len(batch)

    def _is_sent(self, message: bytes) -> bool:
        if len(message) > MOST_BYTES:
            return False
        with contextlib.suppress(OSError):
            self._channel.send(message)
            return True
        return False


def _batches(packed: list[bytes]) -> Iterator[list[bytes]]:
    """Groups that fit into a message each; an event that is too long by itself makes a group of its own."""
    batch: list[bytes] = []
    size = _ARRAY_HEADER
    for event in packed:
        if batch and size + len(event) > MOST_BYTES:
            yield batch
            batch, size = [], _ARRAY_HEADER
        batch.append(event)
        size += len(event)
    if batch:
        yield batch
