"""Real browsers, driven from a test's own event loop: Chromium over the DevTools protocol, Firefox over WebDriver BiDi.

Both are driven in the way that changes the page least, so that a page sees the browser of a person: Chromium without
`--enable-automation` and without the Runtime domain, Firefox with `navigator.webdriver` as a person's has it.

Promises: a browser has a profile of its own and is gone at the end of its block; every wait has a deadline. Never: goes
anywhere but to loopback.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

DEADLINE = 30.0
LOOK = 0.05
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--remote-debugging-port=0", "--window-size=1280,900",
    "--disable-features=Translate,OptimizationHints", "--hide-scrollbars",
)  # fmt: skip
_DRIVEN = ("--enable-automation",)
_UNDRIVEN = ("--disable-blink-features=AutomationControlled",)  # a debugging port of 0 alone counts as driven
_UNSAID = "() => Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => false})"
_PREFERENCES = {
    "app.update.enabled": False, "browser.shell.checkDefaultBrowser": False, "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "browser.newtabpage.enabled": False, "toolkit.telemetry.enabled": False, "extensions.update.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False, "services.settings.server": "data:,", "dom.confirm_repost.testing.always_accept": True,
    "browser.region.network.url": "", "browser.search.update": False, "network.prefetch-next": False,
    "network.proxy.type": 0, "dom.disable_open_during_load": False,
}  # fmt: skip


class BrowserError(Exception):
    """What a browser says that it could not do."""


class Wire:
    """Commands and their answers over one WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The result of a command; BrowserError when it fails."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": parameters, **more}))
        async with asyncio.timeout(DEADLINE):
            said = await answer
        if said.get("error"):
            raise BrowserError(f"{method}: {said.get('error')} {said.get('message', '')}")
        return said.get("result", {})

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            answer = self._answers.pop(said.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(said)

    async def close(self) -> None:
        self._reading.cancel()
        await self._socket.close()


class Tab:
    """One tab."""

    async def go(self, address: str) -> None:
        """Begins to load a page."""
        raise NotImplementedError

    async def run(self, script: str) -> Any:
        """The value of an expression in the page, a promise's too."""
        raise NotImplementedError

    async def picture(self, file: Path) -> None:
        """Writes what is seen as PNG."""
        raise NotImplementedError

    async def text(self) -> str:
        """What can be read on the page; nothing while there is none."""
        try:
            return str(await self.run("document.body ? document.body.innerText : ''"))
        except BrowserError:
            return ""

    async def wait_for_text(self, text: str) -> None:
        """Waits until a text can be read."""
        await self.wait_for(lambda said: text in said, f"the text {text!r}")

    async def wait_for(self, holds: Any, what: str) -> str:
        """Waits until something holds of what can be read."""
        end = time.monotonic() + DEADLINE
        while not holds(said := await self.text()):
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come; the page says:\n{said}")
            await asyncio.sleep(LOOK)
        return said


class Browser:
    """A running browser."""

    name = ""

    async def tab(self) -> Tab:
        """A new tab."""
        raise NotImplementedError


class _ChromiumTab(Tab):
    def __init__(self, wire: Wire, session: str) -> None:
        self._wire, self._session = wire, session

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command for this tab."""
        return await self._wire.send(method, parameters, sessionId=self._session)

    async def go(self, address: str) -> None:
        await self.send("Page.navigate", url=address)

    async def run(self, script: str) -> Any:
        said = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise BrowserError(str(said["exceptionDetails"])[:300])
        return said["result"].get("value")

    async def picture(self, file: Path) -> None:
        said = await self.send("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(said["data"]))


class _Chromium(Browser):
    name = "chromium"

    def __init__(self, wire: Wire, javascript: bool) -> None:
        self._wire, self._javascript = wire, javascript

    async def tab(self) -> _ChromiumTab:
        target = await self._wire.send("Target.createTarget", {"url": "about:blank"})
        attached = await self._wire.send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        tab = _ChromiumTab(self._wire, attached["sessionId"])
        if not self._javascript:
            await tab.send("Emulation.setScriptExecutionDisabled", value=True)
        return tab


class _FirefoxTab(Tab):
    def __init__(self, wire: Wire, context: str) -> None:
        self._wire, self._context = wire, context

    async def go(self, address: str) -> None:
        await self._wire.send(
            "browsingContext.navigate", {"context": self._context, "url": address, "wait": "none"}
        )

    async def run(self, script: str) -> Any:
        # As JSON, for BiDi has a notation of its own for values.
        wrapped = f"Promise.resolve({script}).then(value => JSON.stringify(value === undefined ? null : value))"
        said = await self._wire.send(
            "script.evaluate",
            {"expression": wrapped, "target": {"context": self._context}, "awaitPromise": True},
        )
        if said.get("type") == "exception":
            raise BrowserError(str(said.get("exceptionDetails"))[:300])
        return json.loads(said["result"]["value"])

    async def picture(self, file: Path) -> None:
        said = await self._wire.send("browsingContext.captureScreenshot", {"context": self._context})
        file.write_bytes(base64.b64decode(said["data"]))


class _Firefox(Browser):
    name = "firefox"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def tab(self) -> Tab:
        made = await self._wire.send("browsingContext.create", {"type": "tab"})
        return _FirefoxTab(self._wire, made["context"])


@contextlib.asynccontextmanager
async def _running(command: list[str], environment: dict[str, str] | None = None) -> AsyncIterator[None]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, **(environment or {})},
    ) as process:  # fmt: skip
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _wired(address: str) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(address, max_msg_size=0)
        wire = Wire(socket)
        try:
            yield wire
        finally:
            await wire.close()


async def _lines_of(file: Path) -> list[str]:
    """The lines of a file that a browser writes once it can be driven."""
    end = time.monotonic() + DEADLINE
    while not (file.exists() and file.read_text().strip()):
        if time.monotonic() > end:
            raise AssertionError(f"{file} was not written")
        await asyncio.sleep(LOOK)
    return file.read_text().split("\n")


@contextlib.asynccontextmanager
async def chromium(
    program: Path, profile: Path, *, cookies: bool = True, javascript: bool = True, screen: str = "",
    flags: tuple[str, ...] = (), agent: str = "", driven: bool = False,
) -> AsyncIterator[Browser]:  # fmt: skip
    """Chromium with a fresh `profile`; on `screen`, or headless without one, with `agent` for its name then.

    `driven`: as Selenium, Puppeteer and Playwright start it, by which pages see navigator.webdriver.
    """
    (profile / "Default").mkdir(parents=True)
    blocked = {} if cookies else {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Default" / "Preferences").write_text(json.dumps(blocked))
    shown = () if screen else ("--headless=new", *([f"--user-agent={agent}"] if agent else []))
    command = [str(program), *_FLAGS, *shown, *(_DRIVEN if driven else _UNDRIVEN), *flags, f"--user-data-dir={profile}", "about:blank"]
    async with _running(command, {"DISPLAY": screen} if screen else None):
        port, path = (await _lines_of(profile / "DevToolsActivePort"))[:2]
        async with _wired(f"ws://127.0.0.1:{port}{path}") as wire:
            yield _Chromium(wire, javascript)


@contextlib.asynccontextmanager
async def firefox(
    program: Path, profile: Path, *, cookies: bool = True, javascript: bool = True, screen: str = "",
    driven: bool = False,
) -> AsyncIterator[Browser]:  # fmt: skip
    """Firefox with a fresh `profile`; on `screen`, or headless without one.

    `driven`: as WebDriver starts it, by which pages see navigator.webdriver.
    """
    profile.mkdir(parents=True)
    wanted = _PREFERENCES | {"javascript.enabled": javascript}
    if not cookies:
        wanted["network.cookie.cookieBehavior"] = 2
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in wanted.items())
    (profile / "user.js").write_text("\n".join(lines))
    shown = () if screen else ("--headless",)
    command = [str(program), *shown, "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    async with _running(command, {"DISPLAY": screen} if screen else None):
        place = json.loads("\n".join(await _lines_of(profile / "WebDriverBiDiServer.json")))
        async with _wired(f"ws://127.0.0.1:{place['ws_port']}/session") as wire:
            await wire.send("session.new", {"capabilities": {}})
            if not driven:
                await wire.send("script.addPreloadScript", {"functionDeclaration": _UNSAID})
            yield _Firefox(wire)
