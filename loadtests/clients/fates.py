"""What became of each client, read off the decision log of the proxy that they all met.

A client is told by its address. Pages and data of items count as items; what the guard itself serves
(`/.trafficguard/...`) is nobody's request to the shop.

Promises: of a client that never came all counts are 0. Never: reckons anything from what a client says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_ITEM: Final = re.compile(r"/(?:product|api/products)/(\d+)(?:[?]|$)")
_OWN: Final = "/.trafficguard/"
_GOT: Final = (200, 304)


@dataclass(frozen=True, slots=True)
class Fate:
    """One client's."""

    name: str
    sort: str
    version: str
    """What it says that it is; empty where it never came."""
    trouble: str
    """Why it could not be tried; empty where it was."""
    requests: int = 0
    passed: int = 0
    throttled: int = 0
    challenged: int = 0
    blocked: int = 0
    items: int = 0
    """Distinct ones that it got."""
    first_request: int = 0
    """Number of the first request that was not simply passed; 0 where all were."""
    first_s: float = 0.0
    """Seconds from its first request to that one."""
    score: float = 0.0
    """Highest bot score."""
    reason: str = ""
    """The strongest at that score."""

    @property
    def is_hindered(self) -> bool:
        """Whether it was challenged or blocked."""
        return bool(self.challenged or self.blocked)


def fate_of(name: str, sort: str, address: str, events: Iterable[Mapping[str, Any]], trouble: str = "") -> Fate:
    """The fate of the client at an address."""
    mine = [one for one in events if one["client"] == address and not one["target"].startswith(_OWN)]
    if not mine:
        return Fate(name, sort, "", trouble or "it never came")
    mine.sort(key=lambda one: int(one["t"]))
    actions = [one["action"] for one in mine]
    worst = max(mine, key=lambda one: float(one["score"]))
    first = next((number for number, action in enumerate(actions) if action != "pass"), None)
    return Fate(
        name, sort, mine[0]["user_agent"][:120], "",
        requests=len(mine), passed=actions.count("pass"), throttled=actions.count("throttle"),
        challenged=actions.count("challenge"), blocked=actions.count("block") + actions.count("tarpit"),
        items=len({item for one in mine if (item := _item(one))}),
        first_request=0 if first is None else first + 1,
        first_s=0.0 if first is None else (mine[first]["t"] - mine[0]["t"]) / 1e9,
        score=float(worst["score"]), reason=next(iter(worst["reasons"]), ""),
    )  # fmt: skip


def _item(event: Mapping[str, Any]) -> str:
    found = _ITEM.match(event["target"])
    return found[1] if found and event["status"] in _GOT and event["action"] in ("pass", "throttle") else ""
