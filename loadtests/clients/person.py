"""One person: a browser with a window on a screen that nobody sees, moved by mouse and keyboard as by a hand.

What is moved are the pointer and the keys of the X server (xdotool): the browser is started as from a desktop, is told
nothing, and reports to nobody. The person looks round a department, scrolls, opens items, goes back, puts one into the
cart and searches.

Promises: pauses and ways of the pointer are drawn with a seed. Never: drives the browser by a protocol of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from loadtests.clients.tools import Tools, find

NEEDS: Final = ("Xvfb", "chromium", "xdotool")
WIDTH, HEIGHT = 1280, 900
_START_S: Final = 6.0
"""Until the first page has been looked at."""
_FLAGS: Final = (
    "--no-sandbox", "--kiosk", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--lang=en-GB", f"--window-size={WIDTH},{HEIGHT}", "--window-position=0,0",
)  # fmt: skip
_DEPARTMENTS: Final = tuple((x, 80) for x in (72, 154, 243, 352, 450, 530))
_TILES: Final = tuple((x, y) for x in (160, 400, 640, 870) for y in (420, 560))
"""Where items are on a listing that was scrolled a little."""
_SEARCH: Final = (560, 36)
_ADD: Final = (747, 572)


def missing(tools: Tools) -> str:
    """What the person lacks, and what brings it."""
    return next((words for name in NEEDS if (words := tools.missing(name))), "")


@asynccontextmanager
async def shopping(url: str, folder: Path, seed: int) -> AsyncIterator[None]:
    """Somebody shops as long as the block lasts, with a profile in a folder. Raises what kept them from it."""
    going = asyncio.create_task(_shop(url, folder, seed))
    try:
        yield
    finally:
        going.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await going


async def _shop(url: str, folder: Path, seed: int) -> None:
    async with _screen() as screen, _browser(url, folder, screen):
        hand = _Hand(screen, Random(seed))
        await asyncio.sleep(_START_S)
        while True:
            await hand.look_round()


class _Hand:
    """Moves pointer and keys."""

    def __init__(self, screen: str, random: Random) -> None:
        self._screen = screen
        self._random = random
        self._at = (640.0, 450.0)

    async def look_round(self) -> None:
        """A department, two or three of its items, the cart or a search."""
        random = self._random
        await self._click(random.choice(_DEPARTMENTS))
        await self._read(3, 7)
        for _ in range(random.randint(2, 3)):
            await self._scroll(random.randint(2, 4))
            await self._click(random.choice(_TILES))
            await self._read(4, 9)
            if random.random() < 0.3:
                await self._click(_ADD)
                await self._read(2, 4)
            await self._keys("key", "alt+Left")
            await self._read(1, 3)
        if random.random() < 0.5:
            await self._click(_SEARCH)
            await self._keys("type", "--delay", str(random.randint(90, 160)), random.choice(("lamp", "mug", "blanket")))
            await self._keys("key", "Return")
            await self._read(3, 6)

    async def _read(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self._random.uniform(shortest, longest))

    async def _scroll(self, notches: int) -> None:
        for _ in range(notches):
            await self._keys("click", "5")
            await asyncio.sleep(self._random.uniform(0.08, 0.35))

    async def _click(self, place: tuple[float, float]) -> None:
        """Goes there in an arc with an uneven hand, stays for a moment, presses."""
        random, (x, y) = self._random, self._at
        aim = place[0] + random.gauss(0, 5), place[1] + random.gauss(0, 3)
        bow, steps = random.gauss(0, 40), random.randint(14, 26)
        for step in range(1, steps + 1):
            way = (1 - math.cos(math.pi * step / steps)) / 2
            lift = bow * math.sin(math.pi * way)
            await self._keys("mousemove", f"{x + (aim[0] - x) * way:.0f}", f"{y + (aim[1] - y) * way + lift:.0f}")
            await asyncio.sleep(random.uniform(0.006, 0.022))
        self._at = aim
        await asyncio.sleep(random.uniform(0.08, 0.4))
        await self._keys("click", "1")

    async def _keys(self, *command: str) -> None:
        tool = await asyncio.create_subprocess_exec(find("xdotool"), *command, env=_at(self._screen))
        await tool.wait()


def _at(screen: str) -> dict[str, str]:
    return {**os.environ, "DISPLAY": screen}


@asynccontextmanager
async def _screen() -> AsyncIterator[str]:
    told, telling = os.pipe()
    options = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-displayfd", str(telling)]
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(find("Xvfb"), *options, pass_fds=[telling], stderr=quiet)
    os.close(telling)
    try:
        with os.fdopen(told) as answer:
            yield f":{int(await asyncio.to_thread(answer.readline))}"
    finally:
        server.terminate()
        await server.wait()


@asynccontextmanager
async def _browser(url: str, folder: Path, screen: str) -> AsyncIterator[None]:
    command = [find("chromium"), *_FLAGS, f"--user-data-dir={folder}", url]
    quiet = asyncio.subprocess.DEVNULL
    browser = await asyncio.create_subprocess_exec(
        *command, env=_at(screen), stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(5):
                await browser.wait()
        except TimeoutError:
            os.killpg(browser.pid, signal.SIGKILL)
            await browser.wait()
