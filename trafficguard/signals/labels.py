"""Labels: what policy may read about a request besides its score.

Promises: at most a few short tags, from what the sender claims; each is one of `KNOWN`. Never: verifies a claim.
"""

from __future__ import annotations

from typing import Final

from trafficguard.signals.agent_names import ANYWHERE, PRODUCTS
from trafficguard.signals.places import RouteClass
from trafficguard.signals.row import Row

KNOWN: Final = frozenset((
    "ua.browser", "ua.missing", "bot.other",
    *(label for label, _ in ANYWHERE), *PRODUCTS.values(), *(f"route.{route.word}" for route in RouteClass),
))  # fmt: skip
"""Every label that a request can carry before rules give it others. Whoever adds labels adds them here."""


def labels_of(row: Row) -> tuple[str, ...]:
    """The labels of a request; empty for a sender that is unknown."""
    return (row.agent.label,) if row.agent.label else ()
