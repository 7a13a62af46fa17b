"""How evidence of behaviour adds up, as the table that the counting kernel weighs by.

Promises: one row for each signal of behaviour, in the order of the catalog, behind the terms of the sum; signals that
are off have no row. Never: reads a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trafficguard.counters import layout, slot
from trafficguard.scoring.weigh import MOST_EVIDENCE
from trafficguard.signals.behaviour import BEHAVIOURS, Behaviour, KeyKind

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
WORTH_NAMING: Final = 0.05
"""Nats below which a signal is not worth naming."""
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


def terms_of(rows: Sequence[Behaviour] = tuple(BEHAVIOURS.values())) -> Terms:
    """The table for signals in their modes."""
    chosen = tuple(row for row in rows if row.mode != "off")
    ramps = np.zeros((1 + len(chosen), slot.RAMP_COLUMNS))
    terms = ramps[0]
    terms[slot.MOST_GROUP], terms[slot.DISCOUNT] = MOST_GROUP, DISCOUNT
    terms[slot.HALF_LIFE_SESSION] = HALF_LIFE_S["session"]
    terms[slot.HALF_LIFE_ADDRESS] = HALF_LIFE_S["address"]
    terms[slot.HALF_LIFE_ACCOUNT] = HALF_LIFE_S["account"]
    terms[slot.WORTH_NAMING] = WORTH_NAMING
    terms[slot.MOST_TOTAL], terms[slot.WORTH_HOLDING] = MOST_EVIDENCE, WORTH_HOLDING
    for ramp, row in zip(ramps[1:], chosen, strict=True):
        ramp[:] = (
            KIND_OF[row.key], slot.FEATURE[row.feature], row.start, row.full,
            slot.FEATURE[row.support], row.few, row.enough, row.weight, float(row.mode == "on"),
        )  # fmt: skip
    return Terms(chosen, ramps, tuple(bool(counts) for counts in ramps[1:, slot.RAMP_COUNTS]))
