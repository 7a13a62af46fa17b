"""Conditions as a disjunction of conjunctions of atoms, so that they can be compared.

An atom says something about one subject: a text is one of these, a number lies in this span, an address is in these
networks, a label is there. Score and labels change while rules are asked, so their subjects carry a generation.

Promises: `follows(a, b)` and `contradict(a, b)` are never wrong when they say yes; no means 'not found'. Bounded: a
condition with more than `MOST_CASES` cases is not taken apart. Never: looks at a request.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any as Anything
from typing import Final, NamedTuple, TypeAlias

from trafficguard.policy import patterns
from trafficguard.policy.facts import FIELDS, Kind
from trafficguard.policy.networks import Range, apart, merged, within
from trafficguard.policy.nodes import (
    All,
    Any,
    Choice,
    Compare,
    Constant,
    Equal,
    Field,
    HasHeader,
    HasLabel,
    Header,
    InNetworks,
    Negative,
    Node,
    Not,
    OneOf,
    Test,
)  # fmt: skip

MOST_CASES: Final = 64
MOST_VALUES: Final = 256
"""Texts of a list that are held against other tests one by one."""


class Values(NamedTuple):
    """One of these texts or numbers; texts of a field with few words are these as well."""

    values: frozenset[Anything]


class Span(NamedTuple):
    """A number between two others; `open_*`: without the border itself."""

    low: float
    high: float
    open_low: bool
    open_high: bool


class Ranges(NamedTuple):
    """An address in networks."""

    ranges: tuple[Range, ...]


class Tested(NamedTuple):
    """A test of a text."""

    test: str
    argument: str


class Truth(NamedTuple):
    """Something that holds, of which nothing more is known than what it is."""

    node: Anything


Claim: TypeAlias = Values | Span | Ranges | Tested | Truth


class Atom(NamedTuple):
    """A claim about a subject, or its opposite."""

    subject: Anything
    claim: Claim
    holds: bool

    def opposite(self) -> Atom:
        """What holds when this does not."""
        if isinstance(self.claim, Span):
            turned = _turned(self.claim)
            if turned is not None:
                return Atom(self.subject, turned, self.holds)
        return Atom(self.subject, self.claim, not self.holds)


Case: TypeAlias = tuple[Atom, ...]
Cases: TypeAlias = tuple[Case, ...]
"""One of these cases holds. None at all: never; an empty one: always."""

ALWAYS: Final[Cases] = ((),)
NEVER: Final[Cases] = ()


class TooManyError(Exception):
    """A condition has too many cases to be taken apart."""


def cases_of(node: Node, generation: Callable[[str], int]) -> Cases | None:
    """The cases of a condition without those that contradict themselves; None when they are too many.

    `generation` gives the number of times that `score`, or a label, may have changed above.
    """
    try:
        return _cases(node, True, generation)
    except TooManyError:
        return None


def _cases(node: Node, wanted: bool, generation: Callable[[str], int]) -> Cases:
    match node:
        case Constant(value):
            return ALWAYS if bool(value) is wanted else NEVER
        case Not(inner):
            return _cases(inner, not wanted, generation)
        case All(parts) | Any(parts):
            all_cases = [_cases(part, wanted, generation) for part in parts]
            return _product(all_cases) if isinstance(node, All) is wanted else _union(all_cases)
        case Choice(condition, then, otherwise):
            yes = _product([_cases(condition, True, generation), _cases(then, wanted, generation)])
            no = _product([_cases(condition, False, generation), _cases(otherwise, wanted, generation)])
            return _union([yes, no])
        case Compare(order, left, right) if _number(left) is not None and _number(right) is not None:
            return ALWAYS if _ordered(order, _number(left), _number(right)) is wanted else NEVER
        case Equal(Constant(one), Constant(other)):
            return ALWAYS if (one == other) is wanted else NEVER
        case _:
            atom = _atom(node, generation)
            return _simple([(atom if wanted else atom.opposite(),)])


def _product(all_cases: Sequence[Cases]) -> Cases:
    result: Cases = ALWAYS
    for cases in all_cases:
        result = _simple(one + other for one, other in itertools.product(result, cases))
    return result


def _union(all_cases: Iterable[Cases]) -> Cases:
    return _simple(itertools.chain.from_iterable(all_cases))


def _simple(cases: Iterable[Case]) -> Cases:
    kept: dict[Case, None] = {}
    for case in cases:
        case = tuple(dict.fromkeys(atom for atom in case if not _is_certain(atom)))
        if not any(contradict(one, other) for one, other in itertools.combinations(case, 2)) and not any(
            _is_impossible(atom) for atom in case
        ):
            kept[case] = None
        if len(kept) > MOST_CASES:
            raise TooManyError
    return ALWAYS if () in kept else tuple(kept)


def _atom(node: Node, generation: Callable[[str], int]) -> Atom:
    match node:
        case OneOf(value, choices):
            if value.kind is Kind.NUMBER and len(choices) == 1 and isinstance(value, Field):
                number = float(next(iter(choices)))
                return Atom(_subject(value, generation), Span(number, number, False, False), True)
            return Atom(_subject(value, generation), Values(choices), True)
        case InNetworks(networks):
            return Atom("address", Ranges(merged(networks)), True)
        case HasHeader(name):
            return Atom(("has", name), Truth(()), True)
        case HasLabel(label):
            return Atom(("label", label, generation(label)), Truth(()), True)
        case Test(test, value, argument):
            return Atom(_subject(value, generation), Tested(test, argument), True)
        case Compare(order, left, right):
            return _compared(order, left, right, generation) or _opaque(node, generation)
        case Field(name):
            return Atom(("field", name), Truth(()), True)
        case Equal(left, Constant(value)) if isinstance(value, bool) and not isinstance(left, Constant):
            # `x == false` is no atom of x; it stays opaque unless x is a plain field.
            if isinstance(left, Field):
                return Atom(("field", left.name), Truth(()), value)
            return _opaque(node, generation)
        case _:
            return _opaque(node, generation)


def _compared(order: str, left: Node, right: Node, generation: Callable[[str], int]) -> Atom | None:
    number = _number(right)
    if number is None:
        number, left, order = _number(left), right, {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[order]
    if number is None or _number(left) is not None:
        return None
    if order in ("<", "<="):
        return Atom(_subject(left, generation), Span(-math.inf, number, False, order == "<"), True)
    return Atom(_subject(left, generation), Span(number, math.inf, order == ">", False), True)


def _ordered(order: str, one: Anything, other: Anything) -> bool:
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[order])


def _number(node: Node) -> float | None:
    if isinstance(node, Negative):
        inner = _number(node.value)
        return None if inner is None else -inner
    return float(node.value) if isinstance(node, Constant) and not isinstance(node.value, str) else None


def _subject(node: Node, generation: Callable[[str], int]) -> Anything:
    if isinstance(node, Field):
        return ("field", node.name, generation("score")) if node.name == "score" else ("field", node.name)
    if isinstance(node, Header):
        return ("header", node.name)
    return _opaque(node, generation).subject


def _opaque(node: Node, generation: Callable[[str], int]) -> Atom:
    """An atom that is only like itself: places left out, score and labels of now."""
    return Atom((without_places(node), generation("score"), generation("")), Truth(()), True)


def without_places(node: Anything) -> Anything:
    """What `node` says, wherever it stands: for comparing."""
    if isinstance(node, Node.__args__):
        names = [name for name in node.__dataclass_fields__ if name != "at"]
        return (type(node).__name__, *(without_places(getattr(node, name)) for name in names))
    return tuple(map(without_places, node)) if isinstance(node, tuple) else node


def _turned(span: Span) -> Span | None:
    """The numbers outside of a span that has one end."""
    if span.low == -math.inf:
        return Span(span.high, math.inf, not span.open_high, False)
    return Span(-math.inf, span.low, False, not span.open_low) if span.high == math.inf else None


def split(case: Case) -> Cases:
    """Cases for the single values or networks of a case, of which one holds where `case` does."""
    for index, atom in enumerate(case):
        if not atom.holds:
            continue
        claims: list[Claim] = []
        if isinstance(atom.claim, Values):
            claims = [Values(frozenset((value,))) for value in atom.claim.values]
        elif isinstance(atom.claim, Ranges):
            claims = [Ranges((one,)) for one in atom.claim.ranges]
        if 1 < len(claims) <= MOST_CASES:
            return tuple((*case[:index], atom._replace(claim=claim), *case[index + 1 :]) for claim in claims)
    return (case,)


# ---- what is always so, and never


def _domain(subject: Anything) -> Claim | None:
    """What holds for a subject in every request."""
    if not isinstance(subject, tuple) or subject[0] != "field":
        return None
    fact = FIELDS[subject[1]]
    if fact.words:
        return Values(frozenset(fact.words))
    if fact.kind is Kind.NUMBER:
        return Span(fact.low, fact.high, False, False)
    return None


def _is_certain(atom: Atom) -> bool:
    domain = _domain(atom.subject)
    return domain is not None and _claim_follows(domain, True, atom.claim, atom.holds)


def _is_impossible(atom: Atom) -> bool:
    domain = _domain(atom.subject)
    return domain is not None and _claim_follows(domain, True, atom.claim, not atom.holds)


# ---- comparing


def follows(one: Atom, other: Atom) -> bool:
    """Whether `other` holds wherever `one` does."""
    if one.subject != other.subject:
        return _is_certain(other) or _empty_header(one, other)
    return _claim_follows(one.claim, one.holds, other.claim, other.holds)


def contradict(one: Atom, other: Atom) -> bool:
    """Whether both can never hold at once."""
    if one.subject == other.subject:
        return _claim_follows(one.claim, one.holds, other.claim, not other.holds) or _spans_apart(one, other)
    return _empty_header(one, other.opposite()) or _empty_header(other, one.opposite())


def _empty_header(one: Atom, other: Atom) -> bool:
    """A header with text in it is there."""
    if not (isinstance(one.subject, tuple) and one.subject[0] == "header" and other.subject == ("has", one.subject[1])):
        return False
    return other.holds and _claim_follows(one.claim, one.holds, Values(frozenset(("",))), False)


def _spans_apart(one: Atom, other: Atom) -> bool:
    if not (isinstance(one.claim, Span) and isinstance(other.claim, Span) and one.holds and other.holds):
        return False
    first, second = sorted((one.claim, other.claim), key=lambda span: span.low)
    return first.high < second.low or (
        first.high == second.low and (first.open_high or second.open_low)
    )


def _claim_follows(one: Claim, one_holds: bool, other: Claim, other_holds: bool) -> bool:
    """Whether from a claim (or its opposite) about a subject another (or its opposite) follows."""
    if one == other:
        return one_holds is other_holds
    if not one_holds:
        # From 'not A' follows 'not B' where B is within A; more is not looked for.
        return not other_holds and _claim_follows(other, True, one, True)
    match one, other:
        case Values(values), _ if len(values) <= MOST_VALUES or isinstance(other, Values):
            return all(_fits(value, other) is other_holds for value in values)
        case Span(), Values(values):
            return not other_holds and all(_fits(value, one) is False for value in values)
        case Tested(), Values(values):
            return not other_holds and all(_fits(value, one) is False for value in values)
        case Span(), Span():
            return _span_within(one, other) if other_holds else _spans_apart(Atom("", one, True), Atom("", other, True))
        case Ranges(ranges), Ranges(others):
            return within(ranges, others) if other_holds else apart(ranges, others)
        case Tested(), Tested():
            return _test_follows(one, other) if other_holds else _tests_apart(one, other)
        case _:
            return False


def _fits(value: Anything, claim: Claim) -> bool | None:
    """Whether a value fits a claim; None when that cannot be said."""
    match claim:
        case Values(values):
            return value in values
        case Span(low, high, open_low, open_high) if not isinstance(value, str):
            return (low < value or (low == value and not open_low)) and (
                value < high or (high == value and not open_high)
            )
        case Tested(test, argument) if isinstance(value, str):
            return holds(test, value, argument)
        case _:
            return None


def holds(test: str, text: str, argument: str) -> bool:
    """Whether a test of a text holds."""
    match test:
        case "startsWith":
            return text.startswith(argument)
        case "endsWith":
            return text.endswith(argument)
        case "contains":
            return argument in text
        case _:
            return patterns.found_in(argument, text)


def _span_within(one: Span, other: Span) -> bool:
    low = one.low > other.low or (one.low == other.low and (one.open_low or not other.open_low))
    high = one.high < other.high or (one.high == other.high and (one.open_high or not other.open_high))
    return low and high


def _test_follows(one: Tested, other: Tested) -> bool:
    if one.test == "matches" or other.test == "matches":
        return False
    if other.test == "contains":
        return other.argument in one.argument
    return one.test == other.test and holds(one.test, one.argument, other.argument)


def _tests_apart(one: Tested, other: Tested) -> bool:
    """Two beginnings, or two ends, of which neither is part of the other."""
    if one.test != other.test or one.test not in ("startsWith", "endsWith"):
        return False
    return not (holds(one.test, one.argument, other.argument) or holds(one.test, other.argument, one.argument))


