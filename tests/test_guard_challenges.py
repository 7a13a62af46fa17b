"""The guard and challenges: what a pass tells, how attempts count, and that people who are challenged come to no harm."""

from __future__ import annotations

import pytest

import trafficguard.scoring.shapes
from tests.corpus.clients import request_of
from tests.guards import CALM, EVERY_ACTION, NOON, Visitor, balanced, make_guard
from tests.scoring.scripts import APP, LEISURE, OWN, STYLE, places
from tests.signals.heads import CHROME, CURL, FIREFOX
from trafficguard.actions import ActionValue, ChallengeAction
from trafficguard.challenge.probes import read_report
from trafficguard.clock import SECOND
from trafficguard.exchange import ChallengeResult, Exchange, Outcome, Verdict
from trafficguard.guard import PASSED, Guard
from trafficguard.policy.model import PolicyFile
from trafficguard.scoring.score import score_of
from trafficguard.signals.catalog import CATALOG
from trafficguard.signals.page import BIT, MOST_BITS

SOLVED = ChallengeAction().rank
MIDDLE, CAUGHT = 50.0, 75.0


def strict(*off: str) -> Guard:
    """A guard that challenges everybody without a pass, with some signals off."""
    rule = {"name": "all", "when": "true", "action": "challenge"}
    policy = balanced(dict.fromkeys(off, "off"))
    return make_guard(policy.model_copy(update={"rules": PolicyFile.model_validate({"rules": [rule]}).rules}))


def signals(verdict: Verdict) -> set[str]:
    return {reason.signal for reason in verdict.reasons}


def challenged(visitor: Visitor, target: str = "/", *lines: str, wait: float = 0.0) -> Verdict:
    """Asks for something and is challenged: the shop never sees it."""
    verdict = visitor.ask(target, *lines, status=0, challenged=True, wait=wait)
    assert verdict.action.word == "challenge"
    return verdict


def answer(visitor: Visitor, result: ChallengeResult, wait: float = 1.5) -> None:
    """Sends an answer, which nobody judges."""
    visitor.now += int(wait * SECOND)
    sent = visitor.request("/.trafficguard/solve", method="POST")
    visitor.guard.observe(sent, Outcome(0, challenge=result), visitor.now)


# --- what a pass tells ---


def test_a_plain_driver_that_solves_is_known_on_every_further_request() -> None:
    visitor = Visitor(make_guard(), CHROME, proof=SOLVED)
    visitor.told = read_report({"webdriver": True}, {}, request_of(CHROME, True))
    verdicts = [visitor.ask(target, wait=wait) for target, wait in zip(places(10), LEISURE, strict=True)]
    verdicts.append(visitor.ask(STYLE, OWN))
    assert min(verdict.score for verdict in verdicts) >= CAUGHT
    assert all("page.webdriver" in signals(verdict) for verdict in verdicts)


def test_a_reason_out_of_a_pass_can_be_read_by_a_shopkeeper() -> None:
    (reason,) = Visitor(make_guard(), CHROME, told=BIT["page.webdriver"]).ask("/").reasons
    assert reason.text == "Its browser itself says that a program drives it"


def test_probes_in_shadow_are_shown_and_do_not_count() -> None:
    guard = make_guard()
    visitor = Visitor(guard, CHROME, told=BIT["page.worker"] | BIT["page.native"])
    assert visitor.ask("/").reasons == ()
    explanation = guard.explain(visitor.request("/"), visitor.now, CALM)
    shares = {share.signal.name: share.counts for share in explanation.assessment.shares}
    assert shares == {"page.worker": False, "page.native": False}
    assert "page.cdc" in {signal.name for signal in explanation.silent}


def test_without_a_report_probes_are_not_asked() -> None:
    guard = make_guard()
    explanation = guard.explain(Visitor(guard, CHROME).request("/"), NOON, CALM)
    assert set(BIT) <= {signal.name for signal in explanation.unmet}


def test_what_a_pass_tells_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = make_guard()
    request = Visitor(guard, CHROME).request("/")
    scores = []
    for request.told in (0, BIT["page.cdc"]):
        scores.append(guard.judge(request, NOON, CALM).score)
    assert scores[0] < 2 < CAUGHT <= scores[1]
    monkeypatch.setattr(trafficguard.scoring.shapes, "find", lambda *_: pytest.fail("worked out again"))
    for request.told in (0, BIT["page.cdc"]):
        guard.judge(request, NOON, CALM)
    assert guard.errors == 0


def test_whatever_passes_tell_what_is_remembered_of_heads_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trafficguard.scoring.shapes, "MOST_SHAPES", 8)
    guard = make_guard()
    visitor = Visitor(guard, CHROME)
    for visitor.told in range(200):
        visitor.ask("/")
    shapes = guard._regime.shapes
    assert len(shapes.young) + len(shapes._old) <= 16


