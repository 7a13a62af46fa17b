"""A scenario in virtual time, seed by seed, each in a process of its own where there is room.

Promises: the figures do not depend on how many processes there were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from loadtests.actors.places import SampleShop
from loadtests.run.cast import Window, cast
from loadtests.run.metrics import Costs, Figures, people_figures, wave_figures
from loadtests.run.record import Record
from loadtests.run.scenario import ScenarioFile
from loadtests.run.virtual import Runner, house
from loadtests.virtual.samples import Samples
from loadtests.virtual.separability import Separability, check
from trafficguard.load import load_policy
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.engine import Policy
from trafficguard.sources.packs import policy_path

Progress = Callable[[int, float], None]
"""Told a seed and the share of it that is done."""


@dataclass(slots=True)
class Played:
    """One seed's run, and what it was made of."""

    record: Record
    waves: dict[str, Window]
    separability: Separability


def policy_of(scenario: ScenarioFile) -> Policy:
    """The policy of a scenario. Raises ConfigError."""
    return build(BALANCED) if scenario.policy == "balanced" else load_policy(policy_path(scenario.policy))


def play(scenario: ScenarioFile, seed: int, progress: Callable[[float], None] = lambda _share: None) -> Played:
    """One seed."""
    catalogue, samples = SampleShop(scenario.items), Samples()
    everybody = cast(scenario, catalogue, seed)
    with house(policy_of(scenario), catalogue) as here:
        record = Runner(everybody.actors, here, seed, samples).run(scenario.minutes, progress)
    return Played(lean(record), everybody.waves, check(samples, seed))


def play_all(scenario: ScenarioFile, seeds: Sequence[int], processes: int, progress: Progress) -> list[Played]:
    """All seeds, in their order."""
    if processes == 1 or len(seeds) == 1:
        return [play(scenario, seed, partial(progress, seed)) for seed in seeds]
    found: dict[int, Played] = {}
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        runs = {pool.submit(play, scenario, seed): seed for seed in seeds}
        for run in as_completed(runs):
            found[runs[run]] = run.result()
            progress(runs[run], 1.0)
    return [found[seed] for seed in seeds]


def lean(record: Record) -> Record:
    """Without what only noting needs; plain dicts, so that it travels between processes."""
    record.waves, record.actions = dict(record.waves), dict(record.actions)
    return record


def figures(
    scenario: ScenarioFile, seeds: Sequence[int], played: Sequence[Played], costs: Costs | None = None
) -> Figures:
    """All figures of a scenario."""
    records = [one.record for one in played]
    waves = []
    for name, window in played[0].waves.items():
        traces = [one.record.waves[name] for one in played if name in one.record.waves]
        drawn = "; ".join(_drawn(one.waves[name]) for one in played)
        waves.append(wave_figures(window.wave, drawn, traces, scenario.items))
    why: dict[str, int] = {}
    for life in (life for record in records for life in record.people.values()):
        for rule, count in life.why.items():
            why[rule] = why.get(rule, 0) + count
    checks = [one.separability for one in played]
    return Figures(
        scenario.name, scenario.about, "sockets" if costs is not None else "virtual", tuple(seeds), scenario.half,
        scenario.minutes, scenario.policy, sum(record.requests for record in records), people_figures(records),
        tuple(waves), tuple(sorted(why.items(), key=lambda pair: -pair[1])),
        max(checks, key=lambda one: (not one.is_valid, one.auc or 0.0)).text, all(one.is_valid for one in checks),
        costs,
    )  # fmt: skip


def _drawn(window: Window) -> str:
    drawn = window.drawn
    addresses = f"{drawn.pool} addresses" if drawn.pool else "fresh addresses"
    return f"{drawn.rate:.2g}/s by {drawn.workers} from {addresses}"

