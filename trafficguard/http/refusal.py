"""Why a request is not taken, as a value.

Promises: carries the status to answer with and a sentence for the sender. Never: raised; a function that may refuse
returns `Refusal` beside its result, so that no caller can overlook it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that ends here, with the connection closed after the answer."""

    status: int
    """HTTP status, 4xx or 5xx."""
    reason: str
    """Short stable word for counters and tests, such as `repeated-host`."""
    detail: str
    """One sentence for whoever sent it."""
