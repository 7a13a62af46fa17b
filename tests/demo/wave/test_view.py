"""The wave's view names everybody, and stays readable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.demo.wave.test_figures import CAST, figures, seen
from trafficguard.demo.wave.view import WAVE_HEADING, Sampler, WaveView


def shown(*events: dict[str, Any], coloured: bool = False, columns: int | None = None) -> list[str]:
    return WaveView(CAST, coloured=coloured, columns=columns).lines(list(events), figures().role_of)


def test_names_stand_before_the_lines_of_the_demo_under_a_heading() -> None:
    (line,) = shown(seen("12.0.0.1", "block", status=403))
    assert line.startswith("scraper  ")
    assert line.index("12.0.0.1") == WAVE_HEADING.index("client")


def test_one_line_a_second_says_how_many_more_there_were() -> None:
    lines = shown(*(seen("12.0.0.1", target=f"/product/{nth}", after=nth / 10) for nth in range(21)))
    assert [line.partition("  (+")[2] for line in lines] == ["", "9)", "9)"]


def test_what_changes_is_shown_within_a_quarter_of_a_second() -> None:
    sampler = Sampler()
    moments = [(0.0, "pass"), (0.1, "block"), (0.3, "block"), (0.4, "pass"), (0.6, "pass"), (0.9, "pass")]
    taken = [sampler.take("x", seen("12.0.0.1", action, after=at)) for at, action in moments]
    assert taken == [0, None, 1, None, 1, None]


def test_roles_do_not_hide_one_another() -> None:
    assert len(shown(seen("11.0.0.1"), seen("12.0.0.1"), seen("13.0.0.1"), seen("127.0.0.1"))) == 4


def test_parts_of_pages_are_only_shown_when_something_happens_to_them() -> None:
    parts = [seen("11.0.0.1", target="/images/7.svg", after=nth) for nth in (2, 4)]
    assert len(shown(seen("11.0.0.1"), *parts)) == 1
    assert len(shown(seen("11.0.0.1"), *parts, seen("11.0.0.1", "block", "/images/7.svg", 403, after=6))) == 2


@pytest.mark.parametrize(("action", "us", "said"), [("throttle", 600_000, "held back 0.6 s"), ("throttle", 900, ""), ("pass", 600_000, "")])
def test_it_is_said_for_how_long_somebody_was_held_back(action: str, us: int, said: str) -> None:
    (line,) = shown(seen("12.0.0.1", action) | {"us": us, "reasons": []})
    assert line.endswith(said or "/product/7")


def test_lines_end_where_the_terminal_does_and_keep_what_was_hidden() -> None:
    events = [seen("12.0.0.1", target="/product/" + "9" * 60, after=nth / 4) for nth in range(5)]
    lines = shown(*events, columns=90)
    assert [len(line) for line in lines] == [90, 90]
    assert lines[1].endswith("  (+3)")


def test_names_and_verdicts_are_coloured_on_a_terminal_only() -> None:
    blocked = seen("12.0.0.1", "block", status=403)
    assert "\x1b" not in shown(blocked)[0]
    assert shown(blocked, coloured=True)[0].startswith("\x1b[36mscraper \x1b[0m \x1b[31m")
