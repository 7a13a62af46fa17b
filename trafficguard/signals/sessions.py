"""Which visit a request belongs to: by the shop's own session cookie, or else by one of ours.

Ours is called `tgs`: an id of 16 bytes, the minute at which it ends, and a MAC over both, in base64url. It says nothing
about the visitor and is worth nothing elsewhere. It goes on to the shop with the other cookies, which does not mind:
taking it out would mean to rewrite the head of every request.

Promises: an id is found only in a cookie that the shop has set or that we have sealed, compared in constant time, and
never after its end; what was verified is remembered, bounded. Never: keeps the value of a shop's cookie but in the
memory of recent Cookie headers, or tells a client why its cookie does not count.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from typing import Final, NamedTuple

from trafficguard.clock import SECOND
from trafficguard.signals.hashes import Keyed
from trafficguard.signals.memory import Memory

COOKIE: Final = "tgs"
LIFETIME: Final = 24 * 60
"""Minutes that a sealed id is good for; browsers forget it when they are closed."""
LONGEST_HEADER: Final = 1024
"""Bytes of a Cookie header that is remembered (2 x 8192 of them: at most 16 MiB); longer ones are read anew."""

_MINUTE: Final = 60 * SECOND
_NEVER: Final = 1 << 63
_ID_SIZE: Final = 16
_SEALED_SIZE: Final = _ID_SIZE + 4
_TEXT_SIZE: Final = 48
"""Letters of a sealed id in base64url: 36 bytes."""


class _Visit(NamedTuple):
    id: bytes | None
    until: int
    """When it ends, in nanoseconds since the epoch."""


_NONE: Final = _Visit(None, _NEVER)


class Sessions:
    """The sessions of one shop."""

    __slots__ = ("_ids", "_memory", "_name", "_seals", "is_ours")

    def __init__(self, secret: bytes, cookie: str | None) -> None:
        """`cookie` names the shop's own; None: we set one."""
        self.is_ours = cookie is None
        """Whether the cookie is one that we set."""
        self._name = (cookie or COOKIE).encode()
        self._ids = Keyed(secret, b"tg.session")
        self._seals = Keyed(secret, b"tg.session.seal")
        self._memory: Memory[bytes, _Visit] = Memory()

    def find(self, cookie_header: bytes | None, now: int) -> bytes | None:
        """The session id (16 bytes) in a Cookie header at `now`, nanoseconds since the epoch; None without one."""
        if cookie_header is None:
            return None
        memory = self._memory
        visit = memory.young.get(cookie_header) or memory.recall(cookie_header) or self._learn(cookie_header)
        return visit.id if now < visit.until else None

    def _learn(self, header: bytes) -> _Visit:
        value = cookie_value(header, self._name)
        if not value:
            visit = _NONE
        elif self.is_ours:
            visit = self._unseal(value)
        else:
            visit = _Visit(self._ids.hash(value), _NEVER)
        if len(header) <= LONGEST_HEADER:
            self._memory.keep(header, visit)
        return visit

    def issue(self, id_bytes: bytes, now: int, secure: bool) -> bytes:
        """A Set-Cookie line with its CRLF for a session that begins at `now` with the request of this id.

        `secure`: for https only.
        """
        minute = (now // _MINUTE + LIFETIME) & 0xFFFF_FFFF
        sealed = self._ids.hash(b"%b %d" % (id_bytes, now)) + minute.to_bytes(4, "big")
        value = urlsafe_b64encode(sealed + self._seals.hash(sealed))
        tail = b"; Secure" if secure else b""
        return b"Set-Cookie: %b=%b; Path=/; HttpOnly; SameSite=Lax%b\r\n" % (self._name, value, tail)

    def _unseal(self, value: bytes) -> _Visit:
        if len(value) != _TEXT_SIZE:
            return _NONE
        try:
            raw = urlsafe_b64decode(value)
        except (NotBase64Error, ValueError):
            return _NONE
        sealed, seal = raw[:_SEALED_SIZE], raw[_SEALED_SIZE:]
        # base64 can be spelled in more than one way; only the spelling that we sent counts.
        if not hmac.compare_digest(self._seals.hash(sealed), seal) or urlsafe_b64encode(raw) != value:
            return _NONE
        return _Visit(sealed[:_ID_SIZE], int.from_bytes(sealed[_ID_SIZE:], "big") * _MINUTE)


def cookie_value(header: bytes, name: bytes) -> bytes:
    """The value of the first cookie called `name` in a Cookie header, without quotes; empty when there is none."""
    start = name + b"="
    at = header.find(start)
    while at >= 0:
        if header[:at].rstrip(b" \t")[-1:] in (b"", b";"):
            end = header.find(b";", at)
            value = header[at + len(start) : end if end >= 0 else len(header)].strip(b" \t")
            return value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value
        at = header.find(start, at + 1)
    return b""
