"""Listening sockets: made once by the supervisor, inherited by workers.

Promises: a port that is in use is seen, although the N sockets of N workers share it by SO_REUSEPORT: it is bound
without that option first. A worker that comes back takes the same socket, with all connections waiting on it. Never:
accepts (`worker`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import stat
import struct
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trafficguard.errors import StartError

_BACKLOG: Final = 4096

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_NO_SYN: Final = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the byte of TCP flags
        (0x45, 0, 1, 0x02),  # SYN?
        (0x06, 0, 0, 0),  # drop
        (0x06, 0, 0, 0xFFFFFFFF),  # take
    )
)
"""A socket filter, see socket(7) and the kernel's networking/filter.rst."""


def bind(listen: list[str], workers: int) -> list[list[socket.socket]]:
    """For each worker one listening socket for each place; StartError when a place cannot be had."""
    by_place: list[list[socket.socket]] = []
    try:
        for place in listen:
            bind_one = _bind_unix if place.startswith("unix:") else _bind_tcp
            by_place.append(bind_one(place, workers))
    except StartError:
        remove_files(listen[: len(by_place)])
        raise
    return [list(sockets) for sockets in zip(*by_place, strict=True)]


def remove_files(listen: list[str]) -> None:
    """Removes the files of those places that are Unix sockets; their sockets stay as they are."""
    for place in listen:
        if place.startswith("unix:"):
            Path(place.removeprefix("unix:")).unlink(missing_ok=True)


def turn_away(sock: socket.socket) -> None:
    """From now on nobody begins to connect, and who has begun may finish; the others try again after a second.

    So that closing the socket resets nobody whose handshake is under way; some sandboxes have no such filters.
    """
    if sock.family == socket.AF_UNIX:
        return
    code = ctypes.create_string_buffer(_NO_SYN, len(_NO_SYN))
    with contextlib.suppress(OSError):
        program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(code))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def take_in(sock: socket.socket) -> None:
    """Takes back `turn_away`, which outlives the worker that called it."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def _bind_tcp(place: str, workers: int) -> list[socket.socket]:
    parts = urlsplit(f"//{place}")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            parts.hostname, parts.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with _tcp(family, shared=False) as probe:
            probe.bind(address)
            # Port 0 asks for any free port; the workers must then share the one that was found.
            address = probe.getsockname()
        sockets = []
        for _ in range(workers):
            sock = _tcp(family, shared=workers > 1)
            sock.bind(address)
            sock.listen(_BACKLOG)
            sock.setblocking(False)
            sockets.append(sock)
    except OSError as error:
        raise StartError(f"cannot listen on {place}: {_why(error)}") from error
    return sockets


def _tcp(family: int, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def _bind_unix(place: str, workers: int) -> list[socket.socket]:
    """One socket for all workers: Unix sockets know no SO_REUSEPORT."""
    path = Path(place.removeprefix("unix:"))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise StartError(f"cannot listen on {place}: {_why(error)}") from error
    return [sock] * workers


def _remove_stale(path: Path) -> None:
    """Removes a socket file that nobody listens on any more; OSError when somebody does."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "in use")


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host name is not known; use an address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "it is in use; stop the program that listens there or choose another with --listen"
    if error.errno == errno.EACCES:
        return "permission denied; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return error.strerror or str(error)
