"""The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt).

Promises: `read_proxy_header` is total: it gives the header, asks for more bytes, or says that these bytes are not
one. It is only called for configured peers, for whom the header is mandatory. Never: guesses whether there is one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

from trafficguard.net.peer import address_text, pack_address

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_V1: Final = 107
_TLV_SSL: Final = 0x20


class ProxyHeader(NamedTuple):
    """What a PROXY header says."""

    client: str | None
    """Client address; None for LOCAL and UNKNOWN, which mean the peer itself."""
    secure: bool
    """Whether the client spoke TLS to the peer (version 2 only)."""
    size: int
    """Bytes the header takes."""


class Unread(Enum):
    """Why there is no header yet."""

    MORE = 1
    INVALID = 2


def read_proxy_header(data: bytes, version: Literal["v1", "v2", "any"]) -> ProxyHeader | Unread:
    """The PROXY header at the start of `data`."""
    if version != "v1" and data[:12] == _SIGNATURE[: len(data)]:
        return _read_v2(data)
    if version != "v2" and data[:6] == b"PROXY "[: len(data)]:
        return _read_v1(data)
    return Unread.INVALID


def _read_v1(data: bytes) -> ProxyHeader | Unread:
    end = data.find(b"\r\n", 0, _LONGEST_V1)
    if end < 0:
        return Unread.MORE if len(data) < _LONGEST_V1 else Unread.INVALID
    words = data[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return ProxyHeader(None, False, end + 2)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6") or not (words[4].isdigit() and words[5].isdigit()):
        return Unread.INVALID
    packed = pack_address(words[2].decode("latin-1"))
    if packed is None or (b":" in words[2]) != (words[1] == b"TCP6"):
        return Unread.INVALID
    return ProxyHeader(address_text(packed), False, end + 2)


def _read_v2(data: bytes) -> ProxyHeader | Unread:
    if len(data) < 16:
        return Unread.MORE
    command, family, size = data[12], data[13], 16 + int.from_bytes(data[14:16], "big")
    if command not in (0x20, 0x21) or size > 4096:
        return Unread.INVALID
    if len(data) < size:
        return Unread.MORE
    width = {0x10: 4, 0x20: 16}.get(family & 0xF0)
    if command == 0x20 or width is None:
        return ProxyHeader(None, False, size)
    if size < 16 + 2 * width + 4:
        return Unread.INVALID
    return ProxyHeader(address_text(data[16 : 16 + width]), _speaks_tls(data[16 + 2 * width + 4 : size]), size)


def _speaks_tls(tlvs: bytes) -> bool:
    """Whether a PP2_TYPE_SSL says that the client connected over TLS; unknown TLVs are skipped."""
    at = 0
    while at + 3 <= len(tlvs):
        size = int.from_bytes(tlvs[at + 1 : at + 3], "big")
        if tlvs[at] == _TLV_SSL and size >= 5:
            return bool(tlvs[at + 3] & 1)
        at += 3 + size
    return False
