"""All recorded clients against the guard: what everybody scores, and figures that the catalog quotes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from loadtests.evaluate.judging import Given, judge
from loadtests.evaluate.recordings import Session, read_sessions
from loadtests.evaluate.summary import PEOPLE, Client, clients_of, grouped
from trafficguard.exchange import Request
from trafficguard.http.refusal import Refusal
from trafficguard.scoring.shapes import Shapes
from trafficguard.signals.catalog import CATALOG, DIRECT

CLASS_NAMES = {
    "impersonators'": "impersonator",
    "http libraries'": "http-library",
    "driven browsers'": "automation",
    "link unfurlers'": "feed/unfurl",
}
LEAST_CAUGHT = {"http-library": 0.9, "crawler": 0.9, "scanner": 0.9, "impersonator": 0.7}
"""Share of each class that must reach 75 within 20 requests."""
GIVEN = {"everything": Given(), "no TLS": Given(tls=False), "no telemetry": Given(telemetry=False)}


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> list[Session]:
    """Every recorded session."""
    found = list(read_sessions(shared_data / "captures"))
    assert found
    return found


@pytest.fixture(scope="module", params=GIVEN)
def judged(request: pytest.FixtureRequest, sessions: list[Session]) -> list[Client]:
    """Every recorded client, judged by what the guard is given."""
    figures = [judge(session, GIVEN[request.param]) for session in sessions]
    assert {one.errors for one in figures} == {""}
    return clients_of(one for one in figures if one.requests)


def test_no_person_is_blocked_and_at_most_one_is_suspected(judged: list[Client]) -> None:
    highest = [client.highest for client in judged if client.human]
    assert highest
    assert max(highest) < 75
    assert sum(score >= 50 for score in highest) <= 1


def test_programs_are_caught_soon(judged: list[Client]) -> None:
    classes = grouped([client for client in judged if not client.human], lambda client: client.kind)
    for group in classes:
        print(f"\n{group.name:14} {group.caught:3} of {len(group.clients):3}", end="")
    assert LEAST_CAUGHT.keys() <= {group.name for group in classes}
    for group in classes:
        assert group.caught >= LEAST_CAUGHT.get(group.name, 0.0) * len(group.clients), group.name


def test_families_that_no_rule_was_chosen_on_are_caught_as_well(judged: list[Client]) -> None:
    held_out = [client for client in judged if client.held_out and not client.human]
    for group in grouped(held_out, lambda client: client.kind):
        assert group.caught >= LEAST_CAUGHT.get(group.name, 0.0) * len(group.clients), group.name


def test_the_catalog_quotes_the_figures_that_are_measured(sessions: list[Session]) -> None:
    shapes = Shapes(DIRECT)
    heads: Counter[str] = Counter()
    spoken: Counter[tuple[str, str]] = Counter()
    for session in sessions:
        group = PEOPLE if session.human else session.kind
        for recorded in session.requests:
            if not isinstance(recorded.head, Refusal):
                request = Request(recorded.head, "192.0.2.1", recorded.secure, "shop.test", b"0", recorded.handshake)
                heads[group] += 1
                spoken.update((share.signal.name, group) for share in shapes.assess(request).shares)
    print("\n" + "".join(f"{group}: {count}  " for group, count in sorted(heads.items())))
    for name in CATALOG:
        shares = [
            f"{group} {100 * spoken[name, group] / heads[group]:.0f} %" for group in sorted(heads) if spoken[name, group]
        ]
        print(f"{name:20} {', '.join(shares) or '-'}")
    quoted = 0
    for name, signal in CATALOG.items():
        match = re.search(r"0 of ([\d,]+) people's heads and (\d+) % of ([\d,]+) ([a-z ]+')", signal.source)
        if match is None:
            continue
        group = CLASS_NAMES[match[4]]
        assert spoken[name, PEOPLE] == 0
        assert heads[PEOPLE] == int(match[1].replace(",", ""))
        assert heads[group] == int(match[3].replace(",", ""))
        assert 100 * spoken[name, group] / heads[group] == pytest.approx(int(match[2]), abs=0.6), name
        quoted += 1
    assert quoted >= 15
