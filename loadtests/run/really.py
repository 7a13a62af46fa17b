"""A scenario over sockets, seed by seed: in front of the sample shop and a proxy of its own, or against a URL.

Promises: what it starts it ends. Never: a target beyond loopback; a URL of any other host is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import numpy as np
import uvloop

from loadtests.actors.places import SampleShop
from loadtests.run.cast import cast
from loadtests.run.ceiling import Ceiling, measure
from loadtests.run.metrics import Costs
from loadtests.run.scenario import ScenarioFile
from loadtests.run.scene import scene
from loadtests.run.sockets import Play, Traffic
from loadtests.run.virtually import Played, Progress, lean
from loadtests.run.wire import Via, loopback
from loadtests.virtual.samples import Samples
from loadtests.virtual.separability import check

CEILING_S: Final = 4.0
"""Seconds of each stretch in which ceilings are found."""


def perform(
    scenario: ScenarioFile, progress: Progress, tell: Callable[[str], None], *, url: str | None = None,
    via: Via = Via.PROXY, ceiling_s: float = CEILING_S, workers: int = 1,
) -> tuple[list[Played], Costs]:  # fmt: skip
    """All seeds, and what it took."""
    catalogue = SampleShop(scenario.items)
    ceiling = None
    if url is None and ceiling_s:
        with scene("plain", Via.HEADER, scenario.policy, "shadow", workers) as here:
            ceiling = uvloop.run(measure(here, catalogue, ceiling_s, tell))
    played, traffics, cpu = [], [], 0.0
    for seed in scenario.seeds:
        tell(f"{scenario.name}, seed {seed}: {scenario.minutes:g} minutes of real time")
        everybody, samples = cast(scenario, catalogue, seed), Samples()
        seconds = scenario.minutes * 60

        def told(share: float, seed: int = seed) -> None:
            progress(seed, share)

        if url is not None:
            host, port = target(url)
            play = Play(everybody.actors, seed, host, port, via, samples)
            traffics.append(uvloop.run(play.run(seconds, told)))
        else:
            with scene(scenario.items, via, scenario.policy, workers=workers) as here:
                play = Play(everybody.actors, seed, "127.0.0.1", here.port, via, samples)
                before = here.cpu_s()
                traffics.append(uvloop.run(play.run(seconds, told)))
                cpu += here.cpu_s() - before
        played.append(Played(lean(traffics[-1].record), everybody.waves, check(samples, seed)))
    return played, costs(traffics, ceiling, cpu)


def target(url: str) -> tuple[str, int]:
    """Address and port of a URL; ValueError for one that is not plain HTTP on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url}: write http://127.0.0.1:PORT")
    return loopback(parts.hostname, parts.port or 80)


def costs(traffics: list[Traffic], ceiling: Ceiling | None, cpu_s: float) -> Costs:
    """What the runs took."""
    waits = np.concatenate([np.array(traffic.record.waits, dtype=np.float64) for traffic in traffics]) / 1e6
    late = np.concatenate([np.array(traffic.late) for traffic in traffics]) * 1000
    requests = sum(traffic.record.requests for traffic in traffics)
    seconds = sum(traffic.seconds for traffic in traffics)
    none = Ceiling(0.0, 0.0, 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)
    found = ceiling or none
    one, two, three = np.percentile(waits, [50, 99, 99.9]) if waits.size else (0.0, 0.0, 0.0)
    return Costs(
        rate=requests / seconds if seconds else 0.0,
        people_ms=(float(one), float(two), float(three)),
        direct_ms=found.direct_ms,
        through_ms=found.through_ms,
        steady_rate=found.steady,
        ceiling=found.alone,
        joint=found.joint,
        proxy_cpu_us=found.proxy_cpu_us,
        crowd_cpu_us=1e6 * cpu_s / requests if requests else 0.0,
        generator_cpu=sum(traffic.cpu_s for traffic in traffics) / seconds if seconds else 0.0,
        late_ms=float(np.percentile(late, 99)) if late.size else 0.0,
    )
