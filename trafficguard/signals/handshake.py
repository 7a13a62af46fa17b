"""What a JA4 and an HTTP/2 fingerprint say about the program that opened a connection.

Formats: JA4 as in FoxIO's technical details, for example `t13d1517h2_8daaf6152771_cb7bf5808d99`: protocol, TLS
version, SNI, numbers of ciphers and extensions, ALPN; a hash of the ciphers; a hash of extensions and signature
algorithms. HTTP/2 in Akamai's form, `SETTINGS|WINDOW_UPDATE|PRIORITY|pseudo headers`.

Promises: total on any text; what cannot be read is unknown. The tables hold real builds (curl-impersonate's 43
browser signatures, and browsers and libraries recorded for this project). Never: vouches for anybody, since both
can be copied.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_JA4: Final = re.compile(r"[tq]([0-9s][0-9])[di][0-9]{4}([0-9a-z]{2})_([0-9a-f]{12})_([0-9a-f]{12})")
_SETTING: Final = re.compile(r"([0-9]{1,5}):([0-9]{1,10})")

STACKS: Final[dict[str, str]] = {
    "8daaf6152771": "chromium",
    "86a278354501": "firefox",
    "5b57614c22b0": "firefox",
    "a09f3c656075": "apple",
    "2802a3db6c62": "apple",
    "723694b0fccc": "gnutls",
    **dict.fromkeys(
        (
            "85036bcba153", "6c2ba73853a4", "1d37bd780c83", "a33745022dd6", "e8f1e7e78f70", "c7886603b240",
            "ab95583b6d39", "d943125447b4", "df115388da38", "ed40b14a4398",
        ),
        "openssl",
    ),
    "9dc949149365": "go",
    "db35923f8641": "java",
    "61a7ad8aa9b6": "rustls",
    "fb133944d0cd": "erlang",
}  # fmt: skip
"""The library behind a hash of ciphers, where it was seen; libraries have more than these."""

EXTENSIONS: Final[dict[str, tuple[int, int]]] = {
    "e5627efa2ab1": (98, 118),
    "02713d6af862": (119, 132),
    "b1ff8ab2d16f": (119, 132),
    "b0da82dd1658": (119, 132),
    "d8a2da3f94cd": (133, 149),
    "b6f405a00624": (133, 149),
    "806a8c22fdea": (150, 153),
    "cb7bf5808d99": (154, 999),
    "e2d80978ab2e": (154, 999),
}
"""First and last major version of Chromium by its hash of extensions, with and without a resumed session."""


class Hello(NamedTuple):
    """What is known of a ClientHello; all empty when it is not."""

    version: str = ""
    """`13`, `12` ..."""
    alpn: str = ""
    """First and last letter of the first protocol that it offers: `h2`, `h1`; `00` for none."""
    ciphers: str = ""
    extensions: str = ""

    @property
    def stack(self) -> str:
        """The library that it comes from, or empty."""
        return STACKS.get(self.ciphers, "")


class Preface(NamedTuple):
    """What is known of how a client opens HTTP/2; all empty when it is not."""

    settings: tuple[tuple[int, int], ...] = ()
    """Names and values in the order sent."""
    window: int = 0
    """By how much it widens the connection's window; 0 when it does not."""
    order: str = ""
    """First letters of the pseudo headers: `masp`."""

    def setting(self, number: int) -> int | None:
        """The value of a setting, or None."""
        return dict(self.settings).get(number)


UNKNOWN_HELLO: Final = Hello()
UNKNOWN_PREFACE: Final = Preface()


@lru_cache(maxsize=2048)
def read_ja4(text: str) -> Hello:
    """The parts of a JA4; unknown when it is none."""
    match = _JA4.fullmatch(text)
    return Hello(*match.groups()) if match else UNKNOWN_HELLO


@lru_cache(maxsize=2048)
def read_http2(text: str) -> Preface:
    """The parts of an HTTP/2 fingerprint; unknown when it is none."""
    parts = text.split("|")
    if len(parts) != 4 or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 10:
        return UNKNOWN_PREFACE
    order = parts[3].replace(",", "")
    if sorted(order) != ["a", "m", "p", "s"]:
        return UNKNOWN_PREFACE
    settings = tuple((int(number), int(value)) for number, value in _SETTING.findall(parts[0][:256]))
    return Preface(settings, int(parts[1]), order)
