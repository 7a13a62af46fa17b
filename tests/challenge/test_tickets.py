"""Tickets: given out by us, to this visitor, not long ago, and good once."""

from __future__ import annotations

import multiprocessing
from base64 import urlsafe_b64decode, urlsafe_b64encode
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.challenge.visits import NOON, SECRET, VISITORS, request
from tests.counters.memories import SMALL, new_table
from trafficguard.actions import KINDS
from trafficguard.challenge.tickets import LIFETIME_S, LONGEST_RULE, SKEW_S, Ticket, Tickets, spend
from trafficguard.clock import SECOND
from trafficguard.counters.table import Table

TICKETS = Tickets(SECRET)
WHO = VISITORS.of(request())
TEXT = TICKETS.issue(WHO, "pow", NOON, 12, 16, "a rule", 3).encode()
ATTEMPTS = 10_000
WORKERS = 4


def test_a_ticket_says_what_was_asked() -> None:
    ticket = TICKETS.open(TEXT, WHO, NOON)
    assert isinstance(ticket, Ticket)
    assert ticket[1:] == (NOON // SECOND, "pow", 12, 16, 3, "a rule")
    assert len(ticket.nonce) == 16


@pytest.mark.parametrize("kind", KINDS)
def test_tickets_of_all_kinds_open_and_no_two_are_alike(kind: str) -> None:
    first, second = (TICKETS.issue(WHO, kind, NOON).encode() for _ in range(2))  # type: ignore[arg-type]
    assert first != second
    opened = TICKETS.open(first, WHO, NOON)
    assert isinstance(opened, Ticket)
    assert opened.kind == kind


def test_a_ticket_ends_and_does_not_begin_in_the_future() -> None:
    end = NOON + LIFETIME_S * SECOND
    assert isinstance(TICKETS.open(TEXT, WHO, end - 1), Ticket)
    assert TICKETS.open(TEXT, WHO, end) == "expired"
    assert isinstance(TICKETS.open(TEXT, WHO, NOON - SKEW_S * SECOND), Ticket)
    assert TICKETS.open(TEXT, WHO, NOON - (SKEW_S + 1) * SECOND) == "expired"


@pytest.mark.parametrize(
    "other",
    [
        {"client": "192.0.3.1"},
        {"agent": "curl/8"},
        {"agent": None},
        {"language": "de"},
        {"site": "other.example"},
    ],
)
def test_a_ticket_is_no_use_to_others(other: dict[str, str]) -> None:
    assert TICKETS.open(TEXT, VISITORS.of(request(**other)), NOON) == "foreign"  # type: ignore[arg-type]


def test_a_visitor_may_change_its_address_within_the_network_and_update_its_browser() -> None:
    moved = request(client="192.0.2.250", agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0")
    assert isinstance(TICKETS.open(TEXT, VISITORS.of(moved), NOON), Ticket)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_another_byte_anywhere_makes_it_none_of_ours(at: int, byte: int) -> None:
    changed = TEXT[:at] + bytes([byte]) + TEXT[at + 1 :]
    if changed != TEXT:
        assert TICKETS.open(changed, WHO, NOON) == "malformed"


@given(st.integers(0, 200), st.integers(0, 7))
def test_no_bit_of_any_field_can_be_changed(at: int, bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(TEXT + b"=" * (-len(TEXT) % 4)))
    raw[at % len(raw)] ^= 1 << bit
    assert TICKETS.open(urlsafe_b64encode(bytes(raw)).rstrip(b"="), WHO, NOON) == "malformed"


@given(st.binary(max_size=400))
def test_nothing_whatever_makes_opening_fail(text: bytes) -> None:
    assert TICKETS.open(text, WHO, NOON) == "malformed"


def test_a_long_name_of_a_rule_is_cut() -> None:
    ticket = TICKETS.open(TICKETS.issue(WHO, "pow", NOON, rule="é" * 100).encode(), WHO, NOON)
    assert isinstance(ticket, Ticket)
    assert len(ticket.rule.encode()) <= LONGEST_RULE


def test_a_ticket_is_spent_once() -> None:
    table, ticket = new_table(SMALL), TICKETS.open(TEXT, WHO, NOON)
    assert isinstance(ticket, Ticket)
    assert [spend(ticket, table.burn, NOON + at) for at in range(3)] == [None, "spent", "spent"]


def test_where_there_is_no_room_to_know_it_is_not_taken() -> None:
    ticket = TICKETS.open(TEXT, WHO, NOON)
    assert isinstance(ticket, Ticket)
    assert spend(ticket, lambda *_: -1, NOON) == "full"


def _spend_often(fd: int, text: bytes, told: Connection) -> None:
    table = Table.adopt(fd, SMALL)
    ticket = Tickets(SECRET).open(text, WHO, NOON)
    assert isinstance(ticket, Ticket)
    told.recv()
    wins = sum(spend(ticket, table.burn, NOON) is None for _ in range(ATTEMPTS // WORKERS))
    told.send(wins)


def test_of_ten_thousand_attempts_at_four_workers_exactly_one_wins() -> None:
    table = Table.create(SMALL, bytes(16))
    fork = multiprocessing.get_context("fork")
    lines = [fork.Pipe() for _ in range(WORKERS)]
    workers = [fork.Process(target=_spend_often, args=(table.fd, TEXT, theirs)) for _, theirs in lines]
    for worker in workers:
        worker.start()
    for ours, _ in lines:
        ours.send("go")
    wins = [ours.recv() for ours, _ in lines]
    for worker in workers:
        worker.join()
    table.close()
    assert sum(wins) == 1
