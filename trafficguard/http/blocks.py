"""Header blocks: all header lines of a head as one value, shared while they repeat.

A browser that loads a page sends the same header lines with request after request; only the request line differs. So
whatever follows from the lines alone (fields, shape, framing, the lines to send on) is worked out once for a block and
remembered under its bytes.

Promises: the memory is bounded in blocks and bytes whatever clients send. Never: judges whether a line is allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from trafficguard.http.fields import CONTENT_LENGTH, HOP, TRANSFER_ENCODING, Field

if TYPE_CHECKING:
    from trafficguard.http.framing import AnswerFraming, Framing
    from trafficguard.http.refusal import Refusal

MOST_BLOCKS: Final = 4096
"""Blocks in one generation of a store; two are kept."""
MOST_BYTES: Final = 7 * 1024 * 1024
"""Bytes of memory that one generation may take, reckoned as the block's own and FIELD_BYTES for each line."""
FIELD_BYTES: Final = 256


class Shape:
    """What a head is without its target and its personal values; heads of one shape share it. Treat as frozen."""

    __slots__ = ("announces_body", "claims_at", "cookies_at", "fields", "special_at")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        """The header lines in order; personal ones with their name only."""
        self.special_at = tuple(at for at, field in enumerate(fields) if 0 < field.kind <= HOP)
        self.claims_at = tuple(at for at, field in enumerate(fields) if field.kind > HOP)
        self.cookies_at = tuple(at for at, field in enumerate(fields) if field.name == b"cookie")
        self.announces_body = any(field.kind in (CONTENT_LENGTH, TRANSFER_ENCODING) for field in fields)


class RequestBlock:
    """The header lines of a request. Treat as frozen, but for what is filled in once."""

    __slots__ = (
        "claims", "cookie", "fields", "framing", "has_chain", "navigates", "noted", "onward", "onward_trusted",
        "passing", "shape", "special", "visiting",
    )  # fmt: skip

    def __init__(self, fields: list[Field], shape: Shape) -> None:
        self.fields = fields
        """All header lines in the order received."""
        self.shape = shape
        self.special = [fields[at] for at in shape.special_at]
        """Those of `fields` that frame the message or the connection: kinds up to HOP."""
        self.claims = [fields[at] for at in shape.claims_at]
        """Those of `fields` that only a trusted peer, or only we, may say: kinds above HOP."""
        self.cookie = b"; ".join([fields[at].value for at in shape.cookies_at]) if shape.cookies_at else None
        """The value of Cookie, of all such lines if there are more (RFC 9113 section 8.2.3)."""
        self.navigates: bool | None = None
        """Whether a visitor goes to a page with it, once that is known."""
        self.noted: tuple[object, Any] | None = None
        """What somebody has read out of them for itself, behind who that is."""
        self.passing: tuple[Any, ...] | None = None
        """The pass among their cookies, behind what else it depends on, once that is known."""
        self.visiting: tuple[Any, ...] | None = None
        """Whose visit they belong to, behind what else that depends on, once that is known."""
        self.has_chain = any(field.name == b"x-forwarded-for" for field in self.claims)
        self.framing: Framing | Refusal | None = None
        """What they mean in a plain HTTP/1.1 request, once that is known."""
        self.onward = b""
        """The lines that an origin gets of them, from an untrusted peer, once that is known."""
        self.onward_trusted = b""
        """The same from a trusted peer."""


class AnswerBlock:
    """The status line and header lines of an answer. Treat as frozen, but for what is filled in once."""

    __slots__ = (
        "fields", "framing", "framing_of_head", "line", "minor", "onward", "onward_decoded", "special", "status",
    )  # fmt: skip

    def __init__(self, line: bytes, minor: int, status: int, fields: list[Field]) -> None:
        self.line = line
        """The status line without CRLF."""
        self.minor = minor
        """Minor HTTP version: 1 or 0."""
        self.status = status
        self.fields = fields
        """All header lines in the order received, but for Date where the block is shared."""
        self.special = [field for field in fields if field.kind]
        """Those of `fields` whose kind is not PLAIN."""
        self.framing: AnswerFraming | None = None
        """What they mean, once that is known."""
        self.framing_of_head: AnswerFraming | None = None
        """What they mean in an answer to HEAD, once that is known."""
        self.onward = b""
        """The lines that a client gets of them where some must go, without the last CRLF, once that is known."""
        self.onward_decoded = b""
        """The same for a client that knows no chunks."""


Block = TypeVar("Block", RequestBlock, AnswerBlock)


class BlockStore(Generic[Block]):
    """Blocks under their bytes, in two generations: when the young one is full it becomes the old one."""

    __slots__ = ("_bytes", "_old", "young")

    def __init__(self) -> None:
        self.young: dict[bytes, Block] = {}
        self._old: dict[bytes, Block] = {}
        self._bytes = 0

    def recall(self, key: bytes) -> Block | None:
        """A block that is not in `young` (callers look there first, without a call) but was before."""
        block = self._old.get(key)
        if block is not None:
            self.keep(key, block)
        return block

    def keep(self, key: bytes, block: Block) -> None:
        """Remembers a block."""
        weight = len(key) + FIELD_BYTES * len(block.fields)
        self._bytes += weight
        if len(self.young) >= MOST_BLOCKS or self._bytes > MOST_BYTES:
            self._old, self.young, self._bytes = self.young, {}, weight
        self.young[key] = block
