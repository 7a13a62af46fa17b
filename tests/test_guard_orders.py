"""The guard under orders: other policies, modes, decisions by hand, passes, conditions, and rules that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trafficguard.scoring.shapes
from tests.corpus.clients import clients, head_of
from tests.guards import CALM, COOKIE, NOON, SECRET, SHOP, Visitor, make_guard
from tests.signals.heads import CHROME, CURL, FIREFOX, changed, without
from trafficguard.actions import BLOCK, PASS
from trafficguard.clock import SECOND
from trafficguard.exchange import Conditions, Outcome, Request, Verdict
from trafficguard.guard import BY_HAND, PASSED, Guard
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.model import PolicyFile, SitePolicy
from trafficguard.policy.orders import ByHand, Orders
from trafficguard.settings import Mode
from trafficguard.signals.sessions import Sessions

LATER = NOON + 3600 * SECOND


def policy(*rules: dict[str, Any], **more: Any) -> PolicyFile:
    return PolicyFile.model_validate({"rules": list(rules), **more})


def rule(name: str, when: str, action: object = "block", **more: Any) -> dict[str, Any]:
    return {"name": name, "when": when, **({"action": action} if action else {}), **more}


def ordered(guard: Guard, **changes: Any) -> Orders:
    """The guard's orders, changed, as its next."""
    file = changes.pop("policy", None)
    if file is not None:
        changes["policy"] = build(file)
    return replace(guard.orders, number=guard.orders.number + 1, **changes)


BLOCKS = policy(rule("all", "true"))


# ---- following


def test_other_orders_hold_from_the_next_request_on() -> None:
    guard = make_guard(PolicyFile())
    visitor = Visitor(guard, CHROME)
    assert visitor.ask("/").rule == "default"
    guard.follow(ordered(guard, policy=BLOCKS))
    assert (visitor.ask("/").rule, guard.orders.number) == ("all", 2)
    guard.follow(ordered(guard, policy=PolicyFile()))
    assert visitor.ask("/").rule == "default"


def test_what_was_counted_outlives_other_orders() -> None:
    quiet, changing = make_guard(), make_guard()
    scores = []
    for guard in (quiet, changing):
        visitor, given = Visitor(guard, without(CHROME, "sec-fetch-user")), []
        for number in range(25):
            if guard is changing:
                guard.follow(ordered(guard, policy=BALANCED))
            given.append(visitor.ask(f"/product/{100 + number}", wait=2.0).score)
        scores.append(given)
    assert scores[0] == scores[1]
    assert scores[0][-1] > 75


def test_heads_need_not_be_read_anew_where_signals_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = make_guard()
    request = Visitor(guard, CURL).request("/")

    def score() -> float:
        verdict = guard.judge(request, NOON, CALM)
        assert guard.last_error == ""
        return verdict.score

    first = score()
    with monkeypatch.context() as broken:
        broken.setattr(trafficguard.scoring.shapes, "find", lambda *_: pytest.fail("worked out again"))
        guard.follow(ordered(guard, policy=BALANCED))
        assert score() == first
    guard.follow(ordered(guard, policy=policy(signals={"agent.library": {"mode": "off"}})))
    assert score() < first
    guard.follow(ordered(guard, policy=BALANCED))
    assert score() == first


