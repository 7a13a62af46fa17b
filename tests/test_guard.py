"""The heart: verdicts on recorded heads, what they depend on, and what happens when judging fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trafficguard.scoring.shapes
from tests.corpus.clients import as_proxied, clients, head_of, request_of
from tests.guards import CALM, EVERY_ACTION, NOON, SHOP, Visitor, make_guard
from tests.signals.heads import ALONE, CHROME, CHROME_SOCKET, CURL, FIREFOX, changed, read_alone, without
from trafficguard.actions import BLOCK, PASS, ActionValue
from trafficguard.clock import SECOND
from trafficguard.exchange import Conditions, Outcome, Request, Verdict
from trafficguard.guard import REMEMBERED, Guard
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.policy.model import PolicyFile
from trafficguard.scoring.score import score_of
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.catalog import BEHIND_PROXY, CATALOG


def judge(text: str, *, secure: bool = True, guard: Guard | None = None) -> Verdict:
    """The verdict of `guard`, or of a fresh one, on one request with this head."""
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
    assert verdict.action == PASS


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
    declared = verdict.labels[0] in ("bot.search", "bot.preview", "bot.monitor", "bot.feed")
    if declared:
        assert (verdict.action.word, verdict.rule) == ("throttle", "declared-bots")
    else:
        assert verdict.action == BLOCK


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


def test_a_search_engine_is_a_bot_that_goes_on_at_a_pace() -> None:
    verdict = judge(
        changed(CURL, "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    )
    assert verdict.score >= 75
    assert verdict.labels == ("bot.search", "route.page")
    assert (verdict.action.word, verdict.rule) == ("throttle", "declared-bots")


def test_a_reason_can_be_read_by_a_shopkeeper() -> None:
    (reason,) = judge(CURL).reasons
    assert reason.text == "It says itself that it is a program, not a browser (curl)"
    assert reason.evidence == CATALOG["agent.library"].weight


def test_the_policy_that_is_given_decides() -> None:
    never = make_guard(PolicyFile())
    assert judge(CURL, guard=never).rule == "default"


# --- what a verdict depends on ---


def test_two_guards_that_saw_the_same_judge_the_same() -> None:
    one, other = make_guard(), make_guard()
    entries = [entry for name in ("people", "impersonators", "programs", "driven") for entry in clients(name)]
    for number, entry in enumerate(entries):
        request = request_of(entry["head"], entry["secure"])
        now = NOON + number * SECOND
        assert one.judge(request, now, CALM) == other.judge(request, now, Conditions()), entry["client"]
        one.observe(request, Outcome(404), now)
        other.observe(request, Outcome(404), now)


def test_https_method_and_version_are_part_of_what_is_remembered_of_a_head() -> None:
    guard = make_guard()
    bare = without(CHROME, "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")
    heads = [(bare, True), (bare, False), (bare.replace("GET", "OPTIONS"), True), (bare.replace("1.1", "1.0", 1), False)]
    reader, evidence = RequestReader(), []
    for number, (text, secure) in enumerate(heads):
        head = reader.read(("\r\n".join(text.splitlines()) + "\r\n\r\n").encode())
        assert isinstance(head, RequestHead)
        verdict = guard.judge(Request(head, f"192.0.2.{number}", secure, SHOP, b"0"), NOON, CALM)
        evidence.append([reason.signal for reason in verdict.reasons])
    assert evidence == [["hints.missing"], [], ["fetch.impossible"], ["protocol.old"]]


@pytest.mark.parametrize("name", ["tls.engine", "tls.version", "http2.engine"])
def test_how_a_connection_was_opened_is_part_of_what_is_remembered_of_a_head(name: str) -> None:
    guard = make_guard()
    head, handshake = read_alone(name)
    assert guard.judge(Request(head, "192.0.2.1", True, SHOP, b"0"), NOON, CALM).reasons == ()
    verdict = guard.judge(Request(head, "192.0.2.2", True, SHOP, b"0", handshake), NOON, CALM)
    assert [reason.signal for reason in verdict.reasons] == [name]


def test_a_proxy_in_front_hides_what_it_changes() -> None:
    head = ALONE["headers.order"]
    assert judge(head).reasons != ()
    assert judge(head, guard=make_guard(intact=BEHIND_PROXY)).reasons == ()


def test_a_signal_that_is_off_says_nothing_and_one_in_shadow_does_not_count() -> None:
    assert judge(CURL, guard=make_guard(modes={"agent.library": "off"})).reasons == ()
    shadowed = make_guard(modes={"agent.library": "shadow"})
    assert judge(CURL, guard=shadowed).score == judge(CHROME).score
    shares = shadowed.explain(request_of(CURL, True), NOON, CALM).assessment.shares
    assert [(share.signal.name, share.counts) for share in shares] == [("agent.library", False)]


def test_labels_carry_the_route() -> None:
    visitor = Visitor(make_guard(), CHROME)
    routes = {path: visitor.ask(path).labels[-1] for path in ("/", "/product/7", "/list/1", "/assets/a.css")}
    assert routes == {
        "/": "route.page", "/product/7": "route.item", "/list/1": "route.listing", "/assets/a.css": "route.asset",
    }  # fmt: skip


# --- what is remembered of heads ---


def test_what_a_head_says_is_worked_out_once_for_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, reader = make_guard(), RequestReader()
    one, other = (
        Request(head, f"192.0.2.{number}", True, SHOP, b"0")
        for number, line in enumerate((b"GET /a HTTP/1.1\r\nCookie: a=1", b"GET /b HTTP/1.1\r\nCookie: b=2"))
        if isinstance(head := reader.read(line + b"\r\nHost: shop.example\r\nUser-Agent: curl/8\r\n\r\n"), RequestHead)
    )
    first = guard.judge(one, NOON, CALM)
    monkeypatch.setattr(trafficguard.scoring.shapes, "find", lambda *_: pytest.fail("worked out again"))
    assert guard.judge(other, NOON + SECOND, CALM) is first


def test_a_value_too_long_for_a_shape_is_still_judged_by_what_it_says() -> None:
    guard = make_guard()
    labels = [
        judge(changed(CURL, f"User-Agent: {agent} {'a' * 600}"), guard=guard).labels[:-1]
        for agent in ("ShopApp/2", "curl/8", "Googlebot")
    ]
    assert labels == [(), ("ua.library",), ("bot.search",)]


# --- what a sender has done ---


def crawl(guard: Guard, pages: int = 25) -> tuple[Visitor, Verdict]:
    """A browser's head that walks through the items by number, one every two seconds."""
    visitor = Visitor(guard, without(CHROME, "sec-fetch-user"))
    verdicts = [visitor.ask(f"/product/{number}", wait=2.0) for number in range(100, 100 + pages)]
    return visitor, verdicts[-1]


