"""What a pass tells: each bit stands for one probe for ever, and nothing else speaks by it."""

from __future__ import annotations

import pytest

from tests.corpus.clients import head_of
from tests.signals.heads import CHROME
from trafficguard.scoring.weigh import weigh
from trafficguard.signals.catalog import BEHIND_PROXY, CATALOG, DIRECT, Need
from trafficguard.signals.measures import find
from trafficguard.signals.page import BIT, MOST_BITS, MOST_REUSE, PROBES
from trafficguard.signals.row import Row, read_row

FIRST_RELEASED = (
    "silent webdriver cdc stack playwright headless agent platform languages brands mobile touch plugins window screen"
    " chrome renderer worker frame native impossible untrusted clicks straight even"
)
"""Bits 0 to 24 as passes out there have them."""
ON = {"page.webdriver", "page.cdc", "page.stack", "page.playwright", "page.headless"}


def row(told: int = 0, reuse: int = 0) -> Row:
    """A clean head with a pass that says this."""
    return read_row(head_of(CHROME), True, DIRECT, told=told, reuse=reuse)


def test_a_bit_that_was_given_once_is_never_given_to_another_probe() -> None:
    released = [f"page.{word}" for word in FIRST_RELEASED.split()]
    assert list(PROBES[: len(released)]) == released
    assert len(set(PROBES)) == len(PROBES) <= MOST_BITS


def test_every_probe_has_a_row_that_needs_the_report_of_a_page() -> None:
    assert {name for name in CATALOG if name.startswith("page.")} == set(PROBES)
    assert all(CATALOG[name].needs == {Need.PAGE} for name in PROBES)


def test_drivers_own_traces_are_on_and_all_other_probes_in_shadow_with_the_reason() -> None:
    assert {name for name in PROBES if CATALOG[name].mode == "on"} == ON
    assert all("shadow" in CATALOG[name].source for name in PROBES if name not in ON)


@pytest.mark.parametrize("name", PROBES)
def test_a_bit_speaks_for_its_probe_alone_whatever_stands_in_front(name: str) -> None:
    assert set(find(row(BIT[name]))) == {name}
    assert set(find(read_row(head_of(CHROME), False, BEHIND_PROXY, told=BIT[name]))) == {name}


def test_a_pass_that_tells_nothing_and_bits_that_nobody_knows_say_nothing() -> None:
    assert find(row()) == {}
    assert Need.PAGE not in row().met
    assert find(row(~((1 << len(PROBES)) - 1) & ((1 << MOST_BITS) - 1))) == {}


def test_all_bits_at_once_are_as_many_findings() -> None:
    assert set(find(row((1 << MOST_BITS) - 1))) == set(PROBES)


def test_reuse_weighs_more_with_each_step_and_stays_below_the_middle_of_the_scale() -> None:
    evidence = [sum(share.evidence for share in weigh(find(row(reuse=step)))) for step in range(6)]
    assert evidence[:4] == [0.0, 1.5, 3.0, 4.5]
    assert evidence[4:] == [4.5, 4.5]
    assert MOST_REUSE == 3
