"""The tarpit: answers that come drop by drop and never end, cheaper for us than for whoever waits for them.

Promises: one timer and a few bytes a second for each connection, at most `MOST_TRAPPED` of them in a worker, no more
bytes than the action says. Never: reads on from a client that is in it.
"""

from __future__ import annotations

from typing import Final

from trafficguard.actions import TarpitAction
from trafficguard.telemetry.meters import Meters

MOST_TRAPPED: Final = 256
"""Connections that one worker holds at a time; who comes beyond is blocked."""
SHORTEST_PAUSE: Final = 1.0
"""Seconds between two drops at least."""
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
    b"X-Robots-Tag: noindex\r\nConnection: close\r\n\r\n"
)


class Drops:
    """One answer."""

    __slots__ = ("_left", "_size", "head", "pause")

    def __init__(self, action: TarpitAction) -> None:
        self._left = max(1, min(int(action.hold / SHORTEST_PAUSE), int(action.size)))
        self._size = int(action.size) // self._left
        self.pause = action.hold / self._left
        """Seconds between two drops."""
        self.head = _HEAD % (int(action.size) + 1)
        """What is sent first; it promises one byte more than ever comes."""

    def next(self) -> bytes | None:
        """The next drop; None when there is none any more."""
        if self._left == 0:
            return None
        self._left -= 1
        return b" " * self._size


class Tarpit:
    """One worker's."""

    __slots__ = ("_meters", "_trapped")

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._trapped = 0

    def enter(self) -> bool:
        """Makes room for one more connection; False when there is none."""
        if self._trapped >= MOST_TRAPPED:
            return False
        self._trapped += 1
        self._meters.trapped = self._trapped
        return True

    def leave(self) -> None:
        """Gives the room of one connection back."""
        self._trapped -= 1
        self._meters.trapped = self._trapped