def test_a_crawler_with_a_browsers_head_is_known_by_what_it_does() -> None:
    _, verdict = crawl(make_guard())
    assert verdict.score >= 75
    assert verdict.action == BLOCK
    assert all(reason.signal in BEHAVIOURS or reason.signal == REMEMBERED for reason in verdict.reasons)


def test_reasons_come_strongest_first_and_are_worth_naming() -> None:
    _, verdict = crawl(make_guard())
    evidence = [reason.evidence for reason in verdict.reasons]
    assert len(evidence) > 2
    assert evidence == sorted(evidence, reverse=True)
    assert min(evidence) >= 0.05


def test_remembered_evidence_has_a_reason_and_fades() -> None:
    visitor, verdict = crawl(make_guard())
    soon = visitor.ask("/", wait=2.5 * 3600.0)
    late = visitor.ask("/", wait=3600.0)
    assert soon.reasons[0].signal == late.reasons[0].signal == REMEMBERED
    assert verdict.score > soon.score > late.score


def test_what_an_attempt_led_to_counts_for_the_next_one() -> None:
    def last(status: int) -> float:
        visitor = Visitor(make_guard(), FIREFOX)
        return [visitor.ask(f"/list/{number}", status=status, wait=7.0 * number % 23).score for number in range(25)][-1]

    assert last(404) > last(200)


def test_what_one_visitor_does_says_nothing_of_another() -> None:
    guard = make_guard()
    crawl(guard)
    assert Visitor(guard, CHROME, address="203.0.113.7").ask("/product/7").reasons == ()


# --- when judging fails ---


def fail(*_: object) -> None:
    raise RuntimeError("a signal is broken")


