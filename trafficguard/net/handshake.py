"""Whether a 101 answer matches the WebSocket handshake it answers.

Promises: a tunnel is opened only for the accept value of the very key that the client sent (RFC 6455 section 4.2.2), so
that an origin which never understood the upgrade cannot be tricked into one. Never: looks into frames.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from trafficguard.http.framing import AnswerFraming
from trafficguard.http.head import AnswerHead, RequestHead

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepts(request: RequestHead, answer: AnswerHead, framing: AnswerFraming) -> bool:
    """Whether `answer` upgrades to WebSocket with the accept value for the key in `request`."""
    key = request.value(b"sec-websocket-key") or b""
    wanted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return framing.upgrades and hmac.compare_digest(answer.value(b"sec-websocket-accept") or b"", wanted)
