"""A request taken in: what is then known of its keys, whichever worker it came to, and what is remembered of it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log, sqrt
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.memories import SECOND, SECRET, START
from tests.counters.naive import WINDOWS_S, NaiveVisits, NaiveWindow
from tests.guards import NOON, SMALL, Visitor, balanced, facts
from tests.scoring.scripts import APP, EVEN, LEISURE, OWN, STYLE, in_order, places, scattered
from trafficguard.counters import intake, layout, slot
from trafficguard.counters.jit import jit_is_on
from trafficguard.counters.ledger import Ledger
from trafficguard.counters.table import Table
from trafficguard.counters.warm import warm
from trafficguard.exchange import ChallengeResult, LoginResult
from trafficguard.guard import Guard
from trafficguard.policy.build import build
from trafficguard.policy.orders import Orders
from trafficguard.scoring.terms import DISCOUNT, HALF_LIFE_S, MOST_GROUP, WORTH_NAMING, Terms, terms_of

HOUR = 3600 * SECOND
SITE = 77
TERMS = terms_of()
STEP = 1.0 / slot.TOTAL_STEPS
"""By how much less may be told than was found; more is never told."""


def is_told(told: float, found: float) -> bool:
    """Whether evidence is told as what was found, in whole steps."""
    return found - STEP - 1e-9 <= told <= found + 1e-9


def apart(count: int, site: int, registers: int = 64, bits: int = 256) -> list[int]:
    """Small numbers that no two share a place, neither in the distinct counts nor in the filter of seen items."""
    memory = Table.create(SMALL, SECRET).memory
    taken: set[tuple[str, int]] = set()
    chosen: list[int] = []
    number = 0
    while len(chosen) < count:
        number += 1
        mixed = int(intake.mixed_of(memory, np.uint64(number), np.uint64(site)))
        swapped = (mixed >> 32 | mixed << 32) & ((1 << 64) - 1)
        mine = {("register", mixed % registers), ("bit", mixed % bits), ("bit", swapped % bits)}
        if not mine & taken:
            taken |= mine
            chosen.append(number)
    return chosen


ITEMS = apart(10, SITE)
ADDRESSES = apart(3, 2)
LOOKS = apart(3, 2)


class Asked(NamedTuple):
    """One request of a single visitor and what became of it."""

    gap_s: int
    flags: int = slot.IS_PAGE
    item: int = 0
    look: int = LOOKS[0]
    address: int = ADDRESSES[0]
    status: int = 2
    login: LoginResult = 0
    challenge: ChallengeResult = 0
    challenged: bool = False


def ask_bytes(asked: Asked, now: int, session: int, more: int = 0, **words: int) -> bytes:
    """The row of a request, other words than those of `asked` given by name."""
    row = [0] * slot.ASK_WORDS
    row[slot.NOW], row[slot.SITE] = now, SITE
    row[slot.ADDRESS_LOW], row[slot.NETWORK_LOW], row[slot.SESSION_LOW] = asked.address, 1, session
    row[slot.STEADY_MARK] = row[slot.MANNER_MARK] = asked.look
    row[slot.ITEM], row[slot.PATH] = asked.item, 5
    row[slot.FLAGS] = asked.flags | more
    for name, word in words.items():
        row[getattr(slot, name)] = word
    return b"".join(word.to_bytes(8, "little") for word in row)


# ---- beside a twin


@dataclass
class NaiveVisit:
    """What a session has done, in a list; a slot counts from the third visit that is known on."""

    visits: NaiveVisits = field(default_factory=NaiveVisits)
    windows: dict[int, NaiveWindow] = field(default_factory=lambda: {width: NaiveWindow(width) for width in WINDOWS_S})
    pages_1m: NaiveWindow = field(default_factory=lambda: NaiveWindow(60))
    log: list[dict[str, int]] = field(default_factory=list)
    items: list[int] = field(default_factory=list)

    def ask(self, asked: Asked, now: int) -> bool:
        """Counts a request; whether the visit has a slot by now."""
        has_slot, _seen = self.visits.visit(0, now)
        if not has_slot:
            return False
        for window in self.windows.values():
            window.count(now)
        page = bool(asked.flags & slot.IS_PAGE)
        item = asked.item if page else 0
        if page:
            self.pages_1m.count(now)
        before = self.log[-1]["look"] if self.log else asked.look
        step = item - self.items[-1] if item and self.items else 0
        self.log.append({
            "hour": now // HOUR, "pages": page, "items": bool(item), "assets": bool(asked.flags & slot.IS_ASSET),
            "item": item, "new": bool(item) and item not in self.items, "old": bool(item) and item in self.items,
            "ups": 0 < step <= 16, "typed": bool(asked.flags & slot.IS_TYPED), "look": asked.look,
            "changes": before != asked.look, "heads": bool(asked.flags & slot.IS_HEAD),
            "posts": bool(asked.flags & slot.IS_POST), "robots": bool(asked.flags & slot.IS_ROBOTS),
            "address": asked.address, "answers": 0, "errors": 0, "logins": 0, "failed": 0, "now": now, "asked": 0,
            "solved": 0, "wrong": 0,
        })  # fmt: skip
        if item:
            self.items.append(item)
        return True

    def observe(self, asked: Asked) -> None:
        """Counts what became of the latest request."""
        if self.log:
            self.log[-1].update(
                answers=asked.status > 0, errors=asked.status == 4, logins=asked.login != 0, failed=asked.login < 0,
                asked=was_asked(asked), solved=asked.challenge > 0, wrong=asked.challenge < 0,
            )  # fmt: skip

    def features(self, now: int) -> dict[str, float]:
        """What should be known of the visit."""
        lately = [one for one in self.log if one["hour"] in (now // HOUR, now // HOUR - 1)]
        total = {name: float(sum(one[name] for one in lately)) for name in self.log[0]}
        pages, items, answers = total["pages"], total["items"], total["answers"]
        requests = max(pages + total["assets"], answers)
        distinct = linear(len({one["item"] for one in lately if one["item"]}))
        peers = linear(len({one["address"] for one in lately}))
        shown = pages - total["asked"]

        def few(name: str) -> int:
            return sum(min(sum(one[name] for one in lately if one["hour"] == hour), 15) for hour in (now // HOUR, now // HOUR - 1))

        spans = len({(one["hour"], one["now"] // (8 * SECOND)) for one in lately if one["asked"]})
        attempts = total["solved"] + total["wrong"]
        odds = total["new"] * log(0.95 / 0.85) + total["old"] * log(0.05 / 0.15)
        order = total["ups"] * log(0.9 / 0.05) + max(items - 1 - total["ups"], 0) * log(0.1 / 0.95)
        return {
            **dict(zip(slot.FEATURES, (window.estimate(now) for window in self.windows.values()), strict=False)),
            "pages_1m": self.pages_1m.estimate(now), "pages": pages, "items": items,
            "assets_per_page": total["assets"] / shown if shown > 0 else 1.0, "novelty": of(total["new"], items),
            "novelty_odds": max(odds, 0.0), "order_odds": max(order, 0.0), "answers": answers,
            "errors": of(total["errors"], answers), "logins": total["logins"],
            "login_failures": of(total["failed"], total["logins"]), "heads": of(total["heads"], requests),
            "posts": of(total["posts"], requests), "typed": of(total["typed"], pages), "changes": few("changes"),
            "robots": few("robots"), "distinct_items": distinct, "peers": peers, "coverage": of(distinct, items),
            "peers_per_page": of(peers, pages), "shown": max(shown, 0), "challenges": spans, "attempts": attempts,
            "failures": total["wrong"] * of(total["wrong"], attempts), "unanswered": max(spans - 4 * attempts, 0),
        }  # fmt: skip


def was_asked(asked: Asked) -> bool:
    """Whether a page was asked for and a challenge was the answer."""
    return asked.challenged and asked.challenge == 0 and bool(asked.flags & slot.IS_PAGE)


def of(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 0.0


def linear(count: int, registers: int = 64) -> float:
    """What linear counting makes of so many values that fell into registers of their own."""
    return registers * log(registers / (registers - count))


requests = st.builds(
    Asked,
    gap_s=st.one_of(st.integers(1, 12), st.integers(1, 90), st.integers(1, 4000)),
    flags=st.sampled_from([
        slot.IS_PAGE, slot.IS_PAGE | slot.IS_TYPED, slot.IS_PAGE | slot.IS_HEAD, slot.IS_ASSET, slot.IS_ROBOTS,
        slot.IS_LOGIN | slot.IS_POST,
    ]),
    item=st.sampled_from([0, *ITEMS]), look=st.sampled_from(LOOKS), address=st.sampled_from(ADDRESSES),
    status=st.sampled_from([0, 2, 3, 4, 5]), login=st.sampled_from([0, 1, -1]),
    challenge=st.sampled_from([0, 0, 1, -1]), challenged=st.booleans(),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.lists(requests, min_size=3, max_size=40))
def test_what_is_known_of_a_visit_equals_the_naive_twin(visit: list[Asked]) -> None:
    table = Table.create(SMALL, SECRET)
    ledger, twin, now = Ledger(table.memory), NaiveVisit(), START
    table.close()
    for asked in visit:
        now += asked.gap_s * SECOND
        row = ask_bytes(asked, now, session=9)
        ledger.take_in(row, 0.0, TERMS.ramps)
        known = ledger.features().get("session")
        assert (known is not None) == twin.ask(asked, now)
        if known is not None:
            expected = twin.features(now)
            assert {name: known[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-9)
        ledger.feed_back(row, asked.status, asked.login, b"", now, asked.challenge, asked.challenged)
        twin.observe(asked)


def test_outcomes_of_keys_without_a_slot_and_unanswered_requests_are_left_out() -> None:
    table = Table.create(SMALL, SECRET)
    ledger = Ledger(table.memory)
    table.close()
    told = []
    for number in range(5):
        row = ask_bytes(Asked(1), START + number * SECOND, session=9)
        ledger.take_in(row, 0.0, TERMS.ramps)
        told.append(ledger.features().get("session", {}).get("answers"))
        ledger.feed_back(row, 4 if number != 2 else 0, 0, b"", START)
    assert told == [None, None, 0.0, 0.0, 1.0]


def test_the_account_that_the_shop_names_is_charged_where_the_request_named_none() -> None:
    table = Table.create(SMALL, SECRET)
    ledger, account = Ledger(table.memory), (5).to_bytes(8, "little") * 2
    table.close()
    named = ask_bytes(Asked(1), START, session=9, ACCOUNT_LOW=5, ACCOUNT_HIGH=5)
    for _ in range(3):
        ledger.take_in(named, 0.0, TERMS.ramps)
    ledger.feed_back(ask_bytes(Asked(1), START, session=9), 2, -1, account, START)
    ledger.take_in(named, 0.0, TERMS.ramps)
    of_account = ledger.features()["account"]
    assert (of_account["logins"], of_account["login_failures"]) == (1.0, 1.0)


# ---- over several workers


class Event(NamedTuple):
    """One request of somebody, in front of whichever worker."""

    now: int
    head: str
    address: str
    session: str
    target: str
    lines: tuple[str, ...]
    method: str = "GET"
    login: LoginResult = 0


class Told(NamedTuple):
    """What became of it."""

    score: float
    reasons: frozenset[str]


def visit_of(number: int, targets: list[str], waits: tuple[float, ...], session: str = "s", *, loads: bool) -> Iterator[Event]:
    now, head = NOON + number * 1_000_003, APP.format(number)
    for at, target in enumerate(targets):
        now += int(waits[at % len(waits)] * SECOND)
        who = (head, f"192.0.{number}.1", f"{session}{number}" if session else "")
        yield Event(now, *who, target, (OWN,))
        if loads:
            yield Event(now + 1, *who, STYLE, (OWN,))


def everybody() -> list[Event]:
    """People and programs, as they come."""
    crowd = [
        *visit_of(1, places(60), LEISURE, loads=True),
        *visit_of(2, in_order(60), LEISURE, loads=True),
        *visit_of(3, places(60), EVEN, loads=True),
        *visit_of(4, scattered(60), (1.0, 1.1, 0.9), session="", loads=False),
        *visit_of(5, [f"/list/{at}" for at in range(60)], (0.5,), loads=False),
    ]
    crowd += [
        Event(NOON + at * SECOND, APP.format(6), f"198.51.{at % 4}.7", "", "/login", (OWN,), "POST", -1)
        for at in range(60)
    ]
    return sorted(crowd)


def judged(guard: Guard, event: Event) -> Told:
    visitor = Visitor(guard, event.head, event.address, event.session, event.now)
    verdict = visitor.ask(event.target, *event.lines, method=event.method, login=event.login)
    return Told(verdict.score, frozenset(reason.signal for reason in verdict.reasons))


def serve(table: Table, asked: int, answered: int, events: list[Event]) -> None:
    """A worker: adopts the memory, and judges the events whose numbers it is handed."""
    adopted = Table.adopt(os.dup(table.fd), SMALL)
    guard = Guard(Orders(1, build(balanced())), adopted.memory, facts())
    while number := os.read(asked, 4):
        told = pickle.dumps(judged(guard, events[int.from_bytes(number, "little")]))
        os.write(answered, len(told).to_bytes(4, "little") + told)


def over_workers(workers: int, events: list[Event]) -> list[Told]:
    """What so many processes say of the events, handed out in turn and in order."""
    warm()
    table = Table.create(SMALL, SECRET)
    hands: list[tuple[int, int]] = []
    children: list[int] = []
    for _ in range(workers):
        (asked, ask), (answer, answered) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                # Ends that this child inherits would keep the workers before it from seeing the end.
                for others, _ in hands:
                    os.close(others)
                os.close(ask)
                serve(table, asked, answered, events)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
        os.close(asked)
        os.close(answered)
        hands.append((ask, answer))
    told = []
    for number in range(len(events)):
        ask, answer = hands[number % workers]
        os.write(ask, number.to_bytes(4, "little"))
        length = int.from_bytes(os.read(answer, 4), "little")
        assert length, "a worker failed"
        told.append(pickle.loads(os.read(answer, length)))
    for ask, answer in hands:
        os.close(ask)
        os.close(answer)
    table.close()
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * workers
    return told


@pytest.mark.skipif(not jit_is_on(), reason="the plain twins of atomic operations are not atomic")
def test_one_two_and_four_workers_give_the_same_verdicts_on_the_same_stream() -> None:
    events = everybody()
    alone = over_workers(1, events)
    spoken = frozenset[str]().union(*(told.reasons for told in alone))
    assert {"visit.order", "visit.rhythm", "visit.gaps", "visit.pace", "visit.novelty"} <= spoken
    assert max(told.score for told in alone) > 75
    for workers in (2, 4):
        spread = over_workers(workers, events)
        assert [told.score for told in spread] == pytest.approx([told.score for told in alone], rel=0.01)
        assert [told.reasons for told in spread] == [told.reasons for told in alone]


# ---- what is remembered


def ramps_of(**terms: float) -> Terms:
    """The terms, without a single signal."""
    bare = Terms((), TERMS.ramps[:1].copy(), ())
    for name, value in terms.items():
        bare.ramps[0, getattr(slot, name)] = value
    return bare


@pytest.mark.parametrize("steps", [0.5, 1, 2, 5])
def test_evidence_of_a_visit_halves_with_its_half_life(steps: float) -> None:
    table = Table.create(SMALL, SECRET)
    ledger, terms, half_life = Ledger(table.memory), ramps_of(), HALF_LIFE_S["session"]
    table.close()
    for _ in range(3):
        ledger.take_in(ask_bytes(Asked(0), START, session=9), 3.0, terms.ramps)
    later = START + int(steps * half_life) * SECOND
    ledger.take_in(ask_bytes(Asked(0), later, session=9), 0.0, terms.ramps)
    expected = 3.0 / sqrt(2) if steps == 0.5 else 3.0 * 2.0**-steps
    assert ledger.result[slot.HELD] == pytest.approx(expected, rel=1e-5)
    assert is_told(ledger.result[slot.TOTAL], expected)


def test_evidence_of_one_visit_is_nobody_elses() -> None:
    table = Table.create(SMALL, SECRET)
    ledger, terms = Ledger(table.memory), ramps_of()
    table.close()
    for _ in range(3):
        ledger.take_in(ask_bytes(Asked(0), START, session=9), 3.0, terms.ramps)
    for _ in range(3):
        ledger.take_in(ask_bytes(Asked(0), START, session=10), 0.0, terms.ramps)
    assert ledger.result[slot.TOTAL] == 0.0


def group_ramps(kind: int, weight: float) -> Terms:
    """One signal that finds its whole weight in any request whose key of this kind has a slot."""
    terms = ramps_of()
    ramps = np.vstack([terms.ramps, np.zeros((1, slot.RAMP_COLUMNS))])
    ramps[1] = (kind, slot.FEATURE["requests_1h"], 0.0, 1.0, slot.FEATURE["requests_1h"], 0.0, 1.0, weight, 1.0)
    return Terms((), ramps, (True,))


@pytest.mark.parametrize(("kind", "flags"), [
    (layout.CLUSTER, slot.IS_PAGE), (layout.NETWORK, slot.IS_LOGIN | slot.IS_POST),
])  # fmt: skip
def test_evidence_of_a_group_is_never_remembered_and_never_more_than_its_bound(kind: int, flags: int) -> None:
    table = Table.create(SMALL, SECRET)
    ledger = Ledger(table.memory)
    table.close()
    asked = ask_bytes(Asked(0, flags), START, session=9)
    for _ in range(5):
        ledger.take_in(asked, 0.0, group_ramps(kind, 9.0).ramps)
    assert ledger.result[slot.GROUP] == MOST_GROUP
    assert is_told(ledger.result[slot.TOTAL], MOST_GROUP)
    ledger.take_in(asked, 0.0, ramps_of().ramps)
    assert ledger.result[slot.HELD] == ledger.result[slot.TOTAL] == 0.0


def test_evidence_of_a_group_joins_a_visitors_own_beyond_the_discount() -> None:
    table = Table.create(SMALL, SECRET)
    ledger = Ledger(table.memory)
    table.close()
    for _ in range(4):
        ledger.take_in(ask_bytes(Asked(0), START, session=9), 2.5, group_ramps(layout.CLUSTER, 2.0).ramps)
    assert ledger.result[slot.INDIVIDUAL] == 2.5
    assert ledger.result[slot.TOTAL] == pytest.approx(2.0 + 2.5 - DISCOUNT)


# ---- the strongest


def assert_strongest(ledger: Ledger, counting: list[tuple[int, float]]) -> None:
    """The strongest of those that count, which are given strongest first; what is told of them is in whole steps."""
    told = [(at, round(nats * slot.NAMED_STEPS) / slot.NAMED_STEPS) for at, nats in counting]
    strongest = ledger.strongest()
    assert [nats for _, nats in strongest] == [nats for _, nats in told[: slot.MOST_STRONGEST]]
    # Of two in the same step the earlier one stands first.
    assert strongest == sorted(told, key=lambda one: (-one[1], one[0]))[: slot.MOST_STRONGEST]


def test_the_strongest_are_the_sorted_found_that_count() -> None:
    table = Table.create(SMALL, SECRET)
    guard = Guard(Orders(1, build(balanced({"visit.order": "shadow"}))), table.memory, facts())
    table.close()
    ledger, terms = guard._ledger, guard._regime.terms
    most = shadowed = 0
    for event in everybody():
        told = judged(guard, event)
        found = ledger.found()
        counting = [(at, nats) for at, nats in found if terms.counts[at] and nats > WORTH_NAMING]
        counting.sort(key=lambda one: -one[1])
        assert_strongest(ledger, counting)
        most, shadowed = max(most, len(counting)), shadowed + (len(found) > len(counting))
        assert "visit.order" not in told.reasons
    assert most >= 3
    assert shadowed


def test_more_found_than_are_named_leaves_the_strongest() -> None:
    table = Table.create(SMALL, SECRET)
    ledger = Ledger(table.memory)
    table.close()
    one = group_ramps(layout.SESSION, 1.0).ramps
    weights = [0.3, 0.9, 0.01, 0.5, 0.9, 0.2, 0.7, 0.4, 0.1]
    ramps = np.vstack([one[:1], *(one[1:] for _ in weights)])
    ramps[1:, slot.RAMP_WEIGHT] = weights
    for _ in range(3):
        ledger.take_in(ask_bytes(Asked(0), START, session=9), 0.0, ramps)
    assert_strongest(ledger, [(1, 0.9), (4, 0.9), (6, 0.7), (3, 0.5), (7, 0.4), (0, 0.3)])
    assert [at for at, _ in ledger.found()] == list(range(9))
    assert is_told(ledger.result[slot.TOTAL], sum(weights))
