"""Weighing what signals found."""

from __future__ import annotations

from dataclasses import replace

from trafficguard.scoring.weigh import MOST_EVIDENCE, total, weigh
from trafficguard.signals.catalog import CATALOG, Signal
from trafficguard.signals.finding import Finding


def signal(name: str, weight: float, cap: float = 9.0) -> Signal:
    return Signal(name, "yes", "It does something", weight, cap, frozenset(), "test")


TWO = {"a": signal("a", 1.0), "b": signal("b", 2.0, cap=3.0)}


def test_evidence_is_weight_times_amount() -> None:
    (share,) = weigh({"a": Finding(2.5)}, TWO)
    assert share.evidence == 2.5


def test_a_signal_adds_at_most_its_cap() -> None:
    (share,) = weigh({"b": Finding(100.0)}, TWO)
    assert share.evidence == 3.0


def test_a_request_shows_at_most_so_much() -> None:
    assert total(weigh({name: Finding() for name in CATALOG})) == MOST_EVIDENCE


def test_the_strongest_share_comes_first() -> None:
    assert [share.signal.name for share in weigh({"a": Finding(), "b": Finding()}, TWO)] == ["b", "a"]


def test_a_signal_in_shadow_is_listed_and_adds_nothing() -> None:
    shadowed = {**TWO, "b": replace(TWO["b"], mode="shadow")}
    shares = weigh({"a": Finding(), "b": Finding()}, shadowed)
    assert [share.counts for share in shares] == [False, True]
    assert total(shares) == 1.0


def test_nothing_found_is_no_evidence() -> None:
    assert total(weigh({})) == 0.0


def test_the_text_names_what_exactly_was_found() -> None:
    (share,) = weigh({"a": Finding(1.0, "curl")}, TWO)
    assert share.text == "It does something (curl)"
    (share,) = weigh({"a": Finding()}, TWO)
    assert share.text == "It does something"
