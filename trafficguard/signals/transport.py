"""Signals from how a connection was opened: TLS and HTTP/2 against the browser that a head claims.

Promises: speaks only where a trusted peer told how the connection was opened, and only about engines and versions in
the tables. Client hints show a Chromium whatever the User-Agent says; whoever only changes the User-Agent (people do,
by an extension) is `hints.foreign` and not suspected here as well. All of a foreign opening together (`tls.engine`,
`tls.protocol`, `http2.engine`) stays below a score of 50: 4 to 10 % of people's connections come through a virus
scanner or an office's proxy that opens them anew (Durumeric et al., NDSS 2017). Never: takes the right fingerprint
for a good sign.
"""

from __future__ import annotations

from typing import Final

from trafficguard.signals.finding import Finding
from trafficguard.signals.handshake import EXTENSIONS, UNKNOWN_HELLO, UNKNOWN_PREFACE
from trafficguard.signals.hints import brands_of
from trafficguard.signals.row import Row

OWN_STACKS: Final[dict[str, frozenset[str]]] = {
    "chromium": frozenset(("chromium",)),
    # The Tor browser shortens Firefox's list to the ciphers that Chromium has.
    "firefox": frozenset(("firefox", "chromium")),
    "webkit": frozenset(("apple",)),
}
"""Libraries that an engine opens TLS with. WebKit elsewhere than on Apple's systems uses what the system has."""

TLS_KNOWN: Final = {"chromium": (83, 160), "firefox": (89, 160)}
"""First and last major version whose ciphers are known; later ones may differ."""
_VERSIONS_APART: Final = 4
"""Versions by which a browser's extensions may run ahead or behind: new ones are tried on some people first."""
_BESIDES: Final = 0.28
"""Amount where TLS is foreign already: one program in between explains both."""

_CHROMIUM_WINDOW: Final = 15663105
_FIREFOX_WINDOW: Final = 12517377
_STREAMS_GONE_SINCE: Final = 122
"""Chromium no longer sends SETTINGS_MAX_CONCURRENT_STREAMS (gone in 118 to 119, with room for error)."""


def _engine(row: Row) -> str:
    """The engine that must have opened the connection; empty when it is not known."""
    if not row.agent.is_browser or row.kind == "socket":
        return ""
    return "chromium" if brands_of(row.value("sec-ch-ua")) else row.agent.family


def _opened_by_another(row: Row) -> str:
    """Which library opened TLS in place of the engine's own; empty when it may be its own."""
    hello, engine = row.hello, _engine(row)
    if hello == UNKNOWN_HELLO or not engine or hello.stack in OWN_STACKS[engine]:
        return ""
    if engine == "webkit":
        on_apple = row.agent.system in ("macos", "ios")
        return hello.stack if on_apple else ""
    first, last = TLS_KNOWN[engine]
    known = engine != row.agent.family or first <= row.agent.major <= last
    return hello.stack or ("another library" if known else "")


def engine(row: Row) -> Finding | None:
    """TLS opened by another library than the claimed browser has."""
    library = _opened_by_another(row)
    return Finding(1.0, f"by {library}") if library else None


def protocol(row: Row) -> Finding | None:
    """A browser of today that does not offer HTTP/2 where it opens TLS."""
    offers = row.hello.alpn in ("", "h2")
    return None if offers or _engine(row) not in TLS_KNOWN or row.agent.embedded else Finding()


def version(row: Row) -> Finding | None:
    """TLS extensions of a Chromium that is older or newer than the one claimed."""
    span = EXTENSIONS.get(row.hello.extensions)
    agent = row.agent
    if span is None or row.hello.stack != "chromium" or agent.embedded or not agent.is_browser:
        return None
    if agent.family != "chromium" or not agent.major:
        return None
    if span[0] - _VERSIONS_APART <= agent.major <= span[1] + _VERSIONS_APART:
        return None
    return Finding(1.0, f"version {agent.major} opens it otherwise")


def http2(row: Row) -> Finding | None:
    """HTTP/2 opened in another way than the claimed engine does."""
    if row.preface == UNKNOWN_PREFACE or row.minor != 2:
        return None
    wrong = _wrong_in_preface(row)
    return Finding(_BESIDES if _opened_by_another(row) else 1.0, wrong) if wrong else None


def _wrong_in_preface(row: Row) -> str:
    preface, engine = row.preface, _engine(row)
    names = {number for number, _ in preface.settings}
    if engine == "chromium":
        if preface.order != "masp" or preface.window != _CHROMIUM_WINDOW or 5 in names:
            return "not as Chromium"
        is_new = row.agent.family == engine and row.agent.major >= _STREAMS_GONE_SINCE
        return "as a much older Chromium" if is_new and 3 in names else ""
    if engine == "firefox":
        return "" if preface.order == "mpas" and preface.window == _FIREFOX_WINDOW else "not as Firefox"
    return "not as Safari" if engine == "webkit" and not preface.order.startswith("ms") else ""
