"""Every signal that is on moves evidence by itself: a head or a visit in which nothing else speaks."""

from __future__ import annotations

import pytest

from tests.guards import CALM, NOON, make_guard
from tests.scoring.scripts import SCRIPTS
from tests.signals.heads import ALONE, sent_alone
from trafficguard.guard import REMEMBERED
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.catalog import CATALOG


def test_every_signal_that_is_on_has_a_case_of_its_own() -> None:
    assert {name for name, signal in CATALOG.items() if signal.mode == "on"} == ALONE.keys()
    assert {name for name, signal in BEHAVIOURS.items() if signal.mode == "on"} == SCRIPTS.keys()


@pytest.mark.parametrize("name", ALONE)
def test_a_signal_of_the_head_moves_evidence_by_itself(name: str) -> None:
    verdict = make_guard().judge(sent_alone(name), NOON, CALM)
    assert [reason.signal for reason in verdict.reasons] == [name]
    assert verdict.reasons[0].evidence >= 1.0


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_signal_of_behaviour_moves_evidence_by_itself(name: str) -> None:
    told = SCRIPTS[name](make_guard())
    assert told.keys() - {REMEMBERED} == {name}
    assert told[name] >= 0.25 * BEHAVIOURS[name].weight


@pytest.mark.parametrize("name", SCRIPTS)
def test_where_a_signal_is_off_its_visit_is_that_of_anybody(name: str) -> None:
    assert SCRIPTS[name](make_guard(modes={name: "off"})) == {}
