"""What operators order at the admin listener: reload, mode, and keys that are allowed or blocked for a while.

Promises: changes come as POST of `application/json` only, and never from a page of another site: browsers ask first
before they send such a body across sites, and are told no; every answer says what is in force. Never: decides whether
an order makes sense (the helm does).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from aiohttp import hdrs, web

from trafficguard.control.state import PolicyState
from trafficguard.policy.orders import ByHand
from trafficguard.settings import Mode
from trafficguard.values import BadValueError, parse_duration, shown

LARGEST_BODY: Final = 16 * 1024
_MODES: Final[dict[object, Mode]] = {"off": "off", "shadow": "shadow", "enforce": "enforce"}
_WHO: Final = "admin"
_LONGEST_TEXT: Final = 200


class Helm(Protocol):
    """Who carries out what operators order."""

    async def reload(self, who: str) -> list[str]:
        """Reads the policy anew; what is wrong with it."""

    def set_mode(self, mode: Mode | None, who: str, site: str | None = None) -> None:
        """Sets the mode of the proxy or of one site; None: as configured. Raises BadValueError."""

    def decide_by_hand(self, action: str, key: str, seconds: float, who: str, reason: str = "") -> ByHand:
        """Allows or blocks a key for a while. Raises BadValueError."""

    def forget(self, key: str, who: str) -> bool:
        """Takes that back; whether there was anything. Raises BadValueError."""


def _who(body: Mapping[str, Any]) -> str:
    """Who orders, for the audit; whoever may reach this place may call itself anything."""
    name = _text(body, "by")
    return f"{_WHO} ({name})" if name else _WHO


def _text(body: Mapping[str, Any], name: str) -> str:
    """A short text of one line; empty when it is not there. Raises BadValueError."""
    text = body.get(name, "")
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT or not text.isprintable():
        raise BadValueError(f"{name} is no text", f"write up to {_LONGEST_TEXT} letters on one line")
    return text


async def _body_of(request: web.Request) -> bytes:
    """All of a body. Raises BadValueError when it is too long for an order."""
    try:
        await request.content.readexactly(LARGEST_BODY + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise BadValueError(f"the body is longer than {LARGEST_BODY} bytes", "send one order at a time")


Order = Callable[[dict[str, Any]], Awaitable[list[str]]]
"""Carries out what a body says; what is wrong with it. Raises BadValueError."""


def steering_routes(state: PolicyState, helm: Helm) -> list[web.RouteDef]:
    """The routes under which the proxy is steered."""

    def in_force(errors: list[str], status: int) -> web.Response:
        document = asdict(state) | {"errors": errors}
        document["verdicts"] = [
            {"version": version, "action": action, "count": count}
            for (version, action), count in state.verdicts.items()
        ]
        return web.json_response(document, status=status)

    async def show(_request: web.Request) -> web.Response:
        return in_force([], 200)

    async def reload(body: dict[str, Any]) -> list[str]:
        return await helm.reload(_who(body))

    async def mode(body: dict[str, Any]) -> list[str]:
        word = body.get("mode")
        if not isinstance(word, str) or (word != "configured" and word not in _MODES):
            raise BadValueError(f"{shown(word)} is not a mode", "write off, shadow, enforce or configured")
        helm.set_mode(_MODES.get(word), _who(body), _text(body, "site") or None)
        return []

    async def key(body: dict[str, Any]) -> list[str]:
        name = body.get("key")
        if not isinstance(name, str):
            raise BadValueError("no key is named", 'write {"action": "block", "key": "203.0.113.7", "for": "1h"}')
        if body.get("action") == "forget":
            if not helm.forget(name, _who(body)):
                raise BadValueError(f"nothing is decided about {name}", "see by_hand in /policy")
            return []
        seconds = parse_duration(body.get("for", "1h"))
        reason = _text(body, "reason")
        helm.decide_by_hand(str(body.get("action")), name, seconds, _who(body), reason)
        return []

    def order(carry_out: Order) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if request.content_type != "application/json" or hdrs.ORIGIN in request.headers:
                return in_force(["send a JSON object as application/json, and not from a web page"], 415)
            try:
                body = json.loads(await _body_of(request) or b"{}")
                if not isinstance(body, dict):
                    raise BadValueError("the body is not a JSON object", "send an object")
                errors = await carry_out(body)
            except BadValueError as error:
                return in_force([f"{error}; {error.remedy}"], 400)
            except (ValueError, RecursionError):
                return in_force(["the body is not JSON"], 400)
            return in_force(errors, 422 if errors else 200)

        return handle

    return [
        web.get("/policy", show),
        web.post("/policy/reload", order(reload)),
        web.post("/mode", order(mode)),
        web.post("/keys", order(key)),
    ]
