"""Every recorded request counts once, for the one who sent it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from tests.demo.test_view import NOON, event
from trafficguard.clock import SECOND
from trafficguard.demo.wave.cast import Role
from trafficguard.demo.wave.figures import Figures

CAST = (
    Role("people", "green", "", frozenset(("11.0.0.1", "11.0.0.2")), ()),
    Role("scraper", "cyan", "", frozenset(("12.0.0.1",)), ()),
    Role("loop", "yellow", "", frozenset(("13.0.0.1",)), ()),
)


def seen(client: str, action: str = "pass", target: str = "/product/7", status: int = 200, after: float = 0.0) -> dict[str, Any]:
    origin = "http://127.0.0.1:1" if action in ("pass", "throttle") else ""
    return event(
        client=client, action=action, target=target, status=status, t=NOON + int(after * SECOND), origin=origin, challenge="", us=900
    )


def figures(*events: dict[str, Any]) -> Figures:
    found = Figures(CAST)
    for one in events:
        found.note(one)
    return found


def rows(found: Figures) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=80).print(found.table())
    return [line.split() for line in out.getvalue().splitlines() if line.strip()]


def test_actions_are_counted_for_the_role_that_has_the_address() -> None:
    found = figures(seen("11.0.0.1"), seen("11.0.0.2"), seen("12.0.0.1", "block", status=403))
    assert found.tallies["people"].actions == {"pass": 2}
    assert found.tallies["scraper"].actions == {"block": 1}


def test_who_is_not_of_the_cast_is_you_and_only_shown_when_there() -> None:
    assert rows(figures())[-1][0] == "loop"
    found = figures(seen("127.0.0.1"))
    assert found.role_of(seen("127.0.0.1")) == "you"
    assert rows(found)[-1][:3] == ["you", "1", "1"]


def test_items_are_counted_once_each_and_only_when_they_were_got() -> None:
    found = figures(
        seen("12.0.0.1"), seen("12.0.0.1", "throttle"), seen("12.0.0.1", target="/api/products/8/stock"),
        seen("12.0.0.1", target="/product/9", status=404), seen("12.0.0.1", "block", "/product/10", 403),
        seen("12.0.0.1", target="/category/9"),
    )  # fmt: skip
    assert found.tallies["scraper"].items == {7, 8}


def test_the_first_action_comes_after_so_many_requests_and_seconds() -> None:
    found = figures(
        *(seen("12.0.0.1", after=nth) for nth in range(9)), seen("12.0.0.1", "throttle", after=9.5),
        seen("12.0.0.1", "block", status=403, after=12), seen("13.0.0.1", "block", status=403),
    )  # fmt: skip
    by_name = {row[0]: row for row in rows(found)}
    assert by_name["scraper"][-4:] == ["9", "in", "9.5", "s"]
    assert by_name["loop"][-2:] == ["at", "once"]
    assert by_name["people"][-1] == "never"


def test_what_is_sent_to_the_desk_counts_under_no_action() -> None:
    found = figures(seen("11.0.0.1") | {"action": "", "challenge": "solved pow rest-60"})
    tally = found.tallies["people"]
    assert (tally.requests, tally.solved, tally.actions, tally.acted_after) == (1, 1, {}, None)


def test_one_sentence_says_it_all() -> None:
    found = figures(seen("11.0.0.1"), seen("12.0.0.1"), seen("13.0.0.1", "block", status=403))
    assert found.sentence(200) == (
        "The crawlers asked 2 times, of which 1 reached the shop, and took 1 of 200 products (0.5 %); "
        "none of 1 requests of people was held up."
    )
    found.note(seen("11.0.0.2", "challenge", status=403))
    assert found.sentence(200).endswith("1 of 2 requests of people were held up.")


def test_the_table_fits_a_terminal_of_eighty_columns() -> None:
    found = figures(*(seen("12.0.0.1", target=f"/product/{nth}", after=nth / 9) for nth in range(2_000)), seen("12.0.0.1", "block", after=220))
    assert not any("…" in word for row in rows(found) for word in row)
    assert rows(found)[-2][-4:] == ["2000", "in", "220.0", "s"]
