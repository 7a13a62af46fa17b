"""What can go wrong, said so that the reader knows whose fault it is and what to do.

Promises: every error of ours derives from `TrafficGuardError`; configuration errors carry file, line, column and
a remedy. Never: an error that a client can provoke on the request path. Those are values (`http.framing.Refusal`,
`net` failures), because a value cannot be forgotten in an except clause.
"""

from __future__ import annotations

from dataclasses import dataclass


class TrafficGuardError(Exception):
    """Base of all errors raised by this package."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a configuration source something stands."""

    source: str
    """File path, `--flag` or environment variable."""
    line: int | None = None
    """1-based line, when the source is a file."""
    column: int | None = None
    """1-based column, when the source is a file."""

    def __str__(self) -> str:
        if self.line is None:
            return self.source
        return f"{self.source}:{self.line}:{self.column or 1}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with the configuration."""

    place: Place
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f"\n    {self.remedy}" if self.remedy else ""
        return f"{self.place}: {self.message}{tail}"


class ConfigError(TrafficGuardError):
    """The settings cannot be used; carries every complaint found, not only the first."""

    def __init__(self, complaints: list[Complaint]) -> None:
        super().__init__("\n".join(str(complaint) for complaint in complaints))
        self.complaints = complaints


class NotDoneError(TrafficGuardError):
    """What an operator ordered has not been carried out, with the reason and what to do."""


class StartError(TrafficGuardError):
    """The program cannot start for a reason outside its configuration text (port in use, no permission)."""
