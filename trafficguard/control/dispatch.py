"""Orders on their way from the supervisor to its workers, and their word that they follow them.

Orders are finished once, by the supervisor, and go to each worker as one piece of shared memory behind a short message;
the worker takes them over in one step and answers with their number. Both ends are processes of ours.

Promises: nothing waits; of several orders that a worker has not looked at yet only the latest counts. Never: tells a
worker half of something.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import socket
import struct
from typing import Final

from trafficguard.policy.orders import Orders

_NUMBER: Final = struct.Struct("<Q")


def open_line() -> tuple[socket.socket, socket.socket]:
    """A line for orders, to be made before the fork: the supervisor's end and the worker's, both non-blocking."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


class Parcel:
    """Orders, packed for as many workers as there are."""

    __slots__ = ("_fd", "number")

    def __init__(self, orders: Orders) -> None:
        self.number = orders.number
        packed = pickle.dumps(orders, pickle.HIGHEST_PROTOCOL)
        self._fd = os.memfd_create("trafficguard-orders", os.MFD_CLOEXEC)
        try:
            os.truncate(self._fd, len(packed))
            with mmap.mmap(self._fd, len(packed)) as memory:
                memory[:] = packed
        except BaseException:
            os.close(self._fd)
            raise

    def send(self, line: socket.socket) -> bool:
        """Sends them to one worker; False when its line takes no more."""
        with contextlib.suppress(OSError):
            socket.send_fds(line, [_NUMBER.pack(self.number)], [self._fd])
            return True
        return False

    def close(self) -> None:
        """To be called once they are sent."""
        os.close(self._fd)


def receive(line: socket.socket) -> Orders | None:
    """The latest orders that have come; None when there are none. EOFError when none will come any more."""
    latest: int | None = None
    ended = False
    while True:
        try:
            data, fds, _, _ = socket.recv_fds(line, _NUMBER.size, 1)
        except OSError:
            break
        if not data:
            ended = True
            break
        for fd in fds:
            if latest is not None:
                os.close(latest)
            latest = fd
    if latest is None:
        if ended:
            raise EOFError("nobody is left at the other end of the line for orders")
        return None
    try:
        # Mapped, not read: all workers share one position in the file.
        with mmap.mmap(latest, 0, prot=mmap.PROT_READ) as memory:
            orders = pickle.loads(memory)  # noqa: S301 - from our supervisor
    finally:
        os.close(latest)
    return orders if isinstance(orders, Orders) else None


def confirm(line: socket.socket, number: int) -> None:
    """Tells the supervisor that these orders are followed."""
    with contextlib.suppress(OSError):
        line.send(_NUMBER.pack(number))


def confirmed(line: socket.socket) -> int | None:
    """The latest number that a worker has confirmed since the last look; None when it has said nothing."""
    latest = None
    with contextlib.suppress(OSError):
        while data := line.recv(_NUMBER.size):
            (latest,) = _NUMBER.unpack(data)
    return latest
