"""`python -m loadtests bogus`: what a flood of bogus submissions costs, beside proxying as many requests.

`trafficguard serve` stands in front of an nginx. In turn it gets requests that it passes on, and submissions to
`/.trafficguard/solve` with forged tickets, each another one. What counts is the processor time of its whole process
tree, from /proc, per request.

Promises: both kinds come over the same kept connections, in rounds that alternate; every answer is looked at. Never:
sends anywhere but to loopback.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import numpy as np
import uvloop
from rich.console import Console

from loadtests.bench.configs import nginx_base
from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.errors import BenchError
from loadtests.bench.fetch import free_port
from loadtests.bench.machine import cpu_model
from loadtests.bench.programs import find
from loadtests.bench.service import Launch, running
from loadtests.reloading.steady import Traffic, drive

RESULT: Final = Path(__file__).parent / "results" / "bogus.json"
MOST: Final = 1.0
"""What a bogus submission may cost, by what proxying a request costs."""
_DIFFERENT: Final = 20_000
_CONNECTIONS: Final = 16
_BROWSER: Final = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures."""

    machine: str
    submissions: int
    bogus_us: float
    """Processor time of one bogus submission, µs."""
    proxied_us: float
    """The same of one request that is passed on."""

    @property
    def ratio(self) -> float:
        """One by the other."""
        return self.bogus_us / self.proxied_us


def _requests() -> list[bytes]:
    return [f"GET /product/{at} HTTP/1.1\r\nHost: shop.example\r\n{_BROWSER}\r\n".encode() for at in range(_DIFFERENT)]


def _submissions() -> list[bytes]:
    made = []
    for _ in range(_DIFFERENT):
        sent = {"challenge": urlsafe_b64encode(os.urandom(78)).decode(), "answers": ["12345678"] * 16, "took": 900}
        body = json.dumps(sent)
        made.append(
            f"POST /.trafficguard/solve HTTP/1.1\r\nHost: shop.example\r\n{_BROWSER}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    return made


def _cost(pid: int, port: int, requests: list[bytes], seconds: float, status: int) -> tuple[float, Traffic]:
    before = cpu_seconds(pid)
    traffic = uvloop.run(drive(port, requests, rate=0, seconds=seconds, connections=_CONNECTIONS))
    spent = cpu_seconds(pid) - before
    if traffic.statuses[status] != traffic.answered or traffic.lost:
        raise BenchError(f"expected {status} only, got {dict(traffic.statuses)}, {traffic.lost} lost")
    return spent * 1e6 / traffic.answered, traffic


def measure(count: int, seconds: float, console: Console) -> Outcome:
    """Rounds until there were `count` bogus submissions. BenchError when something does not start or answers oddly."""
    with TemporaryDirectory(prefix="trafficguard-bogus-") as name:
        folder = Path(name)
        origin, port = free_port(), free_port()
        (folder / "nginx.conf").write_text(
            nginx_base(f"server {{ listen 127.0.0.1:{origin}; location / {{ return 200 ok; }} }}")
        )
        nginx = Launch([find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")])
        (folder / "policy.yaml").write_text("version: 1\nrules: [{name: all, when: true, action: pass}]\n")
        (folder / "trafficguard.yaml").write_text(
            json.dumps({
                "listen": [f"127.0.0.1:{port}"], "policy": "policy.yaml", "admin": {"listen": "none"},
                "sites": [{"upstreams": [{"servers": [f"http://127.0.0.1:{origin}"]}]}],
            })  # JSON is YAML
        )  # fmt: skip
        proxy = Launch([find("trafficguard"), "serve", "--config", str(folder / "trafficguard.yaml")])
        with running(nginx, origin, folder), running(proxy, port, folder) as service:
            plain, forged = _requests(), _submissions()
            _cost(service.pid, port, plain, seconds / 2, 200)
            costs: list[tuple[float, float]] = []
            done = 0
            while done < count:
                bogus, traffic = _cost(service.pid, port, forged, seconds, 403)
                proxied, _ = _cost(service.pid, port, plain, seconds, 200)
                costs.append((bogus, proxied))
                done += traffic.answered
                console.print(f"{done:,} bogus submissions: {bogus:.0f} µs; a request passed on: {proxied:.0f} µs")
    medians = np.median(np.array(costs), axis=0)
    machine = cpu_model(Path("/proc/cpuinfo").read_text())
    return Outcome(machine, done, float(medians[0]), float(medians[1]))


@click.command()
@click.option("--count", default=50_000, show_default=True, type=click.IntRange(1000), help="Submissions, at least.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.5), help="Of each round.")
@click.option("--check", is_flag=True, help="Exit with 1 when a submission costs more than a request.")
@click.option("--write", is_flag=True, help=f"Keep the figures in {RESULT.parent.name}/{RESULT.name}.")
def main(count: int, seconds: float, *, check: bool, write: bool) -> None:
    """Compare a flood of bogus submissions with proxying."""
    console = Console()
    outcome = measure(count, seconds, console)
    console.print(
        f"{outcome.submissions:,} bogus submissions: {outcome.bogus_us:.1f} µs each, {outcome.ratio:.2f} times "
        f"what it costs to pass a request on ({outcome.proxied_us:.1f} µs)"
    )
    if write:
        RESULT.write_text(json.dumps(asdict(outcome) | {"ratio": outcome.ratio}, indent=1) + "\n", encoding="utf-8")
    if check and outcome.ratio > MOST:
        raise SystemExit(1)
