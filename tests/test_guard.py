"""The heart: verdicts on recorded heads, their memory, and what happens when judging fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trafficguard.guard
from tests.corpus.clients import as_proxied, clients, request_of
from tests.signals.heads import ALONE, CHROME, CURL, FIREFOX, changed, without
from trafficguard.clock import SECOND
from trafficguard.exchange import Action, Conditions, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.settings import PolicySettings
from trafficguard.signals.catalog import BEHIND_PROXY, CATALOG

CALM = Conditions()
NOON = 1_700_000_000 * SECOND


def judge(text: str, *, secure: bool = True, guard: Guard | None = None) -> Verdict:
    guard = guard or make_guard()
    verdict = guard.judge(request_of(text, secure), NOON, CALM)
    assert guard.last_error == ""
    return verdict


# --- verdicts on recorded heads ---


@pytest.mark.parametrize("entry", clients("people"), ids=lambda entry: str(entry["client"]))
def test_people_show_nothing(entry: dict[str, Any]) -> None:
    verdict = judge(entry["head"], secure=entry["secure"])
    assert verdict.reasons == ()
    assert verdict.score < 2
    assert verdict.action is Action.PASS


@pytest.mark.parametrize("own_lines", [(), ("Connection: close", "X-Real-IP: 192.0.2.7")])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_people_behind_a_proxy_that_speaks_http2_to_them_show_nothing(
    version: str, own_lines: tuple[str, ...]
) -> None:
    for entry in clients("people-h2"):
        head = as_proxied(entry, version, *own_lines)
        assert judge(head).reasons == (), entry["client"]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_people_behind_a_proxy_that_nobody_told_us_of_stay_in_the_lower_half(version: str) -> None:
    for entry in clients("people-h2"):
        assert judge(as_proxied(entry, version), secure=False).score < 50, entry["client"]


@pytest.mark.parametrize("entry", clients("programs"), ids=lambda entry: str(entry["client"]))
def test_programs_that_say_what_they_are_score_high_and_are_told_why(entry: dict[str, Any]) -> None:
    verdict = judge(entry["head"], secure=entry["secure"])
    assert verdict.score >= 75
    assert verdict.reasons[0].signal in ("agent.library", "agent.robot")
    passes = verdict.labels[0] in PolicySettings().pass_labels
    assert verdict.action is (Action.PASS if passes else Action.BLOCK)


def test_most_impersonators_give_themselves_away_by_their_heads() -> None:
    scores: dict[str, float] = {}
    for entry in clients("impersonators"):
        score = judge(entry["head"], secure=entry["secure"]).score
        scores[entry["client"]] = max(score, scores.get(entry["client"], 0))
    caught = sum(score >= 75 for score in scores.values())
    print(f"\nimpersonators at 75 or more: {caught} of {len(scores)}")
    assert caught >= 0.75 * len(scores)


def test_a_real_browser_that_a_program_drives_is_only_known_by_what_it_says() -> None:
    signals = {reason.signal for entry in clients("driven") for reason in judge(entry["head"]).reasons}
    assert "agent.automation" in signals
    assert "headers.spelling" not in signals


def test_a_search_engine_is_a_bot_that_passes() -> None:
    verdict = judge(
        changed(CURL, "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    )
    assert verdict.score >= 75
    assert verdict.labels == ("bot.search",)
    assert (verdict.action, verdict.rule) == (Action.PASS, "pass-label:bot.search")


def test_a_reason_can_be_read_by_a_shopkeeper() -> None:
    (reason,) = judge(CURL).reasons
    assert reason.text == "It says itself that it is a program, not a browser (curl)"
    assert reason.evidence == CATALOG["agent.library"].weight


def test_the_policy_that_is_given_decides() -> None:
    never = make_guard(PolicySettings(block=101))
    assert judge(CURL, guard=never).rule == "default"


# --- what a verdict depends on ---


def test_time_conditions_address_and_personal_values_change_nothing() -> None:
    guard = make_guard()
    head = request_of(FIREFOX, True).head
    verdict = guard.judge(Request(head, "192.0.2.1", True, "a", b"1"), NOON, CALM)
    other = request_of(changed(FIREFOX, "Cookie: other=1").replace("GET / ", "GET /other "), True).head
    assert guard.judge(Request(other, "2001:db8::1", True, "b", b"2"), 0, Conditions(9.0, 0.0)) == verdict


def test_a_verdict_that_is_remembered_equals_a_fresh_one() -> None:
    guard, reader = make_guard(), RequestReader()
    entries = [entry for name in ("people", "impersonators", "programs", "driven") for entry in clients(name)]
    for _ in range(2):
        for entry in entries:
            head = reader.read(entry["head"].encode("latin-1"))
            assert isinstance(head, RequestHead)
            verdict = guard.judge(Request(head, "192.0.2.1", entry["secure"], "a", b"0"), NOON, CALM)
            assert verdict == judge(entry["head"], secure=entry["secure"]), entry["client"]


def test_https_method_and_version_are_part_of_what_is_remembered() -> None:
    guard = make_guard()
    bare = without(CHROME, "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")
    reader = RequestReader()
    evidence = []
    for text, secure in [
        (bare, True),
        (bare, False),
        (bare.replace("GET", "OPTIONS"), True),
        (bare.replace("HTTP/1.1", "HTTP/1.0"), False),
    ]:
        head = reader.read(("\r\n".join(text.splitlines()) + "\r\n\r\n").encode())
        assert isinstance(head, RequestHead)
        evidence.append(
            [r.signal for r in guard.judge(Request(head, "a", secure, "a", b"0"), NOON, CALM).reasons]
        )
    assert evidence == [["hints.missing"], [], ["fetch.impossible"], ["protocol.old"]]


def test_a_proxy_in_front_hides_what_it_changes() -> None:
    head = ALONE["headers.order"]
    assert judge(head).reasons != ()
    assert judge(head, guard=make_guard(intact=BEHIND_PROXY)).reasons == ()


# --- memory ---


def remembered(guard: Guard) -> int:
    return len(guard._young) + len(guard._old)


def test_a_shape_is_assessed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, request = make_guard(), request_of(CURL, True)
    first = guard.judge(request, NOON, CALM)
    monkeypatch.setattr(trafficguard.guard, "find", lambda row: pytest.fail("assessed again"))
    assert guard.judge(request, NOON, CALM) is first


def test_memory_is_bounded_and_what_is_in_use_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trafficguard.guard, "MOST_SHAPES", 8)
    guard, known = make_guard(), request_of(CURL, True)
    first = guard.judge(known, NOON, CALM)
    for number in range(100):
        guard.judge(request_of(changed(CURL, f"Accept: text/{number}"), True), NOON, CALM)
        assert guard.judge(known, NOON, CALM) is first
        assert remembered(guard) <= 16


def test_a_head_of_great_length_is_judged_and_not_remembered() -> None:
    guard = make_guard()
    request = request_of(CURL + "\n".join(f"X-Long-{number}: {'a' * 400}" for number in range(20)), True)
    assert guard.judge(request, NOON, CALM).score >= 75
    assert remembered(guard) == 0


def test_a_value_too_long_for_a_shape_is_still_judged_by_what_it_says() -> None:
    guard, reader = make_guard(), RequestReader()
    labels = []
    for agent in (f"ShopApp/2 {'a' * 600}", f"curl/8 {'a' * 600}", f"Googlebot {'a' * 600}"):
        head = reader.read(f"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\n\r\n".encode())
        assert isinstance(head, RequestHead)
        labels.append(guard.judge(Request(head, "a", True, "a", b"0"), NOON, CALM).labels)
    assert labels == [(), ("ua.library",), ("bot.search",)]


# --- when judging fails ---


def fail(row: object) -> None:
    raise RuntimeError("a signal is broken")


@pytest.mark.parametrize("action", list(Action))
def test_an_error_inside_becomes_the_configured_action(
    monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    monkeypatch.setattr(trafficguard.guard, "find", fail)
    guard = make_guard(on_error=action)
    verdict = guard.judge(request_of(CURL, True), NOON, CALM)
    assert (verdict.action, verdict.rule, verdict.reasons) == (action, "on-error", ())
    assert guard.errors == 1
    assert "a signal is broken" in guard.last_error


def test_an_error_passes_unless_told_otherwise_and_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, request = make_guard(), request_of(CURL, True)
    with monkeypatch.context() as broken:
        broken.setattr(trafficguard.guard, "find", fail)
        assert guard.judge(request, NOON, CALM).action is Action.PASS
    assert guard.judge(request, NOON, CALM).action is Action.BLOCK


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["User-Agent", "Accept", "sec-ch-ua", "Sec-Fetch-Mode", "Upgrade", "X", "Accept-Language"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_no_header_whatever_makes_judging_fail(lines: list[tuple[str, str]], secure: bool) -> None:
    text = "\n".join(["GET / HTTP/1.1", "Host: a", *[f"{name}: {value}" for name, value in lines]])
    assert 0 < judge(text, secure=secure).score <= 100


# --- explaining ---


def test_an_explanation_accounts_for_every_signal() -> None:
    explanation = make_guard().explain(request_of(ALONE["headers.order"], False), NOON, CALM)
    found = {share.signal.name for share in explanation.assessment.shares}
    silent = {signal.name for signal in explanation.silent}
    unmet = {signal.name for signal in explanation.unmet}
    assert found == {"headers.order"}
    assert {"hints.missing", "fetch.missing"} == unmet
    assert found | silent | unmet == set(CATALOG)


def test_an_explanation_comes_to_the_verdict_that_judging_comes_to() -> None:
    guard = make_guard()
    for name, head in ALONE.items():
        explanation = guard.explain(request_of(head, True), NOON, CALM)
        assert explanation.assessment.verdict == judge(head), name
        assert explanation.assessment.evidence == sum(
            share.evidence for share in explanation.assessment.shares
        )
