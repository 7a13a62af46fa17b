"""Verdicts, carried out on a client connection: on to the shop, held back, asked for a pass, refused, or trapped.

Promises: whoever is held back or trapped has one timer, is not read from, and gives its room back when it leaves; told
to drain, what is held back goes on at once and what is trapped ends. Never: asked while in shadow.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trafficguard.actions import BLOCK, ChallengeAction, TarpitAction, ThrottleAction
from trafficguard.clock import SECOND
from trafficguard.exchange import Exchange, Request, Verdict
from trafficguard.net.act import TOO_OFTEN, Reply, act, blocked, forward
from trafficguard.net.answering import Answering
from trafficguard.net.connection import Hold
from trafficguard.net.services import Services
from trafficguard.net.sites import Route
from trafficguard.net.tarpit import Drops
from trafficguard.net.throttle import retry_after, revealed
from trafficguard.net.visiting import TELL, navigates
from trafficguard.net.wheel import NEVER

_CHECK: Final = "We are checking that a person is here. Allow this site to keep cookies, then go on."
_CHECK_PARTS: Final = "Open a page of this shop in a browser first."
_CHECK_TITLE: Final = "One moment"


class Acting(Answering):
    """A client connection that does with a request what its verdict says."""

    _timer: asyncio.TimerHandle | None = None
    _turn_key = b""
    """Under which the request is held back, while it is."""
    _drops: Drops | None = None
    """What is left of a tarpit's answer, while the connection is in one."""
    _route: Route
    _lines = b""
    """Our own header lines for the origin."""

    def _carry_out(self, exchange: Exchange, request: Request, verdict: Verdict) -> None:
        """Does what the verdict on a request says."""
        step = act(verdict)
        if isinstance(step, Reply):
            self._turn_away(exchange, step)
        elif isinstance(step, ThrottleAction):
            self._throttle(exchange, request, verdict, step)
        elif isinstance(step, ChallengeAction):
            self._challenge(exchange, request)
        elif isinstance(step, TarpitAction):
            self._trap(exchange, step)
        else:
            self._lines += step.lines
            self._forward(self._route)

    def _turn_away(self, exchange: Exchange, reply: Reply) -> None:
        exchange.turned_away = True
        self.reply(reply)

    def _forward(self, route: Route) -> None:
        """Sends the request on to its origin."""
        raise NotImplementedError

    # Throttle

    def _throttle(self, exchange: Exchange, request: Request, verdict: Verdict, action: ThrottleAction) -> None:
        services = self.services
        key, wait = services.pacer.turn(request, action, verdict.rule, services.clock.now())
        if wait > 0 and not services.pacer.hold(key):
            wait = -1
        told = revealed(action, verdict.rule, wait) if action.reveal or request.passed else b""
        if wait < 0:
            lines = b"Retry-After: %d\r\n%b" % (retry_after(action), told)
            self._turn_away(exchange, Reply(429, TOO_OFTEN, lines=lines))
            return
        if told:
            self._told = told
            self._due |= TELL
        self._lines += forward(verdict).lines
        if wait == 0:
            self._forward(self._route)
            return
        self._turn_key = key
        self.hold(Hold.PACE)
        self.due = NEVER
        self._timer = asyncio.get_running_loop().call_later(wait / SECOND, self._end_turn)

    def _end_turn(self) -> None:
        """The request has been held back for long enough."""
        exchange = self._exchange
        if self._leave_turn() and exchange is not None:
            exchange.held_until = self.services.clock.now()
            self._read_again(Hold.PACE)
            self._forward(self._route)

    def _leave_turn(self) -> bool:
        """Gives the room back of a request that is held back; whether it was."""
        key, self._turn_key = self._turn_key, b""
        if not key:
            return False
        self._stop_timer()
        self.services.pacer.release(key)
        return True

    # Challenge

    def _challenge(self, exchange: Exchange, request: Request) -> None:
        self._turn_away(exchange, challenged(self.services, request))

    # Tarpit

    def _trap(self, exchange: Exchange, action: TarpitAction) -> None:
        if not self.services.tarpit.enter():
            self._turn_away(exchange, blocked(BLOCK))
            return
        exchange.turned_away = True
        exchange.status = 200
        self._answered, self._stays = True, False
        self._drops = Drops(action)
        self.hold(Hold.PACE)
        self.due = NEVER
        exchange.bytes_out += len(self._drops.head)
        self.transport.write(self._drops.head)
        self._timer = asyncio.get_running_loop().call_later(self._drops.pause, self._drip)

    def _drip(self) -> None:
        drops, exchange = self._drops, self._exchange
        drop = drops.next() if drops is not None and not self.is_unread else None
        if drops is None or drop is None or exchange is None:
            self.transport.abort()
            return
        exchange.bytes_out += len(drop)
        self.transport.write(drop)
        self._timer = asyncio.get_running_loop().call_later(drops.pause, self._drip)

    # The end of it

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave_all(self) -> None:
        """The client is gone: gives back whatever room it had."""
        self._leave_turn()
        self._stop_timer()
        if self._drops is not None:
            self._drops = None
            self.services.tarpit.leave()

    def _hurry(self) -> None:
        """The worker is going: nothing is held back any longer."""
        if self._turn_key:
            self._end_turn()
        elif self._drops is not None:
            self.transport.abort()


def challenged(services: Services, request: Request) -> Reply:
    """The answer to a request that is challenged."""
    head = request.head
    if head.method in (b"GET", b"HEAD") and navigates(head):
        lines = services.passes.give(request, services.clock.now())
        return Reply(403, _CHECK, lines=lines, title=_CHECK_TITLE, goes_on=True)
    return Reply(403, _CHECK_PARTS)
