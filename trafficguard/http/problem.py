"""Our own errors, as a small page for people and as problem details (RFC 9457) for programs.

Promises: which of the two is decided by Accept alone; both carry the request id, so that a visitor can be helped,
and nothing else about how the decision came about. Never: echoes anything the client sent.
"""

from __future__ import annotations

import html
import json
from http import HTTPStatus
from typing import Final

HTML: Final = b"text/html; charset=utf-8"
JSON: Final = b"application/problem+json"
PLAIN: Final = b"text/plain; charset=utf-8"

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }}
code {{ font-size: .95em; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{detail}</p>
<p>If you need help, quote this request number: <code>{request_id}</code></p>
</main>
</body>
</html>
"""


def render(
    status: int, detail: str, request_id: str, accept: bytes | None, title: str = ""
) -> tuple[bytes, bytes]:
    """Media type and body of an error answer to a client that sent `accept`."""
    title = title or phrase_of(status)
    if wants_html(accept):
        page = _PAGE.format(title=title, detail=html.escape(detail), request_id=html.escape(request_id))
        return HTML, page.encode()
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request_id": request_id}
    return JSON, json.dumps(problem).encode()


def phrase_of(status: int) -> str:
    """What a status is called; for one that has no name, what its class is."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused" if status < 500 else "Not Available"


def wants_html(accept: bytes | None) -> bool:
    """Whether `text/html` is asked for by name with a quality above 0; `*/*` alone gets problem details."""
    for item in (accept or b"").split(b","):
        media_type, *parameters = (part.strip().lower() for part in item.split(b";"))
        if media_type in (b"text/html", b"application/xhtml+xml"):
            return not any(parameter.rstrip(b"0.") == b"q=" for parameter in parameters)
    return False
