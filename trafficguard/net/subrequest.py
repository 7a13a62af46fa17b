"""What a front tells of a request that it asks about, put together again as the visitor sent it.

nginx (auth_request), Caddy (forward_auth) and Traefik (ForwardAuth) ask with a request of their own. It carries the
visitor's header lines, and some of the front's that say what was asked for, by whom and over what.

Promises: total on any lines. A line of the front's counts only if it is there exactly once, and only the pair of method
and target lines of the front that the settings name is looked at: what a visitor writes into the other pair is nobody's
word and is dropped. Never: judges whether the result is a request; it is read and framed like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from trafficguard.http.fields import Kind, kind_of
from trafficguard.http.refusal import Refusal
from trafficguard.http.target import BAD_TARGET
from trafficguard.net.peer import pack_address
from trafficguard.settings import Front

UNTOLD: Final = Refusal(400, "untold", "The front does not say what was asked for, by whom and over what.")

HOST: Final = b"x-forwarded-host"
SCHEME: Final = b"x-forwarded-proto"
CHAIN: Final = b"x-forwarded-for"
PLACES: Final[dict[Front, tuple[bytes, bytes]]] = {
    "nginx": (b"x-original-method", b"x-original-uri"),
    "caddy": (b"x-forwarded-method", b"x-forwarded-uri"),
    "traefik": (b"x-forwarded-method", b"x-forwarded-uri"),
}
"""Where each front writes the method and the target."""

_TOLD: Final = frozenset(name for pair in PLACES.values() for name in pair) | {HOST, b"x-bot-answer"}
"""Lines of this hop alone."""
_SCHEMES: Final = frozenset((b"http", b"https"))
_OF_HOP: Final = frozenset(
    (
        Kind.HOST, Kind.CONTENT_LENGTH, Kind.TRANSFER_ENCODING, Kind.CONNECTION, Kind.UPGRADE, Kind.EXPECT, Kind.HOP,
        Kind.REQUEST_ID,
    )
)  # fmt: skip
_WEBSOCKET: Final = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"

Lines = Iterable[tuple[bytes, bytes]]
"""Names and values of header lines, as received."""


class Untold(Exception):  # noqa: N818 - it is what it is called
    """A front does not say, or says twice, what has to be known; the text names the header."""


def rebuild(lines: Lines, front: Front) -> bytes | Refusal:
    """The head of the request that a front asks about; Untold when it does not say which.

    The body stays with the front, so nothing is left that would announce one.
    """
    told: dict[bytes, list[bytes]] = {}
    kept: list[bytes] = []
    shakes_hands = False
    for raw_name, value in lines:
        name = raw_name.lower()
        told.setdefault(name, []).append(value)
        shakes_hands = shakes_hands or name == b"sec-websocket-key"
        if name not in _TOLD and kind_of(name) not in _OF_HOP:
            kept.append(b"%b: %b\r\n" % (raw_name, value))
    method_at, target_at = PLACES[front]
    method, target = _only(told, method_at), _only(told, target_at)
    _check_sender(told)
    # In absolute form a target would name a host of its own.
    if not target.startswith(b"/") and target != b"*":
        return BAD_TARGET
    # What a front takes off a handshake marks it as one; without it, it would look like a poor page view.
    upgrade = _WEBSOCKET if shakes_hands and method == b"GET" else b""
    host = b"Host: %b\r\n" % _only(told, HOST) if HOST in told else b""
    return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (method, target, host, b"".join(kept), upgrade)


def _check_sender(told: dict[bytes, list[bytes]]) -> None:
    if _only(told, SCHEME).lower() not in _SCHEMES:
        raise Untold("X-Forwarded-Proto")
    chain = told.get(CHAIN, [b""])[-1].rpartition(b",")[2].strip(b" \t")
    if pack_address(chain.decode("latin-1")) is None:
        raise Untold("X-Forwarded-For")


def _only(told: dict[bytes, list[bytes]], name: bytes) -> bytes:
    """The value of a line that must be there once."""
    values = told.get(name, [])
    if len(values) != 1 or not values[0]:
        raise Untold("-".join(word.capitalize() for word in name.decode("ascii").split("-")))
    return values[0]
