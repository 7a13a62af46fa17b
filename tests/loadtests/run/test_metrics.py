"""What figures mean, by runs that are written down request by request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.actors.model import Answer
from loadtests.actors.templates import Kind
from loadtests.actors.waves import WAVES
from loadtests.run.metrics import (
    Costs,
    Figures,
    First,
    GroupFigures,
    Share,
    WaveFigures,
    first,
    leaks,
    misses,
    people_figures,
    recall,
    wave_figures,
)
from loadtests.run.record import BLOCKED
from tests.loadtests.run import records
from tests.loadtests.run.records import Story

COSTS = Costs(1.0, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0), (1.5, 4.0, 9.0), 1.0, 2.0, 1.5, 100.0, 100.0, 0.1, 1.0)


def crawl(*answers: Answer, wave: str = "naive", gap_s: float = 1.0) -> WaveFigures:
    """A wave that asks for one item after another."""
    story = Story()
    for number, answer in enumerate(answers):
        story.tell(wave, number * gap_s, answer, b"/product/%d" % (number + 1))
    return wave_figures(WAVES[wave], "", [story.record.waves[wave]], 1000)


def people(story: Story) -> GroupFigures:
    return people_figures([story.record])[0]


def all_of(*waves: WaveFigures, everybody: GroupFigures | None = None, costs: Costs | None = None, is_valid: bool = True) -> Figures:
    group = everybody or people_figures([Story().record])[0]
    return Figures("made-up", "", "virtual", (1,), "held-out", 1, "balanced", 1, (group,), waves, (), "", is_valid, costs)


# ---- bounds


@pytest.mark.parametrize("size", [100, 3000, 30_000])
def test_the_bound_of_none_is_three_in_as_many(size: int) -> None:
    assert Share(0, size).bound == pytest.approx(3 / size, rel=0.02)


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_bound_is_above_its_share_and_never_above_one(hits: int, others: int) -> None:
    share = Share(hits, hits + others)
    assert share.share < share.bound <= 1.0


# ---- waves


def test_recall_is_the_share_of_pages_that_a_wave_did_not_get() -> None:
    wave = crawl(*[records.SERVED] * 2, records.CHALLENGED, records.LIMITED, *[records.BLOCKED] * 4)
    assert wave.recall == Share(6, 8)


def test_pages_that_were_held_back_and_then_served_count_as_got() -> None:
    story = Story()
    story.tell("naive", 0, records.SERVED, took_s=5.0)
    assert recall(story.record.waves["naive"]) == Share(0, 1)


def test_a_challenge_that_was_answered_is_neither_got_nor_refused() -> None:
    story = Story()
    story.tell("solver", 0, records.CHALLENGED, b"/product/1")
    story.solve("solver", 1)
    story.tell("solver", 2, records.SERVED, b"/product/1")
    trace = story.record.waves["solver"]
    assert recall(trace) == Share(0, 1)
    assert leaks(trace) == (1, 0)


def test_settled_leaves_out_the_first_minute() -> None:
    wave = crawl(*[records.SERVED] * 60, *[records.BLOCKED] * 20)
    assert (wave.recall, wave.settled) == (Share(20, 80), Share(20, 20))


def test_parts_of_pages_count_among_what_is_kept_from_the_shop_alone() -> None:
    story = Story()
    story.tell("stealth-browsers", 0, records.SERVED, b"/product/1")
    for number in range(3):
        story.tell("stealth-browsers", 1, records.BLOCKED, b"/images/%d.svg" % number, kind=Kind.IMAGE)
    story.solve("stealth-browsers", 2)
    wave = wave_figures(WAVES["stealth-browsers"], "", [story.record.waves["stealth-browsers"]], 1000)
    assert (wave.recall, wave.saved) == (Share(0, 1), Share(3, 4))


def test_leaked_counts_each_item_once() -> None:
    story = Story()
    for item in (1, 2, 2, 3):
        story.tell("naive", item, records.SERVED, b"/product/%d" % item)
    story.tell("naive", 5, records.BLOCKED, b"/product/4")
    story.tell("naive", 6, records.SERVED, b"/product/5")
    assert leaks(story.record.waves["naive"]) == (4, 3)


def test_first_action_is_the_first_delay_or_refusal() -> None:
    story = Story()
    story.tell("naive", 10, records.SERVED)
    story.tell("naive", 12, records.SERVED, took_s=3.0)
    story.tell("naive", 19, records.BLOCKED)
    wave = wave_figures(WAVES["naive"], "", [story.record.waves["naive"]], 1000)
    assert (wave.action, wave.refusal) == (First(2, 2.0), First(3, 9.0))


def test_what_never_happened_has_no_first() -> None:
    story = Story()
    story.tell("naive", 0, records.SERVED)
    assert first(story.record.waves["naive"], (BLOCKED,)) is None


def test_of_several_seeds_counts_are_summed_and_the_worst_leak_is_told() -> None:
    traces = []
    for got in (2, 5):
        story = Story()
        for number in range(10):
            story.tell("naive", number, records.SERVED if number < got else records.BLOCKED, b"/product/%d" % (number + 1))
        traces.append(story.record.waves["naive"])
    wave = wave_figures(WAVES["naive"], "", traces, 1000)
    assert (wave.recall, wave.leaked, wave.seeds, wave.detected) == (Share(13, 20), 5, 2, 2)


# ---- people


def test_a_person_counts_once_however_often_it_was_hindered() -> None:
    story = Story()
    for second in range(3):
        story.tell("one", second, records.BLOCKED, person=True)
    story.tell("two", 5, records.LIMITED, person=True)
    story.tell("three", 6, records.SERVED, person=True)
    group = people(story)
    assert (group.blocked, group.limited, group.challenged) == (Share(1, 3), Share(1, 3), Share(0, 3))


def test_who_gets_on_after_every_challenge_has_solved_them() -> None:
    story = Story()
    for name, solves in (("one", True), ("two", False)):
        story.tell(name, 0, records.CHALLENGED, b"/product/1", person=True)
        if solves:
            story.solve(name, 2, person=True)
            story.tell(name, 3, records.SERVED, b"/product/1", person=True)
    group = people(story)
    assert (group.challenged, group.solved) == (Share(2, 2), Share(1, 2))


@pytest.mark.parametrize(("times", "loops"), [((0, 60, 119), 1), ((0, 60, 121), 0), ((0, 10), 0)])
def test_three_challenges_within_two_minutes_are_a_loop(times: tuple[int, ...], loops: int) -> None:
    story = Story()
    for second in times:
        story.tell("one", second, records.CHALLENGED, person=True)
    assert people(story).looping.hits == loops


def test_refused_parts_count_where_no_page_was_refused() -> None:
    story = Story()
    story.tell("one", 0, records.SERVED, person=True)
    story.tell("one", 1, records.BLOCKED, b"/images/1.svg", kind=Kind.IMAGE, person=True)
    story.tell("two", 0, records.BLOCKED, person=True)
    story.tell("two", 1, records.BLOCKED, b"/images/1.svg", kind=Kind.IMAGE, person=True)
    assert people(story).parts == Share(1, 2)


def test_groups_stand_beside_everybody() -> None:
    story = Story()
    story.tell("one", 0, records.SERVED, person=True, groups=frozenset(("office", "chromium-tls-mac")))
    story.tell("two", 0, records.SERVED, person=True)
    assert [(group.name, group.blocked.size) for group in people_figures([story.record])] == [("everybody", 2), ("office", 1)]


# ---- what is missed


@pytest.mark.parametrize(
    ("got", "held", "missed"),
    [(0, 100, ()), (5, 95, ()), (10, 90, ("recall",)), (30, 70, ("recall", "leaked", "saved"))],
)
def test_a_wave_is_held_to_recall_leak_and_what_it_costs_the_shop(got: int, held: int, missed: tuple[str, ...]) -> None:
    wave = crawl(*[records.SERVED] * got, *[records.BLOCKED] * held)
    assert tuple(words.split(" ")[0] for words in wave.misses) == missed


def test_less_is_asked_of_the_guard_where_a_full_browser_crawls() -> None:
    assert crawl(*[records.SERVED] * 15, *[records.BLOCKED] * 85, wave="stealth-browsers").misses == []


def test_nothing_is_asked_where_a_robot_says_what_it_is() -> None:
    assert crawl(*[records.SERVED] * 50, wave="declared-robot").misses == []


def test_people_who_are_blocked_challenged_or_go_in_circles_are_told() -> None:
    story = Story()
    story.tell("one", 0, records.BLOCKED, person=True)
    for second in range(3):
        story.tell("two", second, records.CHALLENGED, person=True)
    assert [words.split(" ")[-1] for words in misses(all_of(everybody=people(story)))] == ["blocked", "0.1%", "circles"]


@pytest.mark.parametrize(("added", "told"), [(4.9, False), (5.2, True)])
def test_latency_is_held_to_five_milliseconds_at_p99(added: float, told: bool) -> None:
    costs = replace(COSTS, through_ms=(1.5, 2.0 + added, 9.0))
    assert any(words.startswith("latency") for words in misses(all_of(costs=costs))) is told


def test_an_invalid_scenario_is_missed() -> None:
    assert misses(all_of(is_valid=False)) == ["bytes: heads alone tell crawlers from people"]
