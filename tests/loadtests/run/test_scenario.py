"""Scenario files: what is wrong with them is said with its place, and the same file gives the same cast."""

from __future__ import annotations

from math import log
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.actors.model import Actor, Answer, Ask
from loadtests.actors.places import SampleShop
from loadtests.actors.swarm import Drawn, draw
from loadtests.actors.waves import BINS, HALVES, WAVES, Span
from loadtests.run.cast import MINUTE, cast
from loadtests.run.command import chosen
from loadtests.run.scenario import SCENARIOS, ScenarioFile, find, load
from trafficguard.errors import ConfigError

SHOP = SampleShop(240)
BROKEN = """\
version: 1
name: Mine
minutes: 5
people: {number: 10, office: 20}
waves:
  - {wave: naive, lasts: 2, rat: 3}
  - {wave: nobody, lasts: 2}
  - {wave: naive, starts: 9, lasts: 2}
"""


def small(**changes: object) -> ScenarioFile:
    return ScenarioFile.model_validate({
        "name": "small", "minutes": 3, "items": 240, "people": {"number": 12},
        "waves": [{"wave": "naive", "starts": 0.5, "lasts": 1}, {"wave": "rotating-proxies", "starts": 1, "lasts": 1}],
        **changes,
    })  # fmt: skip


def first_asks(actors: list[Actor], each: int = 3) -> list[tuple[str, int, str, bytes, str]]:
    """What everybody asks for first when all goes well."""
    told = []
    for actor in actors:
        ask: Ask | None = next(actor.life, None)
        for _ in range(each):
            if ask is None:
                break
            told.append((actor.name, ask.at, ask.address, ask.path, ask.browser.name))
            try:
                ask = actor.life.send(Answer(200, at=ask.at))
            except StopIteration:
                break
    return told


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.yaml")), ids=lambda file: file.stem)
def test_scenarios_that_come_with_the_tool_are_read_under_their_name(file: Path) -> None:
    scenario = load(file)
    assert scenario.name == file.stem
    assert scenario.half == "held-out"
    assert find(file.stem) == file


def test_together_they_show_every_wave_and_enough_people() -> None:
    scenarios = [load(file) for file in SCENARIOS.glob("*.yaml")]
    assert {wave.wave for scenario in scenarios for wave in scenario.waves} == WAVES.keys()
    virtual = [scenario for scenario in scenarios if scenario.runner == "virtual"]
    assert sum(scenario.people.number * len(scenario.seeds) for scenario in virtual) >= 30_000
    assert len({seed for scenario in virtual for seed in scenario.seeds}) >= 15
    assert max(scenario.people.number for scenario in scenarios if scenario.runner == "sockets") >= 3000
    assert min(scenario.items for scenario in scenarios) >= 20_000


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(BROKEN)
    with pytest.raises(ConfigError) as caught:
        load(file)
    text = str(caught.value)
    for place, words in (
        ("mine.yaml:2:", "name"), ("mine.yaml:4:", "office and sale are more people"), ("mine.yaml:6:", "rat"),
        ("mine.yaml:7:", "there is no wave 'nobody'"),
    ):  # fmt: skip
        assert any(place in line and words in line for line in text.splitlines()), text


def test_a_wave_that_begins_after_the_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nminutes: 5\nwaves:\n  - {wave: naive, starts: 9, lasts: 2}\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:4:.*all ends after 5"):
        load(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load(find(str(tmp_path / "nowhere.yaml")))


def test_the_same_file_and_seed_give_the_same_cast() -> None:
    one, two, other = (first_asks(cast(small(), SHOP, seed).actors) for seed in (5, 5, 6))
    assert one == two != other


def test_people_come_as_often_as_said_and_waves_when_they_are_due() -> None:
    everybody = cast(small(), SHOP, 5)
    assert sum(actor.is_person for actor in everybody.actors) == 12
    for name, window in everybody.waves.items():
        starts = [at for who, at, *_ in first_asks(cast(small(), SHOP, 5).actors, 1) if who == name]
        assert starts and min(starts) >= window.starts
        assert window.ends <= 3 * MINUTE


def test_a_wave_that_comes_twice_has_a_number_the_second_time() -> None:
    waves = [{"wave": "naive", "lasts": 1}] * 2
    assert list(cast(small(waves=waves), SHOP, 5).waves) == ["naive", "naive-2"]


def test_what_a_file_says_of_a_wave_is_not_drawn() -> None:
    waves = [{"wave": "shuffled", "lasts": 1, "rate": 7.5, "workers": 3, "addresses": 2, "solves": "work", "adapts": "stops"}]
    window = cast(small(waves=waves), SHOP, 5).waves["shuffled"]
    assert window.drawn == Drawn(7.5, 3, 2)
    assert (window.wave.solves, window.wave.adapts) == ("work", "stops")


@given(st.floats(0.01, 100), st.floats(1.5, 50), st.integers())
def test_halves_of_a_span_do_not_overlap(low: float, factor: float, seed: int) -> None:
    span = Span(low, low * factor)
    for odd, half in enumerate(HALVES):
        place = log(span.draw(Random(seed), half) / low) / log(factor) * BINS
        assert 0 <= place <= BINS
        assert place == pytest.approx(round(place), abs=1e-6) or int(place) % 2 == odd


@pytest.mark.parametrize("name", [name for name, wave in WAVES.items() if wave.rate.low < wave.rate.high])
def test_both_halves_give_every_wave_other_rates(name: str) -> None:
    rates = {half: {draw(WAVES[name], Random(str(seed)), half).rate for seed in range(30)} for half in HALVES}
    assert not rates["tuning"] & rates["held-out"]


def test_a_shorter_run_shrinks_moments_and_fewer_people_their_groups() -> None:
    scenario = chosen(small(people={"number": 100, "office": 20, "sale": 40, "sale_at": 1}), minutes=1.5, people=50)
    assert (scenario.minutes, scenario.waves[1].starts, scenario.waves[0].lasts) == (1.5, 0.5, 0.5)
    people = scenario.people
    assert (people.number, people.office, people.sale, people.sale_at) == (50, 10, 20, 0.5)
