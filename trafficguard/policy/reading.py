"""CEL text to typed nodes. The parser is cel-python's; its interpreter is never used.

Where we differ from CEL: whole and decimal numbers are one kind; a header that is not there reads as empty text
(`"name" in headers` tells); `&&` and `||` ask from the left, and an error on the left is an error; header names,
patterns and labels are constants; `list("name")` is a list of the policy.

Promises: either a well-typed condition, or flaws with their place in the text; bounded in length and depth. Never:
runs anything of the text.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any as Anything
from typing import Final, Literal, NamedTuple, TypeAlias

from celpy.celparser import CELParseError, CELParser
from lark import Token, Tree

from trafficguard.policy import patterns
from trafficguard.policy.facts import FIELDS, Kind
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
    Lower,
    Negative,
    Network,
    Node,
    Not,
    Number,
    OneOf,
    Size,
    Sum,
    Test,
)  # fmt: skip
from trafficguard.values import BadValueError, parse_network, shown

LONGEST: Final = 8192
"""Letters of a condition."""
DEEPEST: Final = 40
"""Brackets, functions and choices inside each other."""


class Listed(NamedTuple):
    """What a list of a policy holds."""

    kind: Literal["networks", "texts"]
    networks: frozenset[Network] = frozenset()
    texts: frozenset[str] = frozenset()


Lists: TypeAlias = Mapping[str, Listed]


class Flaw(NamedTuple):
    """One mistake in a condition."""

    at: int
    """Letter of the text at which it stands, from 0."""
    message: str
    remedy: str


class FlawedError(Exception):
    """A condition cannot be used."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def read_condition(text: str, lists: Lists) -> tuple[Node | None, list[Flaw]]:
    """The condition that `text` spells, or what is wrong with it."""
    if len(text) > LONGEST:
        return None, [Flaw(0, f"the condition is longer than {LONGEST} letters", "use a list or several rules")]
    if not text.strip():
        return None, [Flaw(0, "the condition is empty", "write what must hold, or `true` for every request")]
    try:
        tree = _parsed(text)
    except CELParseError as error:
        return None, [_syntax(error, text)]
    reader = _Reader(lists)
    try:
        node = reader.read(tree, 0)
    except FlawedError as error:
        return None, [*reader.flaws, error.flaw]
    if node.kind is not Kind.BOOL:
        remedy = "compare it with something, such as `score >= 50`"
        reader.flaws.append(Flaw(node.at, f"a condition must be true or false, this is {node.kind.value}", remedy))
    return (None, reader.flaws) if reader.flaws else (node, [])


@functools.cache
def _parser() -> CELParser:
    return CELParser()


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> Tree[Token]:
    """The tree of a text. Kept, since a policy that is loaded anew differs in few conditions; nobody changes trees."""
    tree: Tree[Token] = _parser().parse(text)
    return tree


def _syntax(error: CELParseError, text: str) -> Flaw:
    remedy = "check operators, quotes and brackets; texts stand in quotes, && || ! are and, or, not"
    lines = text.split("\n")
    if not error.line or error.line < 1 or error.line > len(lines):
        return Flaw(len(text), "the condition breaks off", remedy)
    at = sum(len(line) + 1 for line in lines[: error.line - 1]) + (error.column or 1) - 1
    rest = text[at:].split("\n", 1)[0]
    if getattr(getattr(error.__context__, "token", None), "type", "") == "$END":
        return Flaw(len(text.rstrip()), "the condition breaks off", remedy)
    if re.match(r"(and|or|not|AND|OR|NOT)\b", rest):
        return Flaw(at, f"{shown(rest.split()[0])} is no operator", "write &&, || and ! for and, or and not")
    if rest.startswith("=") and not rest.startswith("=="):
        return Flaw(at, "'=' is no operator", "write == for 'is equal to'")
    return Flaw(at, f"cannot read on at {shown(rest)}", remedy)


