"""All recorded HTTP/1 heads against the guard: what everybody scores, and figures the catalog quotes."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from trafficguard.exchange import Conditions, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.settings import PolicySettings
from trafficguard.signals.catalog import CATALOG

PEOPLE = "people"
CLASS_NAMES = {
    "impersonators'": "impersonator",
    "http libraries'": "http-library",
    "driven browsers'": "automation",
    "link unfurlers'": "feed/unfurl",
}


class Judged(NamedTuple):
    """One recorded request and what the guard says."""

    session: tuple[str, str]
    group: str
    verdict: Verdict


def read_folder(folder: Path) -> Iterator[Judged]:
    guard, reader = Guard(PolicySettings()), RequestReader()
    for path in sorted(folder.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            record = json.loads(line)
            if record["kind"] != "request" or "raw_b64" not in record:
                continue
            head = reader.read(base64.b64decode(record["raw_b64"]))
            if isinstance(head, RequestHead):
                request = Request(head, "192.0.2.1", record["transport"] == "h1-tls", "shop.test", b"0")
                group = PEOPLE if record["human"] else record["class"]
                verdict = guard.judge(request, 0, Conditions())
                yield Judged((record["client"], record["leg"]), group, verdict)
    assert guard.last_error == ""


@pytest.fixture(scope="module")
def judged(shared_data: Path) -> list[Judged]:
    """Every recorded HTTP/1 request, judged."""
    found = list(read_folder(shared_data / "captures"))
    assert found
    return found


def test_no_person_is_blocked_and_at_most_one_is_suspected(judged: list[Judged]) -> None:
    highest: dict[str, float] = defaultdict(float)
    for request in judged:
        if request.group == PEOPLE:
            client = request.session[0]
            highest[client] = max(highest[client], request.verdict.score)
    assert highest
    assert max(highest.values()) < 75
    assert sum(score >= 50 for score in highest.values()) <= 1


def test_report_how_many_of_each_class_reach_the_threshold(judged: list[Judged]) -> None:
    highest: dict[str, dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
    for request in judged:
        sessions = highest[request.group]
        sessions[request.session] = max(sessions[request.session], request.verdict.score)
    print(f"\n{'class':14} sessions  >= 50  >= 75")
    for group, sessions in sorted(highest.items()):
        middle = sum(score >= 50 for score in sessions.values())
        caught = sum(score >= 75 for score in sessions.values())
        print(f"{group:14} {len(sessions):8} {middle:6} {caught:6}")
    libraries = highest["http-library"]
    assert sum(score >= 75 for score in libraries.values()) >= 0.9 * len(libraries)


def test_the_catalog_quotes_the_figures_that_are_measured(judged: list[Judged]) -> None:
    heads: Counter[str] = Counter(request.group for request in judged)
    spoken = Counter(
        (reason.signal, request.group) for request in judged for reason in request.verdict.reasons
    )
    print("\n" + "".join(f"{group}: {count}  " for group, count in sorted(heads.items())))
    for name in CATALOG:
        shares = [
            f"{group} {100 * spoken[name, group] / heads[group]:.0f} %"
            for group in sorted(heads)
            if spoken[name, group]
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
