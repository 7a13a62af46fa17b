"""The catalogs of signals as a policy wants them: in its modes and with its weights.

A weight that differs takes the cap of its signal with it, so that a signal counts up to the same number of units.

Promises: signals that a policy does not name stay as they are; names are checked before (`build`). Never: changes the
catalogs themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from trafficguard.policy.model import PolicyFile
from trafficguard.signals.behaviour import BEHAVIOURS, Behaviour
from trafficguard.signals.catalog import CATALOG, Signal

SIGNALS: Final[Mapping[str, Signal | Behaviour]] = {**CATALOG, **BEHAVIOURS}
"""Every signal that a policy may name."""


def heads_of(file: PolicyFile) -> dict[str, Signal]:
    """The catalog of what heads say."""
    return {name: _head(signal, file) for name, signal in CATALOG.items()}


def behaviours_of(file: PolicyFile) -> tuple[Behaviour, ...]:
    """The catalog of what senders do, as `scoring.terms.terms_of` takes it."""
    return tuple(_behaviour(signal, file) for signal in BEHAVIOURS.values())


def _head(signal: Signal, file: PolicyFile) -> Signal:
    override = file.signals.get(signal.name)
    if override is None:
        return signal
    weight = signal.weight if override.weight is None else override.weight
    return replace(
        signal, mode=override.mode or signal.mode, weight=weight, cap=signal.cap * weight / signal.weight
    )


def _behaviour(signal: Behaviour, file: PolicyFile) -> Behaviour:
    override = file.signals.get(signal.name)
    if override is None:
        return signal
    weight = signal.weight if override.weight is None else override.weight
    return replace(signal, mode=override.mode or signal.mode, weight=weight)
