"""Proof of work: hashes that a browser tries until some begin with zeros.

A puzzle has parts, so that a bar can show how far it is and luck evens out: the time of 16 parts varies by a quarter of
its mean, that of a single one by all of it. It is a toll, not a proof of a person: whoever runs a browser, or writes a
solver, pays it too, and graphics cards pay it thousands of times more quickly (`field` notes on Anubis: 3,374 MH/s).

Promises: checking takes one hash a part, at most MOST_PARTS, and none for answers of another form. Never: raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

ALGORITHM: Final = "SHA-256"
MOST_PARTS: Final = 32
LONGEST_ANSWER: Final = 20
"""Digits of an answer."""
MOST_BITS: Final = 32
_WORD: Final = 32


def solves(ticket: bytes, bits: int, parts: int, answers: Sequence[bytes]) -> bool:
    """Whether SHA-256(ticket ":" i ":" answer) begins with `bits` zero bits for each part i from 0, with i in decimal.

    `answers` are decimal digits in ASCII, one for each of `parts`.
    """
    if not 0 < parts <= MOST_PARTS or not 0 < bits <= MOST_BITS or len(answers) != parts:
        return False
    start = sha256(ticket + b":")
    shift = _WORD - bits
    for part, answer in enumerate(answers):
        if not 0 < len(answer) <= LONGEST_ANSWER or not answer.isdigit():
            return False
        state = start.copy()
        state.update(b"%d:%b" % (part, answer))
        if int.from_bytes(state.digest()[:4], "big") >> shift:
            return False
    return True


def solve(ticket: bytes, bits: int, parts: int) -> list[bytes]:
    """The answers, found by trying: about `parts` * 2**`bits` hashes. For tests, and for apps that read the source."""
    start, shift, answers = sha256(ticket + b":"), _WORD - bits, []
    for part in range(parts):
        begin = start.copy()
        begin.update(b"%d:" % part)
        number = 0
        while True:
            state = begin.copy()
            state.update(b"%d" % number)
            if not int.from_bytes(state.digest()[:4], "big") >> shift:
                break
            number += 1
        answers.append(b"%d" % number)
    return answers
