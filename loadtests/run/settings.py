"""The sample shop as settings of a proxy have it: the same for both runners."""

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
