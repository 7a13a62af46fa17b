from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from loadtests.actors.crawlers import WAVES
from loadtests.actors.model import SECOND
from loadtests.virtual.metrics import (
    AFTERWARDS,
    First,
    figures,
    first_at,
    leaks,
    steady_from,
    upper_bound,
    wave_figures,
)
from loadtests.virtual.scenario import Scenario
from loadtests.virtual.tally import PersonLog, Tally, WaveLog


def log(*scores: float, gap: float = 1.0, items: list[int] | None = None) -> WaveLog:
    """A wave with these scores, evenly spaced; each request got an item of its own below 75."""
    times = array("q", [int((9 + gap * number) * SECOND) for number in range(len(scores))])
    got = items or [0 if score >= 75 else number + 1 for number, score in enumerate(scores)]
    return WaveLog(times, array("d", scores), array("q", got))


def test_the_first_request_is_counted_from_one_and_timed_from_the_start_of_the_wave() -> None:
    wave = log(10, 50, 74.9, 75, 10)
    assert first_at(wave, 50) == First(2, 1.0)
    assert first_at(wave, 75) == First(4, 3.0)
    assert first_at(wave, 90) is None


def test_steady_means_nine_in_ten_from_there_to_the_end() -> None:
    assert steady_from(log(*[0] * 40, *[60] * 60), 50) == pytest.approx(34, abs=1)
    assert steady_from(log(*[60] * 100), 50) == 0
    assert steady_from(log(*[60, 0] * 50), 50) is None
    assert steady_from(log(*[0] * 95, *[60] * 5), 50) is None  # too few to say so
    assert steady_from(log(), 50) is None


def test_leaked_are_distinct_items_below_75() -> None:
    wave = log(1, 1, 1, 80, 1, 1, items=[5, 5, 6, 0, 7, 5])
    assert leaks(wave) == (3, 2)
    assert leaks(log(80, 80)) == (0, 0)
    assert leaks(log(1, 2, 3)) == (3, 3)


def test_the_bound_is_three_in_n_where_nobody_was_hit() -> None:
    assert upper_bound(0, 3000) == pytest.approx(3 / 3000, rel=0.01)
    assert upper_bound(0, 29_957) <= 1e-4 < upper_bound(0, 29_900)
    assert upper_bound(1, 47_439) == pytest.approx(1e-4, rel=0.001)
    assert upper_bound(5, 5) == 1
    assert upper_bound(0, 0) == 1


def test_a_wave_is_summed_up() -> None:
    wave = log(1, 60, 80, 80, gap=0.5)
    wave.reasons.update(["a.b", "c.d", "a.b"])
    found = wave_figures("x", "does x", wave)
    assert (found.requests, found.rate, found.highest) == (4, 2.0, 80)
    assert (found.suspect_share, found.caught_share) == (0.75, 0.5)
    assert (found.items, found.leaked, found.leaked_before) == (2, 2, 2)
    assert found.reasons == (("a.b", 0.5), ("c.d", 0.25))


def person(*groups: str, highest: float = 0.0, first: int = 0, last: int = 0, at: int = 0) -> PersonLog:
    suspect = [(at, highest)] if highest >= 50 else []
    return PersonLog(frozenset(groups), 3, highest, suspect, [first, last])


def test_people_are_counted_by_visit_and_by_group() -> None:
    tally = Tally(people={"1": person("office"), "2": person("office", highest=55), "3": person(highest=90)})
    everybody, office = figures(Scenario(), tally).people
    assert (everybody.name, everybody.people, everybody.suspect, everybody.caught) == ("everybody", 3, 2, 1)
    assert (office.name, office.people, office.suspect, office.caught, office.highest) == ("office", 2, 1, 0, 55)
    assert everybody.suspect_bound > 2 / 3


def test_bystanders_share_the_browser_and_the_time() -> None:
    (wave,) = [wave for wave in WAVES if wave.name == "one-per-address-28"]
    scenario = replace(Scenario(), waves=(wave,))
    starts, ends = scenario.window(wave)
    tally = Tally()
    tally.waves[wave.name] = log(1)
    tally.people = {
        "beside": person(wave.browser, first=starts, last=ends, highest=60, at=starts + 5),
        "before": person(wave.browser, first=0, last=starts - 1, highest=60),
        "earlier in its visit": person(wave.browser, first=starts - 9, last=ends, highest=60, at=starts - 9),
        "just after": person(wave.browser, first=ends + AFTERWARDS, last=ends + AFTERWARDS),
        "other browser": person("lynx-tls-linux", first=starts, last=ends, highest=60, at=starts + 5),
    }
    (bystanders,) = figures(scenario, tally).bystanders
    assert (bystanders.people, bystanders.suspect) == (3, 1)


def test_waves_that_did_not_run_are_not_reported() -> None:
    assert figures(Scenario(), Tally()).waves == ()
