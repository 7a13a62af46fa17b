"""The live view tells each request in one line, whatever it holds."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.demo.view import HEADING, View, line_of

NOON = 1_700_000_000_000_000_000
REASONS = ["It says itself that it is a program, not a browser (curl)", "It sends no cookies"]


def event(**changes: Any) -> dict[str, Any]:
    """A blocked request as the log records it."""
    return {
        "t": NOON, "id": "0123456789abcdef0123", "client": "192.0.2.7", "method": "GET", "target": "/product/7",
        "status": 403, "action": "block", "score": 92.4, "reasons": REASONS, "error": "", **changes,
    }  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, *events: dict[str, Any]) -> str:
    View(out).show(list(events))
    return out.getvalue()


def test_a_line_holds_time_client_verdict_score_status_request_and_the_strongest_reason() -> None:
    clock, rest = line_of(event()).split(" ", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock)
    assert rest == f" 192.0.2.7        block       92     403  GET /product/7  {REASONS[0]}"


def test_columns_stand_under_their_heading() -> None:
    line = line_of(event())
    for title, value in (("client", "192.0.2.7"), ("verdict", "block"), ("request", "GET ")):
        assert line.index(value) == HEADING.index(title)
    for title, value in (("score", " 92 "), ("status", " 403 ")):
        assert line.index(value) + len(value) - 1 == HEADING.index(title) + len(title)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"action": "pass", "score": 1.0, "status": 200, "reasons": []}, "pass         1     200  GET /product/7"),
        ({"action": "", "reasons": [], "error": "bad-host", "status": 400}, "refused      -     400  GET /product/7  bad-host"),
        ({"action": "pass", "status": 0, "reasons": [], "error": "client-left"}, "pass        92    left  GET /product/7  client-left"),
        ({"method": "", "target": "", "action": "", "reasons": [], "error": "malformed"}, "refused      -     403  not HTTP  malformed"),
        ({"client": "", "action": "", "reasons": []}, "-                refused      -     403  GET /product/7"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(changes: dict[str, Any], wanted: str) -> None:
    assert line_of(event(**changes)).endswith(wanted)


def test_a_long_target_is_cut() -> None:
    asked = line_of(event(target="/" + "a" * 500, reasons=[])).split("  ")[-1]
    assert asked == "GET /" + "a" * 40 + "..."
    assert line_of(event(target="/" + "a" * 43, reasons=[])).endswith("GET /" + "a" * 43)


@given(st.text(), st.text(), st.text(), st.sampled_from(["pass", "block", ""]))
def test_one_request_is_one_line_whatever_a_client_sends(method: str, target: str, reason: str, action: str) -> None:
    hostile = event(method=method, target=target, reasons=[reason], action=action)
    assert line_of(hostile).isprintable()
    text = shown(io.StringIO(), hostile, event())
    assert len(text.splitlines()) == 2


def test_a_terminal_gets_colours_and_a_file_does_not() -> None:
    blocked, passed, refused = event(), event(action="pass"), event(action="")
    coloured = shown(Terminal(), blocked, passed, refused).splitlines()
    assert [line[:5] for line in coloured] == ["\x1b[31m", "\x1b[32m", "\x1b[33m"]
    assert all(line.endswith("\x1b[0m") for line in coloured)
    assert "\x1b" not in shown(io.StringIO(), blocked, passed, refused)


def test_every_line_is_there_at_once() -> None:
    class Slow(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed = len(self.getvalue())

    out = Slow()
    view = View(out)
    view.say("hello")
    assert out.flushed == len("hello\n")
    view.show([event()])
    assert out.flushed == len(out.getvalue()) > len("hello\n")
