"""The catalog: one row per signal, and the only place that says what a signal means and weighs.

Promises: every function in `measures` has exactly one row here and the other way round; weights and caps are
evidence in nats (log-odds), never negative. Never: measures anything.

Where a weight comes from is part of the row. `MEASURED` is the command that prints the figures: on what share
of recorded heads, over HTTP/1 and HTTP/2, a signal speaks. Recorded people are few and from one laboratory (16
clients, 26 sessions: at most ln 52 = 4.0 nats are proven, fewer as sessions of one client are alike), so what
contradicts a claim weighs at most 4.5: alone it stays below a score of 50, two together may block. More weighs only
what a sender says of itself, or leaves unsaid (`agent.*`, and of the browser in its page, `page.webdriver`, `page.cdc`,
`page.playwright` and `page.headless`). What any proxy in front does to a head (spelling, connection, version) together
stays below 50 too, and so does a connection that a program in between opened anew (`tls.engine`, `tls.protocol`,
`http2.engine`). A share of recorded heads is no rate of the world: programs were recorded because they are interesting.
Weights are rounded guesses within those bounds, not fitted.

What the page of a challenge told (`page.*`) was sent by the browser itself, so that a program can tell a clean story:
that nothing odd was told speaks for nobody. Probes that fired on none of the recorded people and are a driver's own
traces are on; what extensions, telephones or rare settings could cause, which were not recorded, is in shadow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

SignalMode = Literal["on", "shadow", "off"]


class Need(Enum):
    """What must have reached us unchanged for a signal to mean anything."""

    RAW_ORDER = "raw header order"
    """Header lines in the order the client sent them."""
    RAW_CASE = "raw header case"
    """Header names in the client's own spelling."""
    RAW_CONNECTION = "own connection"
    """HTTP/1's Connection and Upgrade lines of the client itself, not of a proxy in front."""
    RAW_VERSION = "own version"
    """HTTP version and Accept-Encoding of the client itself, not of a proxy in front."""
    HTTPS = "https"
    """The client spoke https: browsers keep some headers from plain http."""
    TLS = "TLS fingerprint"
    """A trusted peer told the JA4 of the client's connection."""
    HTTP2 = "HTTP/2 fingerprint"
    """A trusted peer told how the client opened HTTP/2."""
    PAGE = "page report"
    """The pass that it shows was earned on a page that found something odd about its browser."""


DIRECT: Final = frozenset((Need.RAW_ORDER, Need.RAW_CASE, Need.RAW_CONNECTION, Need.RAW_VERSION))
"""What arrives unchanged when clients, or a proxy that only passes bytes on, connect to us."""
BEHIND_PROXY: Final[frozenset[Need]] = frozenset()
"""What a proxy that speaks HTTP itself leaves intact, when nothing more is known about it."""


def sees_answers(front: str) -> bool:
    """Whether the shop's answers come through us; else what becomes of a request is known only where somebody says."""
    return front != "forward-auth"


