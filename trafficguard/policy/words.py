"""Conditions, actions, rules and thresholds in plain words, for people who steer the shop and read no CEL.

Promises: what the words say is what is decided. Never: shortens a condition; long lists are counted, not spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from trafficguard.actions import ActionValue, BlockAction, ChallengeAction, PassAction, TarpitAction, ThrottleAction
from trafficguard.policy.atoms import Atom, Case, Ranges, Span, Tested, Truth, Values
from trafficguard.policy.facts import FIELDS
from trafficguard.policy.model import EscalationSettings, RuleSettings, ThresholdSettings
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
)  # fmt: skip
from trafficguard.values import shown

MOST_SHOWN: Final = 6
"""Entries of a list that are spelled out."""

_TESTS: Final = {
    "startsWith": "begins with", "endsWith": "ends with", "contains": "contains", "matches": "matches the pattern",
}  # fmt: skip
_NOT_TESTS: Final = {
    "startsWith": "does not begin with", "endsWith": "does not end with", "contains": "does not contain",
    "matches": "does not match the pattern",
}  # fmt: skip
_ORDERS: Final = {"<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least"}
_NOT_ORDERS: Final = {"<": "is at least", "<=": "is above", ">": "is at most", ">=": "is below"}
_KINDS: Final = {
    "cookie": "whether the browser keeps cookies", "refresh": "a check that needs no JavaScript",
    "resource": "whether the browser loads a page's parts", "pow": "some work for the browser",
    "interactive": "a question to a person",
}  # fmt: skip
_KEYS: Final = {"cluster": "crowd of alike senders"}


def condition_in_words(node: Node) -> str:
    """What must hold."""
    return _says(node, True)


def _says(node: Node, holds: bool) -> str:
    match node:
        case Constant(value):
            return "always" if bool(value) is holds else "never"
        case Not(inner):
            return _says(inner, not holds)
        case All(parts) | Any(parts):
            word = " and " if isinstance(node, All) is holds else " or "
            return word.join(_part(part, holds) for part in parts)
        case Choice(condition, then, otherwise):
            return f"({_says(then, holds)} where {_says(condition, True)}, and {_says(otherwise, holds)} elsewhere)"
        case Field(name):
            return f"{FIELDS[name].text}" if holds else f"not: {FIELDS[name].text}"
        case HasHeader(name):
            return f"there is {'a' if holds else 'no'} header {name}"
        case HasLabel(label):
            return f"the label {label} is {'' if holds else 'not '}there"
        case OneOf(value, choices, name):
            return f"{value_in_words(value)} is {'' if holds else 'not '}{_choices(choices, name)}"
        case InNetworks(networks, name):
            return f"the address is {'' if holds else 'not '}in {_listed(map(str, networks), name)}"
        case Test(test, value, argument):
            return f"{value_in_words(value)} {(_TESTS if holds else _NOT_TESTS)[test]} {_quoted(argument)}"
        case Compare(order, left, right):
            word = (_ORDERS if holds else _NOT_ORDERS)[order]
            return f"{value_in_words(left)} {word} {value_in_words(right)}"
        case Equal(left, right):
            return f"{value_in_words(left)} is {'' if holds else 'not '}{value_in_words(right)}"
        case _:
            return value_in_words(node)


def _part(node: Node, holds: bool) -> str:
    text = _says(node, holds)
    inner = node
    while isinstance(inner, Not):
        inner = inner.inner
    return f"({text})" if isinstance(inner, All | Any) else text


def value_in_words(node: Node) -> str:
    """What is looked at."""
    match node:
        case Field(name):
            return name
        case Header(name):
            return f"the header {name}"
        case Constant(value):
            return _quoted(value) if isinstance(value, str) else _plain(value)
        case Lower(value):
            return f"{value_in_words(value)} in lower case"
        case Size(value):
            return f"the size of {value_in_words(value)}"
        case Number(value):
            return f"the number in {value_in_words(value)}"
        case Negative(value):
            return f"-{value_in_words(value)}"
        case Sum(sign, left, right):
            return f"({value_in_words(left)} {sign} {value_in_words(right)})"
        case _:
            return _says(node, True)


def case_in_words(case: Case) -> list[str]:
    """The simple statements that must hold together."""
    return [_atom(atom) for atom in case] or ["always"]


def is_simple(atom: Atom) -> bool:
    """Whether a statement is about one fact, so that it can be said in a few words."""
    return atom.subject == "address" or atom.subject[0] in ("has", "label", "field", "header")


def _atom(atom: Atom) -> str:
    subject = atom.subject
    kind = subject[0] if isinstance(subject, tuple) else subject
    if kind == "has":
        return f"there is {'a' if atom.holds else 'no'} header {subject[1]}"
    if kind == "label":
        return f"the label {subject[1]} is {'' if atom.holds else 'not '}there"
    name = "the address" if kind == "address" else f"the header {subject[1]}" if kind == "header" else str(subject[1])
    match atom.claim:
        case Values(values):
            return f"{name} is {'' if atom.holds else 'not '}{_choices(values, '')}"
        case Span():
            return f"{name} {'' if atom.holds else 'not '}{_span(atom.claim)}"
        case Ranges(ranges):
            return f"the address is {'' if atom.holds else 'not '}in {len(ranges)} networks side by side"
        case Tested(test, argument):
            return f"{name} {(_TESTS if atom.holds else _NOT_TESTS)[test]} {_quoted(argument)}"
        case Truth() if kind == "field":
            return f"{'' if atom.holds else 'not: '}{FIELDS[subject[1]].text}"
        case _:
            raise AssertionError(atom)


def _span(span: Span) -> str:
    if span.low == span.high:
        return f"is {_plain(span.low)}"
    ends = []
    if span.low != float("-inf"):
        ends.append(f"is {'above' if span.open_low else 'at least'} {_plain(span.low)}")
    if span.high != float("inf"):
        ends.append(f"is {'below' if span.open_high else 'at most'} {_plain(span.high)}")
    return " and ".join(ends)


def _choices(values: Iterable[str | float], name: str) -> str:
    texts = sorted(_quoted(value) if isinstance(value, str) else _plain(value) for value in values)
    if len(texts) == 1 and not name:
        return texts[0]
    return f"{'in' if name else 'one of'} {_listed(texts, name)}"


def _listed(entries: Iterable[str], name: str) -> str:
    texts = sorted(entries)
    if name:
        return f"the list {name} ({len(texts)} entries)"
    shortened = texts if len(texts) <= MOST_SHOWN else [*texts[: MOST_SHOWN - 1], f"{len(texts) - MOST_SHOWN + 1} more"]
    return _joined(shortened, "or")


def _joined(texts: Sequence[str], word: str) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}"


def _quoted(text: str) -> str:
    return shown(text)


def _plain(value: float) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else f"{value:g}"


def seconds_in_words(seconds: float) -> str:
    """`5s`, `2m` or `250ms`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def action_in_words(action: ActionValue) -> str:
    """What is done, with its parameters."""
    match action:
        case PassAction():
            return "pass"
        case ThrottleAction(rate=rate, burst=burst, key=key, delay=delay, reveal=reveal):
            told = ", and everybody is told the pace" if reveal else ""
            return (
                f"throttle each {_KEYS.get(key, key)} to {rate:g}/s (burst {burst}): wait up to "
                f"{seconds_in_words(delay)}, then 429{told}"
            )
        case ChallengeAction(kind=kind):
            return f"challenge with {_KINDS[kind]}"
        case BlockAction(status=status, body=body, close=close):
            extra = [f"the text {shown(body)}"] if body else []
            extra += ["a closed connection"] if close else []
            return f"block with {_joined([str(status), *extra], 'and')}"
        case TarpitAction(hold=hold, size=size):
            return f"tarpit: {size.human_readable()} of answer over {seconds_in_words(hold)}"


