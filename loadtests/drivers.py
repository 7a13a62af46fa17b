"""`python -m loadtests drivers`: what becomes of programs that drive a real browser when they are challenged.

Every client asks a proxy that challenges everybody with `pow` for one page and then for another. The decision log of
the proxy says whether it solved the challenge and what it scored afterwards, when its pass tells what its page told.

What is to be tried has to be there: Chromium (and chromedriver for Selenium) from the system, `pip install playwright
patchright nodriver selenium` beside TrafficGuard or in another environment (`--python`), and for Puppeteer a folder
with `npm install puppeteer-core puppeteer-extra puppeteer-extra-plugin-stealth` (`--node-home`). What is missing is
said to be.

Promises: each client has a proxy of its own, which has seen nobody before. Never: goes anywhere but to loopback.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtests.bench.configs import nginx_base
from loadtests.bench.fetch import free_port
from loadtests.bench.programs import find
from loadtests.bench.service import Launch, running

RESULT: Final = Path(__file__).parent / "results" / "drivers.json"
CAUGHT: Final = 75.0
"""Bot score from which the policies that come with the program block."""
PATIENCE_S: Final = 60.0
_GREETING: Final = "Welcome to the shop"
_LOGGED_S: Final = 1.5
"""Seconds until the decision log has what happened."""

_PLAYWRIGHT: Final = """
import sys
from importlib import import_module
with import_module(sys.argv[3] + ".sync_api").sync_playwright() as p:
    browser = p.chromium.launch(executable_path=sys.argv[2], headless=sys.argv[4] == "headless", args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(sys.argv[1])
    page.wait_for_selector("text=Welcome to the shop", timeout=20000)
    page.goto(sys.argv[1] + "/next")
    browser.close()
"""
_SELENIUM: Final = """
import sys, time
from selenium import webdriver
options = webdriver.ChromeOptions()
options.binary_location = sys.argv[2]
options.add_argument("--no-sandbox")
if sys.argv[4] == "headless":
    options.add_argument("--headless=new")
driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
driver.get(sys.argv[1])
for _ in range(100):
    if "Welcome to the shop" in driver.page_source:
        break
    time.sleep(0.2)
driver.get(sys.argv[1] + "/next")
driver.quit()
"""
_NODRIVER: Final = """
import asyncio, sys, nodriver
async def main():
    headless = sys.argv[4] == "headless"
    browser = await nodriver.start(browser_executable_path=sys.argv[2], headless=headless, sandbox=False)
    tab = await browser.get(sys.argv[1])
    for _ in range(100):
        if "Welcome to the shop" in await tab.get_content():
            break
        await asyncio.sleep(0.2)
    await tab.get(sys.argv[1] + "/next")
    await asyncio.sleep(1)
    browser.stop()
nodriver.loop().run_until_complete(main())
"""
_PUPPETEER: Final = """
const core = require("puppeteer-core");
let puppeteer = core;
if (process.argv[3] === "stealth") {
  puppeteer = require("puppeteer-extra").addExtra(core);
  puppeteer.use(require("puppeteer-extra-plugin-stealth")());
}
(async () => {
  const headless = process.argv[4] === "headless";
  const browser = await puppeteer.launch({ executablePath: process.argv[2], headless, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  await page.goto(process.argv[1]);
  await page.waitForFunction(() => document.body && document.body.innerText.includes("Welcome"), { timeout: 20000 });
  await page.goto(process.argv[1] + "/next");
  await browser.close();
})().catch(error => { console.error(String(error)); process.exit(1); });
"""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that drives a browser."""

    name: str
    script: str
    argument: str
    """What the script is told besides."""
    window: bool

    @property
    def is_node(self) -> bool:
        """Whether it runs on Node.js."""
        return self.script is _PUPPETEER


CLIENTS: Final = tuple(
    Client(f"{name}, {'window' if window else 'headless'}", script, argument, window)
    for name, script, argument in (
        ("Playwright", _PLAYWRIGHT, "playwright"), ("Selenium", _SELENIUM, "-"), ("Puppeteer", _PUPPETEER, "plain"),
        ("puppeteer-extra stealth", _PUPPETEER, "stealth"), ("patchright", _PLAYWRIGHT, "patchright"),
        ("nodriver", _NODRIVER, "-"),
    )
    for window in (False, True)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a client."""

    client: str
    trouble: str
    """Why it could not be tried; empty when it could."""
    solved: bool
    score: float
    """Highest bot score after the challenge."""
    reasons: list[str]


def _settings(port: int, origin: int, folder: Path) -> dict[str, Any]:
    return {
        "listen": [f"127.0.0.1:{port}"], "policy": "policy.yaml", "admin": {"listen": "none"},
        "sites": [{"upstreams": [{"servers": [f"http://127.0.0.1:{origin}"]}]}],
        "log": {"file": str(folder / "log.jsonl"), "sample": 1},
    }  # fmt: skip


@contextmanager
def _scene(folder: Path) -> Iterator[tuple[int, Path]]:
    """A proxy that challenges everybody, and its decision log."""
    origin, port = free_port(), free_port()
    page = f"<!doctype html><title>shop</title><h1>{_GREETING}</h1>"
    (folder / "nginx.conf").write_text(nginx_base(
        f"server {{ listen 127.0.0.1:{origin}; default_type text/html; location / {{ return 200 '{page}'; }} }}"
    ))  # fmt: skip
    rules = [
        {"name": "ask", "when": 'path.startsWith("/page")', "action": "challenge"},
        {"name": "rest", "when": "true", "action": "pass"},
    ]
    (folder / "policy.yaml").write_text(json.dumps({"version": 1, "rules": rules}))  # JSON is YAML
    (folder / "trafficguard.yaml").write_text(json.dumps(_settings(port, origin, folder)))
    nginx = Launch([find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    proxy = Launch([find("trafficguard"), "serve", "--config", str(folder / "trafficguard.yaml")])
    with running(nginx, origin, folder), running(proxy, port, folder):
        yield port, folder / "log.jsonl"


def _try(client: Client, port: int, log: Path, python: str, node_home: Path | None) -> Fate:
    target = "/page/7"
    home = node_home if client.is_node else None
    if client.is_node and home is None:
        return Fate(client.name, "no --node-home", solved=False, score=0.0, reasons=[])
    start = ["node", "-e", client.script] if client.is_node else [python, "-c", client.script]
    look = "window" if client.window else "headless"
    told = [f"http://127.0.0.1:{port}{target}", find("chromium"), client.argument, look]
    try:
        ran = subprocess.run([*start, *told], capture_output=True, text=True, timeout=PATIENCE_S, cwd=home, check=False)
    except subprocess.TimeoutExpired:
        return Fate(client.name, "it did not end", solved=False, score=0.0, reasons=[])
    time.sleep(_LOGGED_S)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [one for one in events if one["target"].startswith(target)]
    if not mine:
        last = (ran.stderr.strip().splitlines() or ["it never came"])[-1]
        return Fate(client.name, last[:100], solved=False, score=0.0, reasons=[])
    passed = [one for one in mine if one["rule"].endswith("+passed")]
    worst = max(passed or mine, key=lambda one: float(one["score"]))
    return Fate(client.name, "", solved=bool(passed), score=worst["score"], reasons=worst["reasons"][:3])


def show(fates: list[Fate], console: Console) -> None:
    """Prints what became of them."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("client", "solved it", "score then", "why"):
        table.add_column(column, justify="right" if column == "score then" else "left")
    for fate in fates:
        if fate.trouble:
            table.add_row(fate.client, "not tried", "", fate.trouble)
        else:
            table.add_row(fate.client, "yes" if fate.solved else "no", f"{fate.score:.0f}", "; ".join(fate.reasons))
    console.print(table)


@click.command()
@click.option("--python", default=sys.executable, help="The Python that has the drivers.", show_default="this one")
@click.option(
    "--node-home", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The folder with Puppeteer.",
)  # fmt: skip
@click.option("--write", is_flag=True, help=f"Keep the figures in {RESULT.parent.name}/{RESULT.name}.")
def main(python: str, node_home: Path | None, *, write: bool) -> None:
    """Challenge programs that drive a real browser. Windows need a DISPLAY, such as that of xvfb-run."""
    console = Console()
    fates = []
    for number, client in enumerate(CLIENTS, 1):
        if client.window and not os.environ.get("DISPLAY"):
            fates.append(Fate(client.name, "no DISPLAY", solved=False, score=0.0, reasons=[]))
            continue
        console.print(f"{number} of {len(CLIENTS)}: {client.name}")
        with TemporaryDirectory(prefix="trafficguard-drivers-") as name, _scene(Path(name)) as (port, log):
            fates.append(_try(client, port, log, python, node_home))
    show(fates, console)
    if write:
        RESULT.write_text(json.dumps([asdict(fate) for fate in fates], indent=1) + "\n", encoding="utf-8")
