"""What a person is asked who cannot, or does not want to, let the browser compute: a small sum, written out.

It works without JavaScript, without a third party and with a screen reader, and needs no picture. It keeps nobody out
who writes a program for it: it is there so that no person is locked out, gives a proof for which more can be asked by
policy, and takes a person's time: an answer within `LEAST_S` of the question is too quick to have been read.

Promises: the question follows from the ticket, so nothing is kept. Never: asks something that depends on language or
culture; words are the page's.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

from trafficguard.challenge.tickets import Ticket
from trafficguard.clock import SECOND

LEAST_S: Final = 2
"""Seconds that reading takes."""
LONGEST_ANSWER: Final = 8
"""Letters of an answer."""


class Question(NamedTuple):
    """How much is `first` and `second`?"""

    first: int
    second: int


def question_of(nonce: bytes) -> Question:
    """The question of the ticket with a nonce: two numbers from 2 to 9."""
    low, high = blake2b(nonce, digest_size=2, person=b"tg.question").digest()
    return Question(low % 8 + 2, high % 8 + 2)


def is_answered(ticket: Ticket, answer: str, now: int) -> bool:
    """Whether an answer, in digits of any script, is right and was not given too quickly."""
    text = answer.strip()
    if not 0 < len(text) <= LONGEST_ANSWER or not text.isdecimal():
        return False
    if now < (ticket.issued + LEAST_S) * SECOND:
        return False
    first, second = question_of(ticket.nonce)
    return int(text) == first + second
