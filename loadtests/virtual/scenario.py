"""What a virtual run consists of: all its parameters, and the actors made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from loadtests.actors.addresses import Addresses
from loadtests.actors.catalogue import Catalogue
from loadtests.actors.crawlers import WAVES, Field, Wave
from loadtests.actors.crowd import Crowd, gather
from loadtests.actors.model import SECOND, Actor
from loadtests.actors.people import Habits

HOUR = 60.0
"""Minutes; the moments in `Crowd` and `Wave` are those of an hour, and a shorter run shrinks them alike."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """All parameters of a run: the same ones give the same run."""

    seed: int = 1
    minutes: float = HOUR
    items: int = 200_000
    crowd: Crowd = field(default_factory=Crowd)
    habits: Habits = field(default_factory=Habits)
    waves: tuple[Wave, ...] = WAVES

    @property
    def shrink(self) -> float:
        """What moments of the hour are multiplied with."""
        return self.minutes / HOUR

    def with_people(self, people: int) -> Scenario:
        """The same with another number of people, office and sale in proportion."""
        share = people / self.crowd.people
        office, sale = round(self.crowd.office * share), round(self.crowd.sale * share)
        return replace(self, crowd=replace(self.crowd, people=people, office=office, sale=sale))

    def window(self, wave: Wave) -> tuple[int, int]:
        """From when to when a wave goes, in nanoseconds from the start."""
        scale = 60 * SECOND * self.shrink
        return int(wave.starts * scale), int((wave.starts + wave.lasts) * scale)


def cast(scenario: Scenario, catalogue: Catalogue) -> list[Actor]:
    """Everybody in a scenario; people first."""
    crowd = replace(scenario.crowd, sale_at=scenario.crowd.sale_at * scenario.shrink)
    actors = gather(crowd, catalogue, scenario.habits, scenario.seed, scenario.minutes)
    for wave in scenario.waves:
        random = Random(f"{wave.name} {scenario.seed}")
        starts, ends = scenario.window(wave)
        life = wave.build(Field(catalogue, random, Addresses(random), starts, ends))
        actors.append(Actor(wave.name, life, is_person=False))
    return actors
