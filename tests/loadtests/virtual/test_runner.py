from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.actors.catalogue import Catalogue
from loadtests.actors.model import SECOND, Actor, Answer, Ask, Life
from loadtests.actors.templates import Kind, browsers
from loadtests.virtual.guards import make_guard
from loadtests.virtual.runner import REFUSED, START, Runner
from loadtests.virtual.samples import Samples
from loadtests.virtual.scenario import Scenario, cast
from loadtests.virtual.tally import Tally
from tests.loadtests.virtual.guards import ScriptedGuard

CATALOGUE = Catalogue(1000)
FIREFOX = browsers()["firefox-tls-linux"]


def ask(seconds: float, path: bytes = b"/product/1", **changes: object) -> Ask:
    return Ask(int(seconds * SECOND), "192.0.2.1", FIREFOX, Kind.PAGE, path)._replace(**changes)  # type: ignore[arg-type]


def actor(name: str, *asks: Ask, answers: list[Answer] | None = None, is_person: bool = False) -> Actor:
    def life() -> Life:
        for one in asks:
            answer = yield one
            if answers is not None:
                answers.append(answer)

    return Actor(name, life(), is_person=is_person)


def run(guard: ScriptedGuard, *actors: Actor, minutes: float = 60) -> Tally:
    return Runner(list(actors), CATALOGUE, guard.guard).run(minutes)


def test_requests_are_judged_in_order_of_their_moments() -> None:
    guard = ScriptedGuard()
    run(guard, actor("slow", ask(1), ask(5), ask(5.5)), actor("quick", ask(2), ask(3), ask(9)))
    moments = [(now - START) / SECOND for now, _ in guard.judged]
    assert moments == [1, 2, 3, 5, 5.5, 9]
    assert [now for now, _ in guard.observed] == [now for now, _ in guard.judged]


def test_requests_of_one_moment_keep_the_order_of_the_cast() -> None:
    guard = ScriptedGuard()
    run(guard, actor("a", ask(1, b"/product/1"), ask(1, b"/product/2")), actor("b", ask(1, b"/product/3")))
    assert [request.head.line.split()[1] for _, request in guard.judged] == [b"/product/1", b"/product/2", b"/product/3"]


def test_what_comes_after_the_end_is_not_judged() -> None:
    guard = ScriptedGuard()
    run(guard, actor("a", ask(59), ask(61)), minutes=1)
    assert len(guard.judged) == 1


def test_nobody_may_go_back_in_time() -> None:
    with pytest.raises(ValueError, match="a goes back in time"):
        run(ScriptedGuard(), actor("a", ask(2), ask(1)))


def test_a_guard_that_fails_stops_the_run() -> None:
    guard = ScriptedGuard()
    guard.errors, guard.last_error = 1, "boom"
    with pytest.raises(RuntimeError, match="boom"):
        run(guard, actor("a", ask(1)))


def test_the_guard_is_given_the_recorded_bytes_and_handshake() -> None:
    guard = ScriptedGuard()
    run(guard, actor("a", ask(1, b"/search?q=wool", referer=b"https://www.google.com/", site=b"cross-site")))
    ((_, request),) = guard.judged
    assert request.head.line == b"GET /search?q=wool HTTP/1.1"
    assert request.head.value(b"referer") == b"https://www.google.com/"
    assert request.head.value(b"sec-fetch-site") == b"cross-site"
    assert request.secure
    assert request.handshake.ja4.startswith("t13d")


def test_what_is_blocked_never_reaches_the_shop() -> None:
    guard, answers = ScriptedGuard(lambda _request: 80.0), list[Answer]()
    tally = run(guard, actor("a", ask(1), answers=answers))
    assert answers == [Answer(REFUSED)]
    assert guard.observed[0][1].status == REFUSED
    assert list(tally.waves["a"].items) == [0]


def test_the_shop_says_what_it_has_and_gives_a_cookie_to_who_has_none() -> None:
    answers: list[Answer] = []
    tally = run(
        ScriptedGuard(),
        actor("a", ask(1), ask(2, b"/product/1001"), ask(3, cookie=b"sid=1"), ask(4, etag=b'"1"'), answers=answers),
    )
    assert [answer.status for answer in answers] == [200, 404, 200, 304]
    assert answers[0].cookie is not None
    assert answers[0].cookie != answers[1].cookie
    assert answers[2].cookie is None
    assert list(tally.waves["a"].items) == [1, 0, 1, 0]


def test_log_ins_are_fed_back_with_their_account() -> None:
    guard = ScriptedGuard()
    login = ask(1, b"/login", kind=Kind.LOGIN, method=b"POST", account=b"mary", body=b"user=mary")
    run(guard, actor("a", login, login._replace(right_password=True)))
    assert [outcome.login for _, outcome in guard.observed] == [-1, 1]
    accounts = {request.account for _, request in guard.judged}
    assert len(accounts) == 1
    assert len(accounts.pop()) == 16
    assert guard.judged[0][1].head.value(b"content-length") == b"9"


def test_people_and_crawlers_are_written_down_apart() -> None:
    tally = run(ScriptedGuard(lambda _request: 60.0), actor("7", ask(1), ask(4), is_person=True), actor("bot", ask(2)))
    assert tally.requests == 3
    assert list(tally.people) == ["7"]
    assert tally.people["7"].suspect == [(1 * SECOND, 60.0), (4 * SECOND, 60.0)]
    assert tally.people["7"].times == [1 * SECOND, 4 * SECOND]
    assert list(tally.waves) == ["bot"]
    assert tally.suspicions == {"test.signal": 2}


def test_progress_runs_from_nought_to_one() -> None:
    told: list[float] = []
    Runner([actor("a", *(ask(second) for second in range(0, 120, 10)))], CATALOGUE, ScriptedGuard().guard).run(2, told.append)
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 1


def test_a_scenario_gives_the_same_verdicts_every_time() -> None:
    def heads_and_scores(seed: int) -> tuple[list[tuple[int, str, bytes]], Tally]:
        scenario = replace(Scenario(seed=seed, minutes=6, items=2000)).with_people(60)
        catalogue, guard = Catalogue(scenario.items), ScriptedGuard()
        tally = Runner(cast(scenario, catalogue), catalogue, guard.guard).run(scenario.minutes)
        return [(now, request.client, request.head.raw) for now, request in guard.judged], tally

    once, again, other = heads_and_scores(1), heads_and_scores(1), heads_and_scores(2)
    assert once == again
    assert once[0] != other[0]
    assert len(once[0]) > 2000


def test_the_real_guard_judges_a_whole_scenario_and_suspects_no_browser() -> None:
    scenario = Scenario(minutes=3, items=2000).with_people(60)
    catalogue, samples = Catalogue(scenario.items), Samples()
    with make_guard() as guard:
        tally = Runner(cast(scenario, catalogue), catalogue, guard, samples).run(scenario.minutes)
    assert len(tally.people) > 50
    assert len(tally.waves) == len(scenario.waves)
    assert samples.people
    assert samples.crawlers
