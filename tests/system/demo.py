"""`trafficguard demo` under test, and its live view read back.

Promises: a line of the view is understood whole or the test fails. Never: knows how a score comes about.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from tests.system.program import Program, free_port

_LINE = re.compile(
    r"(?P<time>\d\d:\d\d:\d\d)  (?P<client>\S+) +(?P<verdict>pass|block|refused) +(?P<score>\d+|-) +"
    r"(?P<status>\d{3}|left)  (?P<method>[A-Z]+) (?P<target>\S+)(?:  (?P<reason>.+))?"
)
_SHOP = re.compile(r"the shop without it +http://127\.0\.0\.1:(\d+)/")


class Seen(NamedTuple):
    """One line of the live view."""

    client: str
    verdict: str
    score: int
    status: str
    method: str
    target: str
    reason: str


class Demo(Program):
    """A demo on a port of its own."""

    def __init__(self, products: int = 200, workers: int = 1) -> None:
        self.port = free_port()
        flags = ("--listen", f"127.0.0.1:{self.port}", "--products", str(products), "--workers", str(workers))
        super().__init__("demo", *flags)
        self._heading = 0

    def __enter__(self) -> Self:
        try:
            self.wait_for_text("strongest reason", self.output)
        except BaseException:
            self.__exit__()
            raise
        self._heading = next(index for index, line in enumerate(self.output) if "strongest reason" in line)
        return self

    @property
    def url(self) -> str:
        """Where visitors go, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def shop_port(self) -> int:
        """The shop's own port."""
        return next(int(match[1]) for line in self.output if (match := _SHOP.search(line)))

    def seen(self) -> list[Seen]:
        """All lines of the live view so far."""
        return [_understood(line) for line in self.output[self._heading + 1 :]]

    def wait_to_see(self, target: str) -> Seen:
        """The line of the first request for `target`."""
        self.wait_for(lambda: any(seen.target == target for seen in self.seen()), f"a line for {target}")
        return next(seen for seen in self.seen() if seen.target == target)


def _understood(line: str) -> Seen:
    match = _LINE.fullmatch(line)
    assert match, f"no line of the live view: {line!r}"
    parts = match.groupdict(default="")
    score = int(parts["score"]) if parts["score"] != "-" else -1
    return Seen(
        parts["client"], parts["verdict"], score, parts["status"], parts["method"], parts["target"], parts["reason"]
    )
