"""Whether anybody could read a request differently than we do, and how long its body is.

Promises: `frame` is total: a request either has exactly one meaning, given back as `Framing`, or a `Refusal`. It is
stricter than RFC 9112 on purpose: section 6.3 lets a recipient repair a Content-Length beside a Transfer-Encoding or
a repeated length, and request smuggling lives on such repairs. `refuse_early` does the same for a head that has not
arrived whole. Grammar (names, values, line ends, obs-fold) has been judged by llhttp in `head` before. Never: reads
a body, and never asks who sent the request.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from trafficguard.http.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOP,
    HOST,
    TRANSFER_ENCODING,
    UPGRADE,
    Field,
)
from trafficguard.http.head import AnswerHead, RequestHead
from trafficguard.http.refusal import Refusal

# RFC 3986 section 3.2.2 host and port, without user information.
_HOST: Final = re.compile(rb"((?:[A-Za-z0-9\-._~!$&'()*+,;=%]+)|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?")
_TOKENS: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z,]*")

MISSING_HOST: Final = Refusal(400, "missing-host", "The request has no Host header.")
REPEATED_HOST: Final = Refusal(400, "repeated-host", "The request has more than one Host header.")
BAD_HOST: Final = Refusal(400, "bad-host", "The Host header is not a host name with an optional port.")
BAD_LENGTH: Final = Refusal(400, "bad-length", "Content-Length is not one decimal number.")
REPEATED_LENGTH: Final = Refusal(400, "repeated-length", "The request has more than one Content-Length.")
LENGTH_AND_CHUNKED: Final = Refusal(400, "length-and-chunked", "Content-Length beside Transfer-Encoding.")
BAD_CODING: Final = Refusal(400, "bad-coding", "Transfer-Encoding must be exactly chunked.")
OLD_CHUNKED: Final = Refusal(400, "old-chunked", "HTTP/1.0 knows no Transfer-Encoding.")
BAD_CONNECTION: Final = Refusal(400, "bad-connection", "The Connection header is not a list of names.")
BAD_EXPECTATION: Final = Refusal(417, "expectation", "Only the expectation 100-continue can be met.")
BARE_LINE_END: Final = Refusal(400, "bare-line-end", "Lines must end with CR LF.")
HEAD_TOO_LARGE: Final = Refusal(431, "head-too-large", "The request head is too large.")
BAD_CHUNK: Final = Refusal(400, "bad-chunk", "The chunked body is not valid.")
BODY_TOO_LARGE: Final = Refusal(413, "body-too-large", "The request body is too large.")

_HOST_FOR_OLD: Final = b""

CHUNKED: Final = -1
"""`length` of a body in chunks."""
UNTIL_CLOSE: Final = -2
"""`length` of an answer that ends with its connection."""


class Framing:
    """What a request head says about its message and its connection. Treat as frozen."""

    __slots__ = ("expects", "host", "keep_alive", "length", "named", "rewrite", "websocket")

    def __init__(self) -> None:
        self.length = 0
        """Bytes of body, or CHUNKED."""
        self.host = _HOST_FOR_OLD
        """Lower-case host without port; empty for HTTP/1.0 without Host."""
        self.keep_alive = True
        """Whether the client wants to go on with this connection."""
        self.expects = False
        """Whether the client waits for 100 Continue."""
        self.websocket = False
        """Whether this is a well-formed WebSocket handshake."""
        self.named: frozenset[bytes] = frozenset()
        """Headers named in Connection, which end at this hop."""
        self.rewrite = False
        """Whether header lines have to go before the head is forwarded."""


def frame(head: RequestHead) -> Framing | Refusal:
    """The one meaning of `head`, or why there is none."""
    framing = Framing()
    hosts = lengths = codings = 0
    upgrade: Field | None = None
    tokens: frozenset[bytes] | None = None
    for field in head.special:
        kind = field.kind
        if kind is HOST:
            hosts += 1
            framing.host = field.value
        elif kind is CONNECTION:
            if field.tokens == _KEEP_ALIVE and tokens is None:
                tokens = _KEEP_ALIVE
            else:
                tokens = field.tokens if tokens is None else tokens | field.tokens
                framing.rewrite = True
        elif kind is CONTENT_LENGTH:
            lengths += 1
            if field.length < 0:
                return BAD_LENGTH
            framing.length = field.length
        elif kind is TRANSFER_ENCODING:
            codings += 1
            if field.value.lower() != b"chunked":
                return BAD_CODING
            framing.length = CHUNKED
        elif kind is EXPECT:
            if field.value.lower() != b"100-continue":
                return BAD_EXPECTATION
            framing.expects = head.minor == 1
        else:
            framing.rewrite = True
            if kind is UPGRADE:
                upgrade = field
    refusal = _refuse(head, hosts, lengths, codings)
    if refusal is not None:
        return refusal
    if tokens is not None and tokens is not _KEEP_ALIVE:
        if not _TOKENS.fullmatch(b",".join(tokens)):
            return BAD_CONNECTION
        framing.named = tokens - _NEVER_DROPPED
    framing.keep_alive = _keeps_alive(head.minor, tokens)
    if upgrade is not None and tokens is not None:
        framing.websocket = b"upgrade" in tokens and _is_websocket(head, upgrade, framing)
    return _with_host(framing, head)


_KEEP_ALIVE: Final = frozenset((b"keep-alive",))
# A client must not make us drop what we frame and route by, nor what the origin tells its visitors apart by.
_NEVER_DROPPED: Final = frozenset(
    b"close keep-alive upgrade host content-length transfer-encoding cookie authorization expect".split()
)


def _refuse(head: RequestHead, hosts: int, lengths: int, codings: int) -> Refusal | None:
    """What the number of the headers that matter rules out."""
    if hosts != 1:
        if hosts > 1:
            return REPEATED_HOST
        if head.minor == 1:
            return MISSING_HOST
    if lengths or codings:
        if lengths > 1:
            return REPEATED_LENGTH
        if lengths and codings:
            return LENGTH_AND_CHUNKED
        if codings > 1:
            return BAD_CODING
        if codings and head.minor == 0:
            return OLD_CHUNKED
    return None


def _keeps_alive(minor: int, tokens: frozenset[bytes] | None) -> bool:
    """RFC 9112 section 9.3: HTTP/1.1 stays unless told to close, HTTP/1.0 closes unless told to stay."""
    if tokens is None or tokens is _KEEP_ALIVE:
        return minor == 1 or tokens is not None
    return b"close" not in tokens and (minor == 1 or b"keep-alive" in tokens)


def _with_host(framing: Framing, head: RequestHead) -> Framing | Refusal:
    """Fills in the host, from an absolute target if there is one (RFC 9112 section 3.2.2)."""
    raw = framing.host
    if head.authority is not None:
        if raw and _HOST.fullmatch(raw) is None:
            return BAD_HOST
        raw = head.authority
        framing.rewrite = True
    elif raw is _HOST_FOR_OLD and head.minor == 0 and not any(field.kind is HOST for field in head.special):
        framing.rewrite = True
        return framing
    host = _hosts.get(raw)
    if host is None:
        match = _HOST.fullmatch(raw)
        if match is None:
            return BAD_HOST
        if len(_hosts) >= 4096:
            _hosts.clear()
        host = _hosts[raw] = match[1].lower()
    framing.host = host
    return framing


_hosts: dict[bytes, bytes] = {}


def _is_websocket(head: RequestHead, upgrade: Field, framing: Framing) -> bool:
    """RFC 6455 section 4.2.1: GET, HTTP/1.1, `Upgrade: websocket`, version 13, a key of 16 bytes; and no body."""
    if head.method != b"GET" or head.minor != 1 or framing.length != 0:
        return False
    if upgrade.value.lower() != b"websocket" or head.value(b"sec-websocket-version") != b"13":
        return False
    keys = [field.value for field in head.fields if field.name == b"sec-websocket-key"]
    if len(keys) != 1 or sum(field.kind is UPGRADE for field in head.special) != 1:
        return False
    try:
        return len(base64.b64decode(keys[0], validate=True)) == 16
    except binascii.Error:
        return False


def refuse_early(arrived: bytes | bytearray) -> Refusal | None:
    """What is already wrong with a head of which only a part has `arrived`: a line end that is not CR LF."""
    pairs = arrived.count(b"\r\n")
    returns = arrived.count(b"\r") - arrived.endswith(b"\r")
    return None if arrived.count(b"\n") == pairs == returns else BARE_LINE_END


class AnswerFraming:
    """What an answer's head says about its message and its connection. Treat as frozen."""

    __slots__ = ("keep_alive", "length", "named", "rewrite", "upgrades")

    def __init__(self, length: int, keep_alive: bool, rewrite: bool, named: frozenset[bytes], upgrades: bool) -> None:
        self.length = length
        """Bytes of body, CHUNKED or UNTIL_CLOSE."""
        self.keep_alive = keep_alive
        """Whether the origin will go on with this connection."""
        self.rewrite = rewrite
        """Whether header lines have to go before the head is forwarded."""
        self.named = named
        """Headers named in Connection, which end at this hop."""
        self.upgrades = upgrades
        """Whether the answer names a WebSocket upgrade in both Connection and Upgrade."""


