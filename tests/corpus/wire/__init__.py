"""Raw requests, each with what a server behind TrafficGuard may see of it. `README.md` describes the format.

Promises: `cases()` gives every case of `requests.jsonl`, checked for completeness. Never: runs them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent / "requests.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """Bytes from one client connection."""

    id: str
    """Unique name, in words."""
    raw: bytes
    """What the client sends."""
    messages: int
    """Requests that are taken whole, before the refusal if there is one."""
    reason: str | None
    """Word of the refusal (`http.refusal.Refusal.reason`); None when nothing is refused."""
    status: int | None
    """Status of the refusal."""
    bodies: tuple[bytes, ...]
    """Content of the requests taken whole, in order."""
    closes: bool
    """Whether the connection ends after the last answer, although nothing was refused."""


def cases() -> list[Case]:
    """All cases, in the order of the file."""
    with _FILE.open(encoding="utf-8") as lines:
        return [_read(json.loads(line)) for line in lines]


def _read(row: dict[str, object]) -> Case:
    messages = row.pop("messages", 0)
    assert isinstance(messages, int)
    bodies = row.pop("bodies", None)
    assert bodies is None or isinstance(bodies, list)
    case = Case(
        id=str(row.pop("id")),
        raw=_bytes_of(row.pop("request")),
        messages=messages,
        reason=row.pop("reason", None),  # type: ignore[arg-type]
        status=row.pop("status", None),  # type: ignore[arg-type]
        bodies=tuple(_bytes_of(body) for body in bodies) if bodies is not None else (b"",) * messages,
        closes=bool(row.pop("closes", False)),
    )
    row.pop("note", None)
    assert not row, f"{case.id}: unknown keys {sorted(row)}"
    assert (case.reason is None) == (case.status is None), f"{case.id}: reason and status come together"
    assert len(case.bodies) == case.messages, f"{case.id}: one body for each message"
    return case


def _bytes_of(text: object) -> bytes:
    """A string, one byte a character, or a list of strings and of `[string, times]`."""
    if isinstance(text, str):
        return text.encode("latin-1")
    assert isinstance(text, list)
    return b"".join(_bytes_of(part if isinstance(part, str) else part[0] * part[1]) for part in text)
