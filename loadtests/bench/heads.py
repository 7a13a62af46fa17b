"""The request heads: the one of `hot`, and the recorded ones of `mixed`.

Promises: the headers of `mixed` are as real programs sent them, order and case kept; `derive_heads.py` made
the file from the recorded clients and says what it left out.
Never: the target and the address of a request (`crowd`).
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

HOST = "shop.test"
CORPUS = Path(__file__).with_name("heads.jsonl.gz")


@dataclass(frozen=True)
class Head:
    """The header lines of one recorded request."""

    client: str
    """Name of the recorded client."""
    lines: tuple[str, ...]
    """`Name: value`, without line ends; Host is among them."""


HOT = Head(
    "firefox",
    (
        f"Host: {HOST}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.9",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Upgrade-Insecure-Requests: 1",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: none",
        "Priority: u=0, i",
    ),
)
"""A navigation as Firefox sends it over TLS; Connection belongs to the connection style."""


def load(path: Path = CORPUS) -> list[Head]:
    """All recorded heads, in the order of the file."""
    with gzip.open(path, "rt", encoding="latin-1") as file:
        records = [json.loads(line) for line in file]
    return [Head(record["client"], tuple(record["lines"])) for record in records]


def save(heads: list[Head], path: Path) -> None:
    """Write the corpus; the same heads give the same bytes."""
    lines = (json.dumps({"client": head.client, "lines": head.lines}) for head in heads)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode("ascii"), 9, mtime=0))