@pytest.mark.parametrize("head", [CHROME, FIREFOX, CURL])
def test_nothing_that_a_pass_tells_lowers_a_score(head: str) -> None:
    without = Visitor(make_guard(), head).ask("/").score
    for told in (0, *(1 << bit for bit in range(MOST_BITS)), (1 << MOST_BITS) - 1):
        for reuse in range(4):
            with_pass = Visitor(make_guard(), head, proof=SOLVED, told=told, reuse=reuse).ask("/").score
            assert with_pass >= without


def test_who_has_a_pass_is_judged_on_by_what_it_does() -> None:
    scores = []
    for proof in (0, SOLVED):
        visitor = Visitor(make_guard(), CHROME, proof=proof)
        scores.append([visitor.ask(f"/product/{number}", wait=2.0).score for number in range(100, 125)])
    assert scores[0] == scores[1]
    assert scores[0][-1] >= CAUGHT


def test_a_pass_that_spreads_is_suspected_more_with_each_step() -> None:
    verdicts = [Visitor(make_guard(), CHROME, proof=SOLVED, reuse=step).ask("/") for step in range(4)]
    assert [sum(reason.evidence for reason in verdict.reasons) for verdict in verdicts] == [0.0, 1.5, 3.0, 4.5]
    assert verdicts[3].score == score_of(CATALOG["pass.reuse"].cap) < MIDDLE


# --- attempts ---


def test_who_answers_wrongly_again_and_again_is_suspected() -> None:
    visitor = Visitor(strict(), APP.format(1), session="s")
    for _ in range(10):
        challenged(visitor, wait=1.0)
        answer(visitor, -1)
    assert visitor.highest["challenge.failures"] == pytest.approx(3.5, abs=0.1)
    assert "challenge.unanswered" not in visitor.highest


@pytest.mark.parametrize("failures", [1, 2])
def test_who_errs_once_or_twice_is_not(failures: int) -> None:
    visitor = Visitor(strict(), APP.format(1), session="s")
    for _ in range(3):
        challenged(visitor, wait=3.0)
    for _ in range(failures):
        answer(visitor, -1)
    answer(visitor, 1)
    visitor.proof = SOLVED
    for target in places(8):
        visitor.ask(target, OWN, wait=7.0)
        visitor.ask(STYLE, OWN)
    assert "challenge.failures" not in visitor.highest


def test_a_crawler_that_asks_on_and_on_without_an_answer_is_suspected() -> None:
    visitor = Visitor(strict(), APP.format(1))
    for target in places(200):
        challenged(visitor, target, OWN, wait=1.0)
    assert visitor.highest["challenge.unanswered"] == pytest.approx(3.0, abs=0.1)


def test_a_crawler_with_another_name_for_each_page_is_known_by_its_address() -> None:
    visitor = Visitor(strict(), "")
    for number, target in enumerate(places(150)):
        visitor.head = APP.format(number)
        challenged(visitor, target, OWN, wait=5.0)
    assert visitor.highest["address.unanswered"] == pytest.approx(2.5, abs=0.1)


def test_where_verdicts_are_not_carried_out_nobody_is_asked() -> None:
    guard = strict()
    visitor = Visitor(guard, APP.format(1))
    for status in (200, 404, 0) * 20:
        assert visitor.ask("/", OWN, status=status, wait=9.0).action.word == "challenge"
    explanation = guard.explain(visitor.request("/"), visitor.now, CALM)
    assert explanation.features["session"]["challenges"] == 0.0


def test_an_attempt_that_nobody_judged_counts_and_is_no_visit() -> None:
    guard = strict()
    visitor = Visitor(guard, APP.format(1), session="s")
    for _ in range(4):
        challenged(visitor, wait=10.0)
    answer(visitor, -1)
    answer(visitor, 1)
    known = guard.explain(visitor.request("/"), visitor.now, CALM).features["session"]
    assert (known["attempts"], known["failures"], known["requests_1h"]) == (2.0, 0.5, 3.0)


def test_an_attempt_at_a_site_that_nobody_runs_is_an_error_and_no_crash() -> None:
    guard = make_guard()
    request = request_of(CHROME, True)
    request.site = "other.example"
    guard.observe(request, Outcome(0, challenge=-1), NOON)
    assert guard.errors == 1
    assert guard.last_error


@pytest.mark.parametrize("turned_away", [True, False])
@pytest.mark.parametrize("action", EVERY_ACTION, ids=lambda action: action.word)
def test_an_answer_was_a_challenge_only_where_the_verdict_was_one_and_was_carried_out(
    action: ActionValue, turned_away: bool
) -> None:
    exchange = Exchange(request_of(CHROME, True), NOON)
    exchange.verdict, exchange.status, exchange.turned_away = Verdict(action, 0.0, (), (), "r"), 403, turned_away
    is_challenge = turned_away and action.word == "challenge"
    assert exchange.outcome == Outcome(0 if turned_away else 403, challenged=is_challenge)


