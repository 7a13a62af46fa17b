"""Request heads as recorded browsers sent them, by kind of request, and how a visit's own values get in.

`loadtests/actors/derive_demo_heads.py` makes the file from recordings. All were made over HTTP/1.1 with TLS, which the
crowd's PROXY headers claim.

Promises: a head is a recorded one but for the values in braces; a line about a cookie or a referrer that has no value
is left out. Never: invents a line.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("heads.jsonl.gz")
_OPTIONAL: Final = ("{referer}", "{cookie}")


class Kind(Enum):
    """What is asked for; browsers send other lines for each."""

    PAGE = "page"
    STYLE = "style"
    SCRIPT = "script"
    IMAGE = "image"
    ICON = "icon"
    FETCH = "fetch"
    ADD = "add"
    """POST of JSON by a script."""
    LOGIN = "login"
    """POST of a form by a click."""


class Values(NamedTuple):
    """A visit's own values for one head."""

    host: str
    origin: str
    referer: str = ""
    cookie: str = ""
    site: str = "same-origin"
    """Sec-Fetch-Site of a page."""
    length: int = 0
    """Bytes of the body."""


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser, or another program, with all that it can send."""

    name: str
    lines: dict[Kind, tuple[str, ...]] = field(default_factory=dict)
    """`Name: value` or `Name: {place}`, by kind."""

    def head(self, kind: Kind, method: str, target: str, values: Values) -> bytes:
        """The bytes of a request. KeyError for a kind that it was not recorded with."""
        kept = [f"{method} {target} HTTP/1.1"]
        for line in self.lines[kind]:
            name, _, value = line.partition(": ")
            if value.startswith("{"):
                said = str(getattr(values, value[1:-1]))
                if not said and value in _OPTIONAL:
                    continue
                value = said
            kept.append(f"{name}: {value}")
        return ("\r\n".join(kept) + "\r\n\r\n").encode("latin-1")


def save(browsers: Iterable[Browser], path: Path) -> None:
    """Writes browsers; the same ones give the same bytes."""
    records = (
        {"browser": one.name, "kind": kind.value, "lines": lines}
        for one in browsers
        for kind, lines in one.lines.items()
    )
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    path.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


@cache
def browsers(path: Path = FILE) -> dict[str, Browser]:
    """All browsers by name, such as `chromium-windows`, and the programs `requests` and `googlebot`."""
    found: dict[str, Browser] = {}
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            record = json.loads(line)
            browser = found.setdefault(record["browser"], Browser(record["browser"]))
            browser.lines[Kind(record["kind"])] = tuple(record["lines"])
    return found
