"""What recorded browsers, of people and of programs, would have reported: nobody is suspected by a probe that is on."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.challenge.recorded import Reported, motions, reports
from trafficguard.challenge.probes import PROBES, read_report
from trafficguard.scoring.score import score_of
from trafficguard.signals.catalog import CATALOG
from trafficguard.signals.page import BIT

QUOTED = re.compile(r"(\d+) of (\d+) people's (reports|pages) and (\d+) of (\d+) programs'")
CAUGHT = 75.0


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> dict[str, list[Reported]]:
    """All reports of browsers, and all pages on which there was motion."""
    folder = shared_data / "captures"
    return {"reports": list(reports(folder)), "pages": list(motions(folder))}


def bits_of(one: Reported) -> int:
    return read_report(one.probes, one.motion, one.request)


def counted(told: list[Reported], human: bool) -> tuple[int, Counter[str]]:
    """How many there are, and on how many of them each probe fires."""
    group = [bits_of(one) for one in told if one.human is human]
    return len(group), Counter(name for bits in group for name in PROBES if bits & BIT[name])


def test_the_catalog_quotes_what_is_measured(recorded: dict[str, list[Reported]]) -> None:
    figures = {kind: (counted(told, True), counted(told, False)) for kind, told in recorded.items()}
    quoted = set()
    for name in PROBES:
        for kind, ((people, of_people), (programs, of_programs)) in figures.items():
            print(f"{name:18} {kind:8} people {of_people[name]:3} of {people}, programs {of_programs[name]:3} of {programs}")
        if match := QUOTED.search(CATALOG[name].source):
            (people, of_people), (programs, of_programs) = figures[match[3]]
            assert tuple(map(int, match.group(1, 2, 4, 5))) == (of_people[name], people, of_programs[name], programs), name
            quoted.add(name)
    assert quoted == {*PROBES} - {"page.silent"}


def test_no_probe_that_is_on_fires_on_a_recorded_person(recorded: dict[str, list[Reported]]) -> None:
    on = {name for name in PROBES if CATALOG[name].mode == "on"}
    for told in recorded.values():
        _, of_people = counted(told, True)
        assert not on & of_people.keys()


def test_plain_drivers_of_browsers_give_themselves_away(recorded: dict[str, list[Reported]]) -> None:
    scores: dict[str, float] = {}
    for one in recorded["reports"]:
        bits = bits_of(one)
        nats = sum(CATALOG[name].cap for name in PROBES if bits & BIT[name] and CATALOG[name].mode == "on")
        scores[one.client] = max(score_of(nats), scores.get(one.client, 0.0))
    for client, score in sorted(scores.items()):
        print(f"{client:28} {score:5.1f}")
    plain = {client for client in scores if client.startswith(("playwright-py-headless", "playwright-node", "pyppeteer"))}
    assert len(plain) >= 4
    for client in {*plain, "puppeteer-firefox-bidi", "selenium-hardened", "chromium-headless-new"}:
        assert scores[client] >= CAUGHT, client
    assert all(score < CAUGHT for client, score in scores.items() if client.endswith("-human"))
