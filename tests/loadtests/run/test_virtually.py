"""Scenarios in virtual time: the real guard, paces and challenges, in seconds."""

from __future__ import annotations

import json

import pytest

from loadtests.actors.places import SampleShop
from loadtests.actors.waves import WAVES
from loadtests.run.metrics import Figures
from loadtests.run.record import BLOCKED, CHALLENGED, OWN
from loadtests.run.report import as_json, as_markdown
from loadtests.run.scenario import ScenarioFile
from loadtests.run.virtually import Played, figures, play, play_all

SEEDS = [3, 4]


def scenario(*waves: str, minutes: float = 6, people: int = 60) -> ScenarioFile:
    return ScenarioFile.model_validate({
        "name": "small", "minutes": minutes, "items": 240, "people": {"number": people}, "seeds": SEEDS,
        "waves": [{"wave": wave, "starts": minutes / 3, "lasts": minutes / 2} for wave in waves],
    })  # fmt: skip


def nothing(_seed: int, _share: float) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def small() -> ScenarioFile:
    return scenario("naive", "sequential", "solver")


@pytest.fixture(scope="module")
def played(small: ScenarioFile) -> list[Played]:
    return play_all(small, SEEDS, 1, nothing)


@pytest.fixture(scope="module")
def found(small: ScenarioFile, played: list[Played]) -> Figures:
    return figures(small, SEEDS, played)


def test_a_script_is_blocked_from_its_first_request_on(found: Figures) -> None:
    naive = next(wave for wave in found.waves if wave.name == "naive")
    assert naive.recall.share == 1.0
    assert naive.refusal is not None
    assert naive.refusal.request == 1


def test_one_who_walks_through_the_items_is_stopped_and_people_are_not(found: Figures) -> None:
    sequential = next(wave for wave in found.waves if wave.name == "sequential")
    assert sequential.recall.share > 0.5
    everybody = found.people[0]
    assert everybody.blocked.size == 2 * 60
    assert (everybody.blocked.hits, everybody.limited.hits) == (0, 0)


def test_a_solver_solves_and_is_judged_all_the_same(played: list[Played]) -> None:
    traces = [one.record.waves["solver"] for one in played]
    assert any(OWN in trace.fates for trace in traces)
    assert all(BLOCKED in trace.fates or CHALLENGED in trace.fates for trace in traces)


def test_figures_do_not_depend_on_the_number_of_processes(small: ScenarioFile, found: Figures) -> None:
    again = figures(small, SEEDS, play_all(small, SEEDS, 2, nothing))
    assert [(wave.name, wave.recall, wave.leaked) for wave in again.waves] == [
        (wave.name, wave.recall, wave.leaked) for wave in found.waves
    ]
    assert again.people == found.people
    assert again.requests == found.requests


def test_a_report_tells_the_half_the_waves_and_the_people(found: Figures) -> None:
    text = as_markdown(found, "python -m loadtests run small")
    assert "half `held-out`" in text
    assert "`python -m loadtests run small`" in text
    for name in ("naive", "sequential", "solver", "everybody"):
        assert f"| {name} |" in text
    record = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert record["waves"][0]["recall"]["share"] == 1.0
    assert record["people"][0]["blocked"]["bound"] == pytest.approx(3 / 120, rel=0.05)


@pytest.mark.parametrize("name", WAVES)
def test_every_wave_asks_for_what_the_shop_has_by_heads_that_the_proxy_reads(name: str) -> None:
    one = play(scenario(name, minutes=3, people=5), 9)
    trace = one.record.waves[name]
    assert len(trace.fates) >= 5
    # A head that the proxy refuses raises; a path that the shop does not have would be answered with 404.
    served = [item for item in trace.items if item]
    assert all(1 <= item <= 240 for item in served)


def test_the_shop_of_actors_has_what_the_sample_shop_has() -> None:
    shop = SampleShop(240)
    paths = [b"/", b"/login", b"/cart", b"/product/1", b"/product/240", b"/api/products/7", *(path for _, path in shop.frame)]
    paths += [shop.listing_path(category, shop.leaves(category)) for category in range(1, shop.categories + 1)]
    assert {shop.find(path).status for path in paths} == {200}
    missing = [b"/product/241", b"/product/0", b"/product/x", b"/category/nowhere", b"/nothing", shop.listing_path(1, 99)]
    assert {shop.find(path).status for path in missing} == {404}
