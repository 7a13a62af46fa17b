"""What a verdict means on the wire: forward the request, hold it back, or answer it here.

Promises: `act` is total over all actions. It is asked only while enforcing; in shadow every request is forwarded with
nothing added. Never: decides; the verdict has been formed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from trafficguard.actions import BlockAction, ChallengeAction, PassAction, TarpitAction, ThrottleAction
from trafficguard.exchange import Verdict
from trafficguard.http.problem import PLAIN, render


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of our own."""

    status: int
    detail: str
    """One sentence for the visitor."""
    error: str = ""
    """Short stable word when it stands for a failure."""
    lines: bytes = b""
    """Further header lines, each with its CRLF."""
    body: str = ""
    """Plain text in the place of our own page."""
    closes: bool = False
    """Whether the connection ends with it."""
    title: str = ""
    """Heading of our page; empty: what the status is called."""
    page: bytes = b""
    """A whole body in the place of our own page."""
    media_type: bytes = b""
    """Of `page`."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The request goes on to its origin."""

    lines: bytes
    """Header lines that tell the origin about the verdict, each with its CRLF."""


Step = Reply | Forward | ThrottleAction | ChallengeAction | TarpitAction

FORWARD: Final = Forward(b"")
BLOCKED: Final = Reply(403, "This request looks automated, so it was not let through.")
TOO_OFTEN: Final = "Requests come faster than this shop can take them. Please wait a moment."

_BARE: Final = frozenset((204, 304))
_MOST_LINES: Final = 1024
_lines: dict[tuple[int, str, tuple[str, ...]], Forward] = {}


def content_of(reply: Reply, id_bytes: bytes, accept: bytes | None) -> tuple[bytes, bytes]:
    """Media type and body of an answer to who sent `accept`; both are empty where the status has none."""
    if reply.status in _BARE:
        return b"", b""
    if reply.page:
        return reply.media_type, reply.page
    if reply.body:
        return PLAIN, reply.body.encode()
    return render(reply.status, reply.detail, id_bytes.decode("ascii"), accept, reply.title)


def act(verdict: Verdict | None) -> Step:
    """The step that carries out `verdict` (None: nothing was judged)."""
    if verdict is None:
        return FORWARD
    action = verdict.action
    match action:
        case PassAction():
            return forward(verdict)
        case BlockAction():
            return blocked(action)
        case ThrottleAction() | ChallengeAction() | TarpitAction():
            return action
        case _:
            assert_never(action)


def blocked(action: BlockAction) -> Reply:
    """The answer to a blocked request."""
    if action.status == BLOCKED.status and not action.body and not action.close:
        return BLOCKED
    return Reply(action.status, BLOCKED.detail, body=action.body, closes=action.close)


def forward(verdict: Verdict) -> Forward:
    """Going on, with the verdict told to the origin: X-Bot-Score (0-100), X-Bot-Verdict, X-Bot-Labels."""
    key = round(verdict.score), verdict.action.word, verdict.labels
    step = _lines.get(key)
    if step is None:
        if len(_lines) >= _MOST_LINES:
            _lines.clear()
        labels = f"X-Bot-Labels: {', '.join(verdict.labels)}\r\n" if verdict.labels else ""
        text = f"X-Bot-Score: {key[0]}\r\nX-Bot-Verdict: {key[1]}\r\n{labels}"
        step = _lines[key] = Forward(text.encode("ascii", "replace"))
    return step
