"""The bytes of heads that we send: to origins, to clients, and our own answers.

Promises: a head passes through as it came unless a line in it must change; then hop-by-hop lines, lines named in
`Connection` and everything that only a trusted peer or we may say are left out before our own lines are added
(RFC 9110 section 7.6.1), so that no client can make us drop them. Never: decides, reads a clock or does I/O.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from trafficguard.clock import SECOND
from trafficguard.http.fields import EXPECT, HOST, TRANSFER_ENCODING, Field, Kind
from trafficguard.http.framing import AnswerFraming, Framing
from trafficguard.http.head import AnswerHead, RequestHead

_DROPPED: Final = frozenset(
    (Kind.CONNECTION, Kind.UPGRADE, Kind.HOP, Kind.FORWARDED, Kind.REQUEST_ID, Kind.OURS, Kind.HANDSHAKE)
)
_DROPPED_FROM_ANSWERS: Final = frozenset((Kind.CONNECTION, Kind.UPGRADE, Kind.HOP))
_KEPT_OF_TRUSTED: Final = frozenset((b"x-forwarded-host", b"x-forwarded-port"))

STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}


def request_head(head: RequestHead, framing: Framing, trusted: bool, extra: bytes) -> bytes:
    """The head to send to an origin; `extra` holds our own lines, `trusted` tells whether the peer is."""
    block = head.block
    if head.minor == 0 or head.authority is not None or framing.websocket:
        return _rewritten(head, framing, trusted, extra)
    onward = block.onward_trusted if trusted else block.onward
    if not onward:
        onward = b"\r\n%b\r\n" % b"\r\n".join(_kept(block.fields, framing.named, trusted))
        if trusted:
            block.onward_trusted = onward
        else:
            block.onward = onward
    return b"%b%b%b\r\n" % (head.line, onward, extra)


def _kept(fields: list[Field], named: frozenset[bytes], trusted: bool) -> list[bytes]:
    """The lines of a request that go on to the origin."""
    return [
        field.line
        for field in fields
        if not _goes(field, named, _DROPPED) or (trusted and _is_kept_of_trusted(field) and field.name not in named)
    ]


def _is_kept_of_trusted(field: Field) -> bool:
    return field.kind is Kind.HANDSHAKE or field.name in _KEPT_OF_TRUSTED


def _rewritten(head: RequestHead, framing: Framing, trusted: bool, extra: bytes) -> bytes:
    """The same where the request line or the Host must change, or a handshake goes on."""
    fields, authority = head.fields, head.authority
    lines = [_request_line(head)]
    if authority is not None or not framing.host:
        lines.append(b"Host: " + (authority or b"origin.invalid"))
        fields = [field for field in fields if field.kind is not HOST]
    if not framing.expects:
        # RFC 9110 section 10.1.1: an HTTP/1.0 client does not understand 100 Continue.
        fields = [field for field in fields if field.kind is not EXPECT]
    lines += _kept(fields, framing.named, trusted)
    if framing.websocket:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    return b"%b\r\n%b\r\n" % (b"\r\n".join(lines), extra)


def _goes(field: Field, named: frozenset[bytes], dropped: frozenset[Kind]) -> bool:
    return field.kind in dropped or (bool(named) and field.name in named)


def _request_line(head: RequestHead) -> bytes:
    if head.authority is None:
        return head.line if head.minor == 1 else head.line[:-1] + b"1"
    query = b"?" + head.target.query if head.target.query else b""
    return b"%b %b%b HTTP/1.1" % (head.method, head.target.path, query)


def answer_head(head: AnswerHead, framing: AnswerFraming, connection: bytes, decoded: bool) -> bytes:
    """The head to send to a client.

    `connection` is the Connection line to add, with others of ours (empty for none), `decoded` tells that a chunked
    body is sent plain.
    """
    if not framing.rewrite and not connection and not decoded:
        return head.raw
    block = head.block
    onward = block.onward_decoded if decoded else block.onward
    if not onward:
        dropped = _DROPPED_FROM_ANSWERS | {TRANSFER_ENCODING} if decoded else _DROPPED_FROM_ANSWERS
        kept = [field.line for field in block.fields if not _goes(field, framing.named, dropped)]
        onward = b"\r\n".join([b"HTTP/1.1" + block.line[8:], *kept])
        if decoded:
            block.onward_decoded = onward
        else:
            block.onward = onward
    return b"%b%b\r\n%b\r\n" % (onward, head.date, connection)


CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"
UPGRADE: Final = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


_OWN_ANSWER: Final = (
    b"%bDate: %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
    b"Cache-Control: no-store\r\nX-Robots-Tag: noindex\r\n%b\r\n%b"
)


_OWN_HEAD: Final = b"%bDate: %b\r\nCache-Control: no-store\r\nX-Robots-Tag: noindex\r\n%b\r\n"


def own_answer(status: int, media_type: bytes, body: bytes, date: bytes, extra: bytes) -> bytes:
    """An answer of our own; never cached, never indexed (`extra` holds further lines, each with its CRLF).

    Without a media type it is a head alone, for statuses that have no body.
    """
    if not media_type:
        return _OWN_HEAD % (STATUS_LINES.get(status) or _strange(status), date, extra)
    return _OWN_ANSWER % (STATUS_LINES.get(status) or _strange(status), date, media_type, len(body), extra, body)


def _strange(status: int) -> bytes:
    """The status line of a status without a name: the reason may be empty (RFC 9112 section 4)."""
    return b"HTTP/1.1 %d \r\n" % status


_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(now: int) -> bytes:
    """`now` (nanoseconds since the Unix epoch) as an IMF-fixdate (RFC 9110 section 5.6.7)."""
    t = time.gmtime(now // SECOND)
    return (
        f"{_WEEKDAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year} "
        f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
    ).encode()
