"""The challenge's page in a real browser: accessible, quiet, quick, in light and dark, narrow and from right to left."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import chromium
from tests.conftest import Program
from tests.system.test_browser import name_of
from tests.system.test_challenged_visits import scene
from trafficguard.actions import ChallengeKind
from trafficguard.challenge.pace import Pace, Puzzle

AXE = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
SHIFTS = """new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => list.getEntries().forEach(one => sum += one.value)).observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(sum), 500);
})"""
INTERACTIVE = "performance.getEntriesByType('navigation')[0].domInteractive"
MOST_MS = 1000
"""From the wish to a page that can be used, on loopback: what is ours of it."""
KINDS: tuple[ChallengeKind, ...] = ("pow", "interactive", "refresh", "resource")
LANGUAGES = {"en": "One moment, please", "ar": "لحظة من فضلك"}


@pytest.fixture(autouse=True)
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that lasts, so that the page can be looked at."""
    monkeypatch.setattr(Pace, "puzzle", lambda *_: Puzzle(30, 16))
    for name in ("REFRESH_S", "RESOURCE_S"):
        monkeypatch.setattr(f"trafficguard.challenge.page.render.{name}", 60)


@contextlib.asynccontextmanager
async def looking(
    program: Program, folder: Path, kind: ChallengeKind, *, dark: bool = False, language: str = "en", width: int = 1280
) -> AsyncIterator[Any]:
    """A tab with the page in it."""
    path = program("chromium")
    flags = (f"--accept-lang={language}", f"--lang={language}")
    async with scene(kind) as here, chromium(path, folder / "profile", agent=name_of(path), flags=flags) as browser:
        tab: Any = await browser.tab()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await tab.send("Emulation.setEmulatedMedia", features=[scheme])
        await tab.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        await tab.go(f"{here.url}/page/7")
        await tab.wait_for_text(LANGUAGES[language])
        yield tab


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing(program: Program, tmp_path: Path, kind: ChallengeKind, dark: bool) -> None:
    async with looking(program, tmp_path, kind, dark=dark) as tab:
        await tab.run(AXE + "; true")
        found = json.loads(await tab.run("axe.run().then(r => JSON.stringify([r.violations, r.passes.length]))"))
        violations, passes = found
        said = [f"{one['id']}: {one['help']} {[node['html'] for node in one['nodes']]}" for one in violations]
        # A page that goes on by itself after two seconds is what `refresh` is; there is a link beside it.
        assert [one for one in said if not one.startswith("meta-refresh")] == []
        assert passes > 10


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_moves_and_the_page_is_soon_usable(program: Program, tmp_path: Path, kind: ChallengeKind) -> None:
    async with looking(program, tmp_path, kind) as tab:
        assert await tab.run(SHIFTS) == 0
        assert await tab.run(INTERACTIVE) < MOST_MS


async def test_a_narrow_window_needs_no_scrolling_sideways(program: Program, tmp_path: Path) -> None:
    for language in LANGUAGES:
        async with looking(program, tmp_path / language, "pow", width=320, language=language) as tab:
            assert await tab.run("document.documentElement.scrollWidth") == 320


async def test_from_right_to_left_it_is_written_so(program: Program, tmp_path: Path) -> None:
    async with looking(program, tmp_path, "interactive", language="ar") as tab:
        assert await tab.run("getComputedStyle(document.body).direction") == "rtl"
        assert await tab.run("document.querySelector('bdi').textContent.match(/^\\d \\+ \\d$/) !== null")