def effect_in_words(rule: RuleSettings) -> str:
    """What a rule that matches does."""
    label = f"; adds the label {rule.label}" if rule.label else ""
    if rule.action is not None:
        return action_in_words(rule.action.value) + label
    weigh = rule.weigh or 0.0
    verb = "adds" if weigh >= 0 else "takes away"
    return f"{verb} {abs(weigh):g} nats of evidence{label}" if weigh else f"adds the label {rule.label}"


def steps_in_words(entry: ThresholdSettings) -> dict[float, str]:
    """What each score of a threshold leads to."""
    return {step.score: action_in_words(step.action.value) for step in entry.steps}


def scope_in_words(entry: ThresholdSettings) -> str:
    """Which requests a threshold is for."""
    parts = [f"routes {', '.join(entry.routes)}"] if entry.routes else []
    parts += [f"{'of ' if parts else ''}sites {', '.join(entry.sites)}"] if entry.sites else []
    parts += [f"while {one_line(entry.when)}"] if entry.when != "true" else []
    parts = parts if entry.routes or entry.sites else ["all requests", *parts]
    return " ".join(parts)


def escalation_in_words(one: EscalationSettings) -> str:
    """What an escalation does, and when."""
    key = _KEYS.get(one.key, one.key)
    when = f"after more than {one.count} verdicts of {' or '.join(one.verdicts)} in {one.within:g} s"
    return f"{when}, for {one.for_:g} s for that {key}: {action_in_words(one.action.value)}"


def one_line(text: str) -> str:
    """A condition without its line breaks."""
    return re.sub(r"\s*\n\s*", " ", text.strip())
