"""`trafficguard demo`: the sample shop, the proxy in front of it, and a live view of every request.

Promises: one call starts both and ends both; the shop listens on a loopback port of its own, and ends by itself when
the process that started it is gone. Never: touches a file of the user's.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from pathlib import Path
from typing import Final

from trafficguard.demo.sessions import COOKIE
from trafficguard.demo.shop import build_shop, serve_shop
from trafficguard.demo.view import HEADING, View
from trafficguard.errors import StartError
from trafficguard.nursery import fork
from trafficguard.settings import Settings
from trafficguard.supervisor import serve

_LARGEST_UPLOAD: Final = "4GiB"
ROUTES: Final = (
    ("/", "page"),
    ("/account", "page"),
    ("/product/{id}", "item"),
    ("/category/{name}", "listing"),
    ("/search", "search"),
    ("/login", "login"),
    ("/logout", "page"),
    ("/cart/**", "checkout"),
    ("/checkout", "checkout"),
    ("/api/products/{id}", "api"),
    ("/api/products/{id}/stock", "api"),
    ("/api/**", "api"),
    ("/ws/stock", "api"),
    ("/events/stock", "api"),
    ("/static/**", "asset"),
    ("/images/**", "asset"),
)
"""What the shop's paths are. Its own session begins with a login, so ours tells its visitors apart before."""
_GOODBYE: Final = 5.0
"""Seconds that the shop gets to end."""


def run_demo(listen: str, products: int, workers: int) -> int:
    """Runs until interrupted; the exit code. StartError when a port cannot be had."""
    view = View(sys.stdout)
    view.say(f"Starting a shop with {products} products ...")
    shop = ShopProcess(products)
    try:
        settings = demo_settings(listen, shop.port, workers)
        return serve(settings, on_events=view.show, on_ready=lambda: _welcome(view, listen, shop.port))
    finally:
        shop.end()


def demo_settings(listen: str, shop_port: int, workers: int, crowd: Path | None = None) -> Settings:
    """Settings of a proxy in front of the sample shop that records every request.

    `crowd`: a Unix socket that visitors come through as well, each connection with a PROXY header.
    """
    return Settings.model_validate(
        {
            "listen": [listen] if crowd is None else [listen, f"unix:{crowd}"],
            "trusted": {} if crowd is None else {"proxy_protocol": "v2"},
            "workers": workers,
            "sites": [
                {
                    "upstreams": [{"servers": [f"http://127.0.0.1:{shop_port}"]}],
                    "bodies": [{"path": "/upload", "limit": _LARGEST_UPLOAD}],
                    "routes": [{"path": path, "class": word} for path, word in ROUTES],
                    "accounts": {"fields": ["username"], "login_cookie": COOKIE},
                }
            ],
            "log": {"sample": 1.0},
            "admin": {"listen": None},
        }
    )


def _welcome(view: View, listen: str, shop_port: int) -> None:
    view.say(
        f"""
  the shop through TrafficGuard   http://{listen}/
  the shop without it             http://127.0.0.1:{shop_port}/

Open the first one in a browser, then try it with a program, from another terminal:
  curl -i http://{listen}/product/7
In the browser, open products one after another, or try to log in with wrong passwords, and watch the reasons grow.
Stop with Ctrl-C.

{HEADING}"""
    )


class ShopProcess:
    """The shop, in a process of its own that ends when this one does."""

    def __init__(self, products: int) -> None:
        told, telling = os.pipe()
        life, self._life_held = os.pipe()
        self._child = fork(lambda: asyncio.run(_serve(products, telling, life)), [telling, life])
        os.close(telling)
        os.close(life)
        with os.fdopen(told) as answer:
            port = answer.read()
        if not port:
            raise StartError("the sample shop did not start")
        self.port = int(port)

    def end(self) -> None:
        """Ends it, and waits until it is over."""
        ended = os.pidfd_open(self._child.pid)
        os.close(self._life_held)
        if not select.select([ended], [], [], _GOODBYE)[0]:
            self._child.send(signal.SIGKILL)
        os.close(ended)


async def _serve(products: int, telling: int, life: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C reaches both; the proxy drains first
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    loop.add_reader(life, stop.set)
    runner, port = await serve_shop(build_shop(products), "127.0.0.1", 0)
    with os.fdopen(telling, "w") as answer:
        answer.write(str(port))
    await stop.wait()
    await runner.cleanup()
