"""Proof of work: right answers count, all others do not, and checking is cheap whatever is sent."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.challenge.work import LONGEST_ANSWER, MOST_PARTS, solve, solves

TICKET = b"a-ticket"
BITS, PARTS = 6, 4
ANSWERS = solve(TICKET, BITS, PARTS)


def test_what_was_worked_out_counts() -> None:
    assert solves(TICKET, BITS, PARTS, ANSWERS)
    for part, answer in enumerate(ANSWERS):
        digest = sha256(b"%b:%d:%b" % (TICKET, part, answer)).digest()
        assert digest[0] >> (8 - BITS) == 0


@given(st.integers(0, PARTS - 1), st.binary(max_size=30))
def test_another_answer_counts_only_if_it_is_one(part: int, answer: bytes) -> None:
    answers = [*ANSWERS[:part], answer, *ANSWERS[part + 1 :]]
    digest = sha256(b"%b:%d:%b" % (TICKET, part, answer)).digest()
    is_one = answer.isdigit() and len(answer) <= LONGEST_ANSWER and digest[0] >> (8 - BITS) == 0
    assert solves(TICKET, BITS, PARTS, answers) == is_one


def test_answers_of_another_ticket_or_place_do_not_count() -> None:
    assert not solves(b"another-ticket", BITS, PARTS, ANSWERS)
    assert not solves(TICKET, BITS, PARTS, ANSWERS[::-1])
    assert not solves(TICKET, BITS + 10, PARTS, ANSWERS)


@pytest.mark.parametrize(
    ("bits", "parts", "answers"),
    [
        (0, PARTS, ANSWERS), (-1, PARTS, ANSWERS), (33, PARTS, ANSWERS), (BITS, 0, []), (BITS, -1, ANSWERS),
        (BITS, MOST_PARTS + 1, [b"1"] * (MOST_PARTS + 1)), (BITS, PARTS, ANSWERS[:-1]), (BITS, PARTS, [*ANSWERS, b"1"]),
        (BITS, PARTS, [b""] * PARTS), (BITS, PARTS, ["²".encode()] * PARTS),
    ],
)  # fmt: skip
def test_what_is_no_puzzle_is_not_solved(bits: int, parts: int, answers: list[bytes]) -> None:
    assert not solves(TICKET, bits, parts, answers)
