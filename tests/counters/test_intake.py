"""One request taken in, beside a naive twin that keeps everything. Also runs bounds-checked (`test_modes`)."""

from __future__ import annotations

import math
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counters.asks import ask, ramps
from tests.counters.memories import HOUR, MINUTE, SECOND, START, TINY, key, new_table
from tests.counters.naive_intake import KINDS, VISITORS, Facts, Judged, NaiveIntake, Ramp, Terms
from trafficguard.counters import layout, slot
from trafficguard.counters.ledger import Ledger

quick = settings(max_examples=60, deadline=None)

RAMPS: Final = [
    Ramp("session", "pages_1m", 2, 20, "pages", 1, 3, 4.0),
    Ramp("session", "assets_per_page", 0.8, 0.0, "pages", 1, 6, 1.5),
    Ramp("session", "novelty_odds", 0.1, 1.0, "items", 0, 3, 2.0),
    Ramp("session", "order_odds", 0.5, 9.0, "items", 1, 4, 3.0),
    Ramp("session", "burstiness", 0.9, -0.9, "gaps", 2, 6, 2.5),
    Ramp("session", "template_entropy", 3.0, 0.0, "pages", 7, 12, 1.1, counts=False),
    Ramp("session", "changes", 0.5, 1.5, "requests_1h", 0, 0, 3.5),
    Ramp("session", "robots", 0.0, 1.0, "requests_1h", 0, 0, 1.2),
    Ramp("session", "errors", 0.0, 0.7, "answers", 0, 4, 3.0),
    Ramp("address", "bare", 0.1, 1.0, "pages", 0, 4, 2.2),
    Ramp("address", "login_failures", 0.2, 0.95, "logins", 0, 3, 4.3),
    Ramp("address", "requests_1m", 1, 9, "pages", 0, 0, 0.7),
    Ramp("account", "login_failures", 0.1, 0.95, "logins", 0, 4, 3.0),
    Ramp("network", "logins", 1, 9, "logins", 0, 0, 3.0),
    Ramp("cluster", "pages", 3, 30, "pages", 0, 0, 2.0),
    Ramp("cluster", "gap_entropy", 0.5, 2.0, "pages", 7, 9, 2.6),
    Ramp("fingerprint", "requests_10m", 1, 40, "pages", 0, 0, 3.0),
]
TERMS: Final = Terms()
TABLE: Final = ramps(
    *(
        (
            KINDS.index(ramp.kind), slot.FEATURE[ramp.feature], ramp.start, ramp.full, slot.FEATURE[ramp.support],
            ramp.few, ramp.enough, ramp.weight, float(ramp.counts),
        )
        for ramp in RAMPS
    )
)  # fmt: skip
LEFT_OUT: Final = {"paths", "distinct_items", "peers", "peers_per_page", "coverage"}
"""Features from distinct counts, which are not exact."""
OF_CROWDS: Final = {"surge_odds", "fanout_rise", "coverage_rise", "synchrony", "age_minutes"}
"""Features that `test_crowd` has."""
FLAGS: Final = {
    "page": slot.IS_PAGE,
    "asset": slot.IS_ASSET,
    "login": slot.IS_LOGIN,
    "typed": slot.IS_TYPED,
    "head": slot.IS_HEAD,
    "post": slot.IS_POST,
    "robots": slot.IS_ROBOTS,
    "takes_cookies": slot.TAKES_COOKIES,
    "reads_all": slot.READS_ALL,
}


def asked(facts: Facts) -> bytes:
    """The row that counting is told."""
    told = facts._asdict()
    flags = sum(flag for name, flag in FLAGS.items() if told.pop(name))
    return ask(told.pop("now"), flags, **told)


# ---- beside the naive twin

