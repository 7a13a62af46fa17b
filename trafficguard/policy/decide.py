"""Today's policy: labels that pass, then one threshold.

Promises: total; every result names its rule: `pass-label:bot.search`, `block-score` or `default`. Never:
acts.
"""

from __future__ import annotations

from collections.abc import Iterable

from trafficguard.exchange import Action
from trafficguard.settings import PolicySettings


class Policy:
    """A policy, prepared for deciding."""

    __slots__ = ("_block", "_pass_labels")

    def __init__(self, settings: PolicySettings) -> None:
        self._block = settings.block
        self._pass_labels = frozenset(settings.pass_labels)

    def decide(self, score: float, labels: Iterable[str]) -> tuple[Action, str]:
        """The action for a request, and the rule that decided."""
        for label in labels:
            if label in self._pass_labels:
                return Action.PASS, f"pass-label:{label}"
        if score >= self._block:
            return Action.BLOCK, "block-score"
        return Action.PASS, "default"
