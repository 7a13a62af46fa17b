"""Signals of behaviour: what a key has done, as ramps over the features that counting gives.

Promises: a row says in numbers when it begins to speak (`start`), when it speaks at full weight (`full`), and how
much must have been seen of the key (`few` to `enough` of `support`); between, evidence grows in a straight line.
Nothing here ever lowers evidence. Never: counts, or names a place in memory.

All weights are first guesses from the sources named, checked by `python -m loadtests virtual` (people that must not be
hit, crawlers that must) and `python -m loadtests eval captures` (recorded clients); `python -m loadtests ablate` prints
what each row adds. People that were measured are few and simulated people are ours, so no row alone reaches 50 (4.55
nats), but for a crowd's surge, which is itself a ratio of counted requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from trafficguard.signals.catalog import SignalMode

KeyKind = Literal["address", "network", "session", "fingerprint", "cluster", "account"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One signal of behaviour."""

    name: str
    """`group.fact`, as in reasons, logs and configuration."""
    key: KeyKind
    """What it is measured on."""
    feature: str
    """The feature that it looks at."""
    start: float
    """Where evidence begins; may be above `full`."""
    full: float
    """From where on it weighs in full."""
    support: str
    """The feature that says how much was seen of the key."""
    few: float
    """Up to here it says nothing."""
    enough: float
    """From here on it says all it can."""
    weight: float
    """Most evidence, in nats."""
    text: str
    """What it means, in one plain sentence for a shopkeeper."""
    source: str
    """Where the numbers come from."""
    mode: SignalMode = "on"

    @property
    def unit(self) -> str:
        """What the amount counts."""
        return self.feature.replace("_", " ")

    @property
    def needs_answer(self) -> bool:
        """Whether it says nothing as long as nobody knows how the shop answers."""
        return bool({self.feature, self.support} & _OF_ANSWERS)


_OF_ANSWERS: Final = frozenset(("answers", "errors", "logins", "login_failures"))
"""Features that follow from what becomes of requests."""
_GUESS: Final = "first guess"

_VISIT: Final = (
    Behaviour(
        "visit.pace", "session", "pages_1m", 25, 60, "pages", 10, 20, 4.0,
        "It opens pages faster than people read", "people < 0.5 clicks/s (Stevanovic 2012); " + _GUESS,
    ),
    Behaviour(
        "visit.assets", "session", "assets_per_page", 0.2, 0.0, "shown", 4, 12, 1.5,
        "It opens pages, but none of the pictures and styles on them",
        "Shy Guys 2026; warm caches keep it low; " + _GUESS,
    ),
    Behaviour(
        "visit.cookies", "session", "uncookied", 0.5, 1.0, "pages", 4, 12, 1.2,
        "It does not bring back the cookie that every visitor is given", _GUESS,
    ),
    Behaviour(
        "visit.novelty", "session", "novelty_odds", 1.0, 3.0, "items", 5, 10, 2.0,
        "It looks at one item after another and never returns to any",
        "people return in 10 to 50 % of views; likelihood ratio with 15 % against 5 %; " + _GUESS,
    ),
    Behaviour(
        "visit.order", "session", "order_odds", 6.0, 15.0, "items", 3, 8, 3.0,
        "It walks through the item numbers one after another",
        "likelihood ratio of small steps up, 90 % against 5 %; " + _GUESS,
    ),
    Behaviour(
        "visit.rhythm", "session", "burstiness", -0.2, -0.5, "gaps", 8, 20, 2.5,
        "It opens pages with the regularity of a clock",
        "people > 0.1, a 20 % jitter -0.80, uniform 1 to 5 s -0.46 (Goh & Barabasi; Kim & Jo)",
    ),
    Behaviour(
        "visit.gaps", "session", "gap_entropy", 1.9, 1.1, "gaps", 10, 24, 1.5,
        "Its pauses between pages are all alike",
        "Gianvecchio 2008: people's pauses spread over orders of magnitude; " + _GUESS,
    ),
    Behaviour(
        "visit.sameness", "session", "template_entropy", 0.9, 0.2, "pages", 10, 25, 1.5,
        "It asks for one kind of page only", _GUESS,
    ),
    Behaviour(
        "visit.tail", "session", "tail_odds", 4.0, 12.0, "items", 5, 10, 2.5,
        "It looks at items that hardly anybody looks at", "Ro 2018; likelihood ratio against the site's own visitors",
    ),
    Behaviour(
        "visit.typed", "session", "typed", 0.4, 0.9, "pages", 4, 10, 2.5,
        "It opens page after page out of nowhere, instead of following links",
        "recorded: impersonators 100 %, driven browsers 75-100 %, people 0-12 % of pages after the first",
    ),
    Behaviour(
        "visit.changes", "session", "changes", 0.5, 1.5, "requests_1h", 0, 0, 3.5,
        "It changes its introduction in the middle of a visit",
        "recorded: 10 of 10 browsers with an overridden User-Agent, 0 of 29 people",
    ),
    Behaviour(
        "visit.errors", "session", "errors", 0.25, 0.7, "answers", 8, 20, 3.0,
        "Most of what it asks for does not exist", "people < 5 % 4xx (Stevanovic 2012); " + _GUESS,
    ),
    Behaviour(
        "visit.heads", "session", "heads", 0.2, 0.6, "answers", 5, 10, 1.5,
        "It asks whether pages exist without wanting to see them", "people send no HEAD (Stevanovic 2012); " + _GUESS,
    ),
    Behaviour(
        "visit.robots", "session", "robots", 0.5, 1.0, "requests_1h", 0, 0, 1.5,
        "It has read the rules that are written for robots", "Stevanovic 2012; recorded: no person, 12 crawlers",
    ),
    Behaviour(
        "visit.logins", "session", "login_failures", 0.6, 0.95, "logins", 4, 12, 4.0,
        "Nearly all of its attempts to log in fail", "stuffing succeeds in 0.1-0.2 %, people fail < 20 %; " + _GUESS,
    ),
    Behaviour(
        "visit.spread", "session", "peers", 4, 9, "requests_1h", 3, 8, 2.5,
        "One visit comes from many places at once", "AWS token reuse ladder: more than 2, 5, 8 addresses",
    ),
)  # fmt: skip

