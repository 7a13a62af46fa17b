"""`python -m loadtests reloading`: a hundred reloads of 200 rules in two minutes, at 60 % of what can be reached.

Promises: every figure is counted or measured; exits with 1 when a request was lost, failed, or was not judged by one
whole policy, when p99 grew beyond what it may, or when a broken file was not told of everywhere.
"""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import numpy as np
import uvloop
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.bench import crowd, heads
from loadtests.bench.configs import nginx_base
from loadtests.bench.drive import request_head
from loadtests.bench.fetch import free_port
from loadtests.bench.machine import cpu_model
from loadtests.bench.plan import Style
from loadtests.bench.programs import find
from loadtests.bench.service import Launch, running
from loadtests.reloading import versions
from loadtests.reloading.driver import Reloads, Steered, reload_often
from loadtests.reloading.steady import Traffic, drive

RESULT: Final = Path(__file__).parents[1] / "results" / "reloading.json"
MOST_P99: Final = 2.0
"""By how much p99 may grow while the policy is reloaded."""
REQUESTS: Final = 5_000
"""Different ones, sent again and again."""
FULL_S: Final = 8.0
"""Seconds in which the most is found out."""
TOLD_BY: Final = ["admin listener", "metrics", "log"]


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of traffic."""

    name: str
    sent: int
    per_second: float
    lost: int
    failed: int
    """Answers other than 200."""
    halves: int
    """Answers to requests that were not judged by one whole policy."""
    p50_ms: float
    p99_ms: float
    p999_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """All figures."""

    machine: str
    workers: int
    rules: int
    share: float
    """Of what was reached at most, that was sent."""
    phases: list[Phase]
    reloads: int
    applied_s: dict[str, tuple[float, float]]
    """Seconds until all workers followed, median and most, by who asked for the reload."""
    broken_told_by: list[str]

    @property
    def growth(self) -> float:
        """p99 while reloading, by that of the quiet stretch."""
        return self.phases[-1].p99_ms / self.phases[-2].p99_ms

    def misses(self) -> list[str]:
        """What it is held to and does not hold, in words."""
        missed = []
        for phase in self.phases:
            wrong = {"lost": phase.lost, "failed": phase.failed, "judged by half a policy": phase.halves}
            missed += [f"{phase.name}: {count} requests {what}" for what, count in wrong.items() if count]
        if self.growth > MOST_P99:
            missed.append(f"p99 grew to {self.growth:.2f} times that of the quiet stretch, more than {MOST_P99:g}")
        if self.broken_told_by != TOLD_BY:
            missed.append(f"the broken file was told of by {self.broken_told_by} only")
        return missed


def summed_up(name: str, traffic: Traffic, known: int) -> Phase:
    """A stretch in figures, while versions 0 to `known` were in force."""
    whole = [versions.labels(version) for version in range(known + 1)]
    halves = sum(count for body, count in traffic.bodies.items() if not body.endswith(tuple(whole)))
    p50, p99, p999 = np.percentile(np.array(traffic.waits) * 1000.0, [50, 99, 99.9])
    return Phase(
        name, traffic.sent, traffic.answered / traffic.seconds, traffic.lost,
        traffic.answered - traffic.statuses[200], halves, float(p50), float(p99), float(p999),
    )  # fmt: skip


def crowd_of_requests(count: int, seed: int = 1) -> list[bytes]:
    """Requests of recorded browsers and programs from many addresses."""
    rng = random.Random(seed)
    recorded, addresses, targets = heads.load(), crowd.addresses(), crowd.targets()
    return [
        request_head(rng.choice(recorded), rng.choice(targets), Style.KEEPALIVE, rng.choice(addresses))
        for _ in range(count)
    ]


def _origin(port: int, folder: Path) -> Launch:
    config = folder / "nginx.conf"
    config.write_text(nginx_base(f"""
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 $http_x_bot_labels; }}
  }}"""))
    return Launch([find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(config)])


def _proxy(port: int, origin: int, admin: int, folder: Path, workers: int) -> Launch:
    settings = {
        "listen": [f"127.0.0.1:{port}"],
        "sites": [{"upstreams": [{"servers": [f"http://127.0.0.1:{origin}"]}]}],
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "trusted": {"peers": ["127.0.0.0/8"], "header": "x-forwarded-for"},
        "policy": "policy.yaml",
        "workers": workers,
    }
    file = folder / "trafficguard.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    return Launch([find("trafficguard"), "serve", "--config", str(file)])


def _reload_often(proxy: Steered, reloads: int, seconds: float) -> Reloads:
    return uvloop.run(reload_often(proxy, reloads, seconds))


async def _measure(
    port: int, proxy: Steered, console: Console, *, share: float, reloads: int, seconds: float, connections: int,
) -> tuple[list[Phase], Reloads]:  # fmt: skip
    requests = crowd_of_requests(REQUESTS)
    # Whoever reloads has a process of its own: while it writes a policy, the generator must not be late.
    with ProcessPoolExecutor(1, get_context("spawn")) as operator:
        elsewhere = partial(asyncio.get_running_loop().run_in_executor, operator)
        await elsewhere(_reload_often, proxy, 0, 0.0)  # it has started up before anything is measured
        await drive(port, requests, rate=0, seconds=FULL_S / 2, connections=connections)
        console.print(f"finding out what can be reached: {FULL_S:g} s")
        full = await drive(port, requests, rate=0, seconds=FULL_S, connections=connections)
        phases = [summed_up("as fast as it goes", full, 0)]
        rate = share * phases[0].per_second
        console.print(f"quiet, {rate:,.0f} requests a second: {seconds:g} s")
        quiet = await drive(port, requests, rate=rate, seconds=seconds, connections=connections)
        phases.append(summed_up("quiet", quiet, 0))
        console.print(f"{reloads} reloads, {rate:,.0f} requests a second: {seconds:g} s")
        reloading = elsewhere(_reload_often, proxy, reloads, seconds)
        traffic = await drive(port, requests, rate=rate, seconds=seconds, connections=connections)
        done = await reloading
        phases.append(summed_up("reloading", traffic, reloads))
    return phases, done


def measure(console: Console, *, workers: int, rules: int, share: float, **asked: float) -> Outcome:
    """Starts everything, drives it and sums up. BenchError when something does not start."""
    with TemporaryDirectory(prefix="trafficguard-reloading-") as name:
        folder = Path(name)
        origin_home = folder / "origin"
        origin_home.mkdir()
        origin, port, admin = free_port(), free_port(), free_port()
        file = folder / "policy.yaml"
        versions.write(file, 0, rules)
        with (
            running(_origin(origin, origin_home), origin, origin_home),
            running(_proxy(port, origin, admin, folder, workers), port, folder) as service,
        ):
            proxy = Steered(service.pid, f"http://127.0.0.1:{admin}", file, folder / "output.log", rules)
            phases, reloads = uvloop.run(_measure(port, proxy, console, share=share, **asked))  # type: ignore[arg-type]
    applied = {way: (float(np.median(each)), max(each)) for way, each in reloads.seconds.items() if each}
    machine = cpu_model(Path("/proc/cpuinfo").read_text())
    return Outcome(machine, workers, rules, share, phases, reloads.count, applied, reloads.broken_told_by)


def show(outcome: Outcome, console: Console) -> None:
    """Prints the figures."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("", "requests", "per s", "lost", "failed", "by half a policy", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(column, justify="left" if not column else "right")
    for phase in outcome.phases:
        counts = map(str, (phase.lost, phase.failed, phase.halves))
        waits = (f"{wait:.2f}" for wait in (phase.p50_ms, phase.p99_ms, phase.p999_ms))
        table.add_row(phase.name, f"{phase.sent:,}", f"{phase.per_second:,.0f}", *counts, *waits)
    console.print(table)
    for way, (median, most) in outcome.applied_s.items():
        console.print(f"followed by all workers after, by {way}: {median:.2f} s in the median, {most:.2f} s at most")
    console.print(f"p99 while reloading: {outcome.growth:.2f} times that of the quiet stretch (≤ {MOST_P99:g})")
    console.print(f"the broken file was told of by: {', '.join(outcome.broken_told_by)}")


@click.command()
@click.option("--reloads", default=100, show_default=True, type=click.IntRange(2, 10_000), help="How many.")
@click.option("--seconds", default=120.0, show_default=True, type=click.FloatRange(2), help="Of each stretch.")
@click.option("--rules", default=200, show_default=True, type=click.IntRange(3, 2000), help="Of the policy.")
@click.option("--share", default=0.6, show_default=True, type=click.FloatRange(0.01, 1), help="Of the most, to send.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Of the proxy.")
@click.option("--connections", default=32, show_default=True, type=click.IntRange(1, 1000), help="Of the generator.")
@click.option("--write", is_flag=True, help=f"Keep the figures in {RESULT.parent.name}/{RESULT.name}.")
def main(*, write: bool, **asked: float) -> None:
    """Reload a policy of 200 rules again and again under load."""
    console = Console()
    outcome = measure(console, **asked)  # type: ignore[arg-type]
    show(outcome, console)
    if write:
        RESULT.write_text(json.dumps(asdict(outcome) | {"p99_growth": outcome.growth}, indent=1) + "\n")
    missed = outcome.misses()
    for miss in missed:
        console.print(f"[red]missed:[/] {miss}")
    if missed:
        raise SystemExit(1)
