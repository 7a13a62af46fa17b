"""A real browser loads the sample shop through the proxy, with everything that its pages need."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from tests.conftest import Program as FindProgram
from tests.system.clients import ask, page
from tests.system.demo import Demo, Seen
from tests.system.program import DEADLINE

WIDTH, HEIGHT = 1280, 4000
"""High enough for all pictures of the page: a browser fetches those below the window later, or never."""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", f"--window-size={WIDTH},{HEIGHT}",
)  # fmt: skip
BLANK = 60_000
"""Bytes that a screenshot of an empty page does not reach."""


class Assets(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.eager: set[str] = set()
        self.lazy: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        address = named.get("href" if tag == "link" else "src")
        if tag in ("link", "script", "img") and address and address.startswith("/"):
            (self.lazy if named.get("loading") == "lazy" else self.eager).add(address)


def assets_of(demo: Demo, target: str) -> Assets:
    """The assets of a page, as the shop itself sends it."""
    answer = ask(demo.shop_port, page(target))
    assert answer.status == 200
    assets = Assets(answer.body.decode())
    names = {address.partition("?")[0] for address in assets.eager}
    assert {"/static/style.css", "/static/shop.js", "/favicon.svg"} <= names
    assert len(assets.eager | assets.lazy) > 10
    return assets


def visit(demo: Demo, first: str) -> list[Seen]:
    """What the live view showed from the request for the page `first` on."""
    seen = demo.seen()
    start = next(index for index, line in enumerate(seen) if line.target == first)
    return seen[start:]


def wait_for_assets(demo: Demo, first: str, wanted: set[str]) -> list[Seen]:
    """The visit, once all wanted assets are there."""
    missing = lambda: wanted - {line.target for line in visit(demo, first) if line.status == "200"}  # noqa: E731
    demo.wait_to_see(first)
    demo.wait_for(lambda: not missing(), "all assets")
    return visit(demo, first)


@contextlib.contextmanager
def display(xvfb: Path) -> Iterator[str]:
    """A screen that nobody sees."""
    told, telling = os.pipe()
    screen = ("-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-displayfd", str(telling))
    with subprocess.Popen([xvfb, *screen], pass_fds=[telling], stderr=subprocess.DEVNULL) as server:
        os.close(telling)
        try:
            with os.fdopen(told) as answer:
                yield f":{int(answer.readline())}"
        finally:
            server.kill()


@contextlib.contextmanager
def open_window(chromium: Path, profile: Path, address: str, screen: str) -> Iterator[None]:
    """A browser with a window on `screen`, as a person has it, until the block ends."""
    environment = {**os.environ, "DISPLAY": screen}
    with subprocess.Popen(
        [chromium, *FLAGS, f"--user-data-dir={profile}", address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=environment,
    ) as browser:  # fmt: skip
        try:
            yield
        finally:
            os.killpg(browser.pid, signal.SIGKILL)


def name_of(chromium: Path) -> str:
    """The User-Agent of this browser with a window."""
    told = subprocess.run([chromium, "--version"], capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
    version = next(word for word in told.split() if word[0].isdigit()).partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"


def size_of_png(file: Path) -> tuple[int, int]:
    head = file.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", head[16:24])


def photograph(chromium: Path, folder: Path, address: str, *more: str) -> tuple[str, Path]:
    """What a headless browser shows of a page: its text and a picture."""
    picture = folder / "page.png"
    flags = ("--headless=new", *FLAGS, *more, f"--user-data-dir={folder / 'profile'}")
    browser = subprocess.run(
        [chromium, *flags, "--dump-dom", f"--screenshot={picture}", address],
        capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert browser.returncode == 0, browser.stderr
    assert browser.stdout.rstrip().endswith("</html>")
    assert size_of_png(picture) == (WIDTH, HEIGHT)
    return browser.stdout, picture


def test_a_headless_browser_without_its_name_loads_the_shop_with_its_assets(
    fresh_demo: Demo, program: FindProgram, tmp_path: Path
) -> None:
    demo = fresh_demo
    assets = assets_of(demo, "/")
    chromium = program("chromium")
    text, picture = photograph(chromium, tmp_path, f"{demo.url}/", f"--user-agent={name_of(chromium)}")
    assert "Best sellers" in text
    assert picture.stat().st_size > BLANK
    lines = wait_for_assets(demo, "/", assets.eager)
    assert {line.verdict for line in lines} == {"pass"}
    # A picture below the window may be left half-way when the browser ends, but never refused.
    assert {line.status for line in lines} <= {"200", "101", "left"}


def test_a_browser_that_says_it_is_driven_by_a_program_is_refused_with_a_page(
    fresh_demo: Demo, program: FindProgram, tmp_path: Path
) -> None:
    demo = fresh_demo
    text, _ = photograph(program("chromium"), tmp_path, f"{demo.url}/category/garden")
    line = demo.wait_to_see("/category/garden")
    assert (line.verdict, line.status) == ("block", "403")
    assert "headless" in line.reason
    assert "quote this request number" in text


def test_a_browser_with_a_window_is_taken_for_a_person(
    fresh_demo: Demo, program: FindProgram, tmp_path: Path
) -> None:
    demo = fresh_demo
    target = "/category/kitchen"
    assets = assets_of(demo, target)
    chromium = program("chromium")
    with display(program("Xvfb")) as screen, open_window(chromium, tmp_path / "profile", demo.url + target, screen):
        lines = wait_for_assets(demo, target, assets.eager | assets.lazy)
    assert {(line.verdict, line.score, line.reason) for line in lines} == {("pass", 1, "")}
    assert {line.status for line in lines} <= {"200", "101"}
