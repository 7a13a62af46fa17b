"""Clients that leave while nobody reads from them are noticed, however they leave."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from tests.net.lines import settle, until
from trafficguard.net.departures import Departures


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


LEAVING = {"closes": socket.socket.close, "resets": reset, "says it is done": lambda sock: sock.shutdown(socket.SHUT_WR)}


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return client, server.accept()[0]


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize("make", [pair, socket.socketpair], ids=["tcp", "unix"])
async def test_who_leaves_is_told_of_once(make: object, leave: object) -> None:
    client, ours = make()  # type: ignore[operator]
    departures, gone = Departures(), asyncio.Event()
    departures.watch(ours.fileno(), gone.set)
    client.sendall(b"who says something has not left")
    await settle()
    assert not gone.is_set()
    leave(client)  # type: ignore[operator]
    await until(gone.is_set)
    assert len(departures) == 0
    gone.clear()
    await settle()
    assert not gone.is_set()
    client.close()
    ours.close()


async def test_who_has_left_before_is_told_of_too() -> None:
    client, ours = pair()
    client.close()
    departures, gone = Departures(), asyncio.Event()
    departures.watch(ours.fileno(), gone.set)
    await until(gone.is_set)
    ours.close()


async def test_who_is_forgotten_is_not_told_of_and_the_number_can_be_used_again() -> None:
    client, ours = pair()
    departures, gone = Departures(), asyncio.Event()
    departures.watch(ours.fileno(), gone.set)
    departures.forget(ours.fileno())
    departures.forget(ours.fileno())
    client.close()
    await settle()
    assert not gone.is_set()
    departures.watch(ours.fileno(), gone.set)
    await until(gone.is_set)
    ours.close()


async def test_many_that_leave_at_once_may_forget_each_other() -> None:
    pairs = [pair() for _ in range(20)]
    departures, told = Departures(), list[int]()

    def gone(number: int) -> None:
        told.append(number)
        departures.forget(pairs[(number + 1) % 20][1].fileno())

    for number, (_, ours) in enumerate(pairs):
        departures.watch(ours.fileno(), lambda number=number: gone(number))  # type: ignore[misc]
    for client, _ in pairs:
        client.close()
    await until(lambda: len(departures) == 0)
    assert all((number + 1) % 20 not in told[at + 1 :] for at, number in enumerate(told))
    for _, ours in pairs:
        ours.close()
