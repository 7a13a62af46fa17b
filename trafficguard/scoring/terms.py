"""How evidence of behaviour adds up, as the table that the counting kernel weighs by.

Promises: one row for each signal of behaviour, in the order of the catalog, behind the terms of the sum; signals that
are off have no row. Never: reads a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trafficguard.counters import layout, slot
from trafficguard.scoring.weigh import MOST_EVIDENCE
from trafficguard.signals.behaviour import BEHAVIOURS, Behaviour, KeyKind
from trafficguard.signals.catalog import SignalMode

KIND_OF: Final[dict[KeyKind, int]] = {
    "address": layout.ADDRESS,
    "network": layout.NETWORK,
    "session": layout.SESSION,
    "fingerprint": layout.FINGERPRINT,
    "cluster": layout.CLUSTER,
    "account": layout.ACCOUNT,
}

MOST_GROUP: Final = 5.2
"""Nats that a group may add: a score of 66, below every default that blocks, since its bystanders are people."""
DISCOUNT: Final = 1.0
"""Nats of a visitor's own evidence that the evidence of its group already stands for."""
HALF_LIFE_S: Final[dict[KeyKind, float]] = {"session": 1800.0, "address": 600.0, "account": 1800.0}
"""In which time remembered evidence halves; that of groups is not remembered."""
WORTH_HOLDING: Final = 1.0
"""Nats from which a key is kept when memory is short."""


class Terms(NamedTuple):
    """What the kernel weighs by."""

    rows: tuple[Behaviour, ...]
    """The signals in the order of the result."""
    ramps: npt.NDArray[np.float64]
    """The terms of the sum, then a row each; laid out as `counters.slot` says."""
    counts: tuple[bool, ...]
    """Whether each signal is part of the sum."""


def terms_of(
    modes: Mapping[str, SignalMode] | None = None, rows: Sequence[Behaviour] = tuple(BEHAVIOURS.values())
) -> Terms:
    """The table for signals in their own modes, or in those that `modes` names."""
    chosen = tuple(row for row in rows if (modes or {}).get(row.name, row.mode) != "off")
    ramps = np.zeros((1 + len(chosen), slot.RAMP_COLUMNS))
    terms = ramps[0]
    terms[slot.MOST_GROUP], terms[slot.DISCOUNT] = MOST_GROUP, DISCOUNT
    terms[slot.HALF_LIFE_SESSION] = HALF_LIFE_S["session"]
    terms[slot.HALF_LIFE_ADDRESS] = HALF_LIFE_S["address"]
    terms[slot.HALF_LIFE_ACCOUNT] = HALF_LIFE_S["account"]
    terms[slot.MOST_TOTAL], terms[slot.WORTH_HOLDING] = MOST_EVIDENCE, WORTH_HOLDING
    for ramp, row in zip(ramps[1:], chosen, strict=True):
        counts = (modes or {}).get(row.name, row.mode) == "on"
        ramp[:] = (
            KIND_OF[row.key], slot.FEATURE[row.feature], row.start, row.full,
            slot.FEATURE[row.support], row.few, row.enough, row.weight, float(counts),
        )  # fmt: skip
    return Terms(chosen, ramps, tuple(bool(counts) for counts in ramps[1:, slot.RAMP_COUNTS]))
