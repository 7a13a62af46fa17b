"""Heads as real browsers send them: templates by browser and kind of request, and how a visit's own values get in.

`derive_templates` makes the file from recorded people. People and crawlers that copy a browser take their bytes from
the same templates, so that no byte tells them apart (`loadtests.virtual.separability` checks it).

All recorded browsers ran on Linux. `SYSTEMS` says how Chromium and Firefox name other systems, phones among them: only
the values of User-Agent and of two client hints change, never a name, an order or another value.

Promises: a rendered head is a recorded head but for the values of `PLACES`, the Sec-Fetch-Site of a page and, on
another system than Linux, the three values above; optional lines that have no value are left out. A kind that a browser
was not recorded with is not sent by it. Never: reads a capture.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from trafficguard.exchange import Handshake

CORPUS: Final = Path(__file__).with_name("templates.jsonl.gz")

SITE: Final = "sec-fetch-site"
PLACES: Final = {
    "host": "{host}",
    "origin": "{origin}",
    "referer": "{referer}",
    "cookie": "{cookie}",
    "if-none-match": "{etag}",
    "content-length": "{length}",
}
"""Where a header's value belongs to the visit, by lower-case name."""
OPTIONAL: Final = frozenset(("referer", "cookie", "cookie2", "if-none-match"))
"""Headers that a browser leaves out when there is nothing to say."""
_WITH_COOKIE: Final = "cookie2"
"""w3m's second line about cookies, which comes and goes with them."""


class Kind(Enum):
    """What a browser asks for; each has header lines of its own."""

    PAGE = "page"
    STYLE = "style"
    SCRIPT = "script"
    MODULE = "module"
    FONT = "font"
    IMAGE = "image"
    ICON = "icon"
    MANIFEST = "manifest"
    FETCH = "fetch"
    ADD = "add"
    """POST of JSON by a script."""
    LOGIN = "login"
    """POST of a form by a click."""


class Template(NamedTuple):
    """The header lines of one browser for one kind of request."""

    browser: str
    leg: str
    kind: Kind
    version: str
    lines: tuple[str, ...]
    """`Name: value`, with `{place}` for a value of the visit's own."""
    ja4: str
    http2: str
    heads: int
    """Recorded heads that it explains."""


@dataclass(frozen=True, slots=True)
class System:
    """How a browser names the system it runs on."""

    name: str
    values: Mapping[str, str]
    """What to write instead of a text in the value of a header line, by that text."""


_LINUX_CHROME: Final = "X11; Linux x86_64"
_LINUX_FIREFOX: Final = "X11; Linux x86_64; rv:153.0) Gecko/20100101"
_CHROME_END: Final = " Safari/537.36"
SYSTEMS: Final[dict[str, tuple[System, ...]]] = {
    "chromium": (
        System("linux", {}),
        System("windows", {_LINUX_CHROME: "Windows NT 10.0; Win64; x64", '"Linux"': '"Windows"'}),
        System("mac", {_LINUX_CHROME: "Macintosh; Intel Mac OS X 10_15_7", '"Linux"': '"macOS"'}),
        System(
            "phone",
            {
                _LINUX_CHROME: "Linux; Android 10; K",
                _CHROME_END: f" Mobile{_CHROME_END}",
                '"Linux"': '"Android"',
                "mobile: ?0": "mobile: ?1",
            },
        ),
    ),
    "firefox": (
        System("linux", {}),
        System("windows", {_LINUX_FIREFOX: "Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101"}),
        System("phone", {_LINUX_FIREFOX: "Android 15; Mobile; rv:153.0) Gecko/153.0"}),
    ),
}
"""Systems by browser; others run on Linux only. What the vendors document: Chromium's User-Agent reduction and client
hints, MDN on Firefox's User-Agent."""
SYSTEMS["firefox-private"] = SYSTEMS["firefox"]
_ONLY_LINUX: Final = (System("linux", {}),)
_NAMING_SYSTEMS: Final = ("user-agent", "sec-ch-ua-platform", "sec-ch-ua-mobile")


class Values(NamedTuple):
    """A visit's own values for one head."""

    host: bytes
    origin: bytes
    referer: bytes | None = None
    cookie: bytes | None = None
    etag: bytes | None = None
    length: int = 0
    site: bytes = b"same-origin"
    """Sec-Fetch-Site of a page; all else is asked for by the shop's own pages."""


