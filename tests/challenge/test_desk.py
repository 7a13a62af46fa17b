"""The desk: what is given out, what is taken back, and who passes afterwards."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.challenge.visits import AGENT, NOON, PHONE, SECRET, VISITORS, cookie_of, new_desk, request
from tests.counters.memories import SMALL, new_table
from trafficguard.challenge.desk import REFRESH_S, TRY, Challenge, Desk, Solved
from trafficguard.challenge.lent import LENT_S, RECEIPT_S, Lender
from trafficguard.challenge.pace import BUDGET_S, FEWEST_BITS, GUESSES, MOST_BITS, PARTS, TRUST, Pace, Puzzle, class_of
from trafficguard.challenge.questions import LEAST_S, is_answered, question_of
from trafficguard.challenge.reuse import FORGIVEN_S, Reuse
from trafficguard.challenge.tickets import Ticket, Tickets
from trafficguard.challenge.work import solve
from trafficguard.clock import SECOND
from trafficguard.exchange import Request

LATER = NOON + 5 * SECOND
_REAL = Pace.puzzle


def worked(desk: Desk, sender: Request, *, given_out: Challenge | None = None, now: int = LATER, probes: Any = None) -> Any:
    """An attempt at `pow` with right answers."""
    asked = given_out or desk.issue(sender, "pow", NOON)
    assert asked.puzzle is not None
    text = asked.ticket.encode()
    answers = [one.decode() for one in solve(text, *asked.puzzle)]
    return desk.take_work(sender, text, answers, 900.0, probes or {"ua": AGENT}, {}, now)


@pytest.fixture(scope="module", autouse=True)
def easy() -> Any:
    """Puzzles of a few hashes."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Pace, "puzzle", lambda *_: Puzzle(4, 4))
    yield
    patch.undo()


def test_whoever_solves_it_passes_from_then_on() -> None:
    desk, sender = new_desk(), request()
    done = worked(desk, sender)
    assert isinstance(done, Solved)
    assert (done.ticket.kind, done.seconds) == ("pow", 5.0)
    back = request(cookie_of(done.cookies))
    desk.admit(back, LATER)
    assert (back.proof, back.told, back.reuse) == (4, 0, 0)


def test_a_solution_counts_once_and_a_wrong_one_uses_nothing_up() -> None:
    desk, sender = new_desk(), request()
    asked = desk.issue(sender, "pow", NOON)
    assert asked.puzzle is not None
    text = asked.ticket.encode()
    assert desk.take_work(sender, text, ["x"] * 4, 1.0, {}, {}, LATER) == "wrong"
    assert isinstance(worked(desk, sender, given_out=asked), Solved)
    assert worked(desk, sender, given_out=asked) == "spent"


def test_several_challenges_of_one_visitor_do_not_get_in_each_others_way() -> None:
    desk, sender = new_desk(), request()
    asked = [desk.issue(sender, "pow", NOON) for _ in range(10)]
    assert all(isinstance(worked(desk, sender, given_out=one), Solved) for one in reversed(asked))


def test_the_work_of_one_kind_is_no_answer_to_another() -> None:
    desk, sender = new_desk(), request()
    question = desk.issue(sender, "interactive", NOON)
    assert desk.take_work(sender, question.ticket.encode(), ["1"], 1.0, {}, {}, LATER) == "wrong"
    assert desk.take_step(sender, question.ticket.encode(), LATER) == "wrong"
    pow_text = desk.issue(sender, "pow", NOON).ticket.encode()
    assert desk.take_step(sender, pow_text, LATER) == "wrong"
    assert desk.take_answer(sender, pow_text, "7", LATER) == "wrong"


def test_what_the_page_tells_is_in_the_pass_and_a_driven_browser_has_to_keep_it() -> None:
    desk, sender = new_desk(), request()
    done = worked(desk, sender, probes={"ua": AGENT, "webdriver": True})
    assert isinstance(done, Solved)
    assert done.receipt == b""
    back = request(cookie_of(done.cookies))
    desk.admit(back, LATER)
    assert back.told != 0
    assert desk.lend(sender, done.receipt, LATER) == "malformed"


# ---- steps that need no JavaScript


def test_refresh_takes_its_time() -> None:
    desk, sender = new_desk(), request()
    text = desk.issue(sender, "refresh", NOON).ticket.encode()
    assert desk.take_step(sender, text, NOON + REFRESH_S * SECOND - 1) == "wrong"
    assert isinstance(desk.take_step(sender, text, NOON + REFRESH_S * SECOND), Solved)


