"""The catalogue of waves: what each crawler wants, how fast, from where, with which heads, and what it puts up with.

The kinds are those that a shop meets (naive; header-perfect; impersonated TLS; rotating proxies; one request for each
address; sequential, shuffled and long-tail items; stuffed passwords; token farms and replay; driven, stealthy and forty
full browsers; adaptive ones; a declared robot and one that lies about its name). Each is a row of parameters, of which
those that are a `Span` are drawn anew for each seed.

Halves: the place in a span is drawn from eight bins, every other one of which belongs to the half `tuning`, the rest to
`held-out`. Whoever sets weights looks at the first half only; results are told of the second.

Promises: the same seed, half and row give the same wave. Never: anything from the detector's own settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, get_args

Half = Literal["tuning", "held-out"]
Wants = Literal["listing", "sequential", "shuffled", "long-tail", "popular", "login"]
Jitter = Literal["none", "tenth", "uniform", "exponential", "lognormal"]
Solves = Literal["nothing", "steps", "work"]
Adapts = Literal["no", "slows", "rotates", "stops"]
HALVES: Final[tuple[Half, ...]] = get_args(Half)
BINS: Final = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A parameter with room: from `low` to `high`, drawn so that each factor is as likely as any."""

    low: float
    high: float

    def draw(self, random: Random, half: Half) -> float:
        """A value of one half."""
        at = (2 * random.randrange(BINS // 2) + HALVES.index(half) + random.random()) / BINS
        return float(self.low * (self.high / self.low) ** at)


@dataclass(frozen=True, slots=True)
class Wave:
    """One row."""

    name: str
    text: str
    rate: Span
    """Pages a second, of the whole wave."""
    wants: Wants = "shuffled"
    jitter: Jitter = "exponential"
    workers: Span = Span(1, 1)
    """How many go on at the same time; each has its share of the rate."""
    pool: Span = Span(1, 1)
    """Addresses that it has in all; 0: a fresh one for each identity."""
    turns: float = 0
    """Pages after which a worker becomes somebody else: another address, no cookies; 0: never."""
    heads: tuple[str, ...] = ()
    """Browsers, or programs, that it takes its heads from; empty: those that people have, as often."""
    handshake: Literal["own", "library"] = "own"
    """`library`: a browser's head on the handshake of a program."""
    parts: bool = False
    """Loads what pages are made of, and does what their scripts do."""
    referrers: bool = True
    cookies: bool = True
    obeys_robots: bool = True
    solves: Solves = "steps"
    silent: bool = True
    """Whether its solver tells nothing of a browser; full browsers tell what their page would."""
    told: dict[str, Any] = field(default_factory=dict)
    """What its page tells beside that: the marks of a driver."""
    shares_pass: bool = False
    """Whether all its identities use the cookies of the one that solved."""
    replays: bool = False
    """Whether it hands in one solution again and again."""
    success: float = 0.001
    """Share of stolen passwords that are right."""
    adapts: Adapts = "no"
    is_browser: bool = False
    """Whether it runs a full browser: then less is asked of the detector."""
    is_honest: bool = False
    """Whether it says truly what it is and keeps to robots.txt: then it is no wave to be stopped."""


_FRESH: Final = Span(0, 0)
_COMMON: Final = ("chromium-tls-windows", "chromium-tls-phone", "firefox-tls-windows", "chromium-tls-mac")
WAVES: Final[dict[str, Wave]] = {
    wave.name: wave
    for wave in (
        Wave("naive", "a script with its library's own head, as fast as it likes", Span(1, 8), "listing", "none",
             heads=("program-requests", "program-go"), referrers=False, cookies=False, obeys_robots=False,
             solves="nothing"),
        Wave("header-perfect", "a browser's head to the byte, on the handshake of a library", Span(0.5, 5), "listing",
             "tenth", heads=_COMMON, handshake="library", obeys_robots=False),
        Wave("impersonated-tls", "a browser's head and handshake, steady, with cookies and referrers", Span(0.3, 4),
             "listing", "uniform", heads=_COMMON),
        Wave("sequential", "items by number", Span(0.5, 4), "sequential", "tenth", heads=_COMMON, referrers=False),
        Wave("shuffled", "items in no order", Span(0.5, 4), "shuffled", heads=_COMMON, referrers=False),
        Wave("long-tail", "items of the less popular half, with a person's pauses", Span(0.15, 0.6), "long-tail",
             "lognormal", heads=_COMMON, referrers=False),
        Wave("rotating-proxies", "every request from one of 500 to 600 addresses with another browser's head",
             Span(20, 36), pool=Span(500, 600), workers=Span(16, 16), turns=1, referrers=False, cookies=False,
             solves="nothing"),
        Wave("short-runs", "a fresh address and browser every few pages", Span(3, 12), workers=Span(8, 8),
             pool=_FRESH, turns=6, heads=_COMMON),
        Wave("one-per-address", "a fresh address for every request, one popular browser", Span(5, 28),
             workers=Span(16, 16), pool=_FRESH, turns=1, heads=("chromium-tls-windows",), referrers=False,
             cookies=False, solves="nothing"),
        Wave("stuffing", "stolen passwords from dozens of addresses, 0.1 % of them right", Span(0.7, 3), "login",
             workers=Span(4, 4), pool=Span(40, 120), turns=1, heads=_COMMON),
        Wave("stuffing-wide", "stolen passwords from hundreds of addresses", Span(0.7, 3), "login",
             workers=Span(4, 4), pool=Span(250, 500), turns=1, heads=_COMMON),
        Wave("solver", "computes proofs of work by a program of its own", Span(0.5, 4), "shuffled", heads=_COMMON,
             solves="work"),
        Wave("token-farm", "one pass, solved once, handed to many addresses", Span(2, 10), "shuffled",
             workers=Span(12, 24), pool=Span(12, 24), turns=4, heads=("chromium-tls-windows",), solves="work",
             shares_pass=True, silent=False),
        Wave("token-replay", "one solution, handed in again and again from many addresses", Span(2, 10), "shuffled",
             workers=Span(8, 8), pool=Span(12, 40), turns=4, heads=("chromium-tls-windows",), solves="work",
             replays=True, silent=False),
        Wave("driven-browsers", "full browsers that a driver marks", Span(0.5, 3), "popular", "lognormal",
             workers=Span(6, 12), pool=Span(6, 12), parts=True, heads=_COMMON, solves="work", silent=False,
             told={"webdriver": True}, is_browser=True),
        Wave("stealth-browsers", "full browsers in which nothing shows, a few and fast", Span(1, 4), "long-tail",
             "lognormal", workers=Span(4, 8), pool=Span(4, 8), parts=True, heads=_COMMON, solves="work", silent=False,
             is_browser=True),
        Wave("forty-profiles", "forty full browsers with addresses of their own, slow and steady", Span(2, 6),
             "long-tail", "lognormal", workers=Span(40, 40), pool=Span(40, 40), parts=True, heads=_COMMON,
             solves="work", silent=False, is_browser=True),
        Wave("adaptive-slow", "halves its rate whenever it is hindered", Span(1, 6), "shuffled", heads=_COMMON,
             referrers=False, adapts="slows"),
        Wave("adaptive-rotate", "becomes somebody else whenever it is hindered", Span(1, 6), "shuffled",
             workers=Span(2, 4), pool=_FRESH, heads=_COMMON, referrers=False, adapts="rotates"),
        Wave("false-googlebot", "calls itself Googlebot, from addresses that are not", Span(1, 6), "listing",
             workers=Span(2, 2), pool=Span(2, 8), heads=("program-googlebot",), referrers=False, cookies=False,
             solves="nothing"),
        Wave("declared-robot", "says what it is, reads robots.txt, and takes its time", Span(0.2, 0.6), "listing",
             "tenth", heads=("program-polite",), referrers=False, cookies=False, solves="nothing", adapts="slows",
             is_honest=True),
    )
}  # fmt: skip
"""All rows by name."""