def intact_of(front: str) -> frozenset[Need]:
    """What arrives unchanged through a front: `direct`, `proxy` or `forward-auth`."""
    return DIRECT if front == "direct" else BEHIND_PROXY


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured fact about a request."""

    name: str
    """`group.fact`, as in reasons, logs and configuration."""
    unit: str
    """What the amount counts; `yes` is 0 or 1."""
    text: str
    """What it means, in one plain sentence for a shopkeeper."""
    weight: float
    """Evidence per unit, in nats."""
    cap: float
    """Most evidence that the signal adds to one request, in nats."""
    needs: frozenset[Need]
    """Without all of these the signal stays silent."""
    source: str
    """Where the weight comes from."""
    mode: SignalMode = "on"
    """`on` counts, `shadow` is measured and shown but does not count, `off` is not measured."""
    keys: tuple[str, ...] = ("request",)
    """What it is measured on: the request by itself, or what is counted (`address`, `session`, `cluster` ...)."""

    def in_mode(self, mode: SignalMode) -> Signal:
        """This signal in a mode."""
        return self if mode == self.mode else replace(self, mode=mode)


MEASURED: Final = "python -m pytest tests/test_captures.py -s"
"""Prints how often each signal speaks on the recorded heads, by class of client."""

_CLAIMED: Final = "the sender says so itself; 7 nats leave an error of 0.1 % for people who pose as a program"


def _recorded(others: str) -> str:
    return f"0 of 1,658 people's heads and {others} ({MEASURED})"


def _row(name: str, weight: float, text: str, source: str, *needs: Need) -> Signal:
    return Signal(name, "yes", text, weight, weight, frozenset(needs), source)


REPORTED: Final = "python -m pytest tests/challenge/test_recorded_reports.py -s"
"""Prints on how many recorded reports of a page, and pages with events, each probe fires, by people and programs."""


def _told(people: int, programs: int, why: str = "") -> str:
    return f"{people} of 32 people's reports and {programs} of 97 programs' ({REPORTED}){why}"


def _moved(people: int, programs: int, why: str) -> str:
    return f"{people} of 166 people's pages and {programs} of 147 programs' ({REPORTED}){why}"


def _probe(name: str, weight: float, text: str, source: str, mode: SignalMode = "shadow") -> Signal:
    return Signal(name, "yes", text, weight, weight, frozenset((Need.PAGE,)), source, mode)


_ROWS: Final = (
    _row(
        "agent.library", 7.0, "It says itself that it is a program, not a browser",
        _CLAIMED,
    ),
    _row(
        "agent.automation", 6.0, "It says itself that a program drives this browser",
        _CLAIMED,
    ),
    _row(
        "agent.robot", 7.0, "It says itself that it is a robot",
        _CLAIMED,
    ),
    _row(
        "agent.missing", 5.0, "It does not say what browser it is, as every browser does",
        _recorded("19 % of 1,549 http libraries'"),
    ),
    _row(
        "agent.incomplete", 4.0, "It poses as a browser, but breaks off in the middle of the name",
        _recorded("2 % of 1,549 http libraries'"),
    ),
    _row(
        "agent.bare", 6.0, "It names no browser, and asks for anything in no language",
        _recorded("23 % of 1,549 http libraries'"),
    ),
    Signal(
        "agent.outdated", "times 30 versions",
        "It claims a browser that updates itself, in a version of years ago", 1.7, 3.4, frozenset(),
        "first guess: a third of programs' claims are that old, and one in twenty of people's browsers",
    ),
    _row(
        "fetch.impossible", 4.5, "It contradicts itself about how this page was opened",
        "W3C Fetch Metadata; " + _recorded("13 % of 2,039 impersonators'"),
    ),
    _row(
        "fetch.partial", 3.0, "It says only half of what browsers say about how a page was opened",
        _recorded("36 % of 44 link unfurlers'"),
    ),
    _row(
        "fetch.missing", 3.5, "It does not say how the page was opened, as this browser always does",
        _recorded("11 % of 2,039 impersonators'"), Need.HTTPS,
    ),
    _row(
        "fetch.upgrade", 2.5, "It opens a page without a line that this browser always adds then",
        _recorded("23 % of 44 link unfurlers'"),
    ),
    _row(
        "hints.missing", 3.5, "It leaves out the second introduction that this browser always sends",
        _recorded("11 % of 2,039 impersonators'"), Need.HTTPS,
    ),
    _row(
        "hints.foreign", 3.5, "It introduces itself in a way that only other browsers do",
        "first guess; " + _recorded("5 % of 2,128 driven browsers'"),
    ),
    _row(
        "hints.version", 3.0, "It gives two different version numbers for itself",
        "first guess; " + _recorded("5 % of 2,128 driven browsers'"),
    ),
    _row(
        "hints.system", 2.5, "It names two different systems that it runs on",
        "first guess; nobody recorded does it",
    ),
    _row(
        "hints.formula", 4.0, "Its introduction is worded as this browser never words it",
        _recorded("14 % of 2,128 driven browsers'"),
    ),
    _row(
        "headers.order", 4.0, "It writes its request in an order that this browser never uses",
        _recorded("67 % of 2,039 impersonators'"), Need.RAW_ORDER,
    ),
    _row(
        "headers.part", 3.0, "It loads a part of a page as this browser only loads whole pages",
        _recorded("8 % of 2,039 impersonators'"), Need.RAW_ORDER,
    ),
    _row(
        "headers.spelling", 2.0, "It spells its request as this browser never does",
        _recorded("15 % of 2,039 impersonators'"), Need.RAW_CASE,
    ),
    _row(
        "accept.missing", 3.0, "It does not say what it can show, as every browser does",
        _recorded("18 % of 1,549 http libraries'"),
    ),
    _row(
        "accept.odd", 2.5, "It asks for something else than this browser asks for",
        _recorded("35 % of 2,039 impersonators'"),
    ),
    _row(
        "accept.language", 2.0, "It names no language, as browsers do",
        _recorded("15 % of 2,039 impersonators'"),
    ),
    _row(
        "accept.encoding", 3.0, "It cannot unpack compressed pages, as every browser can",
        _recorded("8 % of 2,039 impersonators'"), Need.RAW_VERSION,
    ),
    _row(
        "accept.packing", 2.0, "It unpacks other things than this version of the browser does",
        _recorded("11 % of 2,039 impersonators'"), Need.HTTPS, Need.RAW_VERSION,
    ),
    _row(
        "protocol.connection", 2.0, "It leaves out a line about the connection that every browser sends",
        _recorded("31 % of 2,039 impersonators'"), Need.RAW_CONNECTION,
    ),
    _row(
        "protocol.old", 2.5, "It speaks a version of the protocol that browsers gave up long ago",
        "first guess; nobody recorded does it under a browser's name", Need.RAW_VERSION,
    ),
    _row(
        "protocol.h2c", 4.5, "It offers a way to talk that no browser has",
        _recorded("15 % of 2,039 impersonators'"), Need.RAW_CONNECTION,
    ),
    _row(
        "protocol.priority", 2.5, "It ranks its request in a way that this browser does not",
        _recorded("4 % of 2,039 impersonators'"), Need.RAW_VERSION,
    ),
    _row(
        "protocol.trailers", 2.5, "It mixes up what Firefox says and what others say",
        _recorded("2 % of 2,039 impersonators'"), Need.RAW_VERSION,
    ),
    _row(
        "tls.engine", 3.5, "It opens its connection with another library than this browser has",
        "kept low for virus scanners that open connections anew (Durumeric et al., NDSS 2017: 4 to 10 %); "
        + _recorded("19 % of 2,039 impersonators'"), Need.TLS,
    ),
    _row(
        "tls.protocol", 1.0, "It does not offer the protocol that this browser always offers",
        _recorded("13 % of 2,039 impersonators'"), Need.TLS,
    ),
    _row(
        "tls.version", 2.5, "It opens its connection as another version of this browser does",
        _recorded("10 % of 2,128 driven browsers'"), Need.TLS,
    ),
    _row(
        "http2.engine", 3.5, "It speaks HTTP/2 in another way than this browser does",
        _recorded("6 % of 2,039 impersonators'"), Need.HTTP2,
    ),
    _probe(
        "page.silent", 2.0, "It poses as a browser, but answered the challenge by a program of its own",
        "shadow until people were seen to solve challenges: a page that breaks before it reports looks the same",
    ),
    _probe(
        "page.webdriver", 7.0, "Its browser itself says that a program drives it",
        "W3C WebDriver, section 4: browsers say so; " + _told(0, 30), "on",
    ),
    _probe(
        "page.cdc", 6.0, "Its browser carries the marks of a program that drives browsers",
        "chromedriver's own variables; " + _told(0, 4), "on",
    ),
    _probe(
        "page.stack", 3.0, "Its browser behaves as if somebody watched it from outside",
        _told(0, 74, "; kept low, for people who have the developer tools open show it too"), "on",
    ),
    _probe(
        "page.playwright", 6.0, "Its browser carries the marks of another program that drives browsers",
        "variables of Playwright, Selenium and older ones, made for some uses only; " + _told(0, 0), "on",
    ),
    _probe(
        "page.headless", 6.0, "Its browser itself says that it has no window",
        _told(0, 39), "on",
    ),
    _probe(
        "page.agent", 3.0, "Its browser gives one name to the shop and another to the page",
        _told(0, 0, "; shadow: extensions that change the name were not recorded"),
    ),
    _probe(
        "page.platform", 2.5, "Its browser runs on another system than it says",
        _told(0, 8, "; shadow: no telephone, Windows or macOS was recorded"),
    ),
    _probe(
        "page.languages", 2.0, "Its browser names one language to the shop and another to the page",
        _told(0, 0, "; shadow: browsers that hide languages were not recorded"),
    ),
    _probe(
        "page.brands", 3.0, "Its browser introduces itself to the page in another way than to the shop",
        _told(0, 22, "; shadow: extensions that change the introduction were not recorded"),
    ),
    _probe(
        "page.mobile", 2.0, "It is a telephone for the page and none for the shop, or the other way round",
        _told(0, 0, "; shadow: no telephone was recorded"),
    ),
    _probe(
        "page.touch", 2.5, "It says it is a telephone, but feels no touch",
        _told(0, 0, "; shadow: no telephone was recorded"),
    ),
    _probe(
        "page.plugins", 2.0, "Its browser lacks viewers that this browser always has",
        _told(0, 0, "; shadow: settings and rules of companies take viewers away"),
    ),
    _probe(
        "page.window", 2.0, "Its browser has a window of no size",
        _told(8, 0, "; shadow: tabs that were opened behind others have none"),
    ),
    _probe(
        "page.screen", 2.5, "Its browser has a window that is larger than its screen",
        _told(0, 24, "; shadow: windows over several screens were not recorded"),
    ),
    _probe(
        "page.chrome", 1.5, "Its browser lacks something that this browser always has",
        _told(0, 0, "; shadow: relatives of this browser were not recorded"),
    ),
    _probe(
        "page.renderer", 1.0, "Its browser draws without a graphics card",
        _told(7, 55, "; shadow: so do people's on virtual desktops"),
    ),
    _probe(
        "page.worker", 3.0, "Its browser says one thing in the page and another in the background",
        _told(0, 12, "; shadow: extensions that hide people were not recorded"),
    ),
    _probe(
        "page.frame", 2.5, "Its browser says one thing in the page and another in a part of it",
        _told(0, 0, "; shadow: extensions that hide people were not recorded"),
    ),
    _probe(
        "page.native", 3.0, "Its browser has had its own functions replaced",
        _told(0, 6, "; shadow: extensions that hide people do that"),
    ),
    _probe(
        "page.impossible", 3.0, "Its browser reports numbers that no browser has",
        _told(0, 2, "; shadow: what rare devices report was not recorded"),
    ),
    _probe(
        "page.untrusted", 2.0, "Its clicks and movements were made by a script",
        _moved(0, 2, "; shadow: password managers and aids for disabled people do that"),
    ),
    _probe(
        "page.clicks", 1.5, "Its pointer clicks without having come from anywhere",
        _moved(0, 4, "; shadow: aids for disabled people do that"),
    ),
    _probe(
        "page.straight", 1.0, "Its pointer moves in one straight line",
        _moved(0, 0, "; shadow: short ways are straight"),
    ),
    _probe(
        "page.even", 1.0, "Its pointer moves in steps of exactly the same time",
        _moved(0, 0, "; shadow: browsers tell movements once a frame"),
    ),
    Signal(
        "pass.reuse", "steps", "It shows a pass that is used from more places than one visitor is in", 1.5, 4.5,
        frozenset(), "AWS token reuse ladder: more than 2, 5, 8 addresses in 5 min are counted, asked, blocked; kept "
        "below the middle of the scale, for some providers spread one telephone over many networks",
    ),
)  # fmt: skip

CATALOG: Final[dict[str, Signal]] = {signal.name: signal for signal in _ROWS}
"""All signals by name."""
