"""Asks a service whether a token is good: somebody else's check, off the way of requests for the shop.

Promises: so many questions at a time and no more, each within its time; whatever goes wrong is "not known", which is
no. Never: tells the service more than the token and our secret.
"""

from __future__ import annotations

import logging
from typing import Final

import aiohttp

from trafficguard.challenge.providers import LARGEST_ANSWER, Provider, is_good
from trafficguard.clock import SECOND, Clock

MOST_AT_A_TIME: Final = 32
TIMEOUT_S: Final = 5.0
_WARN_EVERY: Final = 60 * SECOND

_log: Final = logging.getLogger(__name__)


class Verifier:
    """One worker's questions."""

    __slots__ = ("_asking", "_clock", "_warned", "provider")

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self.provider = provider
        self._clock = clock
        self._asking = 0
        self._warned = -_WARN_EVERY

    async def asks(self, token: str, host: str) -> bool | None:
        """Whether a token is good for a host; None when that is not known."""
        if self._asking >= MOST_AT_A_TIME:
            return None
        self._asking += 1
        try:
            return is_good(await self._ask(token), host)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            now = self._clock.now()
            if now - self._warned >= _WARN_EVERY:
                self._warned = now
                _log.warning("challenge.provider: %s cannot be asked: %r", self.provider.kind, error)
            return None
        finally:
            self._asking -= 1

    async def _ask(self, token: str) -> bytes:
        provider = self.provider
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        sent = {"secret": provider.secret, "response": token}
        # A session for each: they are few, and a worker needs none of its own while there are none.
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
            session.post(provider.verify, data=sent, allow_redirects=False) as answer,
        ):
            return await answer.content.read(LARGEST_ANSWER)
