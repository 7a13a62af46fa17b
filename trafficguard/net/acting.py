"""Verdicts, carried out on a client connection: on to the shop, held back, asked for a pass, refused, or trapped.

Promises: whoever is held back or trapped has one timer, is not read from, and gives its room back when it leaves (who
closes only the sending side counts as gone); told to drain, or when verdicts are no longer carried out, what is held
back goes on at once and what is trapped ends. Never: asked while in shadow.
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
from trafficguard.net.sites import Route
from trafficguard.net.tarpit import Drops
from trafficguard.net.throttle import retry_after, revealed
from trafficguard.net.visiting import TELL
from trafficguard.net.wheel import NEVER
from trafficguard.policy.facts import VERIFIED

LENT: Final = ThrottleAction(rate=2.0, burst=60, key="network")
"""The pace of all visitors of a network who keep no cookies and whose pass therefore stays here."""


class Acting(Answering):
    """A client connection that does with a request what its verdict says."""

    _timer: asyncio.TimerHandle | None = None
    _watched = -1
    """The socket that is watched for the client's leaving, while nobody reads from it."""
    _turn_key = b""
    """Under which the request is held back, while it is."""
    _turn_size = 0
    """Bytes that are kept of it meanwhile."""
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
            self._challenge(exchange, request, verdict, step)
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
        key, wait, is_part = services.pacer.turn(request, action, verdict.rule, services.clock.now())
        # The pace of parts is another one, of which nobody needs to know.
        told = revealed(action, verdict.rule, wait) if may_know(request, verdict, action) and not is_part else b""
        if wait < 0:
            lines = b"Retry-After: %d\r\n%b" % (retry_after(action), told)
            self._turn_away(exchange, Reply(429, TOO_OFTEN, lines=lines))
            return
        if told:
            self._told = told
            self._due |= TELL
        self._lines += forward(verdict).lines
        if wait == 0 or services.draining:
            self._forward(self._route)
            return
        held = len(self._upload.held) if self._upload is not None else 0
        self._turn_size = len(request.head.raw) + held + len(self._queued)
        services.pacer.hold(key, self._turn_size)
        self._turn_key = key
        self._stop_reading()
        self._timer = asyncio.get_running_loop().call_later(wait / SECOND, self._end_turn)

    def _end_turn(self) -> None:
        """The request has been held back for long enough."""
        exchange = self._exchange
        if self._leave_turn() and exchange is not None:
            exchange.sent_on = self.services.clock.now()
            self._read_again(Hold.PACE)
            self._forward(self._route)

    def _leave_turn(self) -> bool:
        """Gives the room back of a request that is held back; whether it was."""
        key, self._turn_key = self._turn_key, b""
        if not key:
            return False
        self._end_waiting()
        self.services.pacer.release(key, self._turn_size)
        return True

    # Challenge

    def _challenge(self, exchange: Exchange, request: Request, verdict: Verdict, action: ChallengeAction) -> None:
        services = self.services
        reception, now = services.reception, services.clock.now()
        if reception.desk.lent(request, now) >= action.rank:
            self._throttle(exchange, request, verdict._replace(action=LENT), LENT)
            return
        said = reception.challenge(request, action, verdict.score, services.conditions.load, verdict.rule, now)
        self.reply(said.record(exchange, services.meters))

    # Tarpit

    def _trap(self, exchange: Exchange, action: TarpitAction) -> None:
        if self.services.draining or not self.services.tarpit.enter():
            self._turn_away(exchange, blocked(BLOCK))
            return
        exchange.turned_away = True
        exchange.status = 200
        self._answered, self._stays = True, False
        self._drops = Drops(action)
        self._stop_reading()
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

    def _stop_reading(self) -> None:
        """From now on a timer decides, unless the client leaves."""
        self.hold(Hold.PACE)
        self.due = NEVER
        self._watched = self.transport.get_extra_info("socket").fileno()
        self.services.departures.watch(self._watched, self.transport.abort)

    def _end_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched >= 0:
            self.services.departures.forget(self._watched)
            self._watched = -1

    def _leave_all(self) -> None:
        """The client is gone: gives back whatever room it had."""
        self._leave_turn()
        self._end_waiting()
        if self._drops is not None:
            self._drops = None
            self.services.tarpit.leave()

    def _hurry(self) -> None:
        """Nothing is held back any longer."""
        if self._turn_key:
            self._end_turn()
        elif self._drops is not None:
            self.transport.abort()


def may_know(request: Request, verdict: Verdict, action: ThrottleAction) -> bool:
    """Whether a visitor is told its pace: it would tell crawlers how fast they may go."""
    return action.reveal or request.passed or any(label.startswith(VERIFIED) for label in verdict.labels)

