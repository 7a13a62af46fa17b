"""Conditions, actions and thresholds to one Python function.

The function is built as a syntax tree (`ast`) and compiled; no text is ever evaluated, and no constant of a policy
becomes a name. Three things make it fast. What many conditions ask of one value is asked once: all patterns (and many
literal tests) of one text are one RE2 set, all networks one sorted table. From each condition a guard is taken, a
statement that must hold for it to match and that such a look-up answers; the look-ups give a mask of the rules whose
guards hold, and runs of rules without a bit in it are skipped. The rest is straight code over local variables.

Promises: the function gives what a plain walk over the trees gives (a property test holds them together). Never: asks
rules in another order than the file's, or a rule that fails twice.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any as Anything
from typing import Final, NamedTuple

from trafficguard.actions import ActionValue, PassAction
from trafficguard.policy import patterns
from trafficguard.policy.engine import DEFAULT, Decide, Decision, Shadow, Weighed
from trafficguard.policy.facts import FIELDS, Kind
from trafficguard.policy.networks import NetworkTable
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
    Node,
    Not,
    Number,
    OneOf,
    Size,
    Sum,
    Test,
    can_fail,
    parts_of,
)  # fmt: skip
from trafficguard.policy.texts import decimal, lower, whole
from trafficguard.scoring.score import score_of
from trafficguard.scoring.weigh import MOST_EVIDENCE

FEW_TESTS: Final = 12
"""Literal tests of one text that are cheaper one by one than as an RE2 set."""
RUN: Final = 16
"""Rules that are skipped together."""
MOST_CHOICES: Final = 4096
"""Values of a guard; a condition with more is asked instead."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is asked."""

    name: str
    when: Node
    action: ActionValue | None
    weigh: float
    label: str
    """Empty for none."""
    shadow: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A threshold that is asked."""

    name: str
    when: Node
    """With its sites and route classes."""
    steps: tuple[tuple[float, ActionValue], ...]
    """Ascending."""
    shadow: bool


class Guard(NamedTuple):
    """What must hold for a condition to match: one of `values` of `subject`."""

    subject: Node | str
    """A text (its value), `networks` (sets of networks) or `labels`; a `Test` stands for its subject's set."""
    values: frozenset[Anything]


def emit(rules: Sequence[Rule], entries: Sequence[Entry]) -> Decide:
    """The function that decides by `rules` and then by `entries`."""
    return _Emitter(rules, entries).function()


def plain(node: Node) -> Node:
    """`node` without its place, so that equal texts are equal values."""
    if isinstance(node, Lower):
        return Lower(plain(node.value))
    return replace(node, at=0) if isinstance(node, Field | Header) else node


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in parts_of(node):
        yield from _walk(part)


