"""Heads of real clients, recorded against a small shop, and how to put them in front of a guard.

One JSON object a line: client, class, human, secure (it spoke https) and the head as text. `people` are
browsers as people use them, `programs` say what they are, `impersonators` do not, `driven` are browsers that
programs drive. `people-h2` are HTTP/2 header lists, which a proxy in front would write as HTTP/1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trafficguard.exchange import Request
from trafficguard.http.head import RequestHead, RequestReader

FOLDER = Path(__file__).parent


def clients(name: str) -> list[dict[str, Any]]:
    """The entries of one file of the corpus."""
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def head_of(text: str) -> RequestHead:
    """The head in a text with CRLF or plain line ends."""
    lines = text.strip(" \r\n").replace("\r\n", "\n").split("\n")
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    head = RequestReader().read(raw)
    assert isinstance(head, RequestHead), head
    return head


def request_of(text: str, secure: bool) -> Request:
    """A request with this head from an unremarkable client."""
    return Request(head_of(text), "192.0.2.1", secure, "shop.example", b"0")


def as_proxied(entry: dict[str, Any], version: str, *own_lines: str) -> str:
    """The HTTP/1 head that a proxy makes of an entry of `people-h2`, with lines of its own in front."""
    lines = [f"{name}: {value}" for name, value in entry["headers"] if name != "te"]
    return "\n".join(
        (f"{entry['method']} {entry['path']} HTTP/{version}", "Host: shop.example", *own_lines, *lines)
    )