def frame_answer(head: AnswerHead, is_head: bool) -> AnswerFraming | None:
    """How long an answer is (RFC 9112 section 6.3), `is_head` if it answers HEAD; None when it cannot be told."""
    length = UNTIL_CLOSE
    tokens: frozenset[bytes] = frozenset()
    rewrite = head.minor == 0
    upgrade = b""
    for field in head.special:
        kind = field.kind
        if kind is CONTENT_LENGTH:
            if length != UNTIL_CLOSE or field.length < 0:
                return None
            length = field.length
        elif kind is TRANSFER_ENCODING:
            if length != UNTIL_CLOSE or field.value.lower() != b"chunked" or head.minor == 0:
                return None
            length = CHUNKED
        elif kind is CONNECTION:
            tokens |= field.tokens
            rewrite = rewrite or field.tokens != _KEEP_ALIVE
        elif kind is UPGRADE:
            upgrade = field.value.lower()
            rewrite = True
        elif kind is HOP:
            rewrite = True
    if is_head or head.status < 200 or head.status in (204, 304):
        length = 0
    keep_alive = length != UNTIL_CLOSE and b"close" not in tokens and (head.minor == 1 or b"keep-alive" in tokens)
    named = tokens - _NEVER_DROPPED if tokens else tokens
    return AnswerFraming(length, keep_alive, rewrite, named, b"upgrade" in tokens and upgrade == b"websocket")


def framing_of(head: RequestHead) -> Framing | Refusal:
    """What `frame` says of a request, remembered with its header lines where it follows from them alone."""
    block = head.block
    if head.minor == 0 or head.authority is not None:
        return frame(head)
    framing = block.framing
    if framing is None:
        framing = frame(head)
        if not any(field.kind is UPGRADE for field in block.special):  # a handshake asks for the method, too
            block.framing = framing
    return framing


def answer_framing_of(head: AnswerHead, is_head: bool) -> AnswerFraming | None:
    """What `frame_answer` says of an answer, remembered with its header lines."""
    block = head.block
    framing = block.framing_of_head if is_head else block.framing
    if framing is None:
        framing = frame_answer(head, is_head)
        if is_head:
            block.framing_of_head = framing
        else:
            block.framing = framing
    return framing
