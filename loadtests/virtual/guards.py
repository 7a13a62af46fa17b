"""The guard under test: the one place that knows how a guard is made."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager

from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table
from trafficguard.guard import Guard
from trafficguard.settings import PolicySettings, SessionSettings, SiteSettings, UpstreamSettings
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.catalog import CATALOG
from trafficguard.signals.facts import facts_of

SITE = "shop.example"
"""The site's name in every request."""
SESSION_COOKIE = "sid"
"""The shop's own session cookie."""
SECRET = bytes(16)
"""The hash secret of every run, so that equal scenarios collide equally."""


@contextmanager
def make_guard(
    off: Set[str] = frozenset(), site: str = SITE, cookie: str | None = SESSION_COOKIE, sizes: Sizes | None = None
) -> Iterator[Guard]:
    """A guard with empty memory and the default policy; `off` are signals that are not measured."""
    shop = SiteSettings(
        hosts=[site],
        upstreams=[UpstreamSettings(servers=["http://127.0.0.1:1"])],
        session=SessionSettings(cookie=cookie),
    )
    table = Table.create(sizes, SECRET)
    try:
        facts = facts_of([shop], SECRET)
        yield Guard(PolicySettings(), table.memory, facts, modes=dict.fromkeys(off, "off"))
    finally:
        table.close()


def signal_names() -> list[str]:
    """All signals that are on by default."""
    heads = [signal.name for signal in CATALOG.values() if signal.mode == "on"]
    return heads + [signal.name for signal in BEHAVIOURS.values() if signal.mode == "on"]
