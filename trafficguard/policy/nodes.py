"""A condition as a tree of typed, frozen values; `at` is where in the text each begins.

Promises: a tree that `reading` made is well typed. Never: evaluates anything.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal, TypeAlias

from trafficguard.policy.facts import Kind

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Order = Literal["<", "<=", ">", ">="]
TextTest = Literal["startsWith", "endsWith", "contains", "matches"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: bool | float | str
    kind: Kind
    at: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A fact, by its name in CEL."""

    name: str
    kind: Kind
    at: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """The value of a header, by its lower-case name; empty text when it is not there."""

    name: str
    at: int = 0
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class HasHeader:
    """Whether a header is there."""

    name: str
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class HasLabel:
    """Whether the request carries a label."""

    label: str
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: Node
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class All:
    """Whether all parts hold; asked from the left until one does not."""

    parts: tuple[Node, ...]
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Any:
    """Whether one part holds; asked from the left until one does."""

    parts: tuple[Node, ...]
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? then : otherwise`."""

    condition: Node
    then: Node
    otherwise: Node
    kind: Kind
    at: int = 0


@dataclass(frozen=True, slots=True)
class Equal:
    """Whether two values of one kind, other than addresses, are equal."""

    left: Node
    right: Node
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Compare:
    """An order between two numbers, or two texts by code point."""

    order: Order
    left: Node
    right: Node
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether a text or number is one of some constants, or one of the texts of a list."""

    value: Node
    choices: frozenset[str | float]
    list_name: str = ""
    """The list they come from; empty when they stand in the condition."""
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class InNetworks:
    """Whether the client's address is in one of some networks."""

    networks: frozenset[Network]
    list_name: str = ""
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Test:
    """A statement about a text with a constant argument; `matches` finds an RE2 pattern anywhere in it."""

    test: TextTest
    value: Node
    argument: str
    at: int = 0
    kind: Kind = Kind.BOOL


@dataclass(frozen=True, slots=True)
class Size:
    """Letters of a text, or number of labels."""

    value: Node
    at: int = 0
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Lower:
    """A text with A to Z in lower case."""

    value: Node
    at: int = 0
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a text spells; fails when it spells none."""

    value: Node
    whole: bool
    at: int = 0
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Negative:
    """A number with its sign turned."""

    value: Node
    at: int = 0
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Sum:
    """`+ - * /` of two numbers; division by zero fails."""

    sign: Literal["+", "-", "*", "/"]
    left: Node
    right: Node
    at: int = 0
    kind: Kind = Kind.NUMBER


Node: TypeAlias = (
    Constant | Field | Header | HasHeader | HasLabel | Not | All | Any | Choice | Equal | Compare | OneOf | InNetworks
    | Test | Size | Lower | Number | Negative | Sum
)  # fmt: skip


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes right below `node`."""
    match node:
        case Not(inner):
            return (inner,)
        case All(parts) | Any(parts):
            return parts
        case Choice(condition, then, otherwise):
            return (condition, then, otherwise)
        case Equal(left, right) | Compare(_, left, right) | Sum(_, left, right):
            return (left, right)
        case OneOf(value) | Test(_, value) | Size(value) | Lower(value) | Number(value) | Negative(value):
            return (value,)
        case _:
            return ()


def can_fail(node: Node) -> bool:
    """Whether asking can fail at run time."""
    if isinstance(node, Number) or (isinstance(node, Sum) and node.sign == "/"):
        return True
    return any(can_fail(part) for part in parts_of(node))
