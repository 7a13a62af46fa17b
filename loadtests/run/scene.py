"""A proxy as users start it, with something behind it, for as long as a block lasts.

Promises: whatever happens in the block, nothing that was started is left behind. Never: listens beyond loopback.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.fetch import free_port
from loadtests.bench.service import Launch, running
from loadtests.run.settings import HTTP2_HEADER, JA4_HEADER, site
from loadtests.run.wire import Via

ROOT = Path(__file__).parents[2]
_READY = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """What runs."""

    port: int
    """Of the proxy."""
    behind: int
    """Of what is behind it."""
    pid: int
    """Of the proxy's supervisor."""

    def cpu_s(self) -> float:
        """CPU that all of the proxy's processes have used."""
        return cpu_seconds(self.pid)


@contextmanager
def scene(
    behind: Literal["plain"] | int, via: Via, policy: str, mode: Literal["enforce", "shadow"] = "enforce",
    workers: int = 1, log: Path | None = None,
) -> Iterator[Scene]:  # fmt: skip
    """`behind`: the sample shop with so many products, or the plain origin; `log`: a decision log of all requests."""
    with TemporaryDirectory(prefix="trafficguard-run-") as name:
        folder, home = Path(name), Path(name) / "behind"
        home.mkdir()
        origin, port, admin = free_port(), free_port(), free_port()
        what = ["plain"] if behind == "plain" else ["shop", str(behind)]
        command = [sys.executable, "-m", "loadtests.run.backends", *what, str(origin)]
        file = folder / "trafficguard.yaml"
        file.write_text(json.dumps(settings(port, origin, admin, via, policy, mode, workers, log)))  # JSON is YAML
        serve = [sys.executable, "-m", "trafficguard", "serve", "--config", str(file)]
        path = {"PYTHONPATH": str(ROOT)}
        with (
            running(Launch(command, path), origin, home),
            running(Launch(serve, path), admin, folder, _READY) as service,
        ):
            yield Scene(port, origin, service.pid)


def settings(
    port: int, origin: int, admin: int, via: Via, policy: str, mode: str, workers: int, log: Path | None = None
) -> dict[str, Any]:
    """Settings of the proxy: those of anybody, but for who may tell the client's address."""
    trusted: dict[str, Any] = {}
    if via is Via.PROXY:
        trusted = {"peers": ["127.0.0.0/8"], "proxy_protocol": "v2"}
    elif via is Via.HEADER:
        trusted = {
            "peers": ["127.0.0.0/8"], "header": "x-forwarded-for", "ja4_header": JA4_HEADER,
            "http2_header": HTTP2_HEADER,
        }  # fmt: skip
    return {
        "listen": [f"127.0.0.1:{port}"],
        "workers": workers,
        "mode": mode,
        "policy": policy,
        "fuse": 1,
        "sites": [site(f"http://127.0.0.1:{origin}")],
        "trusted": trusted,
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "limits": {"connections_per_address": 4096},
        **({"log": {"file": str(log), "sample": 1}} if log else {}),
    }
