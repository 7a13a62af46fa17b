"""Orders on their way to workers, and their word that they follow them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from trafficguard.control.dispatch import Parcel, confirm, confirmed, open_line, receive
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.engine import plain_facts
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import ByHand, Orders

Line = tuple[socket.socket, socket.socket]
BY_HAND = (ByHand("block", "192.0.2.0/24", 5), ByHand("allow", "2001:db8::1", 6))
WORKERS = 4
ROUNDS = 200


@pytest.fixture
def line() -> Iterator[Line]:
    ends = open_line()
    yield ends
    for end in ends:
        end.close()


def orders(number: int, rules: int = 1) -> Orders:
    """Orders whose last rule blocks `/number`."""
    texts = [f'path == "/of/rule/{rule}/of/orders/{number}/and/no/other"' for rule in range(rules - 1)]
    texts.append(f'path == "/{number}"')
    given = [{"name": f"r{index}", "when": when, "action": "block"} for index, when in enumerate(texts)]
    return Orders(number, build(PolicyFile.model_validate({"rules": given})), "shadow", BY_HAND)


def send(one: Orders, *lines: socket.socket) -> None:
    parcel = Parcel(one)
    assert all(parcel.send(line) for line in lines)
    parcel.close()


def blocks(policy_of: Orders, number: int) -> bool:
    policy = policy_of.policy
    return policy.decide(plain_facts(path=f"/{number}"), policy.new_errors()).action.word == "block"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_orders_arrive_whole(line: Line) -> None:
    send(orders(7), line[0])
    arrived = receive(line[1])
    assert arrived is not None
    assert (arrived.number, arrived.mode, arrived.by_hand) == (7, "shadow", BY_HAND)
    assert blocks(arrived, 7)
    assert not blocks(arrived, 8)


def test_of_several_orders_only_the_latest_counts(line: Line) -> None:
    before = open_files()
    for number in range(1, 6):
        send(orders(number), line[0])
    arrived = receive(line[1])
    assert arrived is not None
    assert arrived.number == 5
    assert receive(line[1]) is None
    assert open_files() == before


def test_nothing_waits_for_orders_that_do_not_come(line: Line) -> None:
    assert receive(line[1]) is None
    assert confirmed(line[0]) is None


def test_the_end_of_the_line_is_told_after_what_still_came(line: Line) -> None:
    send(orders(3), line[0])
    line[0].close()
    arrived = receive(line[1])
    assert arrived is not None
    assert arrived.number == 3
    with pytest.raises(EOFError):
        receive(line[1])
    confirm(line[1], 3)  # into the void


def test_a_line_that_takes_no_more_is_said_so_and_nothing_waits(line: Line) -> None:
    before, parcel = open_files(), Parcel(orders(1))
    sent = 0
    while parcel.send(line[0]):
        sent += 1
        assert sent < 100_000
    assert sent > 20
    parcel.close()
    arrived = receive(line[1])
    assert arrived is not None
    assert open_files() == before
    send(orders(2), line[0])


def test_a_line_that_is_gone_takes_nothing() -> None:
    ours, theirs = open_line()
    theirs.close()
    parcel = Parcel(orders(1))
    assert not parcel.send(ours)
    parcel.close()
    ours.close()


def test_orders_that_cannot_be_packed_leave_nothing_behind() -> None:
    before = open_files()
    broken = Orders(1, lambda: None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="pickle"):
        Parcel(broken)
    assert open_files() == before


def test_of_several_words_of_a_worker_the_latest_counts(line: Line) -> None:
    for number in (1, 2, 9):
        confirm(line[1], number)
    assert confirmed(line[0]) == 9
    assert confirmed(line[0]) is None


def test_a_supervisor_that_does_not_listen_does_not_hold_a_worker_up(line: Line) -> None:
    for _ in range(100_000):
        confirm(line[1], 1)
    assert confirmed(line[0]) == 1


def follow(line: socket.socket) -> int:
    """A worker that takes over all orders up to the last; its exit code."""
    line.setblocking(True)
    latest = 0
    while latest < ROUNDS:
        line.recv(1, socket.MSG_PEEK)
        line.setblocking(False)
        arrived = receive(line)
        line.setblocking(True)
        if arrived is None or arrived.number <= latest or not blocks(arrived, 0):
            return 1
        latest = arrived.number
        confirm(line, latest)
    return 0


def test_four_workers_that_take_orders_over_at_once_all_get_them_whole() -> None:
    """They share the parcel: what one does with it must not show at the others."""
    lines = [open_line() for _ in range(WORKERS)]
    children = []
    for _, theirs in lines:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = follow(theirs)
            finally:
                os._exit(code)
        children.append(child)
    policy = orders(0, rules=100).policy
    for number in range(1, ROUNDS + 1):
        parcel = Parcel(Orders(number, policy, "shadow", BY_HAND))
        assert all(parcel.send(ours) for ours, _ in lines)
        parcel.close()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * WORKERS
    assert [confirmed(ours) for ours, _ in lines] == [ROUNDS] * WORKERS
    for ends in lines:
        for end in ends:
            end.close()


def test_the_default_policy_travels(line: Line) -> None:
    send(Orders(1, build(BALANCED)), line[0])
    arrived = receive(line[1])
    assert arrived is not None
    assert arrived.policy.file == BALANCED