class _Reader:
    """One walk over a parsed text. Mistakes that leave the kind of a value clear are collected, others end the walk."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self.flaws: list[Flaw] = []

    def read(self, tree: Tree[Token], depth: int) -> Node:
        """The node of `tree`, which lies `depth` levels deep."""
        while len(tree.children) == 1 and tree.data in _WRAPPERS and isinstance(tree.children[0], Tree):
            if tree.data == "paren_expr":
                depth += 1
            tree = tree.children[0]
        if depth > DEEPEST:
            raise _bad(_at(tree), "the condition is nested too deeply", "split it into several rules")
        return _READERS.get(str(tree.data), _Reader._unsupported)(self, tree, depth + 1)

    # ---- operators

    def _choice(self, tree: Tree[Token], depth: int) -> Node:
        condition, then, otherwise = (self.read(_tree(child), depth) for child in tree.children)
        self._want(condition, Kind.BOOL)
        if then.kind is not otherwise.kind:
            kinds = f"{then.kind.value} and {otherwise.kind.value}"
            raise _bad(otherwise.at, f"both results of ? : must be of one kind, these are {kinds}", "make them alike")
        return Choice(condition, then, otherwise, then.kind, condition.at)

    def _both(self, tree: Tree[Token], depth: int) -> Node:
        word = tree.data
        parts: list[Node] = []
        while tree.data == word and len(tree.children) == 2:
            parts.append(self._condition(_tree(tree.children[1]), depth))
            tree = _tree(tree.children[0])
        parts.append(self._condition(tree, depth))
        parts.reverse()
        joined = tuple(parts)
        return All(joined, joined[0].at) if word == "conditionaland" else Any(joined, joined[0].at)

    def _condition(self, tree: Tree[Token], depth: int) -> Node:
        node = self.read(tree, depth)
        self._want(node, Kind.BOOL)
        return node

    def _unary(self, tree: Tree[Token], depth: int) -> Node:
        sign, inner = _tree(tree.children[0]), self.read(_tree(tree.children[1]), depth)
        if sign.data == "unary_not":
            self._want(inner, Kind.BOOL)
            return Not(inner, _at(tree))
        self._want(inner, Kind.NUMBER)
        return Negative(inner, _at(tree))

    def _sum(self, tree: Tree[Token], depth: int) -> Node:
        operator = _tree(tree.children[0])
        sign = _SIGNS.get(str(operator.data))
        left = self.read(_tree(operator.children[0]), depth)
        if sign is None:
            raise _bad(_at(tree), "there is no remainder operator %", "use + - * or /")
        right = self.read(_tree(tree.children[1]), depth)
        self._want(left, Kind.NUMBER)
        self._want(right, Kind.NUMBER)
        if sign == "/" and isinstance(right, Constant) and not right.value:
            self.flaws.append(Flaw(right.at, "this divides by zero", "divide by another number"))
        return Sum(sign, left, right, left.at)

    def _relation(self, tree: Tree[Token], depth: int) -> Node:
        operator, right = _tree(tree.children[0]), _tree(tree.children[1])
        left = _tree(operator.children[0])
        word = str(operator.data).removeprefix("relation_")
        if word == "in":
            return self._within(left, right, depth)
        one, other = self.read(left, depth), self.read(right, depth)
        if word in _ORDERS:
            return self._ordered(word, one, other)
        equal = self._equal(one, other)
        return Not(equal, equal.at) if word == "ne" else equal

    def _ordered(self, word: str, one: Node, other: Node) -> Node:
        for node in (one, other):
            if node.kind is not Kind.NUMBER:
                raise _bad(node.at, f"only numbers have an order, this is {node.kind.value}", "compare with == or in")
        return Compare(_ORDERS[word], one, other, one.at)

    def _equal(self, one: Node, other: Node) -> Node:
        if isinstance(one, Constant) and not isinstance(other, Constant):
            one, other = other, one
        if one.kind is Kind.ADDRESS and isinstance(other, Constant) and other.kind is Kind.TEXT:
            return InNetworks(frozenset((self._network(other),)), at=one.at)
        if one.kind is not other.kind or one.kind not in (Kind.BOOL, Kind.NUMBER, Kind.TEXT):
            kinds = f"{one.kind.value} and {other.kind.value}"
            raise _bad(other.at, f"cannot compare {kinds}", _comparing(one, other))
        self._check_constant(one, other)
        if isinstance(other, Constant) and not isinstance(one, Constant) and not isinstance(other.value, bool):
            return OneOf(one, frozenset((other.value,)), at=one.at)
        return Equal(one, other, one.at)

    def _within(self, left: Tree[Token], right: Tree[Token], depth: int) -> Node:
        value, group = self.read(left, depth), _bare(right)
        if group.data == "list_lit":
            return self._one_of(value, group, depth)
        if group.data == "ident_arg" and _token(group.children[0]) == "list":
            return self._one_of_list(value, group)
        target = self.read(group, depth)
        if target.kind is Kind.HEADERS:
            return HasHeader(self._header_name(value), value.at)
        if target.kind is Kind.LABELS:
            return HasLabel(self._label(value), value.at)
        raise _bad(target.at, f"cannot look into {target.kind.value}", 'write [..], list("name"), labels or headers')

    def _one_of(self, value: Node, group: Tree[Token], depth: int) -> Node:
        items = _tree(group.children[0]).children if group.children else []
        constants = [self._constant(self.read(_tree(item), depth)) for item in items]
        if not constants:
            raise _bad(_at(group), "the list is empty, so nothing is in it", "write what to look for into it")
        if value.kind is Kind.ADDRESS:
            return InNetworks(frozenset(self._network(one) for one in constants), at=value.at)
        if value.kind not in (Kind.TEXT, Kind.NUMBER):
            raise _bad(value.at, f"cannot look for {value.kind.value} in a list", "look for text, a number or address")
        choices: set[str | float] = set()
        for one in constants:
            if one.kind is not value.kind:
                raise _bad(one.at, f"this is {one.kind.value}, looked for is {value.kind.value}", "make them alike")
            if one.value in choices:
                self.flaws.append(Flaw(one.at, f"{shown(one.value)} is there twice", "write it once"))
            self._check_constant(value, one)
            choices.add(one.value)
        return OneOf(value, frozenset(choices), at=value.at)

    def _one_of_list(self, value: Node, group: Tree[Token]) -> Node:
        name = self._list_name(group)
        listed = self._lists[name]
        if value.kind is Kind.ADDRESS and listed.kind == "networks":
            return InNetworks(listed.networks, name, value.at)
        if value.kind is Kind.TEXT and listed.kind == "texts":
            return OneOf(value, frozenset[str | float](listed.texts), name, value.at)
        message = f"the list {shown(name)} holds {listed.kind}, looked for is {value.kind.value}"
        raise _bad(value.at, message, _FOR[listed.kind])

    def _list_name(self, group: Tree[Token]) -> str:
        arguments = _arguments(group.children[1:])
        if len(arguments) != 1:
            raise _bad(_at(group), "list() takes the name of one list", 'write list("office")')
        argument = self._constant(self.read(arguments[0], 0))
        if argument.kind is not Kind.TEXT:
            raise _bad(argument.at, "the name of a list is text", 'write list("office")')
        name = str(argument.value)
        if name not in self._lists:
            raise _bad(argument.at, f"there is no list {shown(name)}", _near(name, self._lists, "add it under lists:"))
        return name

    # ---- members and functions

    def _identifier(self, tree: Tree[Token], _depth: int) -> Node:
        return self._field(str(_token(tree.children[0])), _at(tree))

    def _dotted(self, tree: Tree[Token], depth: int) -> Node:
        name = _path(tree)
        if name is not None:
            if name.startswith("headers."):
                remedy = f'write headers["{name.removeprefix("headers.").replace("_", "-")}"]'
                raise _bad(_at(tree), "headers have no fields", remedy)
            return self._field(name, _at(tree))
        inner = self.read(_tree(tree.children[0]), depth)
        raise _bad(_at(tree.children[1]), f"{inner.kind.value} has no fields", f"known here: {', '.join(FIELDS)}")

    def _field(self, name: str, at: int) -> Node:
        fact = FIELDS.get(name)
        if fact is None:
            inside = [known for known in FIELDS if known.startswith(f"{name}.")]
            rest = f"write {' or '.join(inside)}" if inside else f"known here: {', '.join(FIELDS)}"
            raise _bad(at, f"there is no field {shown(name)}", _near(name, FIELDS, rest))
        return Field(name, fact.kind, at)

    def _index(self, tree: Tree[Token], depth: int) -> Node:
        inner, index = self.read(_tree(tree.children[0]), depth), self.read(_tree(tree.children[1]), depth)
        if inner.kind is not Kind.HEADERS:
            raise _bad(inner.at, f"{inner.kind.value} cannot be indexed", 'only headers["name"] can')
        return Header(self._header_name(index), inner.at)

    def _method(self, tree: Tree[Token], depth: int) -> Node:
        name, arguments = _token(tree.children[1]), _arguments(tree.children[2:])
        value = self.read(_tree(tree.children[0]), depth)
        if name == "lowerAscii":
            self._arity(name, arguments, 0, _at(name))
            self._want(value, Kind.TEXT)
            return Lower(value, value.at)
        if name == "size":
            self._arity(name, arguments, 0, _at(name))
            return self._size(value)
        test = _TESTS.get(str(name))
        if test is None:
            remedy = _near(str(name), _TEXT_FUNCTIONS, _FUNCTIONS)
            raise _bad(_at(name), f"there is no function {shown(str(name))}", remedy)
        self._arity(name, arguments, 1, _at(name))
        if value.kind is not Kind.TEXT:
            hint = 'write address in list("name")' if value.kind is Kind.ADDRESS else "ask it of a text such as path"
            raise _bad(value.at, f"{name}() is for text, this is {value.kind.value}", hint)
        argument = self._constant(self.read(arguments[0], depth))
        if argument.kind is not Kind.TEXT:
            raise _bad(argument.at, f"{name}() takes text, this is {argument.kind.value}", "put it into quotes")
        self._check_argument(test, value, argument)
        return Test(test, value, str(argument.value), value.at)

    def _function(self, tree: Tree[Token], depth: int) -> Node:
        name, arguments, at = str(_token(tree.children[0])), _arguments(tree.children[1:]), _at(tree)
        if name == "list":
            raise _bad(at, "a list stands behind `in`", 'write address in list("name")')
        if name not in ("has", "size", "int", "double"):
            remedy = _near(name, ("has", "size", "int", "double"), _FUNCTIONS)
            raise _bad(at, f"there is no function {shown(name)}", remedy)
        self._arity(name, arguments, 1, at)
        value = self.read(arguments[0], depth)
        if name == "has":
            if not isinstance(value, Header):
                raise _bad(value.at, "has() asks for a header", 'write has(headers["name"])')
            return HasHeader(value.name, at)
        if name == "size":
            return self._size(value)
        self._want(value, Kind.TEXT)
        return Number(value, name == "int", at)

    def _size(self, value: Node) -> Node:
        if value.kind not in (Kind.TEXT, Kind.LABELS):
            raise _bad(value.at, f"size() counts letters or labels, this is {value.kind.value}", "write size(path)")
        return Size(value, value.at)

    def _unsupported(self, tree: Tree[Token], _depth: int) -> Node:
        what = _UNSUPPORTED.get(str(tree.data), "this")
        raise _bad(_at(tree), f"{what} cannot be used here", "ask fields with operators and text functions")

    # ---- literals

    def _literal(self, tree: Tree[Token], _depth: int) -> Node:
        token, at = _token(tree.children[0]), _at(tree)
        match token.type:
            case "BOOL_LIT":
                return Constant(str(token) == "true", Kind.BOOL, at)
            case "INT_LIT":
                return Constant(float(int(str(token), 0) if "x" in token else int(token)), Kind.NUMBER, at)
            case "FLOAT_LIT":
                return Constant(float(token), Kind.NUMBER, at)
            case "STRING_LIT" | "MLSTRING_LIT":
                return Constant(_unquoted(str(token), at), Kind.TEXT, at)
            case _:
                kind = {"NULL_LIT": "null", "BYTES_LIT": "bytes", "UINT_LIT": "an unsigned number"}
                remedy = "write text in quotes, a number, true or false"
                raise _bad(at, f"{kind.get(token.type, 'this')} cannot be used here", remedy)

    def _constant(self, node: Node) -> Constant:
        if isinstance(node, Negative) and isinstance(node.value, Constant):
            return Constant(-float(node.value.value), Kind.NUMBER, node.at)
        if not isinstance(node, Constant):
            raise _bad(node.at, "this must be a constant", "write text in quotes or a number")
        return node

    # ---- checks

    def _want(self, node: Node, kind: Kind) -> None:
        if node.kind is not kind:
            remedy = _WANTED.get(kind, "compare it with something")
            self.flaws.append(Flaw(node.at, f"expected {kind.value}, found {node.kind.value}", remedy))

    def _arity(self, name: str, arguments: list[Tree[Token]], wanted: int, at: int) -> None:
        if len(arguments) != wanted:
            count = "nothing" if wanted == 0 else "one argument"
            raise _bad(at, f"{name}() takes {count}, {len(arguments)} are given", f"give it {count}")

    def _network(self, constant: Constant) -> Network:
        try:
            return parse_network(constant.value)
        except BadValueError as error:
            raise _bad(constant.at, str(error), error.remedy) from None

    def _header_name(self, node: Node) -> str:
        name = self._constant(node).value
        if not isinstance(name, str) or _HEADER.fullmatch(name) is None:
            raise _bad(node.at, f"{shown(name)} is not a header's name", 'write it as text, such as "user-agent"')
        return name.lower()

    def _label(self, node: Node) -> str:
        label = self._constant(node).value
        if not isinstance(label, str) or LABEL.fullmatch(label) is None:
            raise _bad(node.at, f"{shown(label)} is not a label", 'write it as text, such as "bot.search"')
        return label

    def _check_constant(self, value: Node, constant: Node) -> None:
        """Notes a constant that a field can never be equal to."""
        if not isinstance(value, Field) or not isinstance(constant, Constant):
            return
        fact, text = FIELDS[value.name], constant.value
        if fact.words and text not in fact.words:
            remedy = _near(str(text), fact.words, f"write one of {', '.join(fact.words)}")
            self.flaws.append(Flaw(constant.at, f"{value.name} is never {shown(text)}", remedy))
        elif isinstance(text, str) and value.name in _SPELLED:
            pattern, remedy = _SPELLED[value.name]
            if pattern.fullmatch(text) is None:
                self.flaws.append(Flaw(constant.at, f"{value.name} is never {shown(text)}", remedy))
        elif value.name == "network":
            self._check_network(constant)

    def _check_network(self, constant: Constant) -> None:
        network = self._network(constant)
        if network.prefixlen != (24 if network.version == 4 else 48) or str(network) != constant.value:
            remedy = "write a /24 or a /48, or use `address in [..]` for others"
            self.flaws.append(Flaw(constant.at, f"network is never {shown(constant.value)}", remedy))

    def _check_argument(self, test: str, value: Node, argument: Constant) -> None:
        text = str(argument.value)
        if test == "matches":
            fault = patterns.fault_of(text)
            if fault:
                remedy = "write a pattern as RE2 takes it: no look-around, no back-references"
                self.flaws.append(Flaw(argument.at, f"RE2 refuses the pattern: {fault}", remedy))
        elif not text:
            self.flaws.append(Flaw(argument.at, "every text has an empty text in it", "write what to look for"))
        elif isinstance(value, Field) and value.name == "path" and test == "startsWith" and text[0] != "/":
            self.flaws.append(Flaw(argument.at, f"path never starts with {shown(text)}", f'write "/{text}"'))


LABEL: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)
"""How labels are written."""
_HEADER: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_SPELLED: Final = {
    "method": (re.compile(r"[^a-z]+"), "methods are written in capitals"),
    "host": (re.compile(r"[^A-Z:]*|\[.*\]"), "write it in lower case and without port"),
    "path": (re.compile(r"/.*|\*", re.DOTALL), "a path begins with a slash"),
    "query": (re.compile(r"[^?].*|", re.DOTALL), "write it without the question mark"),
}
"""What a constant must look like to be found, and what to say when it does not."""
_ORDERS: Final[dict[str, Anything]] = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SIGNS: Final[dict[str, Anything]] = {
    "addition_add": "+", "addition_sub": "-", "multiplication_mul": "*", "multiplication_div": "/",
}  # fmt: skip
_TESTS: Final[dict[str, Anything]] = {name: name for name in ("startsWith", "endsWith", "contains", "matches")}
_TEXT_FUNCTIONS: Final = (*_TESTS, "lowerAscii", "size")
_FUNCTIONS: Final = f"known here: text.{'(), text.'.join(_TEXT_FUNCTIONS)}(), has(), size(), int(), double()"
_FOR: Final = {"networks": "look for address in it", "texts": "look for a text such as path in it"}
_WANTED: Final = {Kind.NUMBER: "write a number", Kind.TEXT: "write text", Kind.BOOL: "compare it with something"}
_WRAPPERS: Final = frozenset((
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary",
    "paren_expr",
))  # fmt: skip
_UNSUPPORTED: Final = {
    "list_lit": "a list outside of `in`",
    "map_lit": "a map",
    "member_object": "a message",
    "dot_ident": "a name with a dot in front",
    "dot_ident_arg": "a name with a dot in front",
}
_READERS: Final[dict[str, Callable[[_Reader, Tree[Token], int], Node]]] = {
    "expr": _Reader._choice,
    "conditionalor": _Reader._both,
    "conditionaland": _Reader._both,
    "relation": _Reader._relation,
    "addition": _Reader._sum,
    "multiplication": _Reader._sum,
    "unary": _Reader._unary,
    "member_dot": _Reader._dotted,
    "member_dot_arg": _Reader._method,
    "member_index": _Reader._index,
    "ident_arg": _Reader._function,
    "ident": _Reader._identifier,
    "literal": _Reader._literal,
}


def _comparing(one: Node, other: Node) -> str:
    if Kind.LABELS in (one.kind, other.kind):
        return 'write "label" in labels'
    if Kind.HEADERS in (one.kind, other.kind):
        return 'write headers["name"]'
    if Kind.ADDRESS in (one.kind, other.kind):
        return 'write address == "192.0.2.1"'
    return "numbers stand without quotes, texts in quotes"


def _near(name: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {shown(close[0])}?" if close else otherwise


def _bad(at: int, message: str, remedy: str) -> FlawedError:
    return FlawedError(Flaw(at, message, remedy))


def _at(part: Tree[Token] | Token | str) -> int:
    place = part.start_pos if isinstance(part, Token) else getattr(getattr(part, "meta", None), "start_pos", 0)
    return place or 0


def _tree(part: Tree[Token] | Token) -> Tree[Token]:
    assert isinstance(part, Tree)  # noqa: S101 - the grammar says so
    return part


def _token(part: Tree[Token] | Token) -> Token:
    assert isinstance(part, Token)  # noqa: S101 - the grammar says so
    return part


def _arguments(children: list[Tree[Token] | Token]) -> list[Tree[Token]]:
    return [_tree(child) for child in _tree(children[0]).children] if children else []


def _bare(tree: Tree[Token]) -> Tree[Token]:
    while len(tree.children) == 1 and tree.data in _WRAPPERS and isinstance(tree.children[0], Tree):
        tree = tree.children[0]
    return tree


def _path(tree: Tree[Token]) -> str | None:
    """`a.b.c` as text; None when the front of it is no name."""
    names: list[str] = []
    while tree.data == "member_dot":
        names.append(str(tree.children[1]))
        tree = _bare(_tree(tree.children[0]))
    if tree.data != "ident":
        return None
    return ".".join([str(tree.children[0]), *reversed(names)])


_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\\"'`?])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)"
)
_LETTERS: Final = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def _unquoted(token: str, at: int) -> str:
    raw = token[0] in "rR"
    start = 1 if raw else 0
    width = 3 if token[start:].startswith(('"""', "'''")) and len(token) >= start + 6 else 1
    body = token[start + width : -width]
    text = body if raw else _ESCAPE.sub(lambda found: _letter(found, at + start + width), body)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _bad(at, "there is half a letter (a surrogate) in the text", "write the whole letter")
    return text


def _letter(found: re.Match[str], at: int) -> str:
    plain, *codes, octal = found.groups()
    if plain:
        return _LETTERS.get(plain, plain)
    code = next((int(code, 16) for code in codes if code), int(octal, 8) if octal else None)
    if code is None or code > 0x10FFFF:
        message = f"{found.string[found.start() : found.start() + 2]} is no escape"
        raise _bad(at + found.start(), message, 'write \\\\ for a backslash, or r"..." around a pattern')
    return chr(code)