def test_cookie_asks_for_the_cookie_that_was_given_for_the_purpose() -> None:
    desk, sender = new_desk(), request()
    given_for_it = cookie_of(desk.try_cookie(sender))
    assert given_for_it.startswith(b"__Host-tg" + TRY + b"=")
    text = desk.issue(sender, "cookie", NOON).ticket.encode()
    assert desk.take_step(sender, text, LATER) == "wrong"
    assert desk.take_step(request(b"__Host-tg-try=1"), text, LATER) == "wrong"
    assert desk.take_step(request(cookie_of(new_desk(secret=b"o" * 32).try_cookie(sender))), text, LATER) == "wrong"
    assert isinstance(desk.take_step(request(given_for_it), text, LATER), Solved)


def test_resource_asks_for_the_part_of_this_very_page() -> None:
    desk, sender = new_desk(), request()
    mine, other = (desk.issue(sender, "resource", NOON).ticket.encode() for _ in range(2))
    assert desk.take_part(sender, other, LATER)
    assert desk.take_step(sender, mine, LATER) == "wrong"
    assert desk.take_part(sender, mine, LATER)
    assert isinstance(desk.take_step(sender, mine, LATER), Solved)
    assert not desk.take_part(sender, desk.issue(sender, "pow", NOON).ticket.encode(), LATER)


# ---- questions


def test_a_question_is_answered_by_its_sum_in_any_digits_and_not_at_once() -> None:
    desk, sender = new_desk(), request()
    asked = desk.issue(sender, "interactive", NOON)
    assert asked.question is not None
    right = sum(asked.question)
    text, soon = asked.ticket.encode(), NOON + LEAST_S * SECOND
    assert desk.take_answer(sender, text, str(right), soon - 1) == "wrong"
    assert desk.take_answer(sender, text, str(right + 1), soon) == "wrong"
    eastern = "".join(chr(0x660 + int(digit)) for digit in str(right))
    done = desk.take_answer(sender, text, f" {eastern} ", soon)
    assert isinstance(done, Solved)


@given(st.text(max_size=12))
def test_nothing_whatever_makes_an_answer_fail(answer: str) -> None:
    ticket = Tickets(SECRET).open(Tickets(SECRET).issue(VISITORS.of(request()), "interactive", NOON).encode(), VISITORS.of(request()), NOON)
    assert isinstance(ticket, Ticket)
    right = sum(question_of(ticket.nonce))
    assert is_answered(ticket, answer, LATER) == (answer.strip().isdecimal() and len(answer.strip()) <= 8 and int(answer) == right)


# ---- passes that stay here


def test_who_keeps_no_cookies_passes_for_a_while_with_the_receipt_of_a_solution() -> None:
    desk, sender = new_desk(), request()
    done = worked(desk, sender)
    assert desk.lent(sender, LATER) == 0
    assert desk.lend(sender, done.receipt, LATER) is None
    assert desk.lend(sender, done.receipt, LATER) == "spent"
    assert desk.lent(request(client="192.0.2.9"), LATER) == 4
    assert desk.lent(request(client="192.0.3.9"), LATER) == 0
    assert desk.lent(request(agent=PHONE), LATER) == 0
    assert desk.lent(sender, LATER + LENT_S * SECOND) == 0


def test_a_receipt_is_good_for_its_visitor_and_for_a_minute() -> None:
    desk, sender = new_desk(), request()
    done = worked(desk, sender)
    assert desk.lend(request(client="192.0.3.1"), done.receipt, LATER) == "foreign"
    assert desk.lend(sender, done.receipt, LATER + RECEIPT_S * SECOND) == "expired"
    assert desk.lend(sender, done.receipt[:-1], LATER) == "malformed"
    assert desk.lend(sender, done.receipt + b"A" * 200, LATER) == "malformed"


def test_without_room_nothing_is_lent() -> None:
    table = new_table(SMALL)
    lender = Lender(SECRET, (), table.timers, lambda *_: -1)
    who = VISITORS.of(request())
    assert lender.lend(lender.receipt(who, 4, NOON), who, NOON) == "full"
    assert lender.lent(who, NOON) == 0


BACK = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")


