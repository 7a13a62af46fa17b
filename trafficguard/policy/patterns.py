"""All patterns on one field as one set that RE2 searches for in one pass, in linear time.

Promises: `fault_of` refuses what RE2 refuses, in RE2's words; a set finds exactly the patterns that match somewhere in
a text. Never: backtracks, or grows beyond `MOST_MEMORY` and what `MOST_KEPT` texts take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import re2

MOST_MEMORY: Final = 64 * 1024 * 1024
"""Bytes that RE2 may use for the states of one set; it forgets states beyond that and goes on."""
MOST_KEPT: Final = 2048
"""Texts of which one set knows by heart what is in them."""
LONGEST_KEPT: Final = 512
"""Letters of the longest such text: at most 4 MiB a set, were all of them of four bytes a letter."""


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


class Search:
    """Whether one pattern is found in a text that is put together for it."""

    __slots__ = ("_pattern", "_search")

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._search: Callable[[str], object] = re2.compile(pattern, options=_options()).search

    def __reduce__(self) -> tuple[object, ...]:
        return Search, (self._pattern,)

    def __call__(self, text: str) -> bool:
        """Whether it is."""
        return self._search(text) is not None


class PatternSet:
    """Which of some patterns are found in a text.

    Most texts come again (the browsers of the day, the pages that everybody opens), so what was found in the latest is
    kept: bounded in number and length, and forgotten all at once when it is full.
    """

    __slots__ = ("_match", "_patterns", "known")

    def __init__(self, patterns: Sequence[str]) -> None:
        self.known: dict[str, tuple[int, ...]] = {}
        """What was found in texts of late; callers look here first."""
        self.__setstate__((tuple(patterns), self.known))

    def __getstate__(self) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
        """What a set is made of: RE2's own form does not leave the process."""
        return self._patterns, self.known

    def __setstate__(self, state: tuple[tuple[str, ...], dict[str, tuple[int, ...]]]) -> None:
        self._patterns, self.known = state
        found = re2.Set.SearchSet(_options())
        for pattern in self._patterns:
            found.Add(pattern)
        found.Compile()
        self._match: Callable[[bytes], list[int] | None] = found.Match

    def __call__(self, text: str) -> tuple[int, ...]:
        """The numbers of the patterns that are found in `text`."""
        hits = tuple(self._match(text.encode("utf-8", "replace")) or ())
        if len(text) <= LONGEST_KEPT:
            if len(self.known) >= MOST_KEPT:
                self.known.clear()
            self.known[text] = hits
        return hits
