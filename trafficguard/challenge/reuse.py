"""Passes that are handed around: one pass, seen from more and more networks.

AWS WAF counts the addresses that one token comes from within five minutes: more than 2, 5 and 8 are its levels low,
medium and high (TGT_TokenReuseIp). Here networks are counted, for a telephone may have many addresses in one; and they
are counted exactly over all workers, by a leaky bucket in the shared memory: each network that a pass is new in pours
`FORGIVEN_S` into it, which run out again as time goes by.

Promises: bounded, for each pass has one gate and each network of it another, which run out; without room in memory
nothing is counted. Never: takes a pass away.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from trafficguard.clock import SECOND
from trafficguard.counters.timers import Timers

FORGIVEN_S: Final = 300
"""Seconds after which one network more is forgotten."""
STEPS: Final = (2, 5, 8)
"""Networks beyond which a step begins."""
_FORGIVEN: Final = FORGIVEN_S * SECOND
_MOST: Final = 16
"""Networks that are counted at one time."""


class Reuse:
    """Counts where passes come from, for one worker; all of them share the memory."""

    __slots__ = ("_timers",)

    def __init__(self, timers: Timers) -> None:
        self._timers = timers

    def step(self, pass_id: bytes, network: bytes, now: int) -> int:
        """Notes that a pass came from a network at `now`; the step that it has reached, 0 to 3."""
        timers = self._timers
        counter = _key(b"count", pass_id)
        if timers.start(_key(b"network", pass_id + network), _FORGIVEN, now):
            timers.reserve(counter, _FORGIVEN, _MOST * _FORGIVEN, now, 0)
        full = timers.left(counter, now, (_MOST + 1) * _FORGIVEN)
        return sum(full > networks * _FORGIVEN for networks in STEPS)


def _key(what: bytes, who: bytes) -> bytes:
    return blake2b(who, digest_size=16, person=b"tg.reuse." + what).digest()