@pytest.mark.parametrize(
    ("line", "more", "proof"),
    [
        ("POST /paid HTTP/1.1", BACK, 4),
        ("GET /paid HTTP/1.1", BACK, 0),
        ("POST /paid HTTP/1.1", ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate"), 0),
        ("POST /paid HTTP/1.1", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"), 0),
        ("POST /paid HTTP/1.1", (), 0),
    ],
)
def test_a_form_of_another_site_passes_without_the_cookie_that_browsers_withhold(
    line: str, more: tuple[str, ...], proof: int
) -> None:
    desk = new_desk()
    worked(desk, request())
    back = request(line=line, more=more)
    desk.admit(back, LATER)
    assert back.proof == proof


# ---- reuse


def test_a_pass_that_is_seen_everywhere_climbs_the_ladder() -> None:
    reuse = Reuse(new_table(SMALL).timers)
    steps = [reuse.step(b"12345678", b"network%d" % number, NOON + number) for number in range(1, 12)]
    assert steps == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert reuse.step(b"12345678", b"network1", NOON + 20) == 3, "a network counts once"
    assert reuse.step(b"another ", b"network1", NOON + 20) == 0
    assert reuse.step(b"12345678", b"network1", NOON + 12 * FORGIVEN_S * SECOND) == 0


def test_a_pass_from_elsewhere_is_counted_and_proves_nothing() -> None:
    desk, done = new_desk(), None
    done = worked(desk, request())
    cookie = cookie_of(done.cookies)
    seen = []
    for number in range(4):
        sender = request(cookie, client=f"198.51.{number}.1")
        desk.admit(sender, LATER)
        seen.append((sender.proof, sender.reuse))
    assert seen == [(0, 0), (0, 0), (0, 1), (0, 1)]


# ---- secrets that change


def test_with_the_secret_before_nobody_notices_the_change() -> None:
    table = new_table(SMALL)
    old, sender = new_desk(table), request()
    done, asked = worked(old, sender), old.issue(sender, "pow", NOON)
    new = new_desk(table, b"n" * 32, previous=(SECRET,))
    back = request(cookie_of(done.cookies))
    new.admit(back, LATER)
    assert back.proof == 4
    assert isinstance(worked(new, sender, given_out=asked), Solved)
    assert worked(new_desk(table, b"n" * 32), sender, given_out=old.issue(sender, "pow", NOON)) == "malformed"


# ---- how hard it is


def puzzle(pace: Pace, client: Any, score: float = 75.0, load: float = 0.0) -> Puzzle:
    return _REAL(pace, client, score, load)


@pytest.mark.parametrize("client", ["phone", "desktop", "other"])
@pytest.mark.parametrize(("score", "load"), [(0.0, 0.0), (50.0, 0.2), (100.0, 0.0), (1.0, 9.0)])
def test_nineteen_of_twenty_slow_browsers_keep_within_the_budget(client: Any, score: float, load: float) -> None:
    asked = puzzle(Pace(), client, score, load)
    unlucky = asked.hashes * (1 + 1.645 / math.sqrt(PARTS))
    assert unlucky / GUESSES[client] <= BUDGET_S


def test_who_is_suspected_more_or_comes_under_load_works_more() -> None:
    pace = Pace()
    bits = [puzzle(pace, "phone", score).bits for score in (10.0, 40.0, 75.0)]
    assert bits == sorted(bits)
    assert bits[0] < bits[-1] == puzzle(pace, "phone", 10.0, 1.0).bits


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_whatever_clients_say_of_their_time_bounds_hold(times: list[float]) -> None:
    pace = Pace()
    for took in times:
        pace.learn("phone", Puzzle(12, PARTS), took)
    assert GUESSES["phone"] / TRUST <= pace.rates["phone"] <= GUESSES["phone"] * TRUST
    assert FEWEST_BITS <= puzzle(pace, "phone").bits <= MOST_BITS


@pytest.mark.parametrize(("rate", "share"), [(300_000.0, 0.05), (60_000.0, 0.05)])
def test_it_learns_what_a_class_computes(rate: float, share: float) -> None:
    pace, easy = Pace(), Puzzle(12, PARTS)
    for _ in range(5000):
        pace.learn("phone", easy, easy.hashes * 1000 / rate)
    assert pace.rates["phone"] == pytest.approx(rate, rel=share)


def test_classes_go_by_what_a_browser_claims() -> None:
    assert [class_of(AGENT), class_of(PHONE), class_of("curl/8"), class_of(None)] == ["desktop", "phone", "other", "other"]
