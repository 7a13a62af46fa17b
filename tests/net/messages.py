"""Requests and answers as bytes.

Promises: what is made is exactly what the arguments say; nothing is added but Host and what frames a body. Never: opens
a socket.
"""

from __future__ import annotations

import re


def get(path: str = "/", *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without body; `lines` come after Host."""
    tail = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {path} HTTP/{version}\r\nHost: shop.example\r\n{tail}\r\n".encode("latin-1")


def post(body: bytes, path: str = "/", *lines: str) -> bytes:
    """A request with a body of stated length."""
    return get(path, *lines, f"Content-Length: {len(body)}", method="POST") + body


def chunked(*chunks: bytes, path: str = "/") -> bytes:
    """A request with a body in chunks."""
    return get(path, "Transfer-Encoding: chunked", method="POST") + in_chunks(*chunks)


def in_chunks(*chunks: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def ok(body: bytes = b"ok", extra: bytes = b"") -> bytes:
    """A plain answer; `extra` holds header lines, each with its CRLF."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), extra, body)


def statuses(answers: bytes) -> list[int]:
    """Status codes of the heads in a stream of answers whose bodies hold no status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answers)]


def value_of(head: bytes, name: str) -> str | None:
    """The value of a header in a raw head."""
    match = re.search(rb"\r\n%b: *([^\r]*)\r\n" % name.encode(), head, re.IGNORECASE)
    return match[1].decode("latin-1") if match else None
