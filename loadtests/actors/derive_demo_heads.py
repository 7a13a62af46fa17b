"""Makes the heads of `trafficguard demo --wave`: `python -m loadtests.actors.derive_demo_heads --captures FOLDER`.

Browsers come from `templates`, on the leg over TLS on which they spoke HTTP/1.1, on the systems named in `BROWSERS`; of
several templates of a kind the one that explains most recorded heads. Programs come from recordings of their own.

Promises: the same templates and recordings give the same file. Never: invents a line.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Final

import click

from loadtests.actors.templates import Kind, Values, browsers
from trafficguard.demo.wave import heads

BROWSERS: Final = (
    "chromium-windows", "chromium-mac", "chromium-phone", "firefox-windows", "firefox-linux", "epiphany-linux",
)  # fmt: skip
"""Browser and system."""
PROGRAMS: Final = {"requests": "requests", "googlebot": "requests-googlebot"}
"""Recordings of programs, by the name that they get."""
_SAID: Final = Values(
    host=b"{host}", origin=b"{origin}", referer=b"{referer}", cookie=b"{cookie}", length=0, site=b"{site}"
)
_LENGTH: Final = "content-length"


def derive(captures: Path) -> list[heads.Browser]:
    """All programs that the demo's crowd uses."""
    programs = (_program(name, captures / f"{source}.jsonl.gz") for name, source in PROGRAMS.items())
    return [*map(_browser, BROWSERS), *programs]


def _browser(name: str) -> heads.Browser:
    family, _, system = name.partition("-")
    source = browsers()[f"{family}-tlsh1-{system}"]
    found = heads.Browser(name)
    for kind in heads.Kind:
        asked = Kind(kind.value)
        if source.sends(asked):
            weights = source.weights(asked)
            raw = source.head(asked, b"GET", b"/", _SAID, weights.index(max(weights)))
            found.lines[kind] = tuple(map(_with_place, _lines_of(raw)))
    return found


def _program(name: str, recording: Path) -> heads.Browser:
    with gzip.open(recording, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    longest = max(
        (_lines_of(base64.b64decode(one["raw_b64"])) for one in records if one["method"] == "GET" and "raw_b64" in one),
        key=len,
    )
    return heads.Browser(name, {heads.Kind.PAGE: tuple(map(_with_place, longest))})


def _lines_of(raw: bytes) -> list[str]:
    return raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")[1:]


def _with_place(line: str) -> str:
    name, _, value = line.partition(": ")
    place = {"host": "{host}", "cookie": "{cookie}", _LENGTH: "{length}"}.get(name.lower(), value)
    return f"{name}: {place}"


@click.command()
@click.option("--captures", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
def main(captures: Path) -> None:
    """Write the heads of the demo's crowd."""
    found = derive(captures)
    heads.save(found, heads.FILE)
    click.echo(f"{len(found)} programs, {sum(len(one.lines) for one in found)} heads")


if __name__ == "__main__":
    main(prog_name="python -m loadtests.actors.derive_demo_heads")