def test_orders_that_cannot_be_followed_leave_the_guard_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = make_guard(policy(rule("fails", 'int(headers["x-n"]) > 5')))
    visitor = Visitor(guard, CHROME)
    visitor.ask("/", "X-N: many")
    before = guard.orders
    monkeypatch.setattr("trafficguard.guard.Gatherer", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        guard.follow(ordered(guard, policy=BLOCKS))
    assert guard.orders is before
    assert visitor.ask("/").rule == "default"
    assert guard.rule_errors == {"fails": 2}


# ---- by hand


def by_hand(guard: Guard, *decided: tuple[str, str, int]) -> None:
    guard.follow(ordered(guard, by_hand=tuple(ByHand(*one) for one in decided)))  # type: ignore[arg-type]


def test_who_is_blocked_by_hand_is_blocked_until_it_is_over_whatever_it_scores() -> None:
    guard = make_guard()
    visitor = Visitor(guard, CHROME, "198.51.100.7")
    judged = visitor.ask("/")
    by_hand(guard, ("block", "198.51.100.0/24", LATER))
    verdict = visitor.ask("/")
    assert verdict == judged._replace(action=BLOCK, rule=BY_HAND)
    assert Visitor(guard, CHROME, "198.51.101.7").ask("/").action == PASS
    visitor.now = LATER - 1
    assert visitor.ask("/").rule == BY_HAND
    visitor.now = LATER
    assert visitor.ask("/").rule == "default"


def test_who_is_allowed_by_hand_passes_and_its_score_is_still_told() -> None:
    guard = make_guard()
    assert Visitor(guard, CURL, "2001:db8::7").ask("/").action == BLOCK
    by_hand(guard, ("allow", "2001:db8::7", LATER))
    verdict = Visitor(guard, CURL, "2001:db8::7").ask("/")
    assert (verdict.action, verdict.rule, verdict.score > 75) == (PASS, BY_HAND, True)
    assert verdict.reasons


def test_a_fingerprint_can_be_decided_by_hand() -> None:
    guard = make_guard()
    one, other = Visitor(guard, CHROME), Visitor(guard, FIREFOX)
    known = guard.explain(one.request("/"), NOON, CALM).assessment.fingerprint
    by_hand(guard, ("block", known, LATER))
    assert (one.ask("/").rule, other.ask("/").rule) == (BY_HAND, "default")


def test_decisions_by_hand_outlive_a_reload_and_can_be_taken_back() -> None:
    guard = make_guard()
    by_hand(guard, ("block", "192.0.2.1", LATER))
    guard.follow(ordered(guard, policy=PolicyFile()))
    visitor = Visitor(guard, CHROME)
    assert visitor.ask("/").rule == BY_HAND
    by_hand(guard)
    assert visitor.ask("/").rule == "default"


def test_a_decision_by_hand_is_not_undone_by_a_pass() -> None:
    guard = make_guard()
    by_hand(guard, ("block", "192.0.2.1", LATER))
    request = Visitor(guard, CHROME).request("/")
    request.proof = 4
    assert guard.judge(request, NOON, CALM).action == BLOCK


# ---- passes


@pytest.mark.parametrize("action", ["challenge", "block", "throttle", "tarpit", "pass"])
@pytest.mark.parametrize("passed", [True, False])
def test_a_pass_spares_its_bearer_a_challenge_and_nothing_else(action: str, passed: bool) -> None:
    guard = make_guard(policy(rule("r", "true", action)))
    request = Visitor(guard, CHROME).request("/")
    request.proof = 4 if passed else 0
    verdict = guard.judge(request, NOON, CALM)
    spared = passed and action == "challenge"
    assert verdict.action.word == ("pass" if spared else action)
    assert verdict.rule == ("r" + PASSED if spared else "r")


def test_a_pass_of_one_request_is_not_remembered_for_another() -> None:
    guard = make_guard(policy(rule("r", "true", "challenge")))
    rules = []
    for passed in (False, True, False, True):
        request = Visitor(guard, CHROME).request("/")
        request.proof = 4 if passed else 0
        rules.append(guard.judge(request, NOON, CALM).rule)
    assert rules == ["r", "r" + PASSED, "r", "r" + PASSED]


# ---- conditions


PRESSURE = {
    "load.host > 0.8": Conditions(load=0.9),
    "load.origin_latency > 0.5": Conditions(origin_latency=0.6),
    "load.error_rate >= 0.2": Conditions(error_rate=0.2),
    "load.origins_up < 0.6": Conditions(origins_up=0.5),
}


@pytest.mark.parametrize("with_more", [False, True], ids=["remembered", "worked out"])
@pytest.mark.parametrize(("when", "pressed"), PRESSURE.items(), ids=PRESSURE)
def test_what_is_stricter_under_pressure_is_so_only_then_and_from_the_next_second_on(
    when: str, pressed: Conditions, with_more: bool
) -> None:
    """Both ways: with a policy whose verdicts are remembered, and with one that asks for more."""
    strict = {"when": when, "name": "pressed", "steps": [{"score": 0, "action": "challenge"}]}
    more = [rule("other", 'headers["x-other"] == "1"')] if with_more else []
    guard = make_guard(policy(rule("page", f"{when} && route == \"item\"", "throttle"), *more, thresholds=[strict]))
    visitor = Visitor(guard, CHROME)

    def words(conditions: Conditions) -> list[str]:
        return [guard.judge(visitor.request(at), NOON, conditions).action.word for at in ("/product/7", "/")]

    assert words(CALM) == ["pass", "pass"]
    assert words(pressed) == ["throttle", "challenge"]
    assert words(Conditions()) == ["pass", "pass"]
    assert words(pressed) == ["throttle", "challenge"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(("/", "/product/7", "/login")), st.integers(0, 3), st.integers(0, 2)), max_size=12))
