"""Settings of the proxy under test, in front of the sample shop: the same for both runners.

Never: anything that is made for a test but who may tell the client's address.
"""

from __future__ import annotations

from typing import Any, Final

from trafficguard.demo.run import ROUTES
from trafficguard.demo.sessions import COOKIE
from trafficguard.settings import SiteSettings

JA4_HEADER: Final = "x-client-ja4"
HTTP2_HEADER: Final = "x-client-http2"


def site(origin: str) -> dict[str, Any]:
    """The sample shop at an origin, as settings have it."""
    return {
        "hosts": ["*"],
        "upstreams": [{"servers": [origin]}],
        "routes": [{"path": path, "class": word} for path, word in ROUTES],
        "accounts": {"fields": ["username"], "login_cookie": COOKIE},
    }


def site_of(origin: str) -> SiteSettings:
    """The same, checked."""
    return SiteSettings.model_validate(site(origin))


def proxy(listen: str, origin: str, workers: int, policy: str | None, log: str | None = None) -> dict[str, Any]:
    """Settings of a whole proxy; loopback may say who the client is."""
    settings: dict[str, Any] = {
        "listen": [listen],
        "workers": workers,
        "sites": [site(origin)],
        "trusted": {
            "peers": ["127.0.0.0/8"], "proxy_protocol": "any", "ja4_header": JA4_HEADER, "http2_header": HTTP2_HEADER,
        },
        "admin": {"listen": "none"},
        "limits": {"connections": 60_000, "connections_per_address": 4096},
    }  # fmt: skip
    if policy is not None:
        settings["policy"] = policy
    if log is not None:
        settings["log"] = {"file": log, "sample": 1.0}
    return settings
