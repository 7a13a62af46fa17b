"""The door to buying: the cart and the order form.

Promises: adding and removing answer 303 to the cart, an unknown product 404, anything that is no product
number 400; an order empties the cart. Never: stores an order.
"""

from __future__ import annotations

from aiohttp import web

from . import forms
from .cart import COOKIE, Cart
from .catalogue import Catalogue
from .frame import Frame
from .requests import cart_of, form_of, html, see_other

_MAX_NAME = 100
_MAX_DIGITS = 6


class Checkout:
    """Buying things."""

    def __init__(self, catalogue: Catalogue, frame: Frame) -> None:
        self._catalogue = catalogue
        self._frame = frame

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/cart", self.cart),
            web.post("/cart/add", self.add),
            web.post("/cart/remove", self.remove),
            web.get("/checkout", self.form),
            web.post("/checkout", self.order),
        ]

    async def cart(self, request: web.Request) -> web.Response:
        """What is in the cart."""
        cart = cart_of(request)
        main = forms.cart(cart.contents(self._catalogue), cart.total(self._catalogue))
        return self._page("Your cart", main, cart)

    async def add(self, request: web.Request) -> web.Response:
        """One more piece of the product named by the field `id`."""
        number = await self._product_id(request)
        return _keep(cart_of(request).with_one_more(number))

    async def remove(self, request: web.Request) -> web.Response:
        """No more pieces of the product named by the field `id`."""
        number = await self._product_id(request)
        return _keep(cart_of(request).without(number))

    async def form(self, request: web.Request) -> web.Response:
        """The order form."""
        cart = cart_of(request)
        return self._page("Check out", forms.checkout(cart.total(self._catalogue)), cart)

    async def order(self, request: web.Request) -> web.Response:
        """Says thanks and empties the cart."""
        name = (await form_of(request)).get("name", "")[:_MAX_NAME]
        total = cart_of(request).total(self._catalogue)
        answer = self._page("Thank you", forms.thanks(name, total), Cart())
        answer.del_cookie(COOKIE)
        return answer

    async def _product_id(self, request: web.Request) -> int:
        text = (await form_of(request)).get("id", "")
        if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
            raise web.HTTPBadRequest
        if self._catalogue.product(int(text)) is None:
            raise web.HTTPNotFound
        return int(text)

    def _page(self, title: str, main: str, cart: Cart) -> web.Response:
        return html(self._frame.around(title, main, cart.items, indexed=False))


def _keep(cart: Cart) -> web.Response:
    answer = see_other("/cart")
    answer.set_cookie(COOKIE, cart.text(), httponly=True, samesite="Lax")
    return answer
