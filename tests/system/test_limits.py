"""Bounds hold for the whole program: deadlines for slow clients, connections of one address over all workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import pytest

from tests.system import origins
from tests.system.clients import connected, page, read_answer, script
from tests.system.processes import accepted_by
from tests.system.program import DEADLINE, Proxy, to, until

BOUND = 6.0
"""Seconds: a second of timeout, up to one more for the wheel, one between two bytes, and a busy machine."""
MANY = 40
"""Connections of which each of two workers gets some, but for one case in 2^39."""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy that waits for nobody longer than a second."""
    timeouts = {"head": "1s", "body": "1s", "keepalive": "1s"}
    with origins.raw(origins.answering) as origin, origins.silent() as silent:
        sites = [{"upstreams": [{"servers": [origin]}, {"path": "/upload", "servers": [silent]}]}]
        with Proxy(tmp_path_factory.mktemp("proxy"), {"sites": sites, "timeouts": timeouts}) as proxy:
            yield proxy


def drip(sock: socket, data: bytes) -> bytes:
    """Sends one byte a second until the other side has enough of it; what it says to that."""
    sock.settimeout(1.0)
    for index in range(len(data)):
        try:
            heard = sock.recv(65536)
        except TimeoutError:
            sock.sendall(data[index : index + 1])
            continue
        sock.settimeout(DEADLINE)
        while piece := sock.recv(65536):
            heard += piece
        return heard
    raise AssertionError("all of it was taken")


@pytest.mark.parametrize(
    ("first", "slow"),
    [(b"G", page("/")[1:]), (page("/")[:-40], page("/")[-40:]), (script("/upload", body=5000) + b"a", b"a" * 4999)],
    ids=["request line", "headers", "body"],
)
def test_a_client_that_sends_one_byte_a_second_is_cut_by_the_deadline(
    impatient: Proxy, first: bytes, slow: bytes
) -> None:
    start = time.monotonic()
    with connected(impatient.port) as sock:
        sock.sendall(first)
        heard = drip(sock, slow)
    assert 1.0 <= time.monotonic() - start < BOUND
    assert heard.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("asks_first", [False, True])
def test_a_client_that_sends_nothing_is_left_without_a_word(impatient: Proxy, asks_first: bool) -> None:
    with connected(impatient.port) as sock:
        if asks_first:
            sock.sendall(page("/"))
            assert read_answer(sock).status == 200
        start = time.monotonic()
        assert sock.recv(1) == b""
    assert 0.5 < time.monotonic() - start < BOUND


def greet(stack: ExitStack, port: int) -> tuple[socket, int]:
    """A connection that stays, and the status of the answer on it."""
    sock = stack.enter_context(connected(port))
    sock.sendall(script("/api/cart"))
    return sock, read_answer(sock).status


def test_connections_spread_over_workers_and_their_limit_holds_over_all_of_them(tmp_path: Path) -> None:
    settings = {"workers": 2, "limits": {"connections_per_address": MANY}}
    with origins.raw(origins.answering) as origin, Proxy(tmp_path, to(origin, **settings)) as proxy, ExitStack() as stack:
        by_port = {}
        for _ in range(MANY):
            sock, status = greet(stack, proxy.port)
            assert status == 200
            by_port[sock.getsockname()[1]] = sock
        shares = [accepted_by(worker, proxy.port) for worker in proxy.workers]
        assert [bool(share) for share in shares] == [True, True]
        assert set().union(*shares) == set(by_port)

        for _ in range(10):  # whichever worker they come to
            with ExitStack() as refused:
                assert greet(refused, proxy.port)[1] == 503
        # Both workers make room as soon as somebody leaves.
        for share in shares:
            by_port[share.pop()].close()
            until(lambda: greet(stack, proxy.port)[1] == 200, "that there is room again")
        with ExitStack() as refused:
            assert greet(refused, proxy.port)[1] == 503