@pytest.mark.parametrize("action", list(EVERY_ACTION))
def test_an_error_inside_becomes_the_configured_action(
    monkeypatch: pytest.MonkeyPatch, action: ActionValue
) -> None:
    monkeypatch.setattr(trafficguard.scoring.shapes, "find", fail)
    guard = make_guard(on_error=action)
    verdict = guard.judge(request_of(CURL, True), NOON, CALM)
    assert (verdict.action, verdict.rule, verdict.reasons) == (action, "on-error", ())
    assert guard.errors == 1
    assert "a signal is broken" in guard.last_error


def test_an_error_passes_unless_told_otherwise_and_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, request = make_guard(), request_of(CURL, True)
    with monkeypatch.context() as broken:
        broken.setattr(trafficguard.scoring.shapes, "find", fail)
        assert guard.judge(request, NOON, CALM).action == PASS
    assert guard.judge(request, NOON, CALM).action == BLOCK


def test_a_request_for_a_site_that_nobody_runs_is_an_error_and_no_crash() -> None:
    guard = make_guard()
    request = Request(head_of(CURL), "192.0.2.1", True, "other.example", b"0")
    assert guard.judge(request, NOON, CALM).rule == "on-error"
    guard.observe(request, Outcome(200), NOON)
    assert guard.errors == 1


def test_an_outcome_that_cannot_be_counted_is_an_error_and_no_crash() -> None:
    guard, request = make_guard(), request_of(CURL, True)
    guard.judge(request, NOON, CALM)
    guard.observe(request, Outcome(200, 7), NOON)
    assert guard.errors == 1
    assert guard.last_error


TOTAL = make_guard()
"""One for all examples: what it has seen of others must not make judging fail either."""


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["User-Agent", "Accept", "sec-ch-ua", "Sec-Fetch-Mode", "Upgrade", "X", "Referer", "Cookie", "Sec-Fetch-Site"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
        ),
        max_size=12,
    ),
    st.sampled_from(["/", "/product/7", "/login", "/%20?a=&b", "//", "/product/" + "9" * 400]),
    st.booleans(),
)
def test_nothing_whatever_in_a_head_makes_judging_fail(lines: list[tuple[str, str]], target: str, secure: bool) -> None:
    text = "\n".join([f"GET {target} HTTP/1.1", "Host: a", *[f"{name}: {value}" for name, value in lines]])
    request = request_of(text, secure)
    verdict = TOTAL.judge(request, NOON, CALM)
    assert TOTAL.last_error == ""
    assert 0 < verdict.score <= 100


# --- explaining ---


def test_an_explanation_accounts_for_every_signal() -> None:
    explanation = make_guard().explain(request_of(ALONE["headers.order"], False), NOON, CALM)
    found = {share.signal.name for share in explanation.assessment.shares} | {one.signal.name for one in explanation.found}
    silent = {signal.name for signal in explanation.silent}
    unmet = {signal.name for signal in explanation.unmet}
    assert {share.signal.name for share in explanation.assessment.shares} == {"headers.order"}
    assert {"hints.missing", "fetch.missing", "tls.engine", "account.logins"} <= unmet
    assert not found & silent and not found & unmet and not silent & unmet
    assert found | silent | unmet == {*CATALOG, *BEHAVIOURS}


def test_where_answers_do_not_come_by_nobody_is_given_a_cookie_to_bring_back() -> None:
    for sees_answers, speaks in ((True, True), (False, False)):
        visitor = Visitor(make_guard(cookie=None, mode="enforce", sees_answers=sees_answers), CHROME)
        for number in range(14):
            visitor.ask(f"/list/{number % 3}", "Referer: https://shop.example/", wait=20.0 + number * 7 % 13)
        assert ("visit.cookies" in visitor.highest) is speaks


def test_an_explanation_comes_to_the_verdict_that_judging_comes_to() -> None:
    for name, head in ALONE.items():
        explanation = make_guard().explain(request_of(head, True), NOON, CALM)
        assert explanation.verdict == judge(head), name
        assert explanation.verdict.score == score_of(explanation.evidence)


def test_a_browser_that_opens_a_socket_on_every_page_has_not_changed() -> None:
    guard = make_guard()
    page, socket = (Visitor(guard, head, session="s") for head in (CHROME, CHROME_SOCKET))
    for number in range(12):
        page.ask(f"/product/{number}", wait=5)
        socket.now = page.now
        socket.ask("/ws/stock", status=101)
    assert "visit.changes" not in {*page.highest, *socket.highest}