gaps = st.one_of(
    st.integers(0, 2 * SECOND),
    st.integers(0, 90 * SECOND),
    st.sampled_from([399_000_000, 400_000_000, 10 * SECOND, MINUTE, 600 * SECOND, 1800 * SECOND, HOUR, 3 * HOUR]),
)
PAGES = {"page": True}
KINDS_OF_REQUEST = st.sampled_from(
    [
        PAGES, PAGES, PAGES, {"page": True, "typed": True}, {"page": True, "head": True}, {"asset": True}, {},
        {"login": True, "post": True}, {"robots": True}, {"post": True},
    ]
)  # fmt: skip
BOOLEANS = st.booleans()


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[Facts, float, tuple[int, int, int] | None]]:
    """Requests of a few visitors in their order, each with evidence of its head and perhaps what became of it."""
    stream, now = [], START
    takes_cookies = draw(BOOLEANS)
    for _ in range(draw(st.integers(1, 60))):
        now += draw(gaps)
        who = draw(st.integers(0, 3))
        flags = draw(KINDS_OF_REQUEST)
        facts = Facts(
            now,
            address=(1, 2, 2, 600)[who],
            session=(0, 0, 5, 6)[who],
            steady=draw(st.integers(7, 8)),
            manner=20 + who % 2,
            account=draw(st.integers(0, 2)) if flags.get("login") else 0,
            route=draw(st.integers(1, 2)),
            template=draw(st.integers(0, 4)),
            item=draw(st.integers(0, 7)) if flags.get("page") else 0,
            path=draw(st.integers(0, 9)),
            query=draw(st.integers(0, 3)),
            takes_cookies=takes_cookies,
            reads_all=draw(BOOLEANS),
            **flags,
        )
        outcome = None
        if draw(BOOLEANS):
            login = draw(st.sampled_from([-1, -1, 0, 1])) if flags.get("login") else 0
            outcome = draw(st.sampled_from([0, 2, 2, 4, 5])), login, draw(st.integers(0, 2))
        stream.append((facts, draw(st.sampled_from([0.0, 0.0, 0.5, 2.5])), outcome))
    return stream


def agree(ledger: Ledger, judged: Judged) -> None:
    """Compares the latest result with the twin's."""
    result, features = ledger.result, ledger.features()
    assert frozenset(features) == judged.slots
    assert bool(result[slot.KNOWN]) == judged.kept
    for kind, expected in judged.features.items():
        found = features[kind]
        exact = {name: value for name, value in found.items() if name not in LEFT_OUT | OF_CROWDS}
        assert exact == pytest.approx(expected, rel=1e-9, abs=1e-7), kind
        if kind in VISITORS:
            for name, feature in (("items", "distinct_items"), ("peers", "peers")):
                assert_distinct(found[feature], judged.distinct[kind][name])
    for kind in judged.slots - judged.features.keys():
        assert not any(features[kind][name] for name in features[kind].keys() - OF_CROWDS)
    evidences = list(result[slot.FOUND : slot.FOUND + len(RAMPS)])
    assert evidences == pytest.approx(judged.found, abs=1e-6)
    assert result[slot.INDIVIDUAL] == pytest.approx(judged.individual, abs=1e-5)
    assert result[slot.GROUP] == pytest.approx(judged.group, abs=1e-6)
    assert result[slot.TOTAL] == pytest.approx(judged.total, abs=1e-5)


def assert_distinct(found: float, exactly: int) -> None:
    """Within four standard errors of linear counting in 64 registers (Whang et al. 1990)."""
    load = exactly / 64
    assert found == pytest.approx(exactly, abs=0.5 + 4 * math.sqrt(64 * (math.exp(load) - load - 1)))


@quick
@given(streams())
def test_requests_equal_the_naive_twin_when_nothing_collides(
    stream: list[tuple[Facts, float, tuple[int, int, int] | None]],
) -> None:
    ledger, twin = Ledger(new_table().memory), NaiveIntake(RAMPS, TERMS)
    for facts, static, outcome in stream:
        ledger.take_in(asked(facts), static, TABLE)
        agree(ledger, twin.take_in(facts, static))
        if outcome is not None:
            status, login, account = outcome
            who = (account.to_bytes(8, "little") + (1 << 43).to_bytes(8, "little")) if account else b""
            ledger.feed_back(asked(facts), status, login, who, facts.now)
            twin.feed_back(facts, facts.now, status, login, account)


def test_a_long_crawl_among_known_visitors_equals_the_naive_twin() -> None:
    tail = Ramp("session", "tail_odds", 1, 12, "items", 5, 10, 2.5)
    ledger, twin, told = Ledger(new_table().memory), NaiveIntake([tail], TERMS), 0.0
    row = (layout.SESSION, slot.FEATURE["tail_odds"], 1, 12, slot.FEATURE["items"], 5, 10, 2.5, 1)
    for number in range(700):
        now = START + number * SECOND
        # People look at twenty items; every third request is the crawler's, for an item that nobody looks at.
        person = Facts(now, address=1000 + number % 5, session=1 + number % 5, item=1 + number % 20, page=True)
        crawler = Facts(now, address=77, steady=9, manner=9, item=1000 + 37 * number, page=True)
        facts = crawler if number % 3 == 2 else person
        ledger.take_in(asked(facts), 0.0, ramps(row))
        judged = twin.take_in(facts, 0.0)
        found, expected = (features.get("session", {}) for features in (ledger.features(), judged.features))
        assert found.get("tail_odds") == pytest.approx(expected.get("tail_odds"))
        assert ledger.result[slot.FOUND] == pytest.approx(judged.found[0])
        told = max(told, judged.found[0])
    assert told == pytest.approx(2.5)
    assert ledger.result[slot.COLD_SHARE] > 0