class _Emitter:
    """The making of one function."""

    def __init__(self, rules: Sequence[Rule], entries: Sequence[Entry]) -> None:
        self._rules, self._entries = rules, entries
        self._globals: dict[str, Anything] = {
            "Decision": Decision, "Weighed": Weighed, "score_of": score_of,
            "whole": whole, "decimal": decimal, "lower": lower,
        }  # fmt: skip
        self._conditions = [rule.when for rule in rules] + [entry.when for entry in entries]
        self._nodes = [node for condition in self._conditions for node in _walk(condition)]
        self._network_sets = list(dict.fromkeys(n.networks for n in self._nodes if isinstance(n, InNetworks)))
        self._text_sets = self._find_text_sets()
        self._late_labels = {rule.label for rule in rules if rule.label and not rule.shadow}
        self._locals: dict[Node, str] = {}
        """Texts that are read once, at the start."""
        self._guards = [self._guard(rule.when) for rule in rules]

    # ---- the whole

    def function(self) -> Decide:
        """The compiled function."""
        rules = self._rule_statements()
        entries = [self._attempt(len(self._rules) + i, self._entry(one)) for i, one in enumerate(self._entries)]
        body = [*self._start(), *rules, *entries, self._decision(PassAction(), DEFAULT)]
        arguments = ast.arguments(
            posonlyargs=[], args=[ast.arg("f"), ast.arg("errors")], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        function = ast.FunctionDef("decide", arguments, body, [])
        module = ast.fix_missing_locations(ast.Module([function], []))
        exec(compile(module, "<policy>", "exec"), self._globals)  # noqa: S102 - a tree of our making, not text
        decide: Decide = self._globals["decide"]
        return decide

    def _start(self) -> list[ast.stmt]:
        """Reads what every request is asked, and works out the mask of rules whose guards hold."""
        statements = [_set(name, ast.Tuple([], ast.Load())) for name in ("weighed", "added", "shadow")]
        statements += [_set(name, _fact(name)) for name in ("score", "evidence", "labels", "headers")]
        statements += self._texts()
        if self._network_sets:
            table = self._share(NetworkTable(self._network_sets))
            statements.append(_set("nets", _call(_name(table), _fact("address_number"))))
        for subject, tests in self._text_sets.items():
            found = patterns.PatternSet([_pattern_of(test) for test in tests])
            hits, known = self._hits(subject), self._share(found.known.get)
            statements.append(_set(hits, _call(_name(known), self._value(subject))))
            unknown = ast.Compare(_name(hits), [ast.Is()], [_constant(None)])
            searched = _set(hits, _call(_name(self._share(found)), self._value(subject)))
            statements.append(ast.If(unknown, [searched], []))
        return statements + self._mask()

    def _texts(self) -> list[ast.stmt]:
        """Texts that are asked often become local variables; headers only where every request needs them."""
        skipped = ("score", "labels", "address", "headers")
        wanted: set[Node] = {n for n in map(plain, self._nodes) if isinstance(n, Field) and n.name not in skipped}
        wanted |= set(self._text_sets)
        for guard in self._guards:
            if guard is not None and isinstance(guard.subject, Field | Header):
                wanted.add(guard.subject)
        statements: list[ast.stmt] = []
        for node in sorted(wanted, key=_depth_and_name):
            value = self._value(node)
            self._locals[node] = f"v{len(self._locals)}"
            statements.append(_set(self._locals[node], value))
        return statements

    def _mask(self) -> list[ast.stmt]:
        """`mask`: one bit for each guarded rule whose guard holds."""
        bits: dict[Node | str, dict[Anything, int]] = defaultdict(lambda: defaultdict(int))
        for index, guard in enumerate(self._guards):
            if guard is not None:
                for value in guard.values:
                    bits[guard.subject][value] |= 1 << index
        statements: list[ast.stmt] = [_set("mask", _constant(0))] if bits else []
        for subject, masks in bits.items():
            known = self._share(dict(masks))
            if isinstance(subject, Test):
                hits = _name(self._hits(subject.value))
                statements.append(_for_each("one", hits, _or_mask(_get(known, _name("one")))))
            elif subject == "labels":
                statements.append(_for_each("one", _name("labels"), _or_mask(_get(known, _name("one")))))
            elif subject == "networks":
                statements.append(ast.If(_name("nets"), [_or_mask(_get(self._net_masks(masks), _name("nets")))], []))
            else:
                statements.append(_or_mask(_get(known, self._value(subject))))  # type: ignore[arg-type]
        return statements

    def _net_masks(self, masks: dict[Anything, int]) -> str:
        """Rules by the value of `nets`, of which there are as many as overlaps."""
        table = NetworkTable(self._network_sets)
        result = {}
        for nets in table.masks():
            rules = 0
            for bit, rule_mask in masks.items():
                rules |= rule_mask if nets >> bit & 1 else 0
            result[nets] = rules
        return self._share(result)

    def _rule_statements(self) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        run: list[tuple[int, ast.stmt]] = []
        for index, rule in enumerate(self._rules):
            guarded = self._guards[index] is not None
            if run and (not guarded or len(run) == RUN):
                statements += _skippable(run)
                run = []
            statement = self._attempt(index, [ast.If(self._node(rule.when), self._effect(rule), [])])
            if guarded:
                run.append((index, statement))
            else:
                statements.append(statement)
        return statements + (_skippable(run) if run else [])

    def _attempt(self, index: int, body: list[ast.stmt]) -> ast.stmt:
        """`body`, of which a failure is counted at `index` and means no match."""
        counter = ast.Subscript(_name("errors"), _constant(index), ast.Store())
        count = ast.AugAssign(counter, ast.Add(), _constant(1))
        return ast.Try(body, [ast.ExceptHandler(_name("Exception"), None, [count])], [], [])

    # ---- effects

    def _effect(self, rule: Rule) -> list[ast.stmt]:
        if rule.shadow:
            return [self._append("shadow", Shadow(rule.name, rule.action, rule.weigh))]
        statements: list[ast.stmt] = []
        if rule.label:
            label = self._share(frozenset((rule.label,)))
            statements.append(_set("labels", ast.BinOp(_name("labels"), ast.BitOr(), _name(label))))
            statements.append(self._append("added", rule.label))
        if rule.action is not None:
            return [*statements, self._decision(rule.action, rule.name)]
        if rule.weigh:
            statements.append(self._append("weighed", Weighed(rule.name, rule.weigh)))
            more = ast.BinOp(_name("evidence"), ast.Add(), _constant(rule.weigh))
            bounded = _call(_name("min"), _call(_name("max"), more, _constant(0.0)), _constant(MOST_EVIDENCE))
            statements.append(_set("evidence", bounded))
            statements.append(_set("score", _call(_name("score_of"), _name("evidence"))))
        return statements

    def _entry(self, entry: Entry) -> list[ast.stmt]:
        """The steps of an entry, the highest first; in force, an entry that fits ends here."""
        inner: list[ast.stmt] = [] if entry.shadow else [self._decision(PassAction(), DEFAULT)]
        for score, action in entry.steps:
            name = step_name(entry.name, score)
            effect = (
                self._append("shadow", Shadow(name, action, 0.0)) if entry.shadow else self._decision(action, name)
            )
            reached = ast.Compare(_name("score"), [ast.GtE()], [_constant(score)])
            inner = [ast.If(reached, [effect], inner)]
        return [ast.If(self._node(entry.when), inner, [])]

    def _decision(self, action: ActionValue, rule: str) -> ast.stmt:
        names = [_name(name) for name in ("score", "evidence", "weighed", "added", "shadow")]
        return ast.Return(_call(_name("Decision"), _name(self._share(action)), _constant(rule), *names))

    def _append(self, name: str, value: object) -> ast.stmt:
        return _set(name, ast.BinOp(_name(name), ast.Add(), _name(self._share((value,)))))

    # ---- conditions

    def _node(self, node: Node) -> ast.expr:
        match node:
            case All(parts) | Any(parts):
                joined = ast.And() if isinstance(node, All) else ast.Or()
                return ast.BoolOp(joined, [self._node(part) for part in parts])
            case Not(inner):
                return ast.UnaryOp(ast.Not(), self._node(inner))
            case Choice(condition, then, otherwise):
                return ast.IfExp(self._node(condition), self._node(then), self._node(otherwise))
            case Equal(left, right):
                return ast.Compare(self._node(left), [ast.Eq()], [self._node(right)])
            case Compare(order, left, right):
                return ast.Compare(self._node(left), [_ORDERS[order]()], [self._node(right)])
            case OneOf(value, choices) if len(choices) == 1:
                return ast.Compare(self._node(value), [ast.Eq()], [_constant(next(iter(choices)))])
            case OneOf(value, choices):
                return ast.Compare(self._node(value), [ast.In()], [_name(self._share(choices))])
            case InNetworks(networks):
                bit = 1 << self._network_sets.index(networks)
                return ast.BinOp(_name("nets"), ast.BitAnd(), _constant(bit))
            case HasHeader(name):
                return ast.Compare(_constant(name), [ast.In()], [_name("headers")])
            case HasLabel(label):
                return ast.Compare(_constant(label), [ast.In()], [_name("labels")])
            case Test():
                return self._test(node)
            case Sum(sign, left, right):
                return ast.BinOp(self._node(left), _SIGNS[sign](), self._node(right))
            case Negative(value):
                return ast.UnaryOp(ast.USub(), self._node(value))
            case Size(value):
                return _call(_name("len"), self._node(value))
            case Number(value, is_whole):
                return _call(_name("whole" if is_whole else "decimal"), self._node(value))
            case _:
                return self._value(node)

    def _value(self, node: Node) -> ast.expr:
        known = self._locals.get(plain(node))
        if known is not None:
            return _name(known)
        match node:
            case Constant(value):
                return _constant(value)
            case Header(name):
                return _call(ast.Attribute(_name("headers"), "get", ast.Load()), _constant(name), _constant(""))
            case Lower(value):
                return _call(_name("lower"), self._node(value))
            case Field(name) if name in ("score", "labels"):
                return _name(name)
            case Field(name):
                return _fact(FIELDS[name].attribute)
            case _:
                return self._node(node)

    def _test(self, node: Test) -> ast.expr:
        tests = self._text_sets.get(plain(node.value), {})
        number = tests.get(_bare_test(node))
        if number is not None:
            return ast.Compare(_constant(number), [ast.In()], [_name(self._hits(node.value))])
        value, argument = self._node(node.value), _constant(node.argument)
        if node.test == "contains":
            return ast.Compare(argument, [ast.In()], [value])
        if node.test == "matches":
            return _call(_name(self._share(patterns.Search(node.argument))), value)
        return _call(ast.Attribute(value, _METHODS[node.test], ast.Load()), argument)

    # ---- what is asked together

    def _find_text_sets(self) -> dict[Node, dict[Test, int]]:
        """For each text: its patterns, and its literal tests where they are many, by number."""
        tests: dict[Node, dict[Test, int]] = defaultdict(dict)
        for node in self._nodes:
            if isinstance(node, Test) and isinstance(plain(node.value), Field | Header | Lower):
                known = tests[plain(node.value)]
                known.setdefault(_bare_test(node), len(known))
        result: dict[Node, dict[Test, int]] = {}
        for subject, known in tests.items():
            chosen = [t for t in known if t.test == "matches"]
            if len(known) >= FEW_TESTS:
                chosen = list(known)
            if chosen:
                result[subject] = {test: number for number, test in enumerate(chosen)}
        return result

    def _hits(self, subject: Node) -> str:
        return f"hits{list(self._text_sets).index(plain(subject))}"

    def _guard(self, node: Node) -> Guard | None:
        """The best guard of a condition: where it does not hold, the condition does not either, and cannot fail."""
        match node:
            case All(parts):
                guards = [guard for guard in map(self._guard, _until_failing(parts)) if guard is not None]
                return min(guards, key=_cost, default=None)
            case Any(parts):
                guards = [guard for guard in map(self._guard, parts) if guard is not None]
                if len(guards) < len(parts) or len({guard.subject for guard in guards}) > 1:
                    return None
                return Guard(guards[0].subject, frozenset().union(*(guard.values for guard in guards)))
            case OneOf(value, choices) if value.kind is Kind.TEXT and isinstance(plain(value), Field | Header):
                return Guard(plain(value), choices) if len(choices) <= MOST_CHOICES else None
            case InNetworks(networks):
                return Guard("networks", frozenset((self._network_sets.index(networks),)))
            case HasLabel(label) if label not in self._late_labels:
                return Guard("labels", frozenset((label,)))
            case Test():
                subject = plain(node.value)
                number = self._text_sets.get(subject, {}).get(_bare_test(node))
                return None if number is None else Guard(Test("matches", subject, ""), frozenset((number,)))
            case _:
                return None

    def _share(self, value: object) -> str:
        """The name under which the function finds `value`."""
        name = f"g{len(self._globals)}"
        self._globals[name] = value
        return name


def step_name(entry: str, score: float) -> str:
    """What the step of a threshold is called."""
    return f"{entry}-{score:g}"


def _until_failing(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    """The parts from the left up to the first that can fail: those behind it may never be reached."""
    for index, part in enumerate(parts):
        if can_fail(part):
            return parts[: index + 1]
    return parts


def _bare_test(node: Test) -> Test:
    return replace(node, value=plain(node.value), at=0)


def _pattern_of(test: Test) -> str:
    literal = patterns.escaped(test.argument)
    return {"startsWith": rf"\A{literal}", "endsWith": rf"{literal}\z", "contains": literal}.get(
        test.test, test.argument
    )


def _cost(guard: Guard) -> tuple[int, int]:
    """Orders guards: first those that hold most rarely."""
    words = isinstance(guard.subject, Field) and (FIELDS[guard.subject.name].words or guard.subject.name == "method")
    common = isinstance(guard.subject, Field) and guard.subject.name in ("host", "site")
    return (2 if words else 1 if common else 0), len(guard.values)


def _depth_and_name(node: Node) -> tuple[int, str]:
    return len(list(_walk(node))), repr(node)


def _skippable(run: list[tuple[int, ast.stmt]]) -> list[ast.stmt]:
    """Rules that are asked only where the mask has their bit; several of them behind one look at all their bits."""
    single: list[ast.stmt] = [ast.If(_masked(1 << index), [statement], []) for index, statement in run]
    if len(run) == 1:
        return single
    return [ast.If(_masked(sum(1 << index for index, _ in run)), single, [])]


def _masked(bits: int) -> ast.expr:
    return ast.BinOp(_name("mask"), ast.BitAnd(), _constant(bits))


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _constant(value: Anything) -> ast.expr:
    return ast.Constant(value)


def _fact(attribute: str) -> ast.expr:
    return ast.Attribute(_name("f"), attribute, ast.Load())


def _call(function: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.Call(function, list(arguments), [])


def _set(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _get(known: str, key: ast.expr) -> ast.expr:
    return _call(ast.Attribute(_name(known), "get", ast.Load()), key, _constant(0))


def _or_mask(bits: ast.expr) -> ast.stmt:
    return ast.AugAssign(ast.Name("mask", ast.Store()), ast.BitOr(), bits)


def _for_each(name: str, values: ast.expr, body: ast.stmt) -> ast.stmt:
    return ast.For(ast.Name(name, ast.Store()), values, [body], [])


_ORDERS: Final[dict[str, Callable[[], ast.cmpop]]] = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE}
_SIGNS: Final[dict[str, Callable[[], ast.operator]]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}
_METHODS: Final = {"startsWith": "startswith", "endsWith": "endswith"}


def subjects(conditions: Iterable[Node]) -> tuple[frozenset[str], frozenset[str]]:
    """The headers and the fields that conditions ask for."""
    headers, fields = set(), set()
    for condition in conditions:
        for node in _walk(condition):
            if isinstance(node, Header | HasHeader):
                headers.add(node.name)
                fields.add("headers")
            elif isinstance(node, HasLabel):
                fields.add("labels")
            elif isinstance(node, InNetworks):
                fields.add("address")
            elif isinstance(node, Field):
                fields.add(node.name)
    return frozenset(headers), frozenset(fields)
