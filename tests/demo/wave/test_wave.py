"""The whole wave in virtual time, judged by the real guard with the default policy."""

from __future__ import annotations

import pytest

from tests.demo.wave.lives import Fate, Play
from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.wave.cast import make_cast
from trafficguard.demo.wave.run import SECONDS


@pytest.fixture(scope="module", params=[1, 2, 3])
def fates(request: pytest.FixtureRequest) -> dict[str, Fate]:
    return Play().run(make_cast(Catalogue(2_000), request.param), SECONDS)


def test_people_pass_and_are_never_held_up(fates: dict[str, Fate]) -> None:
    assert set(fates["people"].actions) == {"pass"}
    assert fates["people"].actions["pass"] > 100


def test_a_program_that_says_so_is_blocked_at_once_and_gives_up(fates: dict[str, Fate]) -> None:
    assert set(fates["loop"].actions) == {"block"}
    assert fates["loop"].gave_up is not None


def test_who_claims_to_be_a_search_engine_is_paced(fates: dict[str, Fate]) -> None:
    assert set(fates["claimant"].actions) == {"throttle"}


def test_a_scraper_climbs_step_by_step_from_pass_to_block(fates: dict[str, Fate]) -> None:
    at = fates["scraper"].at
    assert sorted(at, key=lambda action: at[action]) == ["pass", "throttle", "challenge", "block"]
    assert fates["scraper"].gave_up is not None


@pytest.mark.parametrize("name", ["rotator", "stuffer"])
def test_rotating_addresses_and_stuffing_are_blocked_in_time_for_everybody_to_see_it(fates: dict[str, Fate], name: str) -> None:
    fate = fates[name]
    assert {"pass", "challenge", "block"} <= set(fate.actions)
    assert fate.at["block"] < SECONDS - 5
    assert fate.gave_up is not None
