"""The pages one fills in at the sample shop: login, account, cart, checkout.

Promises: each function returns the `<main>` part as markup with every piece of text in it escaped; every
field has a label and works without scripts. Never: looks at a request or asks for a means of payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .catalogue import Product, euros

_TO_SHOP = '<p><a class="button" href="/">Go and find something</a></p>'


def login(*, failed: bool, user: str = "") -> str:
    """The login form, with a word of regret after a failed attempt."""
    regret = '<p class="alert" role="alert">That name and password do not fit together.</p>' if failed else ""
    return (
        f'<section class="sheet"><h1>Log in</h1>{regret}<form action="/login" method="post">'
        f"{_field('username', 'User name', escape(user), 'username')}"
        '<label for="password">Password</label><input id="password" name="password" type="password" '
        'autocomplete="current-password" required><button class="button">Log in</button></form>'
        '<p class="quiet">The sample account is <kbd>demo</kbd> with the password <kbd>demo</kbd>.</p>'
        "</section>"
    )


def account(user: str, orders: Sequence[Product]) -> str:
    """What a logged-in visitor sees."""
    rows = "".join(
        f"<tr><td><time>2024-{month:02d}-12</time></td>"
        f'<td><a href="/product/{item.id}">{escape(item.name)}</a></td>'
        f'<td class="sum">{item.price_text}</td></tr>'
        for month, item in enumerate(orders, 3)
    )
    return (
        f"<h1>Hello, {escape(user)}</h1><h2>Your orders</h2>"
        '<div class="scroll"><table><thead><tr><th scope="col">Date</th><th scope="col">Product</th>'
        f'<th scope="col" class="sum">Price</th></tr></thead><tbody>{rows}</tbody></table></div>'
        '<form action="/logout" method="post"><button class="button">Log out</button></form>'
    )


def cart(contents: Sequence[tuple[Product, int]], total: int) -> str:
    """The cart; `total` in cents."""
    if not contents:
        return f'<h1>Your cart</h1><p class="lead">There is nothing in it yet.</p>{_TO_SHOP}'
    rows = "".join(_line(item, pieces) for item, pieces in contents)
    return (
        '<h1>Your cart</h1><div class="scroll"><table><thead><tr><th scope="col">Product</th>'
        '<th scope="col" class="sum">Pieces</th><th scope="col" class="sum">Price</th>'
        f'<th scope="col"><span class="hush">Remove</span></th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><th scope="row" colspan="2">Total</th><td class="sum">{euros(total)}</td><td></td></tr>'
        '</tfoot></table></div><p><a class="button" href="/checkout">Check out</a></p>'
    )


def checkout(total: int) -> str:
    """The order form; `total` in cents."""
    if not total:
        return f'<h1>Check out</h1><p class="lead">Your cart is empty.</p>{_TO_SHOP}'
    return (
        f'<section class="sheet"><h1>Check out</h1><p class="lead">{euros(total)}, to be paid by invoice.</p>'
        f'<form action="/checkout" method="post">{_field("name", "Name", "", "name")}'
        f"{_field('street', 'Street and number', '', 'street-address')}"
        f"{_field('city', 'City', '', 'address-level2')}"
        '<button class="button">Order</button></form></section>'
    )


def thanks(name: str, total: int) -> str:
    """After an order; `total` in cents."""
    whom = f", {escape(name)}" if name else ""
    return (
        f'<section class="problem"><h1>Thank you{whom}</h1><p>Your order over {euros(total)} is on its way, '
        "as far as sample orders travel.</p>"
        '<p><a class="button" href="/">Back to the front page</a></p></section>'
    )


def _line(item: Product, pieces: int) -> str:
    name = escape(item.name)
    return (
        f'<tr><td><div class="thing"><img src="/images/{item.id}.svg" alt="" width="64" height="64">'
        f'<a href="/product/{item.id}">{name}</a></div></td><td class="sum">{pieces}</td>'
        f'<td class="sum">{euros(item.price * pieces)}</td><td><form action="/cart/remove" method="post">'
        f'<button name="id" value="{item.id}" aria-label="Remove {name}">Remove</button></form></td></tr>'
    )


def _field(name: str, label: str, value: str, fills: str) -> str:
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" value="{value}" autocomplete="{fills}" maxlength="100" required>'
    )
