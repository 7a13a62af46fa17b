"""The live view of the wave: names and colours, and no more lines than one can read.

Promises: the first request of each role is shown, and every change of what happens to it, at most four times a second;
else one line a second for each role, which says how many more there were. Of people only pages are shown. Never:
colours what is not a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trafficguard.clock import SECOND
from trafficguard.demo.view import HEADING, line_of
from trafficguard.demo.wave.cast import Role
from trafficguard.demo.wave.figures import YOU

_WIDTH: Final = 8
"""Letters of the column with names."""
WAVE_HEADING: Final = f"{'who':{_WIDTH}} {HEADING}"
USUAL_GAP: Final = SECOND
_SLOW_US: Final = 200_000
"""From when on it is said for how long a request was held back."""
CHANGE_GAP: Final = SECOND // 4
_SGR: Final = {
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36", "white": "37", "bold": "1",
}  # fmt: skip
"""Parameters of Select Graphic Rendition (ECMA-48)."""
_VERDICTS: Final = {"throttle": "yellow", "challenge": "magenta", "block": "red"}
_PARTS: Final = ("/static/", "/images/", "/favicon")
"""How the parts of pages begin."""


@dataclass(slots=True)
class _Shown:
    at: int
    action: str
    hidden: int = 0


class Sampler:
    """Which requests are shown."""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}

    def take(self, who: str, event: Mapping[str, Any]) -> int | None:
        """How many of `who` were hidden since the last line, or None when this one is hidden too."""
        last = self._shown.get(who)
        if last is None:
            self._shown[who] = _Shown(event["t"], event["action"])
            return 0
        gap = USUAL_GAP if last.action == event["action"] else CHANGE_GAP
        is_part = event["action"] == "pass" and event["target"].startswith(_PARTS)
        if is_part or event["t"] - last.at < gap:
            last.hidden += 1
            return None
        self._shown[who] = _Shown(event["t"], event["action"])
        return last.hidden


class WaveView:
    """Lines with names."""

    def __init__(self, cast: tuple[Role, ...], *, coloured: bool, columns: int | None = None) -> None:
        """`columns`: where lines are cut off; never without it."""
        self._colours = {role.name: role.colour for role in cast} | {YOU: "bold"}
        self._coloured = coloured
        self._columns = columns
        self._sampler = Sampler()

    def lines(self, events: list[Any], role_of: Callable[[Mapping[str, Any]], str]) -> list[str]:
        """What is shown of some requests."""
        found = []
        for event in events:
            who = role_of(event)
            hidden = self._sampler.take(who, event)
            if hidden is not None:
                more = f"{_held_back(event)}{f'  (+{hidden})' if hidden else ''}"
                line = line_of(event)
                if self._columns is not None:
                    line = line[: max(0, self._columns - _WIDTH - 1 - len(more))]
                found.append(f"{self.name(who)} {self._paint(line, _VERDICTS.get(event['action'], ''))}{more}")
        return found

    def name(self, who: str) -> str:
        """A name in its column and colour."""
        return self._paint(f"{who:{_WIDTH}}", self._colours.get(who, ""))

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_SGR[colour]}m{text}\x1b[0m" if colour and self._coloured else text


def _held_back(event: Mapping[str, Any]) -> str:
    is_slow = event["action"] == "throttle" and event["us"] >= _SLOW_US
    return f"  held back {event['us'] / 1e6:.1f} s" if is_slow else ""
