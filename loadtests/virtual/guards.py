"""The guard under test: the one place that knows how a guard is made."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager

from loadtests.rules import operator_rules
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table
from trafficguard.guard import Guard
from trafficguard.policy.build import build
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import Orders
from trafficguard.settings import SessionSettings, SiteSettings, UpstreamSettings
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
    off: Set[str] = frozenset(),
    site: str = SITE,
    cookie: str | None = SESSION_COOKIE,
    sizes: Sizes | None = None,
    populated: bool = False,
    rules: int = 0,
) -> Iterator[Guard]:
    """A guard with empty memory and the default policy; `off` are signals that are not measured.

    `populated`: its memory is mapped beforehand, as in a worker. `rules`: of an operator, asked first.
    """
    shop = SiteSettings(
        hosts=[site],
        upstreams=[UpstreamSettings(servers=["http://127.0.0.1:1"])],
        session=SessionSettings(cookie=cookie),
    )
    table = Table.create(sizes, SECRET)
    try:
        if populated:
            table.populate()
        facts = facts_of([shop], SECRET)
        yield Guard(Orders(1, build(policy(off, rules))), table.memory, facts)
    finally:
        table.close()


def policy(off: Set[str] = frozenset(), rules: int = 0) -> PolicyFile:
    """A policy that does nothing but block from 75 on, so that runs show what scores do and not what throttles do."""
    return PolicyFile.model_validate(
        {
            "signals": {name: {"mode": "off"} for name in sorted(off)},
            "rules": operator_rules(rules),
            "thresholds": [{"name": "score", "steps": [{"score": 75, "action": "block"}]}],
        }
    )


def signal_names() -> list[str]:
    """All signals that are on by default."""
    heads = [signal.name for signal in CATALOG.values() if signal.mode == "on"]
    return heads + [signal.name for signal in BEHAVIOURS.values() if signal.mode == "on"]
