"""The text forms of single settings: durations, sizes, counts, listening places, origins, hosts, networks ...

Promises: each `parse_*` returns the checked value or raises `BadValueError`, which says in plain words what
is wrong and what to write instead; being a ValueError, it can leave a pydantic validator. Never: resolves a
name, opens anything, or knows which setting it reads for.
"""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Steps = tuple[str | int, ...]
"""The way from a group of settings down to one of its values: `("sites", 0, "hosts", 1)`."""

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)?", re.ASCII)
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_DURATION: Final = 30 * 86_400.0
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(?:([kmgt])(i?))?b?", re.ASCII | re.IGNORECASE)
_LARGEST_SIZE: Final = 1 << 50
_COUNT: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_LARGEST_COUNT: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_PLACE: Final = re.compile(
    r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]|([A-Za-z0-9_][A-Za-z0-9._-]{0,252}))(?::(\d{1,5}))?", re.ASCII
)
_ORIGIN: Final = re.compile(r"(https?)://([^/?#]*)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_PICTURE: Final = re.compile(r"(?:/[^/\\\s\"<>]|data:image/)[^\s\"<>\\]{0,65536}", re.ASCII)
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}", re.ASCII)
_TAKEN: Final = frozenset(
    [
        "accept", "cache-control", "connection", "content-encoding", "content-length", "content-type", "cookie",
        "date", "expect", "forwarded", "host", "keep-alive", "location", "set-cookie", "te", "trailer",
        "transfer-encoding", "upgrade", "vary", "x-real-ip", "x-request-id",
    ]
)  # fmt: skip
_PATH: Final = re.compile(r"/[^?#\s]*")


class BadValueError(ValueError):
    """A value that cannot be used, with what to write instead."""

    def __init__(self, message: str, remedy: str, steps: Steps = ()) -> None:
        super().__init__(message)
        self.remedy = remedy
        """What to write instead, in one clause."""
        self.steps = steps
        """Where below the group that was checked the value stands; empty when it is the value itself."""


def shown(value: object) -> str:
    """`value` as a message quotes it: short and on one line."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a group of settings"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def parse_duration(value: object) -> float:
    """Seconds up to 30 days, from `250ms`, `10s`, `5m`, `1h` or a plain number; BadValueError otherwise."""
    remedy = "write 250ms, 10s, 5m or 1h; a number without unit means seconds"
    match = _DURATION.fullmatch(_plain_text(value))
    if match is None:
        raise BadValueError(f"{shown(value)} is not a duration", remedy)
    seconds = float(match[1]) * _DURATION_UNITS[match[2] or "s"]
    if not 0 < seconds <= _LONGEST_DURATION:
        raise BadValueError(f"{shown(value)} is not between 1ms and 30 days", remedy)
    return seconds


def parse_size(value: object) -> int:
    """Bytes from `512`, `32KiB`, `1.5GiB` or `10MB`, at most 1 PiB; BadValueError otherwise."""
    remedy = "write 512, 32KiB, 64MiB or 2GiB; a number without unit means bytes"
    match = _SIZE.fullmatch(_plain_text(value))
    if match is None:
        raise BadValueError(f"{shown(value)} is not a size", remedy)
    power = " kmgt".index((match[2] or " ").lower())
    size = int(float(match[1]) * (1024 if match[3] else 1000) ** power)
    if not 0 < size <= _LARGEST_SIZE:
        raise BadValueError(f"{shown(value)} is not between 1 byte and 1 PiB", remedy)
    return size


def parse_count(value: object) -> int:
    """A whole number up to a thousand million; BadValueError otherwise."""
    text = _plain_text(value)
    if _COUNT.fullmatch(text) is None:
        raise BadValueError(f"{shown(value)} is not a whole number", "write digits only, such as 4")
    if abs(int(text)) > _LARGEST_COUNT:
        raise BadValueError(f"{shown(value)} is too large", f"write a number up to {_LARGEST_COUNT}")
    return int(text)


def parse_number(value: object) -> float:
    """A decimal number; BadValueError otherwise."""
    text = _plain_text(value)
    if _NUMBER.fullmatch(text) is None:
        raise BadValueError(f"{shown(value)} is not a number", "write a decimal number such as 75 or 0.5")
    return float(text)


def parse_listen(value: object) -> str:
    """A checked listening place, `host:port`, `[v6]:port` or `unix:/path`; BadValueError otherwise."""
    text = value if isinstance(value, str) else ""
    if text.startswith("unix:"):
        return _parse_unix(text)
    place = split_place(text)
    if place is None or place[1] is None:
        remedy = "write 127.0.0.1:8080, [::1]:8080, 0.0.0.0:8080 for every address, or unix:/path"
        raise BadValueError(f"{shown(value)} is not a listening place", remedy)
    return text


def parse_admin_listen(value: object) -> str | None:
    """A listening place on this machine, or None for `none` and null; BadValueError otherwise."""
    if value is None or value == "none":
        return None
    text = parse_listen(value)
    place = split_place(text)
    host = place[0] if place is not None else "localhost"
    if host != "localhost" and not (_is_address(host) and ipaddress.ip_address(host).is_loopback):
        remedy = "write a loopback address such as 127.0.0.1:9180, unix:/path, or none"
        raise BadValueError(f"{shown(value)} can be reached from other machines", remedy)
    return text


def parse_server(value: object) -> str:
    """A checked origin, `http://host:port` or `unix:/path`; BadValueError otherwise."""
    text = value if isinstance(value, str) else ""
    if text.startswith("unix:"):
        return _parse_unix(text)
    match = _ORIGIN.fullmatch(text)
    place = split_place(match[2]) if match else None
    if match is None or place is None or place[1] == 0:
        raise BadValueError(f"{shown(value)} is not an origin", "write http://127.0.0.1:9000 or unix:/path")
    if match[1].lower() == "https":
        raise BadValueError("https to an origin is not supported", "write http://host:port")
    if match[3] not in ("", "/"):
        raise BadValueError(f"{shown(value)} has more than a host and a port", "write http://host:port alone")
    return f"http://{match[2]}"


def split_place(text: str) -> tuple[str, int | None] | None:
    """Host (IPv6 without brackets) and port, if one is named, of `host:port`; None when it is neither."""
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    host, port = match[1] or match[2], int(match[3]) if match[3] else None
    numeric = match[1] is not None or host.replace(".", "").isdigit()
    if (numeric and not _is_address(host)) or (port is not None and port > 65_535):
        return None
    return host, port


def parse_host(value: object) -> str:
    """A checked host name in lower case: a name, `*.name` or `*`; BadValueError otherwise."""
    remedy = "write a name such as shop.example, *.shop.example for its subdomains, or *"
    if not isinstance(value, str):
        raise BadValueError(f"{shown(value)} is not a host name", f"{remedy}, in quotes")
    name = value.lower()
    bare = name[2:] if name.startswith("*.") else name
    if name != "*" and not _HOST.fullmatch(_ascii(bare)):
        raise BadValueError(f"{shown(value)} is not a host name", f"{remedy}, without scheme, port or path")
    return name


def parse_network(value: object) -> Network:
    """A CIDR network or a single address; BadValueError otherwise."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    remedy = "write 10.0.0.0/8, 2001:db8::/32 or a single address"
    try:
        network = ipaddress.ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise BadValueError(f"{shown(value)} is not a network", remedy) from None
    if "/" in str(value) and network.network_address != ipaddress.ip_interface(str(value)).ip:
        remedy = f"write {network}, or the address alone"
        raise BadValueError(f"{shown(value)} is an address within a network", remedy)
    return network


def parse_path(value: object) -> str:
    """A path prefix that starts with a slash; BadValueError otherwise."""
    if not isinstance(value, str) or _PATH.fullmatch(value) is None:
        remedy = "write it with a slash in front and without ? or #, such as /api"
        raise BadValueError(f"{shown(value)} is not a path", remedy)
    return value


def parse_token(value: object) -> str:
    """A checked name of a cookie (a token of RFC 9110 section 5.6.2, up to 64 letters); BadValueError otherwise."""
    if not isinstance(value, str) or _TOKEN.fullmatch(value) is None:
        raise BadValueError(f"{shown(value)} is not a name", "write letters, digits, dashes and underscores only")
    return value


def parse_picture(value: object) -> str:
    """A checked path of a picture at the shop, or a `data:image/` address; BadValueError otherwise."""
    if not isinstance(value, str) or _PICTURE.fullmatch(value) is None:
        remedy = "write a path such as /static/logo.svg, or data:image/..."
        raise BadValueError(f"{shown(value)} is not a picture's address", remedy)
    return value


def parse_colour(value: object) -> str:
    """A checked colour, `#rrggbb`; BadValueError otherwise."""
    if not isinstance(value, str) or _COLOUR.fullmatch(value) is None:
        raise BadValueError(f"{shown(value)} is not a colour", 'write six hexadecimal digits, such as "#1a73e8"')
    return value


def parse_domain(value: object) -> str:
    """A checked host name that cookies can be set for; BadValueError otherwise."""
    host = parse_host(value)
    if host.startswith("*") or host.replace(".", "").isdecimal() or ":" in host:
        raise BadValueError(f"{shown(value)} is no domain", "write the part that all hosts share, such as shop.example")
    return host


def parse_header(value: object) -> str:
    """A checked name of a header that HTTP leaves free, in lower case; BadValueError otherwise."""
    name = parse_token(value).lower()
    if name in _TAKEN or name.startswith(("x-forwarded-", "x-bot-", "proxy-", "sec-")):
        raise BadValueError(f"{shown(value)} means something already", "choose a name of your own, such as X-Account")
    if "_" in name:
        raise BadValueError(f"{shown(value)} has an underscore", "write it with dashes, as most programs send it")
    return name


def _plain_text(value: object) -> str:
    """A number or a text as text; empty for all that is neither, so that nothing matches."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 1 << 64 else ""
    return value if isinstance(value, str) else ""


def _parse_unix(text: str) -> str:
    path = text.removeprefix("unix:")
    if not path.startswith("/") or "\0" in path or path.endswith("/"):
        raise BadValueError(f"{shown(text)} has no absolute path", "write unix:/run/trafficguard.sock")
    if len(path.encode()) > 107:  # sun_path of unix(7) less its final NUL
        raise BadValueError("the path of a Unix socket is longer than 107 bytes", "choose a shorter path")
    return text


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ascii(name: str) -> str:
    """An internationalised name as it travels in a Host header; empty when it cannot be one."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""
