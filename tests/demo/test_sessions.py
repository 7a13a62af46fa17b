"""Only the sample account gets in, and forgotten tokens stay forgotten."""

from __future__ import annotations

import pytest

from trafficguard.demo.sessions import MAX_SESSIONS, Sessions


def test_the_sample_account_gets_a_token_that_names_it() -> None:
    sessions = Sessions()
    token = sessions.login("demo", "demo")

    assert token is not None
    assert sessions.user(token) == "demo"


@pytest.mark.parametrize(
    ("user", "password"), [("demo", "Demo"), ("Demo", "demo"), ("", ""), ("demo", ""), ("ü", "\udcff")]
)
def test_anything_else_gets_none(user: str, password: str) -> None:
    assert Sessions().login(user, password) is None


def test_after_logout_a_token_is_nobody() -> None:
    sessions = Sessions()
    token = sessions.login("demo", "demo")
    assert token is not None

    sessions.logout(token)
    sessions.logout("never seen")

    assert sessions.user(token) is None


def test_the_longest_unused_session_makes_room() -> None:
    sessions = Sessions()
    tokens = [sessions.login("demo", "demo") or "" for _ in range(MAX_SESSIONS)]
    assert sessions.user(tokens[0]) == "demo"

    sessions.login("demo", "demo")

    assert sessions.user(tokens[0]) == "demo"
    assert sessions.user(tokens[1]) is None
