"""Every case of `tests/corpus/wire` comes out as written there, however its bytes arrive."""

from __future__ import annotations

import random

import pytest

from tests.corpus.wire import Case, cases
from tests.http.server import Connection
from trafficguard.http import framing, head, target
from trafficguard.http.head import RequestReader
from trafficguard.http.refusal import Refusal

CASES = cases()
BEHIND_LLHTTP = {"repeated-length", "length-and-chunked"}
"""Refusals of heads that llhttp refuses first; `test_framing` reaches them."""


def check(connection: Connection, case: Case, in_pieces: bool) -> None:
    reason = connection.refusal.reason if connection.refusal else None
    if in_pieces and reason == framing.BARE_LINE_END.reason and case.reason in ("malformed", "request-line"):
        reason = case.reason
    assert reason == case.reason
    assert connection.refusal is None or connection.refusal.status == case.status
    assert tuple(connection.bodies) == case.bodies
    assert connection.closed == (case.closes or case.reason is not None)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_verdict_on_bytes_that_arrive_whole(case: Case) -> None:
    connection = Connection(RequestReader())
    connection.feed(case.raw)
    check(connection, case, in_pieces=False)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_verdict_on_bytes_that_arrive_one_by_one(case: Case) -> None:
    connection = Connection(RequestReader())
    for at in range(len(case.raw)):
        connection.feed(case.raw[at : at + 1])
    check(connection, case, in_pieces=True)


@pytest.mark.parametrize("order", range(5))
def test_verdicts_do_not_depend_on_what_other_connections_sent(order: int) -> None:
    """A reader serves all connections of a worker: a refused head must leave nothing behind in it."""
    reader = RequestReader()
    for case in random.Random(order).sample(CASES, len(CASES)):
        connection = Connection(reader)
        connection.feed(case.raw)
        check(connection, case, in_pieces=False)


def test_every_word_of_refusal_occurs() -> None:
    words = {
        value.reason
        for module in (framing, head, target)
        for value in vars(module).values()
        if isinstance(value, Refusal)
    }
    assert {case.reason for case in CASES if case.reason is not None} == words - BEHIND_LLHTTP


def test_case_names_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
