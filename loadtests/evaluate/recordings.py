"""Reads recorded sessions: one gzipped file of JSON lines per client, as the folder's own README describes.

Promises: a session holds its requests in order of time; what carried no request is left out. Never: judges.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trafficguard.clock import SECOND
from trafficguard.exchange import Handshake
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.header_list import ListReader
from trafficguard.http.refusal import Refusal

START: Final = 1_700_000_000 * SECOND
"""When every session starts; recordings have clocks of their own."""


class RecordingError(Exception):
    """A folder that holds no recordings, or a line in it that cannot be read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request."""

    head: RequestHead | Refusal
    at: int
    """Nanoseconds since the epoch."""
    status: int
    secure: bool
    telemetry: bool
    """A post of the shop's own script, no request that a visitor chose to make."""
    handshake: Handshake


@dataclass(frozen=True, slots=True)
class Session:
    """One client on one leg."""

    client: str
    leg: str
    kind: str
    """The class of the client."""
    family: str
    human: bool
    requests: tuple[Recorded, ...]

    @property
    def held_out(self) -> bool:
        """Whether its family is in the half that no rule was chosen on."""
        return hashlib.blake2b(self.family.encode(), digest_size=1).digest()[0] % 2 == 1


def read_sessions(folder: Path) -> Iterator[Session]:
    """All sessions in a folder, client by client; RecordingError when there are none."""
    families = _families(folder)
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise RecordingError(f"{folder} holds no *.jsonl.gz")
    for file in files:
        try:
            lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
            yield from _sessions(lines, families)
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise RecordingError(f"{file.name}: {error!r}") from error


def _families(folder: Path) -> dict[str, str]:
    """Family by client, as far as a manifest tells; clients without one are families of their own."""
    manifest = folder / "MANIFEST.json"
    if not manifest.is_file():
        return {}
    clients = json.loads(manifest.read_text(encoding="utf-8"))["clients"]
    return {entry["client"]: entry["family"] for entry in clients}


def _sessions(lines: list[dict[str, Any]], families: dict[str, str]) -> Iterator[Session]:
    legs: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if line["kind"] == "request" and ("raw_b64" in line or "headers" in line):
            legs.setdefault(line["leg"], []).append(line)
    for leg, records in legs.items():
        records.sort(key=lambda record: float(record["t"]))
        first, reader, lists = records[0], RequestReader(), ListReader()
        client = first["client"]
        requests = tuple(_recorded(record, reader, lists) for record in records)
        yield Session(
            client, leg, first["class"], families.get(client, client), bool(first["human"]), requests
        )


def _recorded(record: dict[str, Any], reader: RequestReader, lists: ListReader) -> Recorded:
    head = (
        reader.read(base64.b64decode(record["raw_b64"]))
        if "raw_b64" in record
        else lists.read((name.encode("latin-1"), value.encode("latin-1")) for name, value in record["headers"])
    )
    return Recorded(
        head,
        START + int(float(record["t"]) * SECOND),
        int(record.get("status") or 0),
        record["transport"].endswith("-tls"),
        bool(record.get("telemetry")),
        Handshake(record.get("ja4") or "", record.get("h2_fingerprint") or ""),
    )