class Shape(NamedTuple):
    """Which optional lines a head has; with the browser and the kind it fixes all but values."""

    referer: bool
    cookie: bool
    etag: bool
    site: bytes


class Browser:
    """One browser on one leg and system: all it can send."""

    __slots__ = ("_filled", "_templates", "agent", "family", "handshake", "name", "revalidates", "secure", "system")

    def __init__(self, templates: list[Template], system: System) -> None:
        first = templates[0]
        self.family = first.browser
        self.system = system.name
        self.name = f"{first.browser}-{first.leg}-{system.name}"
        self.secure = first.leg != "plain"
        self.handshake = Handshake(first.ja4, first.http2)
        self._templates: dict[Kind, list[Template]] = {}
        for one in templates:
            lines = tuple(_on_system(line, system) for line in one.lines)
            self._templates.setdefault(one.kind, []).append(one._replace(lines=lines))
        pages = self._templates[Kind.PAGE]
        self.agent = next((line[12:] for line in pages[0].lines if line.lower().startswith("user-agent: ")), "")
        """What it calls itself."""
        self.revalidates = all(any("{etag}" in line for line in page.lines) for page in pages)
        """Whether it was recorded asking whether a page has changed."""
        self._filled: dict[tuple[Kind, int, Shape], tuple[bytes, tuple[str, ...]]] = {}

    def sends(self, kind: Kind) -> bool:
        """Whether it was recorded with this kind of request."""
        return kind in self._templates

    def variants(self, kind: Kind) -> int:
        """How many templates it has for a kind: images differ in priority."""
        return len(self._templates[kind])

    def weights(self, kind: Kind) -> list[int]:
        """How many recorded heads each of them explains."""
        return [one.heads for one in self._templates[kind]]

    def head(self, kind: Kind, method: bytes, target: bytes, values: Values, variant: int = 0) -> bytes:
        """The bytes of a request."""
        shape = Shape(values.referer is not None, values.cookie is not None, values.etag is not None, values.site)
        filled = self._filled.get((kind, variant, shape))
        if filled is None:
            filled = self._filled[kind, variant, shape] = self._fill(kind, variant, shape)
        form, places = filled
        return form % (method, target, *[getattr(values, place) for place in places])

    def _fill(self, kind: Kind, variant: int, shape: Shape) -> tuple[bytes, tuple[str, ...]]:
        """A bytes format for one shape of head, and which values fill it."""
        template = self._templates[kind][variant]
        gone = {
            name
            for name, there in (("referer", shape.referer), ("cookie", shape.cookie), (_WITH_COOKIE, shape.cookie),
                                ("if-none-match", shape.etag))
            if not there
        }  # fmt: skip
        lines, places = [f"%b %b {template.version}"], []
        for line in template.lines:
            name, _, value = line.partition(": ")
            if name.lower() in gone:
                continue
            if value.startswith("{"):
                places.append(value[1:-1])
                lines.append(f"{name}: {'%d' if value == '{length}' else '%b'}")
            else:
                lines.append(line.replace("%", "%%"))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), tuple(places)


def _on_system(line: str, system: System) -> str:
    if line.partition(":")[0].lower() in _NAMING_SYSTEMS:
        for old, new in system.values.items():
            line = line.replace(old, new)
    return line


def save(templates: Iterable[Template], path: Path) -> None:
    """Writes templates; the same ones give the same bytes."""
    records = (one._asdict() | {"kind": one.kind.value} for one in templates)
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    path.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


def load(path: Path = CORPUS) -> list[Template]:
    """All templates, in the order of the file."""
    found = []
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            record = json.loads(line)
            lines = tuple(record.pop("lines"))
            found.append(Template(lines=lines, kind=Kind(record.pop("kind")), **record))
    return found


@cache
def browsers() -> dict[str, Browser]:
    """All browsers by name: `chromium-tls-windows`."""
    legs: dict[tuple[str, str], list[Template]] = {}
    for one in load():
        legs.setdefault((one.browser, one.leg), []).append(one)
    found = [Browser(group, system) for group in legs.values() for system in SYSTEMS.get(group[0].browser, _ONLY_LINUX)]
    return {browser.name: browser for browser in found}
