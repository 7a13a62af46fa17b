"""One request taken in, once more in plain dicts and lists, obviously right and slow.

Promises: agrees with `take_in` and `feed_back` whenever no keys collide, none is evicted, no filter is full, items are
looked at in every six hours and time does not run backwards. What a crowd usually does is left out: `test_crowd` has
it. Never: imports a kernel.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.counters.naive import (
    SECOND,
    WINDOWS_S,
    NaiveBins,
    NaiveCounts,
    NaiveVisits,
    NaiveWindow,
    burstiness_of,
    entropy_bits,
)

KINDS: Final = ("address", "network", "session", "fingerprint", "cluster", "account")
PATIENT: Final = ("address", "session", "account")
"""Kinds whose counts slide over an hour; those of the others slide over a minute."""
VISITORS: Final = ("address", "session")
Key = tuple[object, ...]
Features = dict[str, float]


class Facts(NamedTuple):
    """One request."""

    now: int
    address: int = 1
    session: int = 0
    steady: int = 7
    manner: int = 8
    account: int = 0
    route: int = 2
    template: int = 3
    item: int = 0
    path: int = 4
    query: int = 0
    page: bool = False
    asset: bool = False
    login: bool = False
    typed: bool = False
    head: bool = False
    post: bool = False
    robots: bool = False
    takes_cookies: bool = False
    reads_all: bool = False

    def keys(self) -> dict[str, Key]:
        """Its key of each kind that it has."""
        found: dict[str, Key] = {
            "address": (self.address,),
            "network": (self.address >> 8,),
            "session": (self.session,) if self.session else (self.address, self.steady),
            "fingerprint": (self.steady,),
        }
        if self.page or self.login:
            found["cluster"] = (self.manner, self.route)
        if self.account:
            found["account"] = (self.account,)
        return found


class Ramp(NamedTuple):
    """One signal."""

    kind: str
    feature: str
    start: float
    full: float
    support: str
    few: float
    enough: float
    weight: float
    counts: bool = True

    def evidence(self, features: Features) -> float:
        """What it finds."""
        x = _ramp(features.get(self.feature, 0.0), self.start, self.full)
        return self.weight * x * _ramp(features.get(self.support, 0.0), self.few, self.enough)


class Terms(NamedTuple):
    """How evidence adds up."""

    most_group: float = 5.0
    discount: float = 1.0
    half_life: float = 1800.0
    most_total: float = 50.0
    worth_naming: float = 0.05


@dataclass
class Known:
    """All that is remembered of one key."""

    windows: list[NaiveWindow] = field(default_factory=lambda: [NaiveWindow(seconds) for seconds in WINDOWS_S])
    pages: NaiveWindow = field(default_factory=lambda: NaiveWindow(60))
    counts: NaiveCounts = field(default_factory=NaiveCounts)
    templates: NaiveBins = field(default_factory=NaiveBins)
    queries: NaiveBins = field(default_factory=NaiveBins)
    gap_bins: NaiveBins = field(default_factory=NaiveBins)
    gaps: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    distinct: defaultdict[tuple[int, str], set[object]] = field(default_factory=lambda: defaultdict(set))
    met: set[int] = field(default_factory=set)
    last_page_ms: int = 0
    last_item: int = 0
    steady: int = 0
    evidence: float = 0.0
    since: int = 0

    def held(self, seconds: int, half_life: float) -> float:
        """Evidence remembered."""
        return self.evidence * 2 ** (-(seconds - self.since) / half_life)

    def held_or_new(self, seconds: int, new: float, half_life: float) -> float:
        """The larger of what is new and what is remembered, which is remembered."""
        held = self.held(seconds, half_life)
        if new > held and new > 0:
            self.evidence, self.since = new, seconds
        return max(new, held) if new > 0 else held


class Judged(NamedTuple):
    """What became of one request."""

    features: dict[str, Features]
    """Of the keys with a slot that may speak, without distinct counts."""
    distinct: dict[str, dict[str, int]]
    """Exactly how many distinct values came, of the same keys."""
    slots: frozenset[str]
    """Kinds whose key has a slot."""
    found: list[float]
    """What each ramp found."""
    kept: bool
    individual: float
    group: float
    total: float


class NaiveIntake:
    """Takes in requests."""

    def __init__(self, ramps: list[Ramp], terms: Terms) -> None:
        self._ramps, self._terms = ramps, terms
        self._visits = {kind: NaiveVisits() for kind in KINDS}
        self._numbers: dict[tuple[str, Key], int] = {}
        self._known: dict[tuple[str, Key], Known] = {}
        self._views: Counter[tuple[int, int]] = Counter()
        self._site = NaiveCounts()

    def take_in(self, facts: Facts, static: float) -> Judged:
        """Counts a request and weighs what is then known."""
        seen, keys = {}, {}
        for kind, key in facts.keys().items():
            number = self._numbers.setdefault((kind, key), len(self._numbers))
            slotted, seen[kind] = self._visits[kind].visit(number, facts.now)
            if slotted:
                keys[kind] = self._known.setdefault((kind, key), Known())
                for window in keys[kind].windows:
                    window.count(facts.now)
        kept = bool(facts.session and seen["session"] >= 2)
        if "session" in keys:
            kept = kept or keys["session"].counts.read(_epoch("session", facts.now), "assets") > 0
        cold = facts.page and facts.item > 0 and self._look(facts, kept)
        usual = self._cold_share(facts.now)
        features: dict[str, Features] = {}
        distinct: dict[str, dict[str, int]] = {}
        for kind, known in keys.items():
            if kind != "address" or not kept:
                again = seen["address" if kind == "address" else "session"] >= 2
                _tally(known, kind, facts, again, cold, not kept)
            if _speaks(kind, facts, kept):
                features[kind] = _read(known, kind, facts, usual)
                distinct[kind] = {
                    name: len(known.distinct[epoch, name] | known.distinct[epoch - 1, name])
                    for name in ("paths", "items", "peers")
                    for epoch in (_epoch(kind, facts.now),)
                }
        return self._weigh(facts, static, kept, keys, features, distinct)

    def feed_back(self, facts: Facts, now: int, status: int, login: int, account: int) -> None:
        """Counts what became of a request: its status class, and how an attempt to log in ended."""
        keys = facts.keys()
        if account and "account" not in keys:
            keys["account"] = (account,)
        for kind, key in keys.items():
            if (kind, key) not in self._known:
                continue
            counts, epoch = self._known[kind, key].counts, _epoch(kind, now)
            counts.add(epoch, "answers", status != 0)
            counts.add(epoch, "wrong", status == 4)
            counts.add(epoch, "attempts", login != 0)
            counts.add(epoch, "failed", login < 0)

    def _look(self, facts: Facts, teaches: bool) -> bool:
        epoch = facts.now // (6 * 3600 * SECOND)
        views = min(self._views[facts.item, epoch], 15) + min(self._views[facts.item, epoch - 1], 15)
        if teaches:
            self._views[facts.item, epoch] += 1
            hour = facts.now // (3600 * SECOND)
            self._site.add(hour, "views")
            self._site.add(hour, "cold", views < 2)
        return views < 2

    def _cold_share(self, now: int) -> float:
        hour = now // (3600 * SECOND)
        views = self._site.read(hour, "views")
        return self._site.read(hour, "cold") / views if views >= 300 else -1.0

    def _weigh(
        self,
        facts: Facts,
        static: float,
        kept: bool,
        keys: dict[str, Known],
        features: dict[str, Features],
        distinct: dict[str, dict[str, int]],
    ) -> Judged:
        terms, seconds, found = self._terms, facts.now // SECOND, []
        sums: Counter[str] = Counter()
        for ramp in self._ramps:
            silent = ramp.kind == "address" and kept and ramp.feature != "login_failures"
            evidence = 0.0 if silent else ramp.evidence(features.get(ramp.kind, {}))
            found.append(evidence)
            sums[ramp.kind] += evidence * ramp.counts  # type: ignore[assignment]

        def joined(kind: str, new: float) -> float:
            known = keys.get(kind)
            return known.held_or_new(seconds, new, terms.half_life) if known else new

        of_address = sums["address"] if kept else joined("address", sums["address"])
        of_account = joined("account", sums["account"])
        of_session = joined("session", static + sums["session"])
        individual = max(of_session, static + max(of_account, of_address))
        group = 0.0
        if facts.page or facts.login:
            group = min(sums["cluster"] + sums["network"] + sums["fingerprint"], terms.most_group)
        total = min(max(individual, group + max(individual - terms.discount, 0.0)), terms.most_total)
        return Judged(features, distinct, frozenset(keys), found, kept, individual, group, total)


def _epoch(kind: str, now: int) -> int:
    return now // ((3600 if kind in PATIENT else 60) * SECOND)


def _speaks(kind: str, facts: Facts, kept: bool) -> bool:
    if facts.reads_all or kind in ("session", "cluster", "account"):
        return True
    return facts.login or not kept if kind == "address" else facts.login and kind == "network"


def _tally(known: Known, kind: str, facts: Facts, again: bool, cold: bool, bare: bool) -> None:
    epoch, counts = _epoch(kind, facts.now), known.counts
    if facts.page:
        known.pages.count(facts.now)
        counts.add(epoch, "ups", _follow(known, kind, facts))
        known.templates.note(facts.template)
        if facts.query:
            known.queries.note(facts.query)
        known.distinct[epoch, "paths"].add(facts.path)
        counts.add(epoch, "pages")
        counts.add(epoch, "bare", bare)
        if facts.item:
            known.distinct[epoch, "items"].add(facts.item)
            counts.add(epoch, "items")
            counts.add(epoch, "cold", cold)
            if kind in VISITORS:
                counts.add(epoch, "old" if facts.item in known.met else "new")
                known.met.add(facts.item)
    known.distinct[epoch, "peers"].add(facts.steady if kind == "address" else facts.address)
    counts.add(epoch, "assets", facts.asset)
    counts.add(epoch, "typed", again and facts.typed)
    counts.add(epoch, "posts", facts.post)
    counts.add(epoch, "heads", facts.head)
    counts.add(epoch, "robots", facts.robots)
    counts.add(epoch, "changes", kind == "session" and known.steady not in (0, facts.steady))
    known.steady = facts.steady


def _follow(known: Known, kind: str, facts: Facts) -> bool:
    """Notes a page's time and item; whether it is a small step up from the last item."""
    now_ms, gap, last_item = facts.now // 1_000_000, 0, known.last_item
    if known.last_page_ms:
        gap = now_ms - known.last_page_ms
        if (kind == "cluster" or gap >= 400) and gap <= 600_000:
            known.gap_bins.note(min(15, (gap // 250).bit_length()))
            known.gaps[_epoch(kind, facts.now)].append(gap // 10)
    known.last_page_ms, known.last_item = now_ms, facts.item or last_item
    return bool(facts.item and last_item and 0 < facts.item - last_item <= 16)


def _read(known: Known, kind: str, facts: Facts, usual: float) -> Features:
    now, epoch = facts.now, _epoch(kind, facts.now)

    def count(name: str) -> int:
        return known.counts.read(epoch, name)

    pages, items, answers = count("pages"), count("items"), count("answers")
    new, old, ups = count("new"), count("old"), count("ups")
    gaps = known.gaps[epoch - 1] + known.gaps[epoch]
    requests = max(pages + count("assets"), answers)
    enough = pages >= 8
    return {
        **{
            f"requests_{name}": window.estimate(now)
            for name, window in zip(("10s", "1m", "10m", "1h"), known.windows, strict=True)
        },
        "pages_1m": known.pages.estimate(now),
        "pages": pages,
        "items": items,
        "assets_per_page": count("assets") / pages if pages else 1.0,
        "novelty": _share(new, new + old),
        "novelty_odds": max(0.0, new * math.log(0.95 / 0.85) + old * math.log(0.05 / 0.15)),
        "order_odds": max(0.0, ups * math.log(0.9 / 0.05) + max(items - 1 - ups, 0) * math.log(0.1 / 0.95)),
        "burstiness": burstiness_of(gaps),
        "gaps": len(gaps),
        "gap_entropy": entropy_bits(known.gap_bins.counts) if enough else 0.0,
        "template_entropy": entropy_bits(known.templates.counts) if enough else 0.0,
        "query_entropy": entropy_bits(known.queries.counts) if facts.reads_all else 0.0,
        "answers": answers,
        "errors": _share(count("wrong"), answers),
        "logins": count("attempts"),
        "login_failures": _share(count("failed"), count("attempts")),
        "heads": _share(count("heads"), requests),
        "posts": _share(count("posts"), requests),
        "tail_odds": _tail_odds(count("cold"), items, usual),
        "bare": _share(count("bare"), pages),
        "typed": _share(count("typed"), pages),
        "changes": count("changes"),
        "robots": count("robots"),
        "uncookied": float(not facts.session and facts.takes_cookies),
    }


def _tail_odds(cold: int, items: int, usual: float) -> float:
    if usual < 0:
        return 0.0
    p = min(max(usual, 0.02), 0.85)
    return max(0.0, cold * math.log(0.9 / p) + (items - cold) * math.log(0.1 / (1 - p)))


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 0.0


def _ramp(x: float, low: float, high: float) -> float:
    if low == high:
        return float(x >= high)
    return min(max((x - low) / (high - low), 0.0), 1.0)
