"""Makes `templates.jsonl.gz` from recorded people: `python -m loadtests.actors.derive_templates --captures FOLDER`.

A template is the header lines of one browser, on one leg, for one kind of request, with a name in braces where a value
belongs to the visit (host, referrer, cookie ...). HTTP/2 header lists become what a proxy that speaks HTTP/1 to us
makes of them: Host first, names in lower case, no `te`.

Promises: each line stands in the order and spelling in which a browser of a person sent it. A head that is another one
without some of its optional lines is no template of its own. Never: invents a line, or reads a recorded program.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from loadtests.actors.templates import CORPUS, OPTIONAL, PLACES, SITE, Kind, Template, save

_PATHS: Final = {
    "/static/style.css": Kind.STYLE,
    "/static/app.js": Kind.SCRIPT,
    "/static/mod.js": Kind.MODULE,
    "/static/shop.ttf": Kind.FONT,
    "/favicon.ico": Kind.ICON,
    "/manifest.webmanifest": Kind.MANIFEST,
    "/api/cart": Kind.FETCH,
}
"""What the recorded shop's paths are."""
_PAGES: Final = ("/category/", "/product/", "/search")
_PLAIN_PAGES: Final = ("/", "/login", "/cart")
_HINTS_ASKED_FOR: Final = "sec-ch-ua-full-version-list"
"""Only sent after the recorded shop's own probe page asked for it."""
_FORCED: Final = ("cache-control", "pragma")
"""Sent with a reload; not by a click."""


class Recorded(NamedTuple):
    """One recorded head, taken apart."""

    browser: str
    leg: str
    kind: Kind
    version: str
    lines: tuple[str, ...]
    ja4: str
    http2: str


def kind_of(method: str, path: str) -> Kind | None:
    """The kind of a recorded request; None for one that no shopper's visit needs."""
    path = path.partition("?")[0]
    if method == "POST":
        return {"/login": Kind.LOGIN, "/api/cart/add": Kind.ADD}.get(path)
    if method != "GET":
        return None
    if path in _PLAIN_PAGES or path.startswith(_PAGES):
        return Kind.PAGE
    if path.startswith("/img/"):
        return Kind.IMAGE
    return _PATHS.get(path)


def recorded(folder: Path) -> Iterator[Recorded]:
    """Every head that a recorded person's browser sent, by client and in order of time."""
    clients = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))["clients"]
    for client in clients:
        if client["human"]:
            # A private window of Firefox says Sec-GPC and shakes hands in its own way.
            name = client["family"] + ("-private" if "private" in client["client"] else "")
            with gzip.open(folder / client["file"], "rt", encoding="utf-8") as file:
                records = [json.loads(line) for line in file]
            for record in sorted(records, key=lambda one: (one["leg"], one["t"])):
                if record["kind"] == "request" and not record["telemetry"]:
                    head = read(record, name)
                    if head is not None:
                        yield head


def read(record: dict[str, Any], family: str) -> Recorded | None:
    """One record; None for a kind of request that is left out."""
    kind = kind_of(record["method"], record["path"])
    if kind is None or (kind is Kind.ICON and family == "konqueror"):  # another program of the desktop asks for it
        return None
    pairs = list(_pairs(record))
    names = {name.lower() for name, _ in pairs}
    if _HINTS_ASKED_FOR in names or (kind is Kind.PAGE and names.intersection(_FORCED)):
        return None
    lines = tuple(_line(name, value, kind) for name, value in pairs)
    version = "HTTP/1.0" if record["http_version"] == "HTTP/1.0" else "HTTP/1.1"
    ja4, http2 = record.get("ja4") or "", record.get("h2_fingerprint") or ""
    return Recorded(family, record["leg"], kind, version, lines, ja4, http2)


def _pairs(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "headers" in record:
        yield "Host", ""
        for name, value in record["headers"]:
            if not name.startswith(":") and name != "te":
                yield name, value
        return
    _, *lines = base64.b64decode(record["raw_b64"]).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    for line in lines:
        name, _, value = line.partition(":")
        yield name, value.strip()


def _line(name: str, value: str, kind: Kind) -> str:
    place = PLACES.get(name.lower())
    if place is None and kind is Kind.PAGE and name.lower() == SITE:
        place = "{site}"
    return f"{name}: {place or value}"


def is_part(shorter: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    """Whether a head is another one without some of its optional lines."""
    rest = iter(shorter)
    line = next(rest, None)
    for other in longer:
        if other == line:
            line = next(rest, None)
        elif other.partition(":")[0].lower() not in OPTIONAL:
            return False
    return line is None


def templates(heads: Iterable[Recorded]) -> list[Template]:
    """The templates in all heads, with how many heads each explains."""
    groups: dict[tuple[str, str, Kind, str], Counter[tuple[str, ...]]] = defaultdict(Counter)
    shakes: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for head in heads:
        groups[head.browser, head.leg, head.kind, head.version][head.lines] += 1
        shakes[head.browser, head.leg][head.ja4, head.http2] += 1
    found = []
    for (browser, leg, kind, version), counts in groups.items():
        ja4, http2 = shakes[browser, leg].most_common(1)[0][0]
        whole = [lines for lines in counts if not any(lines != other and is_part(lines, other) for other in counts)]
        for lines in whole:
            heads_of_it = sum(count for part, count in counts.items() if is_part(part, lines))
            found.append(Template(browser, leg, kind, version, lines, ja4, http2, heads_of_it))
    return found


@click.command()
@click.option(
    "--captures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of recorded clients with their MANIFEST.json.",
)
def main(captures: Path) -> None:
    """Derive the templates of people's request heads from recorded browsers."""
    found = templates(recorded(captures))
    save(found, CORPUS)
    click.echo(f"{len(found)} templates of {len({(one.browser, one.leg) for one in found})} browsers in {CORPUS}")


if __name__ == "__main__":
    main()
