"""Scenario files: who comes to the shop, when and how, as YAML.

Promises: whatever is wrong with a file is said at once, with file, line, column and remedy, as of settings; the same
file, seed and half give the same cast. Never: starts anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from loadtests.actors.waves import WAVES, Half
from trafficguard.demo.catalogue import MAX_PRODUCTS
from trafficguard.errors import Complaint, ConfigError, Place
from trafficguard.settings import Count, Number, Section, Text
from trafficguard.sources.complaints import complaints_of
from trafficguard.sources.document import read_document
from trafficguard.sources.tree import Tree
from trafficguard.values import BadValueError

SCENARIOS: Final = Path(__file__).parents[1] / "scenarios"
"""Where those are that come with the tool."""
Share = Annotated[Number, Field(ge=0, le=1)]
Minutes = Annotated[Number, Field(ge=0, le=600)]


class PeopleSettings(Section):
    """The crowd of people. Shares of 1; moments in minutes from the start."""

    number: Annotated[Count, Field(ge=0, le=100_000)] = 2000
    """All of them, office and sale included."""
    office: Annotated[Count, Field(ge=0)] = 0
    """People behind one address of an office (NAT)."""
    sale: Annotated[Count, Field(ge=0)] = 0
    """People who come within a minute for one item."""
    sale_at: Minutes = 0.0
    """When they do."""
    without_cookies: Share = 0.04
    """Keep no cookies."""
    without_parts: Share = 0.05
    """Load no parts of pages: contents blocked, or served by a cache in between."""
    warm: Share = 0.15
    """Have style and scripts from an earlier day."""
    without_scripts: Share = 0.01
    """Run no scripts."""
    keyboard: Share = 0.02
    """Move by keyboard or screen reader."""
    mobile_carrier: Share = 0.3
    """Of those on phones: behind one of a few addresses of their carrier."""
    log_in: Share = 0.1
    """Visits with a log-in."""
    mistyped: Share = 0.07
    """Passwords that are mistyped."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Refuses more in office and sale than there are."""
        if self.office + self.sale > self.number:
            message = f"office and sale are more people than the {self.number} there are"
            raise BadValueError(message, "raise number, or lower one of them", ("office",))
        return self


class WaveSettings(Section):
    """One wave of the catalogue (`python -m loadtests waves`). What is not given is drawn."""

    wave: Text
    """Its name."""
    starts: Minutes = 0.0
    """Minutes from the start of the scenario."""
    lasts: Annotated[Minutes, Field(gt=0)]
    """Minutes that it goes on."""
    rate: Annotated[Number, Field(gt=0, le=5000)] | None = None
    """Pages a second."""
    workers: Annotated[Count, Field(ge=1, le=1000)] | None = None
    """How many go on at the same time."""
    addresses: Annotated[Count, Field(ge=0, le=100_000)] | None = None
    """Addresses in all; 0: a fresh one for each identity."""
    jitter: Literal["none", "tenth", "uniform", "exponential", "lognormal"] | None = None
    """How even its gaps are."""
    wants: Literal["listing", "sequential", "shuffled", "long-tail", "popular", "login"] | None = None
    """What it asks for, in which order."""
    solves: Literal["nothing", "steps", "work"] | None = None
    """What it does about challenges."""
    adapts: Literal["no", "slows", "rotates", "stops"] | None = None
    """What it does when it is hindered."""
    obeys_robots: bool | None = None
    """Whether it stays away from what robots.txt forbids."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        """Refuses a name that is not in the catalogue."""
        if self.wave not in WAVES:
            raise BadValueError(f"there is no wave '{self.wave}'", f"write one of {', '.join(WAVES)}", ("wave",))
        return self


class ScenarioFile(Section):
    """A scenario."""

    version: Literal[1] = 1
    """Format of the file."""
    name: Annotated[Text, Field(pattern="^[a-z0-9-]+$")]
    """What reports call it."""
    about: Text = ""
    """What it is there to show, in a sentence."""
    runner: Literal["virtual", "sockets"] = "virtual"
    """Where it runs unless a command says otherwise."""
    minutes: Annotated[Minutes, Field(gt=0)] = 60.0
    """Length: virtual time, or real time on sockets."""
    seeds: Annotated[list[Count], Field(min_length=1)] = [101]
    """Each is a crowd and waves of its own; results are told of all together."""
    half: Half = "held-out"
    """Of the space of parameters, from which waves are drawn."""
    items: Annotated[Count, Field(ge=24, le=MAX_PRODUCTS)] = 20_000
    """Products of the shop."""
    policy: Text = "balanced"
    """A pack (balanced, strict, monitor) or the path of a policy file."""
    people: PeopleSettings = PeopleSettings()
    """Who comes to buy."""
    waves: list[WaveSettings] = []
    """Who comes to take."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        """Refuses a wave that would begin after the end."""
        for index, wave in enumerate(self.waves):
            if wave.starts >= self.minutes:
                message = f"starts after {wave.starts:g} minutes, but all ends after {self.minutes:g}"
                raise BadValueError(message, "let it start earlier", ("waves", index, "starts"))
        return self


def load(file: Path) -> ScenarioFile:
    """The scenario in a file. Raises ConfigError with all complaints."""
    tree = Tree(Place(str(file)))
    complaints = read_document(file, tree)
    if complaints and not tree.values:
        raise ConfigError(complaints)
    try:
        scenario = ScenarioFile.model_validate(tree.values)
    except ValidationError as failure:
        complaints += complaints_of(failure, tree, ScenarioFile)
        raise ConfigError(sorted(complaints, key=_place)) from failure
    if complaints:
        raise ConfigError(complaints)
    return scenario


def find(name: str) -> Path:
    """The file of that path, or of that name among those that come with the tool."""
    file = Path(name)
    known = SCENARIOS / f"{name}.yaml"
    return known if not file.exists() and known.exists() else file


def _place(complaint: Complaint) -> tuple[int, int]:
    return complaint.place.line or 0, complaint.place.column or 0
