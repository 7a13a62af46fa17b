"""What became of a request, read off its answer."""

from __future__ import annotations

import pytest

from loadtests.actors.challenges import PREFIX
from loadtests.actors.model import Answer, Ask
from loadtests.actors.programs import programs
from loadtests.actors.templates import Kind
from loadtests.run.record import ANSWERED, BLOCKED, CHALLENGED, DELAYED, FAILED, LIMITED, OWN, SERVED, fate_of
from tests.loadtests.run import records
from tests.loadtests.run.records import Story


def asked(path: bytes = b"/") -> Ask:
    return Ask(0, "192.0.2.1", programs()["program-requests"], Kind.PAGE, path)


@pytest.mark.parametrize(
    ("answer", "took_ms", "fate"),
    [
        (Answer(200), 5, SERVED),
        (Answer(404), 5, SERVED),
        (Answer(303), 5, SERVED),
        (Answer(200), 400, DELAYED),
        (Answer(429), 5, LIMITED),
        (Answer(403), 5, BLOCKED),
        (records.CHALLENGED, 5, CHALLENGED),
        (Answer(303, lines=b"Location: /.trafficguard/go?to=%2F\r\n"), 5, CHALLENGED),
        (Answer(502), 5, FAILED),
        (Answer(0), 5, FAILED),
    ],
)
def test_a_fate_is_read_off_the_answer(answer: Answer, took_ms: int, fate: int) -> None:
    assert fate_of(asked(), answer, took_ms * 1_000_000) == fate


def test_a_path_of_the_guards_own_is_no_request_to_the_shop() -> None:
    assert fate_of(asked(PREFIX + b"solve"), Answer(204), 0) == OWN


def test_a_challenge_that_is_solved_and_asked_again_has_been_answered() -> None:
    story = Story()
    story.tell("wave", 0, records.CHALLENGED, b"/product/7")
    story.solve("wave", 1)
    story.tell("wave", 2, records.SERVED, b"/product/7")
    assert list(story.record.waves["wave"].fates) == [ANSWERED, OWN, SERVED]


@pytest.mark.parametrize("again", [b"/product/8", None], ids=["asks-for-something-else", "leaves"])
def test_a_challenge_that_is_left_stays_a_refusal(again: bytes | None) -> None:
    story = Story()
    story.tell("wave", 0, records.CHALLENGED, b"/product/7")
    if again:
        story.solve("wave", 1)
        story.tell("wave", 2, records.SERVED, again)
    assert story.record.waves["wave"].fates[0] == CHALLENGED


def test_a_challenge_that_is_asked_again_without_a_solution_stays_a_refusal() -> None:
    story = Story()
    story.tell("person", 0, records.CHALLENGED, b"/product/7", person=True)
    story.tell("person", 1, records.SERVED, b"/product/7", person=True)
    assert story.record.people["person"].fates == {CHALLENGED: 1, SERVED: 1}


def test_an_item_is_given_away_by_its_page_and_by_its_data_alone() -> None:
    story = Story()
    for path in (b"/product/7", b"/api/products/8", b"/images/9.svg", b"/product/x"):
        story.tell("wave", 0, records.SERVED, path)
    story.tell("wave", 1, Answer(404), b"/product/10")
    story.tell("wave", 1, records.BLOCKED, b"/product/11")
    assert list(story.record.waves["wave"].items) == [7, 8, 0, 0, 0, 0]


def test_times_of_people_leave_out_what_was_held_back_and_the_guards_own_paths() -> None:
    story = Story()
    story.tell("person", 0, records.SERVED, person=True, took_s=0.02)
    story.tell("person", 1, records.SERVED, person=True, took_s=2.0)
    story.solve("person", 4, person=True)
    assert list(story.record.waits) == [20_000_000]
