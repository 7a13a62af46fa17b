"""The client's end of a connection: who it is, when it must speak, when we read, and how it ends.

Promises: a connection over a limit is told so and closed; what a client sends too late is cut by the deadline wheel;
closing lets a client that is still sending read our last answer. Never: understands a byte of HTTP (`downstream`).
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Final

from trafficguard.net.peer import UNIX, Peer
from trafficguard.net.services import Services
from trafficguard.net.wheel import NEVER, TICK

TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_LINGER_BYTES: Final = 8 * 1024 * 1024
_SLOWEST_READER: Final = 512
"""Bytes a second that a client must read of an answer in the long run."""


class Stage(IntEnum):
    """What bytes from the client mean now."""

    HEAD = 0
    BODY = 1
    BUSY = 2
    """The request is complete and its answer is not."""
    TUNNEL = 3
    PROXY = 4
    """The PROXY header is still to come."""
    LINGER = 5
    """The last answer is sent; what still comes is dropped until the client has closed."""
    CLOSED = 6


HEAD: Final = Stage.HEAD
BODY: Final = Stage.BODY
BUSY: Final = Stage.BUSY
TUNNEL: Final = Stage.TUNNEL
PROXY: Final = Stage.PROXY
LINGER: Final = Stage.LINGER
CLOSED: Final = Stage.CLOSED


class Hold(IntEnum):
    """Why reading from the client pauses; bits."""

    QUEUE = 1
    UPLOAD = 2
    CONNECT = 4
    UNREAD = 8
    PACE = 16


class Connection(asyncio.Protocol):
    """A client connection, without its requests."""

    # Class attributes are the defaults, so that a new connection sets only what differs.
    transport: asyncio.Transport
    peer: Peer
    due = NEVER
    spoke = -1
    stage: Stage = HEAD
    half_closed = False
    """Whether the client has nothing more to say."""
    is_unread = False
    """Whether the client does not read what we send."""
    _cell: int | None = None
    _holds = 0
    _held_since = 0
    _lingered = 0
    _owed = 0
    """Bytes the client had yet to read when we last looked."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        services = self.services
        name = transport.get_extra_info("peername")
        if name is None:  # reset before it was accepted: nobody knows who it was, so it must not pass for a Unix peer
            self.stage = CLOSED
            self.transport.abort()
            return
        address = name[0] if isinstance(name, tuple) else UNIX
        self.peer = services.trust.peer(address)
        self._cell = services.gauges.enter(address, self.peer.trusted)
        if self._cell is None:
            services.meters.connections_refused += 1
            self.transport.write(TOO_MANY)
            self.close()
            return
        services.meters.connections_total += 1
        services.meters.connections_open += 1
        services.wheel.join(self)
        self.due = services.wheel.now + services.ticks.head
        if self.peer.trusted and services.trust.proxy_protocol != "off":
            self.stage = PROXY

    def leave(self) -> None:
        """To be called once the transport is gone."""
        self.stage = CLOSED
        self.due = NEVER
        self.services.wheel.leave(self)
        if self._cell is not None:
            self.services.gauges.leave(self._cell)
            self.services.meters.connections_open -= 1
            self._cell = None

    def close(self) -> None:
        """Closes after what has been written is sent, or after a while if the client does not read it."""
        self.stage = CLOSED
        self.due = self.services.wheel.now + self.services.ticks.idle
        self._owed = self.transport.get_write_buffer_size()
        self.transport.close()

    def abort(self) -> None:
        """Closes at once, losing what has been written."""
        self.transport.abort()

    def linger(self) -> None:
        """Closes in a way that lets the client read the answer although it is still sending (RFC 9112 section 9.6)."""
        self.stage = LINGER
        self._holds = 0
        self.transport.resume_reading()
        if self.transport.can_write_eof() and not self.half_closed:
            self.transport.write_eof()
        self.due = self.services.wheel.now + self.services.ticks.linger

    def drop(self, data: bytes) -> None:
        """Takes no notice of what comes while lingering, up to a bound."""
        self._lingered += len(data)
        if self._lingered > _LINGER_BYTES:
            self.transport.abort()

    def reads_on(self) -> bool:
        """Whether a client that has yet to read what we wrote has taken enough of it since the last look."""
        owed, self._owed = self._owed, self.transport.get_write_buffer_size()
        return owed - self._owed >= _SLOWEST_READER * self.services.ticks.idle * TICK

    def hold(self, why: int) -> None:
        """Stops reading from the client, for one more reason."""
        if self._holds == 0 and self.stage is not CLOSED:
            self._held_since = self.services.wheel.now
            self.transport.pause_reading()
        self._holds |= why

    def release(self, why: int) -> int:
        """Takes one reason back and reads again when it was the last; for how many ticks we have not read."""
        if self._holds == 0:
            return 0
        self._holds &= ~why
        if self._holds or self.stage is CLOSED:
            return 0
        self.transport.resume_reading()
        return self.services.wheel.now - self._held_since

    def on_deadline(self) -> None:
        """Called by the wheel when `due` has passed."""
        raise NotImplementedError

    def drain(self) -> None:
        """Called when the worker is about to go."""
        raise NotImplementedError

    def follow(self) -> None:
        """Called when other orders are in force."""
        raise NotImplementedError
