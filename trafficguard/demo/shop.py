"""Builds the sample shop out of its doors and serves it.

Promises: two shops of the same size answer alike and share nothing; every error is a page of the shop, or
problem+json under /api/. Never: needs a file outside the package, a network or a configuration.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from . import pages
from .account import Account
from .api import API_PREFIX, Api, problem
from .assets import Assets
from .browse import Browse
from .catalogue import Catalogue
from .checkout import Checkout
from .crawling import Crawling
from .frame import Frame
from .live import Live
from .requests import cart_of, html
from .sessions import Sessions
from .transfer import Transfer

DEFAULT_PRODUCTS = 2_000

MAX_FORM_BYTES = 64 * 1024
"""Forms are read whole, so they are small; uploads are streamed and bounded in `transfer`."""

_STOP_SECONDS = 2.0
"""How long streams may go on once the shop is told to stop."""


def build_shop(products: int = DEFAULT_PRODUCTS, sessions: Sessions | None = None) -> web.Application:
    """The shop as an application; raises ValueError for a number of products no shop can have.

    `sessions`: who may log in, if not the one account there is.
    """
    catalogue = Catalogue(products)
    assets = Assets(catalogue)
    frame = Frame(catalogue.categories, assets.style_address, assets.script_address)
    live = Live(catalogue)
    app = web.Application(client_max_size=MAX_FORM_BYTES, middlewares=[_errors(frame)])
    doors = (
        Browse(catalogue, frame), Account(catalogue, frame, sessions or Sessions()), Checkout(catalogue, frame),
        Api(catalogue), assets, Crawling(catalogue), live, Transfer(),
    )  # fmt: skip
    for door in doors:
        app.add_routes(door.routes())
    app.router.add_get("/healthz", _health)
    app.on_shutdown.append(live.close)
    return app


async def serve_shop(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listens; returns the runner, which the caller cleans up, and the real port; `port` 0 takes a free one.

    Raises OSError where the address is taken. Bodies arrive as they were sent, compressed ones too, so
    that an upload's digest is that of its bytes on the wire.
    """
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, runner.addresses[0][1]


async def _health(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _errors(frame: Frame) -> Middleware:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as failure:
            answer = _error_answer(frame, request, failure.status)
            if hdrs.ALLOW in failure.headers:
                answer.headers[hdrs.ALLOW] = failure.headers[hdrs.ALLOW]
            return answer
        except ConnectionError:
            # The visitor left in the middle, which is their right and no error; nobody reads this answer.
            return web.Response()

    return errors


def _error_answer(frame: Frame, request: web.Request, status: int) -> web.Response:
    if request.path.startswith(API_PREFIX):
        return problem(status, HTTPStatus(status).phrase)
    title, main = pages.problem(status)
    return html(frame.around(title, main, cart_of(request).items, indexed=False), status)
