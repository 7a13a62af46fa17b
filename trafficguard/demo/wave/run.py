"""`trafficguard demo --wave`: the shop, the proxy and the crowd together, and the figures at the end.

Promises: one call starts all and ends all, after the stated time or when interrupted; the figures come in any case,
once the proxy was ready. The crowd's socket lies in a folder of its own, which is gone then. Never: touches a file of
the user's.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console

from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.run import ShopProcess, demo_settings
from trafficguard.demo.view import View
from trafficguard.demo.wave.cast import Role, make_cast
from trafficguard.demo.wave.crowd import END, Crowd
from trafficguard.demo.wave.figures import Figures
from trafficguard.demo.wave.view import WAVE_HEADING, WaveView
from trafficguard.supervisor import serve

SECONDS: Final = 30.0
"""How long a wave goes on."""
_SEED: Final = 1
_LAST_LINES_S: Final = 0.5
"""Until the last requests have been recorded."""


def run_wave(listen: str, products: int, workers: int, seconds: float) -> int:
    """Runs for `seconds` or until interrupted; the exit code. StartError when a port cannot be had."""
    out = View(sys.stdout)
    out.say(f"Starting a shop with {products} products ...")
    cast = make_cast(Catalogue(products), _SEED)
    shop = ShopProcess(products)
    try:
        with TemporaryDirectory(prefix="trafficguard-") as folder:
            place = Path(folder) / "crowd"
            crowd = Crowd(cast, place, seconds)
            wave = Wave(cast, out, crowd)
            try:
                settings = demo_settings(listen, shop.port, workers, place)
                return serve(settings, on_events=wave.show, on_ready=lambda: wave.begin(listen, shop.port, seconds))
            finally:
                crowd.end()
                wave.conclude(products)
    finally:
        shop.end()


class Wave:
    """What is shown of a wave, from its beginning to its figures."""

    def __init__(self, cast: tuple[Role, ...], out: View, crowd: Crowd) -> None:
        self._cast = cast
        self._out = out
        self._crowd = crowd
        self._figures = Figures(cast)
        columns = shutil.get_terminal_size().columns if out.is_coloured else None
        self._view = WaveView(cast, coloured=out.is_coloured, columns=columns)
        self._has_begun = False

    def begin(self, listen: str, shop_port: int, seconds: float) -> None:
        """Says who comes, and lets them in. Called from the event loop of the proxy's supervisor."""
        self._has_begun = True
        self._out.say(
            f"\nFor {seconds:g} seconds come:\n\n{self._stories()}\n\n"
            f"  the shop through TrafficGuard   http://{listen}/   (join in, if you like)\n"
            f"  the shop without it             http://127.0.0.1:{shop_port}/\n\n"
            f"One line a second for each, (+9) says how many more there were. Stop with Ctrl-C.\n\n{WAVE_HEADING}"
        )
        asyncio.get_running_loop().add_reader(self._crowd.told, self._hear)
        self._crowd.start()

    def show(self, events: list[Any]) -> None:
        """Counts recorded requests and shows some of them."""
        for event in events:
            self._figures.note(event)
        self._say(self._view.lines(events, self._figures.role_of))

    def conclude(self, products: int) -> None:
        """Shows the figures."""
        if self._has_begun:
            self._out.say("")
            Console(file=self._out.stream, highlight=False).print(self._figures.table())
            self._out.say(self._figures.sentence(products))

    def _stories(self) -> str:
        return "\n".join(f"  {self._view.name(role.name)} {role.story}" for role in self._cast)

    def _hear(self) -> None:
        """Somebody gave up, or all is over."""
        lines = os.read(self._crowd.told, 4096).decode().split()
        self._say(f"{self._view.name(name)} gives up" for name in lines if name != END)
        if END in lines or not lines:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._crowd.told)
            loop.call_later(_LAST_LINES_S, os.kill, os.getpid(), signal.SIGTERM)

    def _say(self, lines: Iterable[str]) -> None:
        text = "\n".join(lines)
        if text:
            self._out.say(text)
