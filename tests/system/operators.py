"""What an operator asks the admin listener.

Promises: reads numbers as Prometheus would. Never: remembers anything between two questions.
"""

from __future__ import annotations

import json
import re

from tests.system.clients import admin, ask
from tests.system.program import Proxy

_REQUESTS = re.compile(r'trafficguard_requests_total\{action="(\w+)",status="(\w+)"\} (\d+)')


def readiness(proxy: Proxy) -> tuple[int, list[str]]:
    """The status of /readyz, and what is missing."""
    answer = ask(proxy.admin_port, admin("/readyz"))
    return answer.status, json.loads(answer.body)["missing"]


def requests_counted(proxy: Proxy) -> dict[tuple[str, str], int]:
    """Requests by action and class of status, without zeros."""
    return {(action, status): int(count) for action, status, count in _REQUESTS.findall(_text(proxy)) if count != "0"}


def number(proxy: Proxy, name: str) -> float:
    """A number without labels."""
    match = re.search(rf"^trafficguard_{name} ([\d.e+-]+)$", _text(proxy), re.MULTILINE)
    assert match, f"no number trafficguard_{name}"
    return float(match[1])


def _text(proxy: Proxy) -> str:
    answer = ask(proxy.admin_port, admin("/metrics"))
    assert answer.status == 200
    return answer.body.decode()