@pytest.mark.parametrize(("line", "status"), [("Sec-Purpose: prefetch", 403), ("X: y", 429)])
def test_who_fetches_ahead_or_is_only_asked_to_be_slower_was_not_challenged(line: str, status: int) -> None:
    exchange = Exchange(request_of(CHROME + line, True), NOON)
    exchange.verdict, exchange.status, exchange.turned_away = Verdict(ChallengeAction(), 0.0, (), (), "r"), status, True
    assert exchange.outcome == Outcome(0)


@pytest.mark.parametrize("result", [-1, 1])
def test_an_attempt_is_nothing_that_the_shop_refused(result: ChallengeResult) -> None:
    exchange = Exchange(request_of(CHROME, True), NOON)
    exchange.status, exchange.challenge = 403, result
    assert exchange.outcome == Outcome(0, challenge=result)


# --- people ---


def test_ten_tabs_at_once_are_one_visitor_who_is_asked_once() -> None:
    guard = strict()
    visitor = Visitor(guard, CHROME, session="s")
    for target in places(10):
        challenged(visitor, target, wait=0.1)
    answer(visitor, 1)
    visitor.proof = SOLVED
    for target in places(10):
        assert visitor.ask(target, OWN, wait=0.1).rule == "all" + PASSED
    known = guard.explain(visitor.request("/"), visitor.now, CALM).features["session"]
    assert (known["challenges"], known["unanswered"]) == (1.0, 0.0)
    assert not {"challenge.unanswered", "challenge.failures"} & visitor.highest.keys()


def test_a_browser_that_opens_fifty_tabs_of_last_time_is_not_suspected() -> None:
    visitor = Visitor(strict("visit.pace", "visit.typed"), CHROME, session="s")
    assert max(challenged(visitor, target, wait=0.2).score for target in places(50)) < 2
    assert not {"challenge.unanswered", "visit.assets"} & visitor.highest.keys()


def test_a_person_who_keeps_no_cookies_and_solves_each_time_is_not_suspected() -> None:
    visitor = Visitor(strict(), FIREFOX)
    for target, wait in zip(places(30), LEISURE * 3, strict=True):
        challenged(visitor, target, OWN, wait=wait)
        answer(visitor, 1)
        visitor.ask(STYLE, OWN)
    assert not {"challenge.unanswered", "challenge.failures", "address.unanswered"} & visitor.highest.keys()


def test_a_person_who_cannot_solve_tries_for_a_while_and_leaves_is_never_suspected() -> None:
    visitor = Visitor(strict(), FIREFOX)
    scores = [challenged(visitor, "/", wait=wait).score for wait in (0, 4, 9, 20, 60, 15, 300, 10)]
    assert max(scores) < MIDDLE


def test_a_page_that_goes_on_asking_by_itself_when_its_pass_ends_is_not_suspected() -> None:
    visitor = Visitor(strict(), CHROME.replace("Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: cors"), session="s")
    for _ in range(300):
        challenged(visitor, "/basket/count", OWN, wait=5.0)
    assert "challenge.unanswered" not in visitor.highest


def office(guard: Guard, people: int, crawler_pages: int) -> tuple[list[Visitor], Visitor]:
    """People of one address who solve, and a crawler between them that changes its name and does not."""
    crawler = Visitor(guard, "")
    visitors = []
    for number in range(people):
        person = Visitor(guard, APP.format(number), session=f"p{number}", now=crawler.now)
        challenged(person, "/", OWN)
        answer(person, 1)
        person.proof = SOLVED
        for target in places(4):
            person.ask(target, OWN, wait=2.0)
            person.ask(STYLE, OWN)
        visitors.append(person)
        crawler.now = person.now
        for page in range(crawler_pages):
            crawler.head = APP.format(f"{number}.{page}")
            challenged(crawler, "/about", OWN, wait=9.0)
    return visitors, crawler


@pytest.mark.parametrize("crawler_pages", [0, 4])
def test_an_office_whose_people_solve_is_not_suspected_for_who_does_not(crawler_pages: int) -> None:
    visitors, _ = office(strict(), 30, crawler_pages)
    for person in visitors:
        assert not {"address.unanswered", "address.failures"} & person.highest.keys()


def test_a_newcomer_behind_the_address_of_a_crawler_is_not_blocked_for_it() -> None:
    guard = strict("address.agents", "address.rhythm")
    _, crawler = office(guard, 1, 90)
    assert "address.unanswered" in crawler.highest
    newcomer = Visitor(guard, FIREFOX, now=crawler.now)
    assert challenged(newcomer, "/").score < MIDDLE
