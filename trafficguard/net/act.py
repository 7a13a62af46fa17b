"""What a verdict means on the wire: forward the request, or answer it here.

Promises: `act` is total over all actions. It is asked only while enforcing; in shadow every request is forwarded with
nothing added. Never: decides; the verdict has been formed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from trafficguard.exchange import Action, Verdict


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of our own."""

    status: int
    detail: str
    """One sentence for the visitor."""
    error: str = ""
    """Short stable word when it stands for a failure."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The request goes on to its origin."""

    lines: bytes
    """Header lines that tell the origin about the verdict, each with its CRLF."""


FORWARD: Final = Forward(b"")
BLOCKED: Final = Reply(403, "This request looks automated, so it was not let through.")

_MOST_LINES: Final = 1024
_lines: dict[tuple[float, tuple[str, ...]], Forward] = {}


def act(verdict: Verdict | None) -> Reply | Forward:
    """The step that carries out `verdict` (None: nothing was judged)."""
    if verdict is None:
        return FORWARD
    match verdict.action:
        case Action.PASS:
            return _lines.get((verdict.score, verdict.labels)) or _forward(verdict)
        case Action.BLOCK:
            return BLOCKED
        case _:
            assert_never(verdict.action)


def _forward(verdict: Verdict) -> Forward:
    """Passing with the verdict told to the origin: X-Bot-Score (0-100), X-Bot-Verdict, X-Bot-Labels."""
    if len(_lines) >= _MOST_LINES:
        _lines.clear()
    labels = f"X-Bot-Labels: {', '.join(verdict.labels)}\r\n" if verdict.labels else ""
    text = f"X-Bot-Score: {verdict.score:.0f}\r\nX-Bot-Verdict: {verdict.action.word}\r\n{labels}"
    step = _lines[verdict.score, verdict.labels] = Forward(text.encode("ascii", "replace"))
    return step
