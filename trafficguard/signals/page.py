"""What the page of a challenge told of the browser that it ran in, as one bit for each probe, and what a pass tells.

Bits are made from a report by `challenge.probes` and sealed into the pass that the challenge earned; what they mean and
weigh stands in the catalog.

Promises: a probe has the same bit for ever, since passes outlive releases; new ones go to the end. Never: takes a
missing report, an unknown bit or a clean one for a good sign: the browser itself sends them, so they can be made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row

PROBES: Final = (
    "page.silent",
    "page.webdriver",
    "page.cdc",
    "page.stack",
    "page.playwright",
    "page.headless",
    "page.agent",
    "page.platform",
    "page.languages",
    "page.brands",
    "page.mobile",
    "page.touch",
    "page.plugins",
    "page.window",
    "page.screen",
    "page.chrome",
    "page.renderer",
    "page.worker",
    "page.frame",
    "page.native",
    "page.impossible",
    "page.untrusted",
    "page.clicks",
    "page.straight",
    "page.even",
)
"""Signals in the order of their bits, from 0."""
MOST_BITS: Final = 32
"""Bits that a pass has room for."""
BIT: Final = {name: 1 << place for place, name in enumerate(PROBES)}
"""The bit of each probe."""
MOST_REUSE: Final = 3
"""Steps of the ladder of reuse."""


def measure_of(name: str) -> Callable[[Row], Finding | None]:
    """The function that looks for the bit of a probe."""
    bit = BIT[name]

    def measure(row: Row) -> Finding | None:
        return _FOUND if row.told & bit else None

    return measure


def reuse(row: Row) -> Finding | None:
    """Shows a pass that has been seen from more and more networks."""
    step = min(row.reuse, MOST_REUSE)
    return Finding(float(step), _STEPS[step]) if step > 0 else None


_FOUND: Final = Finding()
_STEPS: Final = ("", "from a few places", "from many places", "from everywhere")
