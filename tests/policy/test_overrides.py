"""Signals as a policy wants them."""

from __future__ import annotations

from typing import Any

import pytest

from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.overrides import SIGNALS, behaviours_of, heads_of
from trafficguard.scoring.terms import terms_of
from trafficguard.scoring.weigh import total, weigh
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.catalog import CATALOG
from trafficguard.signals.finding import Finding


def policy(**signals: Any) -> PolicyFile:
    return build(PolicyFile.model_validate({"signals": {name.replace("__", "."): one for name, one in signals.items()}})).file


def test_without_overrides_both_catalogs_are_as_they_are() -> None:
    assert heads_of(policy()) == CATALOG
    assert behaviours_of(policy()) == tuple(BEHAVIOURS.values())


def test_no_name_is_in_both_catalogs() -> None:
    assert len(SIGNALS) == len(CATALOG) + len(BEHAVIOURS)


def test_every_signal_has_a_weight_that_another_can_be_measured_by() -> None:
    assert all(signal.weight > 0 for signal in SIGNALS.values())


def test_a_weight_takes_its_cap_along() -> None:
    heads = heads_of(policy(agent__outdated={"weight": 3.4}))
    assert (heads["agent.outdated"].weight, heads["agent.outdated"].cap) == (3.4, pytest.approx(6.8))
    assert total(weigh({"agent.outdated": Finding(2.0)}, heads)) == pytest.approx(6.8)


def test_a_signal_in_shadow_adds_nothing() -> None:
    heads = heads_of(policy(agent__library={"mode": "shadow"}))
    assert total(weigh({"agent.library": Finding()}, heads)) == 0.0


def test_signals_of_behaviour_are_overridden_as_well() -> None:
    rows = behaviours_of(policy(visit__pace={"weight": 2}, visit__assets={"mode": "off"}))
    terms = terms_of(rows=rows)
    assert "visit.assets" not in [row.name for row in terms.rows]
    assert next(row.weight for row in terms.rows if row.name == "visit.pace") == 2.0


def test_an_override_of_behaviour_that_changes_nothing_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"visit.pace is so by itself"):
        policy(visit__pace={"mode": BEHAVIOURS["visit.pace"].mode})
