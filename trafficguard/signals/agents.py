"""What a User-Agent claims: a browser with its version and system, or a program that says what it is.

Promises: total and linear in the length of the text, no regular expression that can back-track; the first
name in `agent_names` decides, then a generic ending such as `...bot`, then the browser families. Never:
believes the claim; checking it is what the other signals are for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from trafficguard.signals.agent_names import ANYWHERE, DEVICES, OLD_BROWSERS, PRODUCTS, ROBOT_ENDINGS

Family = Literal["chromium", "firefox", "webkit", "program", "unknown", "missing"]

_WORDS: Final = re.compile(r"[^a-z0-9]+")
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_LONGEST: Final = 1024
"""Characters looked at; browsers stay below 400."""


class Agent(NamedTuple):
    """What a User-Agent text claims."""

    family: Family
    """Engine of the claimed browser; `program` for everything that says it is none."""
    label: str
    """Label for policy; empty for what is unknown."""
    name: str
    """The name in our tables by which it was recognised; never text of the sender's own."""
    major: int = 0
    """Major version of the browser; 0 when unknown."""
    system: str = ""
    """`windows macos linux android ios chromeos`, or empty."""
    mobile: bool = False
    """Whether it says that it is a telephone."""
    embedded: bool = False
    """An engine inside another program (Qt, WebView, Electron): its habits differ from the browser's."""

    @property
    def is_browser(self) -> bool:
        """Whether it claims to be a browser whose habits are known."""
        return self.label == "ua.browser"


MISSING: Final = Agent("missing", "ua.missing", "")


def read_agent(text: str | None) -> Agent:
    """The claim in a User-Agent header; None or blank means that there is none."""
    if text is None or not text.strip():
        return MISSING
    return _read(text[:_LONGEST].lower())


@lru_cache(maxsize=2048)
def _read(lower: str) -> Agent:
    return _read_program(lower) or _read_browser(lower)


def _read_program(lower: str) -> Agent | None:
    product = lower.replace("(", "/").replace(" ", "/").partition("/")[0]
    if product in PRODUCTS:
        return Agent("program", PRODUCTS[product], product)
    for label, names in ANYWHERE:
        for name in names:
            if name in lower:
                return Agent("program", label, name.strip("/,-_ "))
    manner = _manner_of_robots(lower)
    return Agent("program", "bot.other", manner) if manner else None


def _manner_of_robots(lower: str) -> str:
    """What in the text only programs write, in our words; empty when there is nothing of the kind."""
    for word in _WORDS.split(lower):
        if word.endswith(ROBOT_ENDINGS) and word not in DEVICES:
            return "a name ending in " + next(ending for ending in ROBOT_ENDINGS if word.endswith(ending))
    if ("http://" in lower or "https://" in lower) and "build/" not in lower:
        return "a web address in its name"
    if "mozilla/5.0 (compatible;" in lower and not any(name in lower for name in OLD_BROWSERS):
        return "the word compatible, as robots use it"
    return ""


def _read_browser(lower: str) -> Agent:
    system = _system_of(lower)
    mobile = "mobile" in lower
    for mark in ("chrome/", "chromium/"):
        if mark in lower and "edge/" not in lower:
            embedded = any(name in lower for name in ("qtwebengine/", "; wv)", "electron/", "version/4.0 "))
            return Agent(
                "chromium", "ua.browser", "Chrome", _number_after(lower, mark), system, mobile, embedded
            )
    if "firefox/" in lower and "gecko/" in lower and "seamonkey/" not in lower:
        return Agent("firefox", "ua.browser", "Firefox", _number_after(lower, "firefox/"), system, mobile)
    if "applewebkit/" in lower and "safari/" in lower and system != "android":
        return Agent("webkit", "ua.browser", "Safari", _number_after(lower, "version/"), system, mobile)
    return Agent("unknown", "", "", 0, system, mobile)


_SYSTEMS: Final = (
    ("android", "android"),
    ("iphone", "ios"),
    ("ipad", "ios"),
    ("windows nt", "windows"),
    ("cros ", "chromeos"),
    ("macintosh", "macos"),
    ("linux", "linux"),
)


def _system_of(lower: str) -> str:
    return next((system for mark, system in _SYSTEMS if mark in lower), "")


def _number_after(lower: str, mark: str) -> int:
    _, found, rest = lower.partition(mark)
    number = _NUMBER.match(rest) if found else None
    return int(number[0]) if number else 0
