"""The wave's parts start together and end together, whatever becomes of the proxy."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.demo.test_run import LISTEN, children, is_answered, origin_of
from tests.demo.wave.test_figures import seen
from trafficguard.demo.run import demo_settings
from trafficguard.demo.wave import run
from trafficguard.demo.wave.run import run_wave
from trafficguard.errors import StartError
from trafficguard.settings import Settings


def test_the_crowd_comes_through_a_socket_of_its_own_and_others_need_no_header() -> None:
    settings = demo_settings(LISTEN, 9000, 1, Path("/tmp/x"))
    assert settings.listen == [LISTEN, "unix:/tmp/x"]
    assert (settings.trusted.proxy_protocol, settings.trusted.peers) == ("v2", [])
    assert demo_settings(LISTEN, 9000, 1).trusted.proxy_protocol == "off"


def test_a_proxy_that_cannot_start_leaves_nothing_behind_and_has_no_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    origins: list[str] = []
    places: list[Path] = []

    def serve(settings: Settings, **_: object) -> int:
        origins.append(origin_of(settings))
        places.append(Path(settings.listen[1].removeprefix("unix:")))
        assert places[0].parent.is_dir()
        raise StartError("the port is taken")

    before = children()
    monkeypatch.setattr(run, "serve", serve)
    with pytest.raises(StartError, match="the port is taken"):
        run_wave(LISTEN, 20, 1, 5)
    assert not is_answered(origins[0])
    assert not places[0].parent.exists()
    for child in children() - before:
        os.waitpid(child, 0)  # it has ended already, or this would wait for ever
    assert "who" not in capsys.readouterr().out


def test_who_comes_is_told_before_they_come_and_figures_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(_settings: Settings, on_events: Callable[[list[object]], None], on_ready: Callable[[], None]) -> int:
        async def begin() -> None:
            on_ready()

        asyncio.run(begin())
        on_events([seen("127.0.0.1")])
        return 7

    monkeypatch.setattr(run, "serve", serve)
    assert run_wave(LISTEN, 20, 1, 5) == 7
    told = capsys.readouterr().out
    stories, figures = told.split("strongest reason", 1)
    for name in ("people", "loop", "claimant", "scraper", "rotator", "stuffer"):
        assert f"  {name} " in stories
    assert f"http://{LISTEN}/" in stories
    assert "you " in figures
    assert "none of 0 requests of people was held up" in figures
