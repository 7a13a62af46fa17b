"""Makes `heads.jsonl.gz` from recorded clients: `python -m loadtests.bench.derive_heads --captures FOLDER`.

Promises: every different block of headers of a recorded HTTP/1 GET once, in its own order and case, with the
name of the first client that sent it. Host is replaced, and what belongs to the one connection or would
change the answer (`DROPPED`) goes.
Never: invents or changes another header. Heads that are no valid HTTP/1.1 are left out.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from loadtests.bench.heads import CORPUS, HOST, Head, save

_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_CONDITIONS = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
DROPPED = _HOP | _CONDITIONS | {"http2-settings", "expect", "content-length", "x-forwarded-for", "forwarded"}
"""In lower case."""
FIELD = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(?P<value>[\t\x20-\x7e]*)")
"""RFC 9110 §5.1 and §5.5, without obs-text."""


def derive(raw: bytes) -> tuple[str, ...] | None:
    """The header lines to keep of one recorded head; None where it is no valid one with exactly one Host."""
    _, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    kept: list[str] = []
    hosts = 0
    for line in lines:
        field = FIELD.fullmatch(line)
        if field is None:
            return None
        name = field["name"].lower()
        if name == "host":
            hosts += 1
            kept.append(f"{field['name']}: {HOST}")
        elif name not in DROPPED:
            kept.append(line)
    return tuple(kept) if hosts == 1 else None


def recorded(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Client and head of every HTTP/1 GET recorded in the folder."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                if record.get("kind") == "request" and record.get("method") == "GET" and "raw_b64" in record:
                    yield record["client"], base64.b64decode(record["raw_b64"])


def distinct(folder: Path) -> list[Head]:
    """One head for every different block of headers."""
    heads: dict[tuple[str, ...], Head] = {}
    for client, raw in recorded(folder):
        lines = derive(raw)
        if lines is not None:
            heads.setdefault(lines, Head(client, lines))
    return list(heads.values())


@click.command()
@click.option(
    "--captures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of recorded clients: one gzipped JSON-lines file each, heads in raw_b64.",
)
def main(captures: Path) -> None:
    """Derive the benchmark's request heads from recorded clients."""
    heads = distinct(captures)
    save(heads, CORPUS)
    click.echo(f"{len(heads)} heads of {len({head.client for head in heads})} clients in {CORPUS}")


if __name__ == "__main__":
    main()
