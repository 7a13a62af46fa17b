"""Signals of senders that say themselves that they are no browser, or do not say what they are.

Promises: speaks only on what the User-Agent says, or on its absence. Never: suspects a name it does not know.
"""

from __future__ import annotations

import re
from typing import Final

from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row

_COMMENTS: Final = re.compile(r"\([^()]*\)")
_DESKTOPS: Final = ("windows nt", "macintosh", "x11")


def library(row: Row) -> Finding | None:
    """Calls itself a programming library or download program."""
    return Finding(1.0, row.agent.name) if row.agent.label == "ua.library" else None


def automation(row: Row) -> Finding | None:
    """Calls itself a browser driven by a program, in its User-Agent or in its client hints."""
    if row.agent.label == "ua.automation":
        return Finding(1.0, row.agent.name)
    if "headless" in row.value("sec-ch-ua").lower():
        return Finding(1.0, "headless, in its client hints")
    return None


def robot(row: Row) -> Finding | None:
    """Calls itself a robot."""
    return Finding(1.0, row.agent.name) if row.agent.label.startswith("bot.") else None


def missing(row: Row) -> Finding | None:
    """Has no User-Agent."""
    return Finding() if row.agent.family == "missing" else None


def incomplete(row: Row) -> Finding | None:
    """Starts like a browser's User-Agent and breaks off before it names one, or leaves out what all say.

    All browsers built on WebKit or Blink say `(KHTML, like Gecko)`. Silent for systems other than desktops,
    where odd texts are common.
    """
    text = row.value("user-agent").lower()
    if (
        not text.startswith("mozilla/5.0")
        or row.agent.family == "program"
        or "gecko" in text
        or "msie" in text
    ):
        return None
    comment, rest = text.find("("), _COMMENTS.sub(" ", text).split()
    if comment >= 0 and not any(name in text for name in _DESKTOPS):
        return None
    named = [word for word in rest if not word.startswith(("mozilla/", "applewebkit/"))]
    if not named or row.agent.family == "chromium":
        return Finding(1.0, "it names an engine only half" if named else "it names no browser")
    return None


def bare(row: Row) -> Finding | None:
    """Names no browser, asks for anything and in no language: what programs do when nobody tells them otherwise.

    Browsers that are unknown here (text browsers, old ones, apps) say what they can show, or in which language.
    """
    if row.agent.family not in ("unknown", "missing") or row.method not in ("GET", "HEAD") or row.kind == "socket":
        return None
    return None if row.has("accept-language") or row.value("accept") not in ("", "*/*") else Finding()


NEWEST: Final = {"chromium": 156, "firefox": 153}
"""Newest major versions when this was written; later ones make nobody younger."""
_OLD: Final = 30
"""Versions behind, more than two years of them, that make a browser old."""
_LAST_OF_THEIR_SYSTEMS: Final = {"chromium": (109,), "firefox": (115,)}
"""Versions that stay the newest there are on systems that get no others."""


def outdated(row: Row) -> Finding | None:
    """Claims a browser that updates itself, in a version of years ago: copied names do not update themselves."""
    agent = row.agent
    newest = NEWEST.get(agent.family)
    if newest is None or not agent.is_browser or agent.embedded or not agent.major:
        return None
    if agent.major in _LAST_OF_THEIR_SYSTEMS[agent.family] or "windows nt 6." in row.value("user-agent").lower():
        return None
    age = (newest - agent.major) // _OLD
    return Finding(float(min(age, 2)), f"version {agent.major}") if age > 0 else None