# ---- what is told


def test_the_strongest_that_count_are_named_strongest_first() -> None:
    requests = slot.FEATURE["requests_1h"]

    def row(weight: float, counts: float = 1.0) -> tuple[float, ...]:
        return (layout.SESSION, requests, 0, 1, requests, 0, 1, weight, counts)

    ledger = Ledger(new_table().memory)
    table = ramps(*[row(weight) for weight in (0.5, 3, 0.04, 1, 7, 2)], row(9, counts=0.0), row(4))
    ledger.take_in(asked(Facts(START, page=True)), 0.0, table)
    assert (ledger.strongest(), ledger.found()) == ([], [])
    for _ in range(2):
        ledger.take_in(asked(Facts(START, page=True)), 0.0, table)
    assert ledger.strongest() == [(4, 7.0), (7, 4.0), (1, 3.0), (5, 2.0), (3, 1.0)]
    assert ledger.found() == [(0, 0.5), (1, 3.0), (2, 0.04), (3, 1.0), (4, 7.0), (5, 2.0), (6, 9.0), (7, 4.0)]


def test_what_a_head_shows_is_remembered_of_the_visit_and_fades() -> None:
    ledger = Ledger(new_table().memory)
    for _ in range(3):
        ledger.take_in(asked(Facts(START, session=5, page=True)), 3.0, TABLE[:1])
    ledger.take_in(asked(Facts(START + 1800 * SECOND, session=5, page=True)), 0.0, TABLE[:1])
    assert ledger.result[slot.HELD] == pytest.approx(1.5, abs=1e-5)
    assert ledger.result[slot.TOTAL] == pytest.approx(1.5, abs=1e-5)
    ledger.take_in(asked(Facts(START + 1800 * SECOND, session=6, page=True)), 0.0, TABLE[:1])
    assert ledger.result[slot.TOTAL] == 0.0


@pytest.mark.parametrize(("evidence", "known"), [(3.0, 2.0), (0.5, 1.0)])
def test_a_key_with_evidence_worth_holding_keeps_its_slot_when_memory_is_short(evidence: float, known: float) -> None:
    table = new_table(TINY)
    ledger = Ledger(table.memory)
    for _ in range(3):
        ledger.take_in(asked(Facts(START, session=5, page=True)), evidence, ramps())
    for number in range(200):
        for _ in range(3):
            table.visit(layout.SESSION, key(number), START + 30 * MINUTE)
    ledger.take_in(asked(Facts(START + 30 * MINUTE, session=5, page=True)), 0.0, ramps())
    # A slot counts from the third visit on; one that was lost is given again at once, but it is empty.
    assert ledger.features()["session"]["requests_1h"] == known


def test_requests_of_two_sites_share_nothing() -> None:
    ledger = Ledger(new_table().memory)
    for site in (1, 1, 1, 2):
        ledger.take_in(ask(START, site=site), 0.0, TABLE)
    assert ledger.features() == {}
    ledger.take_in(ask(START, site=1), 0.0, TABLE)
    assert ledger.features()["session"]["pages"] == 2.0


@pytest.mark.parametrize("now", [0, 1, (1 << 63) - 1])
def test_an_absurd_time_is_harmless(now: int) -> None:
    ledger = Ledger(new_table().memory)
    for moment in (now, now, now, START, START, START):
        ledger.take_in(asked(Facts(moment, session=5, item=3, page=True)), 1.0, TABLE)
        ledger.feed_back(asked(Facts(moment, session=5)), 2, 0, b"", moment)
        assert all(map(math.isfinite, ledger.result))
        assert 1.0 <= ledger.result[slot.TOTAL] <= TERMS.most_total


@quick
@given(st.lists(st.tuples(st.integers(-3 * HOUR, 3 * HOUR), st.integers(0, 5), KINDS_OF_REQUEST), max_size=60))
def test_time_that_steps_to_and_fro_counts_no_more_than_came(steps: list[tuple[int, int, dict[str, bool]]]) -> None:
    ledger, now = Ledger(new_table().memory), START
    for number, (step, item, flags) in enumerate(steps, start=1):
        now += step
        ledger.take_in(asked(Facts(now, item=item, reads_all=True, **flags)), 0.0, TABLE)
        assert all(map(math.isfinite, ledger.result))
        for features in ledger.features().values():
            assert features["pages"] <= number
            assert features["requests_1h"] <= number