def test_what_is_remembered_is_what_would_be_worked_out(asked: list[tuple[str, int, int]]) -> None:
    """One policy decides by what can be remembered, its twin asks for a header besides that nobody sends."""
    rules = [
        rule("loaded", "load.host > 1 && route == \"item\"", "throttle"),
        rule("known", '"ua.library" in labels', None, weigh=2, label="lib"),
        rule("slow", "load.origin_latency > 0.5 && score > 40", "tarpit"),
        rule("seen", "load.error_rate > 0.5", "challenge", mode="shadow"),
    ]
    twins = [make_guard(policy(*rules, *more)) for more in ([], [rule("no", 'headers["x-no"] == "1"')])]
    heads = (CHROME, CURL, FIREFOX)
    pressures = (CALM, Conditions(1.5), Conditions(0.5, 1.0, 0.7), Conditions(0.5, 1.0, 0.1, 0.6))
    for step, (target, pressure, head) in enumerate(asked):
        verdicts = []
        for guard in twins:
            request = Visitor(guard, heads[head]).request(target)
            verdicts.append(guard.judge(request, NOON + step * SECOND, pressures[pressure]))
            guard.observe(request, Outcome(200), NOON + step * SECOND)
        assert verdicts[0] == verdicts[1]


# ---- rules that fail


def test_a_rule_that_fails_does_not_match_and_is_counted_and_the_others_are_asked() -> None:
    guard = make_guard(
        policy(rule("number", 'int(headers["x-n"]) > 5', "block"), rule("rest", 'headers["x-n"] == "many"', "challenge"))
    )
    visitor = Visitor(guard, CHROME)
    assert visitor.ask("/", "X-N: 7").rule == "number"
    assert guard.rule_errors == {}
    assert visitor.ask("/", "X-N: many").rule == "rest"
    assert visitor.ask("/", "X-N: none").rule == "default"
    assert (guard.rule_errors, guard.errors) == ({"number": 2}, 0)


def test_thresholds_that_fail_are_counted_under_their_name() -> None:
    entry = {"name": "odd", "when": 'int(headers["x-n"]) > 5', "steps": [{"score": 0, "action": "block"}]}
    guard = make_guard(policy(thresholds=[entry]))
    assert Visitor(guard, CHROME).ask("/", "X-N: many").rule == "default"
    assert guard.rule_errors == {"odd": 1}


def test_failures_are_counted_over_all_orders() -> None:
    fails = policy(rule("a", 'int(headers["x-n"]) > 5'))
    guard = make_guard(fails)
    visitor = Visitor(guard, CHROME)
    visitor.ask("/", "X-N: many")
    guard.follow(ordered(guard, policy=policy(rule("b", 'int(headers["x-n"]) > 5'))))
    visitor.ask("/", "X-N: many")
    guard.follow(ordered(guard, policy=fails))
    visitor.ask("/", "X-N: many")
    assert guard.rule_errors == {"a": 2, "b": 1}


# ---- shadow is exact

EVERYTHING = policy(
    rule("paced", 'route == "listing"', {"throttle": {"rate": 0.5, "key": "session", "reveal": True}}),
    rule("asked", '"ua.automation" in labels', {"challenge": {"kind": "cookie"}}),
    rule("trapped", 'path == "/trap" || headers["x-trap"] == "1"', {"tarpit": {"hold": "5s"}}),
    rule("heavier", 'route == "item" && !session.known', None, weigh=1.5, label="new.item"),
    rule("lighter", "session.passed", None, weigh=-1),
    rule("seen", '"new.item" in labels', "block", mode="shadow"),
    rule("quiet", "score > 40", None, weigh=1, mode="shadow"),
    thresholds=[{"steps": [{"score": 10, "action": "challenge"}, {"score": 75, "action": {"block": {"status": 451}}}]}],
)
TARGETS = ("/", "/product/1", "/list/1", "/product/2?a=1", "/assets/a.css", "/login", "/trap", "/product/3", "/product/4")


