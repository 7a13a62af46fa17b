"""The actors of a scenario, drawn from a seed.

Promises: no two actors share an address unless the scenario says so (office, carriers, the pool of a wave). Never:
shares a source of chance between two actors, so that what one meets changes nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crowd import Crowd, gather
from loadtests.actors.model import SECOND, Actor
from loadtests.actors.people import Habits
from loadtests.actors.swarm import Drawn, draw, release
from loadtests.actors.waves import WAVES, Wave
from loadtests.run.scenario import ScenarioFile, WaveSettings

MINUTE = 60 * SECOND


class Window(NamedTuple):
    """A wave as it was drawn."""

    wave: Wave
    drawn: Drawn
    starts: int
    """Nanoseconds from the start of the scenario."""
    ends: int


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody."""

    actors: list[Actor]
    """People first."""
    waves: dict[str, Window]
    """By name."""


def cast(scenario: ScenarioFile, catalogue: Catalogue, seed: int) -> Cast:
    """Everybody in a scenario with this seed."""
    actors = gather(crowd_of(scenario), catalogue, _habits(scenario), seed, scenario.minutes)
    addresses = Addresses(Random(f"waves {seed}"))
    waves: dict[str, Window] = {}
    for number, settings in enumerate(scenario.waves):
        window = _window(scenario, settings, seed, number)
        name = _name(settings.wave, waves)
        waves[name] = window
        wave = replace(window.wave, name=name)
        actors += release(wave, window.drawn, catalogue, f"{seed}", window.starts, window.ends, addresses)
    return Cast(actors, waves)


def crowd_of(scenario: ScenarioFile) -> Crowd:
    """The people of a scenario."""
    people = scenario.people
    return Crowd(
        people=people.number, office=people.office, sale=people.sale, sale_at=people.sale_at,
        without_cookies=people.without_cookies, without_parts=people.without_parts, warm=people.warm,
        without_scripts=people.without_scripts, keyboard=people.keyboard, shares_address=people.mobile_carrier,
    )  # fmt: skip


def _habits(scenario: ScenarioFile) -> Habits:
    return Habits(log_in=scenario.people.log_in, mistyped=scenario.people.mistyped)


def _window(scenario: ScenarioFile, settings: WaveSettings, seed: int, number: int) -> Window:
    wave = WAVES[settings.wave]
    given = settings.model_dump(include={"jitter", "wants", "solves", "adapts", "obeys_robots"}, exclude_none=True)
    wave = replace(wave, **given)
    drawn = draw(wave, Random(f"{scenario.half} {seed} {number} {wave.name}"), scenario.half)
    drawn = Drawn(
        settings.rate if settings.rate is not None else drawn.rate,
        settings.workers if settings.workers is not None else drawn.workers,
        settings.addresses if settings.addresses is not None else drawn.pool,
    )
    starts = int(settings.starts * MINUTE)
    return Window(wave, drawn, starts, min(starts + int(settings.lasts * MINUTE), int(scenario.minutes * MINUTE)))


def _name(name: str, taken: dict[str, Window]) -> str:
    """A wave that comes twice has a number the second time."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}-{number}"
    return free
