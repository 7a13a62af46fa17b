"""The guard under test: the one place that knows how a guard is made."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import replace

from trafficguard.guard import Guard
from trafficguard.settings import PolicySettings
from trafficguard.signals.catalog import CATALOG

SITE = "shop.example"
"""The site's name in every request."""
SESSION_COOKIE = "sid"
"""The shop's own session cookie."""


@contextmanager
def make_guard(off: Set[str] = frozenset()) -> Iterator[Guard]:
    """A guard with empty memory and the default policy; `off` are signals that are not measured."""
    kept = {name: CATALOG[name] for name in off}
    CATALOG.update({name: replace(signal, mode="off") for name, signal in kept.items()})
    try:
        yield Guard(PolicySettings())
    finally:
        CATALOG.update(kept)


def signal_names() -> list[str]:
    """All signals that are on by default."""
    return [signal.name for signal in CATALOG.values() if signal.mode == "on"]
