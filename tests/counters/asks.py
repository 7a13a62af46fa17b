"""Requests as counting is told of them, and ramps to weigh them by."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from trafficguard.counters import slot

PAGE: Final = slot.IS_PAGE
ASSET: Final = slot.IS_ASSET
LOGIN: Final = slot.IS_LOGIN | slot.IS_POST
NO_RAMPS: Final = np.zeros((1, slot.RAMP_COLUMNS))
_ROW: Final = struct.Struct(f"<{slot.ASK_WORDS}Q")


def ask(
    now: int,
    flags: int = PAGE,
    *,
    site: int = 1,
    address: int = 1,
    session: int = 0,
    steady: int = 7,
    manner: int = 8,
    account: int = 0,
    route: int = 2,
    template: int = 3,
    item: int = 0,
    path: int = 4,
    query: int = 0,
) -> bytes:
    """The facts of one request; addresses that differ in their last byte only share a network."""
    return _ROW.pack(
        now, site, address, 1 << 40, address >> 8, 1 << 41, session, 1 << 42 if session else 0, steady, manner,
        account, 1 << 43 if account else 0, route, template, item, path, query, flags,
    )  # fmt: skip


def ramps(*rows: tuple[float, ...], most_group: float = 5.0, discount: float = 1.0, total: float = 50.0) -> (
    npt.NDArray[np.float64]
):
    """A table of ramps: each row has the columns that `slot` names, in their order."""
    table = np.zeros((1 + len(rows), slot.RAMP_COLUMNS))
    terms = table[0]
    terms[slot.MOST_GROUP], terms[slot.DISCOUNT], terms[slot.MOST_TOTAL] = most_group, discount, total
    terms[[slot.HALF_LIFE_SESSION, slot.HALF_LIFE_ADDRESS, slot.HALF_LIFE_ACCOUNT]] = 1800.0
    terms[slot.WORTH_HOLDING], terms[slot.WORTH_NAMING] = 1.0, 0.05
    for ramp, row in zip(table[1:], rows, strict=True):
        ramp[:] = row
    return table
