"""Sets clients on the sample shop, one after another, while the person shops there.

Promises: the person is there from before the first client until after the last. What a client says goes nowhere but
into the reason why it could not be tried. Never: waits for a client for longer than a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from loadtests.clients import person
from loadtests.clients.catalogue import Client
from loadtests.clients.fates import Fate, fate_of
from loadtests.clients.gate import gate
from loadtests.clients.tools import Tools
from loadtests.run.scene import Scene, scene
from loadtests.run.wire import Via

PERSON: Final = "person"
PATIENCE_S: Final = 60.0
_CATALOGUE: Final = 2000
_LOGGED_S: Final = 1.5
"""Within which the decision log has what was decided."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Who is to meet whom."""

    tools: Tools
    clients: Sequence[Client]
    items: int
    """That each client wants."""
    seconds: float
    """That the person shops at least; 0: nobody does."""
    say: Callable[[str], None]
    """Is told how far it is."""

    def hold(self) -> list[Fate]:
        """What became of each: of the person first, then of the clients in their order."""
        with TemporaryDirectory(prefix="trafficguard-clients-") as name:
            log = Path(name) / "log.jsonl"
            with scene(_CATALOGUE, Via.PROXY, "balanced", log=log) as here:
                troubles = asyncio.run(self._meet(here, Path(name)))
            events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        everybody = [(PERSON, PERSON)] * bool(self.seconds) + [(client.name, client.sort) for client in self.clients]
        first = 0 if self.seconds else 1
        return [
            fate_of(name, sort, address(number), events, troubles[name])
            for number, (name, sort) in enumerate(everybody, first)
        ]

    async def _meet(self, here: Scene, folder: Path) -> dict[str, str]:
        """Why those could not be tried who could not; empty words for the others."""
        troubles: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            if self.seconds:
                troubles[PERSON] = person.missing(self.tools)
                if not troubles[PERSON]:
                    port = await stack.enter_async_context(gate(here.port, address(0)))
                    home = f"http://127.0.0.1:{port}/"
                    await stack.enter_async_context(person.shopping(home, folder / "profile", seed=1))
            ends = time.monotonic() + (self.seconds if not troubles.get(PERSON) else 0.0)
            for number, client in enumerate(self.clients, 1):
                self.say(f"{number} of {len(self.clients)}: {client.name}")
                troubles[client.name] = client.missing(self.tools) or await self._try(here, client, address(number))
            await asyncio.sleep(max(_LOGGED_S, ends - time.monotonic()))
        return troubles

    async def _try(self, here: Scene, client: Client, source: str) -> str:
        """What a client complained of last when it gave up; only used where it never asked for anything."""
        async with gate(here.port, source) as port:
            with TemporaryDirectory(prefix="trafficguard-client-") as home:
                process = await asyncio.create_subprocess_exec(
                    *client.start(self.tools, f"http://127.0.0.1:{port}", self.items),
                    cwd=home, env=_environment(), start_new_session=True,
                    stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                )  # fmt: skip
                said = b""
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        _, said = await process.communicate()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:100] if process.returncode and lines else ""


def address(number: int) -> str:
    """The address of a client by its number; each has a network of its own, the person is number 0."""
    return f"198.18.{number}.7"


def _environment() -> dict[str, str]:
    """Without what would lead a client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
