"""Lets actors live without a guard: everything they ask for is there."""

from __future__ import annotations

from collections.abc import Callable

from loadtests.actors.model import Answer, Ask, Life

Answering = Callable[[Ask], Answer]


def fine(_ask: Ask) -> Answer:
    """An answer to anything, with a cookie."""
    return Answer(200, b"sid=1234567890abcdef")


def asks_of(life: Life, answering: Answering = fine, most: int = 100_000) -> list[Ask]:
    """All that an actor asks for, or the first `most` of it."""
    asks: list[Ask] = []
    ask = next(life, None)
    while ask is not None and len(asks) < most:
        asks.append(ask)
        try:
            ask = life.send(answering(ask))
        except StopIteration:
            break
    life.close()
    return asks
