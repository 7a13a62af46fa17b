"""What a request gets that a front is to turn away, as an answer that the front can pass on.

Promises: the same answers as on a connection of our own, but that nobody is trapped: a tarpit would hold the front's
connections, so it blocks. Never: decides.
"""

from __future__ import annotations

from typing import Final, assert_never

from aiohttp import web

from trafficguard.actions import BLOCK, BlockAction, ChallengeAction, PassAction, TarpitAction, ThrottleAction
from trafficguard.exchange import Exchange, Request, Verdict
from trafficguard.net.act import TOO_OFTEN, Reply, blocked, content_of
from trafficguard.net.acting import may_know
from trafficguard.net.services import Services
from trafficguard.net.throttle import retry_after, revealed

_NEVER: Final = -1


def reply_of(services: Services, exchange: Exchange, request: Request, verdict: Verdict) -> Reply:
    """The answer to a request that does not go on; a challenge is noted in `exchange`."""
    action = verdict.action
    match action:
        case BlockAction():
            return blocked(action)
        case ChallengeAction():
            now, load = services.clock.now(), services.conditions.load
            said = services.reception.challenge(request, action, verdict.score, load, verdict.rule, now)
            return said.record(exchange, services.meters)
        case ThrottleAction():
            told = pace_of(request, verdict, action, _NEVER)
            return Reply(429, TOO_OFTEN, lines=b"Retry-After: %d\r\n%b" % (retry_after(action), told))
        case TarpitAction() | PassAction():
            return blocked(BLOCK)
        case _:
            assert_never(action)


def pace_of(request: Request, verdict: Verdict, action: ThrottleAction, wait: int) -> bytes:
    """The lines that tell a visitor its pace, where it may know; `wait` as in `Turn`."""
    return revealed(action, verdict.rule, wait) if may_know(request, verdict, action) else b""


def status_of(verdict: Verdict) -> int:
    """The status of that answer."""
    action = verdict.action
    if isinstance(action, BlockAction):
        return action.status
    return 429 if isinstance(action, ThrottleAction) else 403


def answer_of(reply: Reply, id_bytes: bytes, accept: bytes | None) -> web.Response:
    """The answer as it is sent, to a visitor who sent `accept`."""
    media_type, body = content_of(reply, id_bytes, accept)
    headers = [
        *headers_of(reply.lines), ("X-Request-Id", id_bytes.decode("ascii")), ("X-Robots-Tag", "noindex"),
    ]  # fmt: skip
    if media_type:
        headers.append(("Content-Type", media_type.decode("ascii")))
    return web.Response(status=reply.status, body=body, headers=headers)


def headers_of(lines: bytes) -> list[tuple[str, str]]:
    """Names and values of header lines, each with its CRLF."""
    pairs = (line.partition(": ") for line in lines.decode("latin-1").split("\r\n") if line)
    return [(name, value) for name, _, value in pairs]