def verdicts_in(mode: Mode, ask: Callable[[int, dict[str, Any]], Request], cookie: str | None) -> list[Verdict]:
    """All verdicts on a corpus of visits, with the same outcomes fed back."""
    guard = make_guard(EVERYTHING, cookie=cookie, mode=mode)
    given = []
    entries = [entry for name in ("people", "impersonators", "programs", "driven") for entry in clients(name)]
    for number in range(len(entries) * 3):
        request, now = ask(number, entries[number % len(entries)]), NOON + number * SECOND
        given.append(guard.judge(request, now, CALM if number % 50 else Conditions(1.0)))
        guard.observe(request, Outcome((200, 404, 503, 0)[number % 4], (0, 1, -1)[number % 3]), now)
    assert guard.errors == 0, guard.last_error
    return given


def request_with(entry: dict[str, Any], number: int, cookie: str) -> Request:
    first, *rest = entry["head"].strip().splitlines()
    method, _, version = first.split(" ")
    lines = [line for line in rest if not line.lower().startswith("cookie:")]
    text = "\n".join((f"{method} {TARGETS[number % len(TARGETS)]} {version}", *lines, *([f"Cookie: {cookie}"] if cookie else [])))
    request = Request(head_of(text), f"192.0.2.{number % 23}", entry["secure"], SHOP, b"0")
    request.proof = 4 if number % 5 == 0 else 0
    return request


def test_in_shadow_verdicts_are_those_of_enforce() -> None:
    def ask(number: int, entry: dict[str, Any]) -> Request:
        return request_with(entry, number, f"{COOKIE}={number % 31}" if number % 3 else "")

    shadow, enforced = (verdicts_in(mode, ask, COOKIE) for mode in ("shadow", "enforce"))
    assert shadow == enforced
    assert {one.action.word for one in shadow} == {"pass", "block", "throttle", "challenge", "tarpit"}
    assert {one.rule for one in shadow} >= {"paced", "asked", "trapped", "threshold-10", "threshold-75", "threshold-10+passed"}
    assert any("new.item" in one.labels for one in shadow)
    assert any(one.shadow for one in shadow)


def test_in_shadow_verdicts_are_those_of_enforce_for_sessions_of_ours_too() -> None:
    sessions = Sessions(SECRET, None)

    def ask(number: int, entry: dict[str, Any]) -> Request:
        line = sessions.issue(b"%d" % (number % 31), NOON, entry["secure"])
        return request_with(entry, number, line.decode().partition(": ")[2].partition(";")[0])

    shadow, enforced = (verdicts_in(mode, ask, None) for mode in ("shadow", "enforce"))
    assert shadow == enforced


def test_in_shadow_nobody_is_held_to_have_refused_a_cookie_that_was_never_given() -> None:
    """The one exception: where sessions are ours, only enforcing gives them, so only then can they be missed."""
    told = {}
    for mode in ("shadow", "enforce"):
        guard = make_guard(cookie=None, mode=mode)  # type: ignore[arg-type]
        visitor = Visitor(guard, CHROME)
        for number in range(30):
            visitor.ask(f"/list/{number}", wait=5.0)
        told[mode] = set(visitor.highest)
    missed = told["enforce"] - told["shadow"]
    assert missed
    assert all("cookie" in signal or "session" in signal for signal in missed), missed


def test_a_policy_in_shadow_and_sites_in_shadow_judge_as_in_enforce() -> None:
    given = []
    for more in ({}, {"mode": "shadow"}, {"sites": {SHOP: SitePolicy(mode="shadow")}}):
        guard = make_guard(EVERYTHING.model_copy(update=more), mode="enforce")
        visitors = [Visitor(guard, head) for head in (CHROME, CURL, changed(FIREFOX, "User-Agent: HeadlessChrome/130"))]
        given.append([visitor.ask(target, wait=1.0) for target in TARGETS for visitor in visitors])
    assert given[0] == given[1] == given[2]
