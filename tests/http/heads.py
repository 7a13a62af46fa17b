"""Request heads and what `frame` says of them, for tests.

Promises: every head is framed by `frame` and twice by the remembering `framing_of`, which must agree. Never: asks
llhttp, so that these tests show what `frame` refuses by itself.
"""

from __future__ import annotations

from trafficguard.http.framing import Framing, frame, framing_of
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.refusal import Refusal


class Credulous:
    """A judge of grammar who finds nothing wrong."""

    def feed_data(self, data: bytes) -> None:
        assert data


class TrustingReader(RequestReader):
    """A reader without llhttp."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.forget_body()

    def forget_body(self) -> None:
        self._parser = Credulous()  # type: ignore[assignment]  # a stand-in for llhttp


# One reader, as in a worker: it knows lines again because heads share them.
_READER = TrustingReader()


def head_of(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> RequestHead:
    head = _READER.read(b"\r\n".join((start, *lines, b"", b"")))
    assert isinstance(head, RequestHead)
    return head


def facts(framing: Framing) -> dict[str, object]:
    return {name: getattr(framing, name) for name in Framing.__slots__}


def framed(*lines: bytes, host: bytes | None = b"shop.example", start: bytes = b"GET / HTTP/1.1") -> Framing | Refusal:
    """What `frame` says, checked against what the remembering `framing_of` says twice."""
    head = head_of(*((b"Host: " + host, *lines) if host is not None else lines), start=start)
    result = frame(head)
    for _ in range(2):
        remembered = framing_of(head)
        if isinstance(result, Refusal):
            assert remembered is result
        else:
            assert isinstance(remembered, Framing)
            assert facts(remembered) == facts(result)
    return result


def taken(*lines: bytes, host: bytes | None = b"shop.example", start: bytes = b"GET / HTTP/1.1") -> Framing:
    result = framed(*lines, host=host, start=start)
    assert isinstance(result, Framing)
    return result
