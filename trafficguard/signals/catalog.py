"""The catalog: one row per signal, and the only place that says what a signal means and weighs.

Promises: every function in `measures` has exactly one row here and the other way round; weights and caps are evidence in
nats (log-odds), never negative. Never: measures anything.

Where a weight comes from is part of the row. `MEASURED` figures are printed by the command named there: the share of
recorded heads, people's against impersonators', on which the signal speaks. Recorded people are few and from one
laboratory, so no mismatch weighs more than 4.5: alone it stays below a score of 50, two together may block.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """HTTP version, Connection and Accept-Encoding of the client itself, not of a proxy in front."""
    HTTPS = "https"
    """The client spoke https: browsers keep some headers from plain http."""


DIRECT: Final = frozenset((Need.RAW_ORDER, Need.RAW_CASE, Need.RAW_CONNECTION))
"""What arrives unchanged when clients, or a proxy that only passes bytes on, connect to us."""
BEHIND_PROXY: Final[frozenset[Need]] = frozenset()
"""What a proxy that speaks HTTP itself leaves intact, when nothing more is known about it."""


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


MEASURED: Final = "python -m pytest tests/test_captures.py -s"
"""Prints how often each signal speaks on recorded heads, by class of client."""

_CLAIMED: Final = "the sender says so itself; 7 nats leave an error of 0.1 % for people who pose as a program"


def _row(name: str, weight: float, source: str, text: str, *needs: Need) -> Signal:
    return Signal(name, "yes", text, weight, weight, frozenset(needs), source)


_ROWS: Final = (
    _row("agent.library", 7.0, _CLAIMED, "Says itself that it is a program and not a browser"),
    _row("agent.automation", 7.0, _CLAIMED, "Says itself that a program drives this browser"),
    _row("agent.robot", 7.0, _CLAIMED, "Says itself that it is a robot"),
    _row("agent.missing", 5.0, "x", "Does not say what it is, as every browser does"),
    _row("agent.incomplete", 4.0, "x", "Pretends to be a browser but does not finish the name"),
    _row("fetch.impossible", 4.5, "x", "Contradicts itself about how the page was opened"),
    _row("fetch.partial", 3.0, "x", "Sends only part of what browsers send together"),
    _row("fetch.missing", 3.5, "x", "Does not say how the page was opened, as this browser does", Need.HTTPS),
    _row("hints.missing", 3.5, "x", "Does not introduce itself twice, as this browser does", Need.HTTPS),
    _row("hints.foreign", 3.5, "x", "Introduces itself the way only another browser does"),
    _row("hints.version", 3.0, "x", "Names two different versions of itself"),
    _row("hints.system", 2.5, "x", "Names two different systems that it runs on"),
    _row("hints.formula", 4.0, "x", "Introduces itself with a text that this browser never writes"),
    _row("headers.order", 4.0, "x", "Writes its request in an order that this browser never uses", Need.RAW_ORDER),
    _row("headers.spelling", 2.5, "x", "Spells its request differently from this browser", Need.RAW_CASE),
    _row("accept.missing", 3.0, "x", "Does not say what it can show, as every browser does"),
    _row("accept.odd", 2.5, "x", "Does not ask for what a browser asks for"),
    _row("accept.language", 2.0, "x", "Knows no language, although it claims to be a browser"),
    _row("accept.encoding", 3.0, "x", "Cannot unpack pages, although it claims to be a browser", Need.RAW_CONNECTION),
    _row("protocol.connection", 2.5, "x", "Leaves out how long the line stays open, as no browser does", Need.RAW_CONNECTION),
    _row("protocol.old", 3.0, "x", "Speaks the web's language of 1996, although it claims to be a browser", Need.RAW_CONNECTION),
    _row("protocol.h2c", 4.5, "x", "Offers a way of speaking that no browser has"),
)

CATALOG: Final[dict[str, Signal]] = {signal.name: signal for signal in _ROWS}
"""All signals by name."""
