"""Verdicts that a front carries from one question to the next: sealed, in a header.

nginx understands of an answer to `auth_request` no more than yes and no. So it takes this header out of a no, and
comes back with it for the answer that its visitor is to get; any worker may be the one that it comes back to.

Promises: only what we have sealed is opened, compared in constant time. Never: keeps anything.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from typing import Any, Final, NamedTuple

from trafficguard.actions import ActionValue, BlockAction, ChallengeAction, PassAction, TarpitAction, ThrottleAction
from trafficguard.exchange import Verdict
from trafficguard.signals.hashes import Keyed

_SEAL_SIZE: Final = 16
_CLASSES: Final[dict[str, type[ActionValue]]] = {
    one.word: one for one in (PassAction, ThrottleAction, ChallengeAction, BlockAction, TarpitAction)
}


class Handed(NamedTuple):
    """What was sealed."""

    id_bytes: bytes
    """Of the request that the verdict is on."""
    verdict: Verdict
    """Without what visitors are not told."""


class Handover:
    """Seals verdicts and opens them."""

    __slots__ = ("_seals",)

    def __init__(self, secret: bytes) -> None:
        self._seals = Keyed(secret, b"tg.handover")

    def seal(self, id_bytes: bytes, verdict: Verdict) -> str:
        """The header's value."""
        action = verdict.action
        given = action.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps([id_bytes.decode("ascii"), verdict.rule, verdict.score, action.word, given]).encode()
        return urlsafe_b64encode(self._seals.hash(text) + text).decode("ascii")

    def open(self, value: str) -> Handed | None:
        """What a header's value holds; None when we have not sealed it."""
        try:
            raw = urlsafe_b64decode(value.encode("ascii"))
        except (NotBase64Error, ValueError):
            return None
        seal, text = raw[:_SEAL_SIZE], raw[_SEAL_SIZE:]
        if not hmac.compare_digest(self._seals.hash(text), seal):
            return None
        id_text, rule, score, word, given = _read(text)
        action = _CLASSES[word].model_validate(given)
        return Handed(id_text.encode("ascii"), Verdict(action, score, (), (), rule))


def _read(text: bytes) -> tuple[str, str, float, str, dict[str, Any]]:
    id_text, rule, score, word, given = json.loads(text)
    return id_text, rule, score, word, given
