"""The demo's live view: one line for each request.

Promises: a line holds time, client, verdict, score, request, status and the strongest reason; it stays one line
whatever a client sends. Never: colours what is not a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, TextIO

from trafficguard.clock import SECOND

HEADING: Final = f"{'time':8}  {'client':15}  {'verdict':7}  {'score':>5}  {'status':>6}  request and strongest reason"
_COLOURS: Final = {"pass": "32", "block": "31", "": "33"}
_LONGEST_TARGET: Final = 48


def line_of(event: Mapping[str, Any]) -> str:
    """The line of one recorded request, without colour."""
    clock = time.strftime("%H:%M:%S", time.localtime(event["t"] // SECOND))
    asked = _printable(f"{event['method']} {event['target']}" if event["method"] else "not HTTP")
    if len(asked) > _LONGEST_TARGET:
        asked = asked[: _LONGEST_TARGET - 3] + "..."
    why = event["reasons"][0] if event["reasons"] else event["error"]
    score = f"{event['score']:5.0f}" if event["action"] else "    -"
    verdict = event["action"] or "refused"
    client = event["client"] or "-"
    return f"{clock}  {client:15}  {verdict:7}  {score}  {event['status'] or 'left':>6}  {asked}" + (
        f"  {_printable(why)}" if why else ""
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


class View:
    """Writes lines to a terminal or a file."""

    def __init__(self, out: TextIO) -> None:
        self.stream = out
        self.is_coloured = out.isatty()

    def show(self, events: list[Any]) -> None:
        """Writes the lines of some requests."""
        for event in events:
            line = line_of(event)
            if self.is_coloured:
                line = f"\x1b[{_COLOURS.get(event['action'], '0')}m{line}\x1b[0m"
            self.stream.write(line + "\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """Writes something else."""
        self.stream.write(text + "\n")
        self.stream.flush()
