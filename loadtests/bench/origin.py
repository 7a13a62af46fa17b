"""The origin behind every target: an nginx of its own that answers 1 KiB from memory.

Promises: the same status, headers and body for every target of a request, at a cost far below any proxy's; at
`SEEN` it answers with the X-Forwarded-For it was sent.
Never: reads a file, logs, or closes a kept connection.
"""

from __future__ import annotations

from pathlib import Path

from loadtests.bench.configs import nginx_base
from loadtests.bench.programs import find
from loadtests.bench.service import Launch

SEEN = "/bench-seen-for"
"""The target that shows what arrived in X-Forwarded-For."""

_ITEMS = "".join(f"<li><a href='/product/{number}'>Product {number}</a></li>" for number in range(1, 22))
_PAGE = f"<!doctype html><html lang='en'><title>Shop</title><body><ul>{_ITEMS}</ul></body></html>"
BODY = _PAGE.ljust(1024).encode()
"""What every proxied answer must hold."""


def config(port: int) -> str:
    """nginx configuration of the origin."""
    return nginx_base(f"""
  server {{
    listen 127.0.0.1:{port};
    default_type 'text/html; charset=utf-8';
    add_header Cache-Control 'private, max-age=0, must-revalidate';
    add_header ETag '"65f1c0de-400"';
    add_header Vary Accept-Encoding;
    add_header X-Content-Type-Options nosniff;
    add_header Referrer-Policy strict-origin-when-cross-origin;
    location = {SEEN} {{ return 200 $http_x_forwarded_for; }}
    location / {{ return 200 "{BODY.decode()}"; }}
  }}""")


def launch(port: int, folder: Path) -> Launch:
    """Write the configuration and say how to start it."""
    path = folder / "nginx.conf"
    path.write_text(config(port))
    return Launch([find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(path)])
