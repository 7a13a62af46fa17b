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
