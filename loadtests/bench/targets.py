"""The programs that are compared, and how each is started.

Promises: one row per target; adding one is adding a row.
Never: measures; says why a target is configured as it is (the package does).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench import configs
from loadtests.bench.configs import Place
from loadtests.bench.programs import find, first_line, package
from loadtests.bench.service import Launch

PROXY_FILE = Path(__file__).with_name("aiohttp_proxy.py")


@dataclass(frozen=True)
class Target:
    """One program under test."""

    name: str
    launch: Callable[[Place, Path], Launch]
    """Writes what the program needs into a folder of its own and says how to start it there."""
    version: Callable[[], str]
    """What the program says about itself; BenchError when it is not installed."""


def _written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def _nginx(place: Place, folder: Path) -> Launch:
    config = _written(folder, "nginx.conf", configs.nginx(place))
    return Launch([find("nginx"), "-e", "stderr", "-p", str(folder), "-c", config])


def _haproxy(place: Place, folder: Path) -> Launch:
    config = _written(folder, "haproxy.cfg", configs.haproxy(place))
    return Launch([find("haproxy"), "-db", "-f", config])


def _caddy(place: Place, folder: Path) -> Launch:
    config = _written(folder, "Caddyfile", configs.caddy(place))
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    command = [find("caddy"), "run", "--adapter", "caddyfile", "--config", config]
    return Launch(command, {**home, "GOMAXPROCS": "1"})


def _aiohttp(place: Place, _folder: Path) -> Launch:
    # -P: the proxy's own folder must not shadow modules that aiohttp imports.
    return Launch(
        [sys.executable, "-P", str(PROXY_FILE), str(place.port), f"http://127.0.0.1:{place.origin}"]
    )


def _trafficguard(place: Place, folder: Path) -> Launch:
    flags = ["--listen", f"127.0.0.1:{place.port}", "--upstream", f"http://127.0.0.1:{place.origin}"]
    flags += ["--workers", "1", "--shadow"]
    if place.trusting:
        flags += ["--config", _written(folder, "trafficguard.yaml", configs.TRAFFICGUARD)]
    return Launch([find("trafficguard"), "serve", *flags])


def _aiohttp_version() -> str:
    return f"aiohttp {package('aiohttp')} on uvloop {package('uvloop')}"


BASELINE = "nginx"
"""The target that ratios are formed to."""

TARGETS = {
    target.name: target
    for target in (
        Target("nginx", _nginx, lambda: first_line("nginx", "-v").removeprefix("nginx version: ")),
        Target("haproxy", _haproxy, lambda: first_line("haproxy", "-v").partition(" - ")[0]),
        Target("caddy", _caddy, lambda: first_line("caddy", "version").partition(" ")[0]),
        Target("aiohttp", _aiohttp, _aiohttp_version),
        Target("trafficguard", _trafficguard, lambda: package("trafficguard")),
    )
}
