"""`python -m loadtests rules`: what the rules of a policy cost a request, in microseconds.

A crowd of recorded heads, half of them for pages that nobody else asks for, is decided by the policy in force by
default (`balanced`), and by the same with 200 rules of an operator on top: names of programs, paths, networks, headers,
methods, hours, scores. Rounds alternate, and each request counts with the median of its rounds, so that what else the
machine does shows little; what the clock itself costs is taken off.

Promises: only `decide` is timed, and every rule is in force or in shadow. Never: counts what it takes to describe a
request as facts, which the guard does; Python hashes each header's text once there, 0.1 µs that are missing here.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.bench import crowd, heads
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.engine import Policy, network_of
from trafficguard.policy.facts import ROUTES, WEEKDAYS, Facts
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.networks import number_of
from trafficguard.scoring.score import score_of

LIMIT_MEAN_US: Final = 5.0
"""Most that 200 rules may add to a request in the mean."""
LIMIT_P99_US: Final = 10.0
"""The same at the 99th percentile."""
RULES: Final = 200
REQUESTS: Final = 20_000


def operator_rules(count: int) -> list[dict[str, Any]]:
    """Rules such as operators collect over the years; every fifth weighs, one in twenty is in shadow."""
    made = []
    for number in range(count):
        when = _CONDITIONS[number % len(_CONDITIONS)].format(
            n=number, hex=f"{number:04x}", third=number % 250, hour=number % 24, score=50 + number % 50
        )
        effect: dict[str, Any] = {"weigh": 0.5} if number % 5 == 0 else {"action": "block"}
        shadow = {"mode": "shadow"} if number % 20 == 0 else {}
        made.append({"name": f"rule-{number}", "when": when, **effect, **shadow})
    return made


_CONDITIONS: Final = (
    'headers["user-agent"].matches(r"(?i)crawler{n}[/ ]")',
    'headers["user-agent"].contains("Grabber-{n}/")',
    'path.startsWith("/old-shop/{n}/")',
    'path in ["/hidden/{n}", "/hidden/{n}/"] && method == "POST"',
    'address in ["10.{third}.{third}.0/24", "2001:db8:{hex}::/48"]',
    'path.matches(r"^/api/v{n}/[a-z]+\\.json$") && score > {score}',
    'headers["x-partner"] == "partner-{n}"',
    'host == "shop-{n}.example" || host == "www.shop-{n}.example"',
    'headers["referer"].matches(r"^https?://spam{n}\\.")',
    'time.hour == {hour} && path == "/night/{n}" && !session.passed',
)


def crowd_of_facts(count: int, seed: int = 1) -> list[Facts]:
    """Requests as a guard would describe them."""
    rng = random.Random(seed)
    recorded = [_headers(head) for head in heads.load()]
    addresses, targets = crowd.addresses(), crowd.targets()
    made = []
    for number in range(count):
        address = rng.choice(addresses)
        path, _, query = rng.choice(targets).partition("?")
        path = f"{path}/{number}" if number % 2 else path  # every other one was never seen before
        evidence = rng.choice((0.0, 0.0, 0.0, 0.7, 2.0, 3.5, 5.0, 8.0))
        labels = frozenset(("ua.library",)) if number % 20 == 0 else frozenset[str]()
        made.append(
            Facts(
                score_of(evidence), evidence, labels, rng.choice(ROUTES), "GET", path, query, rng.choice(recorded),
                address, number_of(address), network_of(address), heads.HOST, heads.HOST, True, "f", "", False, True,
                False, rng.randrange(24), rng.choice(WEEKDAYS), 0.5, 0.1, 0.0, 1.0,
            )
        )  # fmt: skip
    return made


def _headers(head: heads.Head) -> dict[str, str]:
    pairs = (line.partition(": ") for line in head.lines)
    return {name.lower(): value for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Cost:
    """What deciding costs, in microseconds."""

    policy: str
    mean: float
    p50: float
    p99: float


def measure(count: int, requests: int, rounds: int) -> list[Cost]:
    """The costs without and with `count` rules, and what they add: at p99, beyond the mean without them."""
    more = BALANCED.model_dump(by_alias=True, exclude_unset=True)
    more["rules"] = [*operator_rules(count), *more["rules"]]
    policies = (build(BALANCED), build(PolicyFile.model_validate(more)))
    facts = crowd_of_facts(requests)
    taken = [[_timed(policy, facts) for policy in policies] for _ in range(rounds)]
    clock = _clock()
    without, full = (np.median([one[at] for one in taken], axis=0) / 1000.0 - clock for at in (0, 1))
    base, more_of_it = _cost("balanced", without), _cost(f"balanced and {count} rules", full)
    added = Cost("the rules add", more_of_it.mean - base.mean, more_of_it.p50 - base.p50, more_of_it.p99 - base.mean)
    return [base, more_of_it, added]


def _timed(policy: Policy, facts: list[Facts]) -> NDArray[np.int64]:
    """Nanoseconds of each decision."""
    decide, errors, clock = policy.decide, policy.new_errors(), time.perf_counter_ns
    taken = np.zeros(len(facts), dtype=np.int64)
    for index, one in enumerate(facts):
        began = clock()
        decide(one, errors)
        taken[index] = clock() - began
    return taken


def _clock() -> float:
    """Microseconds that looking at the clock twice costs."""
    clock = time.perf_counter_ns
    return float(np.median([-(clock() - clock()) for _ in range(1000)])) / 1000.0


def _cost(name: str, microseconds: NDArray[np.float64]) -> Cost:
    p50, p99 = np.percentile(microseconds, [50, 99])
    return Cost(name, float(microseconds.mean()), float(p50), float(p99))


@click.command()
@click.option("--rules", "count", default=RULES, show_default=True, type=click.IntRange(1, 2000), help="How many.")
@click.option("--requests", default=REQUESTS, show_default=True, type=click.IntRange(100, 1_000_000), help="How many.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="Measurements of each.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option(
    "--check", is_flag=True,
    help=f"Exit with 1 when they add more than {LIMIT_MEAN_US:g} µs in the mean or {LIMIT_P99_US:g} µs at p99.",
)  # fmt: skip
def main(count: int, requests: int, rounds: int, json_file: Path | None, check: bool) -> None:
    """Time what the rules of a policy add to a request."""
    costs = measure(count, requests, rounds)
    table = Table(box=SIMPLE_HEAD)
    for column in ("policy", "mean µs", "p50 µs", "p99 µs"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for cost in costs:
        table.add_row(cost.policy, f"{cost.mean:.2f}", f"{cost.p50:.2f}", f"{cost.p99:.2f}")
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", encoding="utf-8")
    if check and (costs[-1].mean > LIMIT_MEAN_US or costs[-1].p99 > LIMIT_P99_US):
        raise SystemExit(1)
