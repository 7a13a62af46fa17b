"""What all connections of one worker share.

Promises: one object, made by the worker before the first connection; connections only read it, but for the
counters in `meters`. Never: knows a single connection.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from trafficguard.clock import SECOND, Clock
from trafficguard.exchange import Conditions
from trafficguard.guard import Guard
from trafficguard.http.head import AnswerReader, RequestReader
from trafficguard.http.wire import http_date
from trafficguard.net.departures import Departures
from trafficguard.net.gauges import ConnectionGauges
from trafficguard.net.peer import Trust
from trafficguard.net.reception import Reception
from trafficguard.net.sites import Sites
from trafficguard.net.strain import Strain
from trafficguard.net.tarpit import Tarpit
from trafficguard.net.throttle import Pacer, Reserve
from trafficguard.net.wheel import Wheel, ticks
from trafficguard.settings import LimitSettings, TimeoutSettings
from trafficguard.signals.row import READ
from trafficguard.telemetry.events import EventRing
from trafficguard.telemetry.meters import Meters

if TYPE_CHECKING:
    from trafficguard.net.connection import Connection

LONGEST_ANSWER_HEAD: Final = 128 * 1024
_LAST_DIGITS: Final = tuple(b"%02x" % number for number in range(256))


Verify = Callable[[str, str], Awaitable[bool | None]]


async def _unknown(_token: str, _host: str) -> bool | None:
    return None


class Ticks:
    """The timeouts, in ticks of the wheel."""

    __slots__ = ("answer_head", "body", "first_byte", "head", "idle", "keepalive", "linger", "tunnel")

    def __init__(self, timeouts: TimeoutSettings) -> None:
        self.head = ticks(timeouts.head)
        self.body = ticks(timeouts.body)
        self.keepalive = ticks(timeouts.keepalive)
        self.first_byte = ticks(timeouts.first_byte)
        self.answer_head = ticks(timeouts.answer_head)
        self.idle = ticks(timeouts.idle)
        self.tunnel = ticks(timeouts.tunnel)
        self.linger = ticks(2.0)


class Services:
    """The shared parts of one worker."""

    __slots__ = (
        "_date", "_date_second", "_request_number", "_request_page", "_request_prefix", "answers", "body_rate", "clock",
        "conditions", "departures", "draining", "gauges", "guard", "head_limit", "meters", "pacer", "reader",
        "reception", "ring", "sites", "strain", "tarpit", "ticks", "trust", "verify", "wheel",
    )  # fmt: skip

    sites: Sites
    """Set once the origins, which need the services, are made."""

    def __init__(
        self,
        *,
        clock: Clock,
        guard: Guard,
        reserve: Reserve,
        reception: Reception,
        trust: Trust,
        gauges: ConnectionGauges,
        meters: Meters,
        ring: EventRing,
        limits: LimitSettings,
        timeouts: TimeoutSettings,
        hidden: frozenset[bytes] = frozenset(),
        verify: Verify | None = None,
    ) -> None:
        """`reserve`: that of the shared counters. `hidden`: headers of answers that shops mean for us alone.

        `verify`: asks whether a token is good for a host; None where the settings name nobody to ask.
        """
        self.verify: Verify = verify if verify is not None else _unknown
        self.clock = clock
        self.guard = guard
        self.pacer = Pacer(reserve, meters)
        self.reception = reception
        self.tarpit = Tarpit(meters)
        self.departures = Departures()
        self.strain = Strain()
        self.trust = trust
        self.gauges = gauges
        self.meters = meters
        self.ring = ring
        self.head_limit = int(limits.head)
        self.body_rate = int(limits.body_rate)
        self.ticks = Ticks(timeouts)
        self.wheel: Wheel[Connection] = Wheel()
        self.reader = RequestReader(limits.headers, READ, trust.handshake_kinds)
        self.answers = AnswerReader(hidden)
        self.conditions = Conditions()
        self.draining = False
        self._request_prefix = os.urandom(6).hex().encode()
        self._request_number = 0
        self._request_page = self._request_prefix + b"000000"
        self._date_second = -1
        self._date = b""

    def new_request_id(self) -> bytes:
        """20 hexadecimal digits, unique over workers and restarts."""
        number = self._request_number = self._request_number + 1
        last = number & 0xFF
        if last == 0:
            self._request_page = b"%b%06x" % (self._request_prefix, number >> 8)
        return self._request_page + _LAST_DIGITS[last]

    def date(self) -> bytes:
        """The current Date value, formatted once a second."""
        now = self.clock.now()
        if now // SECOND != self._date_second:
            self._date_second, self._date = now // SECOND, http_date(now)
        return self._date
