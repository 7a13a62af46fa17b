"""Labels: what policy may read about a request besides its score.

Promises: at most a few short tags, from what the sender claims. Never: verifies a claim.
"""

from __future__ import annotations

from trafficguard.signals.row import Row


def labels_of(row: Row) -> tuple[str, ...]:
    """The labels of a request; empty for a sender that is unknown."""
    return (row.agent.label,) if row.agent.label else ()
