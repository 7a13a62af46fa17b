"""All patterns on one field as one set that RE2 searches for in one pass, in linear time.

Promises: `fault_of` refuses what RE2 refuses, in RE2's words; a set finds exactly the patterns that match somewhere in
a text. Never: backtracks, or grows beyond `MOST_MEMORY`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import re2

MOST_MEMORY: Final = 64 * 1024 * 1024
"""Bytes that RE2 may use for the states of one set; it forgets states beyond that and goes on."""


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = MOST_MEMORY
    options.log_errors = False
    return options


def fault_of(pattern: str) -> str:
    """What RE2 says against a pattern; empty when it takes it."""
    try:
        re2.compile(pattern, options=_options())
    except re2.error as error:
        reason = error.args[0] if error.args else "refused"
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return ""


def found_in(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, one at a time: for checking, not for requests."""
    return re2.search(pattern, text, options=_options()) is not None


def escaped(text: str) -> str:
    """The pattern that finds `text` itself."""
    return str(re2.escape(text))


def pattern_set(patterns: Sequence[str]) -> Callable[[str], list[int]]:
    """A function from a text to the numbers of the patterns that are found in it."""
    found = re2.Set.SearchSet(_options())
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    match: Callable[[str], list[int]] = found.Match
    return match
