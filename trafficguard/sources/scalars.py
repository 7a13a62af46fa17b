"""Where each letter of a YAML text stands in the file that it was written in.

A condition that is quoted, folded over lines or indented as a block reads as one text; a mistake in it must be shown
where it was typed.

Promises: positions that belong to exactly the value that YAML read, or none at all. Never: decides what a text means.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_LINE_BREAKS: Final = re.compile(r"[ \t]*(?:\r?\n[ \t]*)+")
_BLOCK_HEADER: Final = re.compile(r"[|>][+-]?[ \t]*(?:#[^\n]*)?\r?\n")
_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}


class Scalar(NamedTuple):
    """A text as it stands in a file."""

    start: int
    """Letter of the file at which it begins, with its quote or block sign."""
    end: int
    style: str
    """Its quote, `|` or `>`; empty for plain text."""


def positions(document: str, scalar: Scalar, value: str) -> list[int] | None:
    """For each letter of `value` the letter of `document` it was read from; None when that is not clear."""
    if scalar.style in ("|", ">"):
        letters = _block(document, scalar)
    else:
        quoted = len(scalar.style)
        letters = _flow(document, scalar.start + quoted, scalar.end - quoted, scalar.style)
    if "".join(letter for letter, _ in letters).rstrip("\n") != value.rstrip("\n"):
        return None
    return [at for _, at in letters][: len(value)]


def _flow(document: str, at: int, end: int, quote: str) -> list[tuple[str, int]]:
    letters: list[tuple[str, int]] = []
    while at < end:
        breaks = _LINE_BREAKS.match(document, at, end)
        if breaks is not None:
            count = breaks.group().count("\n")
            letters += [(letter, at) for letter in (" " if count == 1 else "\n" * (count - 1))]
            at = breaks.end()
        elif quote == '"' and document[at] == "\\":
            at = _escape(document, at, end, letters)
        elif quote == "'" and document.startswith("''", at):
            letters.append(("'", at))
            at += 2
        else:
            letters.append((document[at], at))
            at += 1
    return letters


_SINGLE: Final = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029", "\t": "\t",
}  # fmt: skip


def _escape(document: str, at: int, end: int, letters: list[tuple[str, int]]) -> int:
    """Adds what a backslash at `at` stands for; where reading goes on."""
    sign = document[at + 1 : at + 2]
    breaks = _LINE_BREAKS.match(document, at + 1, end)
    if sign in ("\r", "\n") and breaks is not None:
        return breaks.end()
    if sign in _ESCAPES:
        digits = document[at + 2 : at + 2 + _ESCAPES[sign]]
        try:
            letters.append((chr(int(digits, 16)), at))
        except ValueError:
            letters.append(("\0", at))
        return at + 2 + _ESCAPES[sign]
    letters.append((_SINGLE.get(sign, "\0"), at))
    return at + 2


def _block(document: str, scalar: Scalar) -> list[tuple[str, int]]:
    header = _BLOCK_HEADER.match(document, scalar.start)
    if header is None:
        return []
    lines: list[tuple[int, str]] = []
    at = header.end()
    for line in document[at : scalar.end].splitlines(keepends=True):
        lines.append((at, line.rstrip("\r\n")))
        at += len(line)
    indent = next((len(line) - len(line.lstrip(" ")) for _, line in lines if line.strip(" ")), 0)
    return _literal(lines, indent) if scalar.style == "|" else _folded(lines, indent)


def _literal(lines: list[tuple[int, str]], indent: int) -> list[tuple[str, int]]:
    letters: list[tuple[str, int]] = []
    for at, line in lines:
        letters += [(letter, at + indent + index) for index, letter in enumerate(line[indent:])]
        letters.append(("\n", at + len(line)))
    return letters


def _folded(lines: list[tuple[int, str]], indent: int) -> list[tuple[str, int]]:
    """Lines of equal indent are joined by a blank; an empty line between them is a line break."""
    letters: list[tuple[str, int]] = []
    pending: list[tuple[str, int]] = []
    for at, line in lines:
        content = line[indent:]
        if not content:
            pending.append(("\n", at))
            continue
        if content[0] in " \t":
            return []  # deeper lines keep their breaks; nobody writes a condition so
        if letters:
            letters += pending[1:] if len(pending) > 1 else [(" ", pending[0][1])]
        letters += [(letter, at + indent + index) for index, letter in enumerate(content)]
        pending = [("\n", at + len(line))]
    return letters + pending
