"""The admin listener: `/healthz`, `/readyz`, `/metrics`, what steers the proxy (`helm`), and an index of them.

Promises: it answers only names of this machine in Host, so that a web page cannot read it through a name it
points here (DNS rebinding); what changes anything is a POST of JSON, which no page of another site can send;
a place that is taken is a `StartError` with a remedy, and a Unix socket that somebody still listens on is never
taken over. Never: on the way of a visitor's request, or open to another machine.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from trafficguard.control.helm import Helm, steering_routes
from trafficguard.control.metrics import CONTENT_TYPE, Metrics
from trafficguard.control.state import AdminState
from trafficguard.errors import StartError
from trafficguard.telemetry.meters import Plane

__all__ = ["Admin", "AdminState", "is_local", "make_app", "start_admin"]

SOCKET_MODE: Final = 0o660
_UNIX: Final = "unix:"
_GOODBYE_SECONDS: Final = 1.0
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}
_INDEX: Final = """<!doctype html><html lang="en"><title>TrafficGuard</title><h1>TrafficGuard</h1><ul>
<li><a href="/healthz">/healthz</a>: the supervisor is alive
<li><a href="/readyz">/readyz</a>: requests may be sent here, or what is missing
<li><a href="/metrics">/metrics</a>: numbers for Prometheus
<li><a href="/policy">/policy</a>: what is in force (changed by <code>trafficguard mode</code>, <code>allow</code>,
<code>block</code>, <code>forget</code> and <code>reload</code>)
</ul></html>
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """A running admin listener."""

    def __init__(self, runner: web.AppRunner, path: Path | None) -> None:
        self.port: int | None = None if path else runner.addresses[0][1]
        """The TCP port it listens on; None on a Unix socket."""
        self._runner = runner
        self._path = path

    async def close(self) -> None:
        """Stops listening, after answers under way had a second to end; the Unix socket is removed."""
        await self._runner.cleanup()
        if self._path:
            self._path.unlink(missing_ok=True)


async def start_admin(listen: str, state: AdminState, planes: Sequence[Plane], helm: Helm) -> Admin:
    """Listens on `host:port` (loopback) or `unix:/path`; StartError when the place cannot be had."""
    is_unix = listen.startswith(_UNIX)
    runner = web.AppRunner(
        make_app(state, planes, helm, any_host=is_unix), access_log=None, shutdown_timeout=_GOODBYE_SECONDS
    )
    await runner.setup()
    try:
        if is_unix:
            path = Path(listen.removeprefix(_UNIX))
            await web.SockSite(runner, _bind_unix(path)).start()
            return Admin(runner, path)
        place = urlsplit(f"//{listen}")
        await web.TCPSite(runner, place.hostname, place.port or 0).start()
    except OSError as error:
        await runner.cleanup()
        raise StartError(_explain(listen, error)) from error
    return Admin(runner, None)


def make_app(state: AdminState, planes: Sequence[Plane], helm: Helm, *, any_host: bool) -> web.Application:
    """The application itself; `any_host` where no browser can reach it."""
    metrics = Metrics(state, planes)

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=_INDEX, content_type="text/html")

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        missing = state.missing()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def numbers(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    app = web.Application(middlewares=[] if any_host else [_only_local_hosts])
    app.on_response_prepare.append(_add_headers)
    app.add_routes(
        [
            web.get("/", index),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", numbers),
            *steering_routes(state.policy, helm),
        ]
    )
    return app


@web.middleware
async def _only_local_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses names that do not mean this machine. No Host at all is no browser, so it may pass."""
    if not all(is_local(host) for host in request.headers.getall(hdrs.HOST, [])):
        return web.Response(status=403, text="Use localhost or a loopback address to reach this.\n")
    return await handler(request)


def is_local(host: str) -> bool:
    """Whether a Host header (`name`, `name:port`, `[v6]:port`) can mean nothing but this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _bind_unix(path: Path) -> socket.socket:
    """A listening socket at `path`; what a dead process left there is removed first."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _is_answered(path):
            path.unlink()
        listening.bind(str(path))
        # Nobody can connect before listen(), so the mode is right from the first connection on.
        path.chmod(SOCKET_MODE)
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True


def _explain(listen: str, error: OSError) -> str:
    cause = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"admin.listen: cannot listen on {listen}: {cause}\n"
        "    stop what listens there, choose another place with --admin HOST:PORT, or use --admin none"
    )
