"""Crawlers, from one that says what it is to some that send a browser's headers to the letter.

Promises: a crawler that gets nothing but refusals loses heart after a stated number of them in a row, and ends. Never:
loads pictures, runs scripts or solves challenges; those that do are in `loadtests`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from trafficguard.demo.wave.heads import Kind
from trafficguard.demo.wave.life import Life, Visitor

Gap = Callable[[], float]
"""Seconds until the next request."""
_TYPED: Final = "none"
"""Sec-Fetch-Site of an address that was typed, or made up."""


def steady(seconds: float) -> Gap:
    """Always the same."""
    return lambda: seconds


def jittered(seconds: float, random: Random) -> Gap:
    """As regular as those are that try not to look so: a fifth more or less."""
    return lambda: seconds * random.uniform(0.8, 1.2)


def walk(visitor: Visitor, targets: Iterable[str], start: float, gap: Gap, patience: int) -> Life:
    """Fetches one address after the other, from `start` seconds on, until `patience` refusals in a row."""
    refused, pause = 0, start
    for target in targets:
        answer = yield from visitor.ask(pause, Kind.PAGE, target, site=_TYPED)
        refused = refused + 1 if answer.is_refusal else 0
        if refused >= patience:
            return
        pause = gap()


def stuff(visitor: Visitor, accounts: Iterable[str], start: float, gap: Gap, patience: int) -> Life:
    """Tries stolen passwords: the form, and then at once the next name and password."""
    refused, pause = 0, start
    for account in accounts:
        page = yield from visitor.ask(pause, Kind.PAGE, "/login", site=_TYPED)
        pause = gap()
        refused = refused + 1 if page.is_refusal else refused
        if not page.is_refusal:
            body = f"username={account}%40mail.example&password=123456".encode()
            tried = yield from visitor.ask(0.1, Kind.LOGIN, "/login", referer="/login", body=body)
            refused = refused + 1 if tried.is_refusal else 0
        if refused >= patience:
            return

