"""The door to the visitor's account: login, logout, orders.

Promises: a wrong name or password answers 401 with the form again; a right one 303 to the account. Never:
says which of the two was wrong, never redirects to an address that came from outside.
"""

from __future__ import annotations

from aiohttp import web

from . import forms
from .catalogue import Catalogue
from .frame import Frame
from .requests import cart_of, form_of, html, see_other
from .sessions import COOKIE, Sessions

_MAX_NAME = 100
_ORDERS_SHOWN = 4


class Account:
    """Being known to the shop."""

    def __init__(self, catalogue: Catalogue, frame: Frame, sessions: Sessions) -> None:
        self._orders = catalogue.popular[:_ORDERS_SHOWN]
        self._frame = frame
        self._sessions = sessions

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/login", self.form),
            web.post("/login", self.login),
            web.get("/logout", self.logout),
            web.post("/logout", self.logout),
            web.get("/account", self.account),
        ]

    async def form(self, request: web.Request) -> web.Response:
        """The login form."""
        return self._page(request, "Log in", forms.login(failed=False))

    async def login(self, request: web.Request) -> web.Response:
        """Checks the form."""
        fields = await form_of(request)
        user = fields.get("username", "")[:_MAX_NAME]
        token = self._sessions.login(user, fields.get("password", ""))
        if token is None:
            return self._page(request, "Log in", forms.login(failed=True, user=user), 401)
        answer = see_other("/account")
        answer.set_cookie(COOKIE, token, httponly=True, samesite="Lax")
        return answer

    async def logout(self, request: web.Request) -> web.Response:
        """Forgets the session."""
        self._sessions.logout(request.cookies.get(COOKIE, ""))
        answer = see_other("/")
        answer.del_cookie(COOKIE)
        return answer

    async def account(self, request: web.Request) -> web.Response:
        """The account, or the way to the login form."""
        user = self._sessions.user(request.cookies.get(COOKIE, ""))
        if user is None:
            return see_other("/login")
        return self._page(request, "Your account", forms.account(user, self._orders))

    def _page(self, request: web.Request, title: str, main: str, status: int = 200) -> web.Response:
        return html(self._frame.around(title, main, cart_of(request).items, indexed=False), status)
