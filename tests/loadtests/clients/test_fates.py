"""What became of clients, read off events of a decision log."""

from __future__ import annotations

from typing import Any

from loadtests.clients.command import row_of, table
from loadtests.clients.fates import Fate, fate_of


def event(target: str, action: str = "pass", status: int = 200, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {
        "t": int(seconds * 1e9), "client": "198.18.1.7", "target": target, "action": action, "status": status,
        "score": 0, "reasons": [], "user_agent": "curl/8", **more,
    }  # fmt: skip


def test_a_client_is_told_by_its_address() -> None:
    events = [event("/"), event("/", client="198.18.2.7")]
    assert fate_of("curl", "library", "198.18.1.7", events).requests == 1


def test_who_never_came_says_why() -> None:
    assert fate_of("curl", "library", "198.18.1.7", [], "no curl: apt-get install curl").trouble.startswith("no curl")
    assert fate_of("curl", "library", "198.18.1.7", []).trouble == "it never came"


def test_what_a_client_complained_of_is_nothing_once_it_came() -> None:
    assert fate_of("curl", "library", "198.18.1.7", [event("/")], "HTTP 403").trouble == ""


def test_items_are_distinct_and_only_those_that_were_got() -> None:
    events = [
        event("/product/7"), event("/product/7?ref=list"), event("/api/products/8", "throttle"),
        event("/product/9", "throttle", 429), event("/product/10", "block", 403), event("/product/11x"),
    ]  # fmt: skip
    found = fate_of("curl", "library", "198.18.1.7", events)
    assert (found.items, found.passed, found.throttled, found.blocked) == (2, 3, 2, 1)


def test_what_the_guard_serves_itself_is_no_request_to_the_shop() -> None:
    assert fate_of("curl", "library", "198.18.1.7", [event("/"), event("/.trafficguard/work.js")]).requests == 1


def test_the_first_action_is_counted_and_timed_from_the_first_request_however_the_log_is_ordered() -> None:
    events = [
        event("/b", "challenge", 403, seconds=12.5, score=61, reasons=["too fast"]), event("/a", seconds=10),
        event("/c", "block", 403, seconds=13, score=80, reasons=["far too fast", "too fast"]),
    ]  # fmt: skip
    found = fate_of("curl", "library", "198.18.1.7", events)
    assert (found.first_request, found.first_s, found.score, found.reason) == (2, 2.5, 80.0, "far too fast")
    assert found.is_hindered


def test_a_tarpit_counts_as_blocked_and_a_throttle_hinders_nobody() -> None:
    assert fate_of("curl", "library", "198.18.1.7", [event("/", "tarpit", 403)]).blocked == 1
    assert not fate_of("curl", "library", "198.18.1.7", [event("/", "throttle")]).is_hindered


def test_rows_tell_who_could_not_be_tried() -> None:
    assert row_of(Fate("curl", "library", "", "no curl"))[-1] == "not tried: no curl"
    assert "| never |" in table([fate_of("curl", "library", "198.18.1.7", [event("/")])])
