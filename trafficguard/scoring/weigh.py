"""Weighs findings: evidence by signal, strongest first, and their capped sum.

Promises: evidence of a signal is its weight times the amount, at most its cap; the sum is at most
`MOST_EVIDENCE`; a signal in shadow is listed with what it would add and adds nothing. Never: negative
evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from trafficguard.signals.catalog import CATALOG, Signal
from trafficguard.signals.finding import Finding

MOST_EVIDENCE: Final = 16.0
"""Nats that one request can show in all: a score of 99.999, and no more to work off afterwards."""


class Share(NamedTuple):
    """What one signal found and adds."""

    signal: Signal
    finding: Finding
    evidence: float
    """Nats that it adds, or in shadow would add."""

    @property
    def counts(self) -> bool:
        """Whether it is part of the sum."""
        return self.signal.mode == "on"

    @property
    def text(self) -> str:
        """One plain sentence, with what exactly was found."""
        detail = self.finding.detail
        return f"{self.signal.text} ({detail})" if detail else self.signal.text


def weigh(findings: Mapping[str, Finding], catalog: Mapping[str, Signal] = CATALOG) -> tuple[Share, ...]:
    """The shares of all findings, strongest first; equals in the order of the catalog."""
    shares = [_share(catalog[name], finding) for name, finding in findings.items()]
    return tuple(sorted(shares, key=lambda share: -share.evidence))


def _share(signal: Signal, finding: Finding) -> Share:
    return Share(signal, finding, min(signal.weight * finding.amount, signal.cap))


def total(shares: tuple[Share, ...]) -> float:
    """Evidence of a request in nats."""
    return min(sum(share.evidence for share in shares if share.counts), MOST_EVIDENCE)