_ADDRESS: Final = (
    Behaviour(
        "address.pace", "address", "pages_1m", 90, 240, "pages", 30, 60, 4.0,
        "From its address pages are opened faster than by a whole office", _GUESS,
    ),
    Behaviour(
        "address.agents", "address", "peers_per_page", 0.3, 0.8, "pages", 4, 9, 2.5,
        "From its address every page is asked for by another browser", _GUESS,
    ),
    Behaviour(
        "address.assets", "address", "assets_per_page", 0.2, 0.0, "shown", 4, 10, 1.5,
        "From its address pages are opened, but none of the pictures and styles on them", "as visit.assets",
    ),
    Behaviour(
        "address.novelty", "address", "novelty_odds", 1.0, 3.0, "items", 5, 10, 1.5,
        "From its address one item after another is looked at, and none twice", "as visit.novelty",
    ),
    Behaviour(
        "address.order", "address", "order_odds", 6.0, 15.0, "items", 3, 8, 3.0,
        "From its address the item numbers are walked through one after another", "as visit.order",
    ),
    Behaviour(
        "address.rhythm", "address", "burstiness", -0.2, -0.5, "gaps", 8, 20, 2.5,
        "From its address pages are opened with the regularity of a clock", "as visit.rhythm",
    ),
    Behaviour(
        "address.tail", "address", "tail_odds", 4.0, 12.0, "items", 5, 10, 2.5,
        "From its address items are looked at that hardly anybody looks at", "as visit.tail",
    ),
    Behaviour(
        "address.errors", "address", "errors", 0.3, 0.7, "answers", 20, 40, 2.5,
        "Most of what is asked for from its address does not exist", "as visit.errors",
    ),
    Behaviour(
        "address.logins", "address", "login_failures", 0.7, 0.95, "logins", 3, 8, 4.3,
        "Nearly all attempts to log in from its address fail", "AWS account takeover prevention; " + _GUESS,
    ),
)  # fmt: skip

_OTHERS: Final = (
    Behaviour(
        "account.logins", "account", "login_failures", 0.7, 0.95, "logins", 6, 15, 3.0,
        "Nearly all attempts to log in to this account fail", _GUESS,
    ),
    Behaviour(
        "network.logins", "network", "login_failures", 0.8, 0.97, "logins", 12, 30, 3.0,
        "Nearly all attempts to log in from its neighbourhood fail", _GUESS,
    ),
    Behaviour(
        "cluster.surge", "cluster", "surge_odds", 0.0, 5.2, "pages", 0, 0, 5.2,
        "It came with a flood of visitors who all look and arrive alike, far more than usual",
        "log-odds that a request is one of those beyond the usual: a ratio of counted requests",
    ),
    Behaviour(
        "cluster.fanout", "cluster", "fanout_rise", 0.1, 0.3, "pages", 30, 60, 1.0,
        "Visitors who look alike come from far more addresses than usual", _GUESS,
    ),
    Behaviour(
        "cluster.coverage", "cluster", "coverage_rise", 0.2, 0.5, "items", 30, 60, 0.8,
        "Visitors who look alike spread over far more items than usual", _GUESS,
    ),
    Behaviour(
        "cluster.synchrony", "cluster", "synchrony", 0.2, 0.6, "gaps", 50, 100, 0.8,
        "Visitors who look alike come in a far steadier stream than usual", "PUBCRAWL 2012; " + _GUESS,
    ),
    Behaviour(
        "cluster.logins", "cluster", "login_failures", 0.6, 0.9, "logins", 15, 40, 4.5,
        "Nearly all attempts to log in by visitors who look alike fail", "azion: stuffing succeeds in 0.1-0.2 %",
    ),
)  # fmt: skip

_CHALLENGES: Final = (
    Behaviour(
        "challenge.failures", "session", "failures", 2, 6, "attempts", 2, 3, 3.5,
        "It answers challenges wrongly again and again",
        "pages compute right answers, people err once or twice; " + _GUESS,
    ),
    Behaviour(
        "challenge.unanswered", "session", "unanswered", 3, 12, "challenges", 3, 4, 3.0,
        "It is challenged again and again, and goes on asking without an answer",
        "moments of 8 s, so that tabs opened at once are one: people solve or leave; " + _GUESS,
    ),
    Behaviour(
        "address.failures", "address", "failures", 4, 15, "attempts", 4, 6, 2.5,
        "Most challenges are answered wrongly from its address", "as challenge.failures; those who solve lower it",
    ),
    Behaviour(
        "address.unanswered", "address", "unanswered", 12, 40, "challenges", 12, 16, 2.5,
        "From its address one goes on asking, and hardly ever answers a challenge",
        "as challenge.unanswered; those who solve lower it",
    ),
)  # fmt: skip

BEHAVIOURS: Final[dict[str, Behaviour]] = {row.name: row for row in (*_VISIT, *_ADDRESS, *_OTHERS, *_CHALLENGES)}
"""All signals of behaviour by name."""
