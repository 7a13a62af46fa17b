"""The oracle: a policy decided by a plain walk over its trees, obviously right and slow."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any as Anything

import re2

from trafficguard.actions import PassAction
from trafficguard.policy.emit import Entry, Rule
from trafficguard.policy.engine import DEFAULT, Decision, Shadow, Weighed
from trafficguard.policy.facts import FIELDS, Facts
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
)
from trafficguard.scoring.score import score_of


class State:
    """What rules change while they are asked."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.score = facts.score
        self.evidence = facts.evidence
        self.labels = set(facts.labels)


def value_of(node: Node, state: State) -> Anything:
    facts = state.facts
    match node:
        case Constant(value):
            return value
        case Field("score"):
            return state.score
        case Field("labels"):
            return state.labels
        case Field(name):
            return getattr(facts, FIELDS[name].attribute)
        case Header(name):
            return facts.headers.get(name, "")
        case HasHeader(name):
            return name in facts.headers
        case HasLabel(label):
            return label in state.labels
        case Not(inner):
            return not value_of(inner, state)
        case All(parts):
            return all(value_of(part, state) for part in parts)
        case Any(parts):
            return any(value_of(part, state) for part in parts)
        case Choice(condition, then, otherwise):
            return value_of(then if value_of(condition, state) else otherwise, state)
        case Equal(left, right):
            return value_of(left, state) == value_of(right, state)
        case Compare(order, left, right):
            one, other = value_of(left, state), value_of(right, state)
            return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[order]
        case OneOf(value, choices):
            return any(value_of(value, state) == choice for choice in choices)
        case InNetworks(networks):
            return in_networks(facts.address, networks)
        case Test(test, value, argument):
            return tested(test, value_of(value, state), argument)
        case Size(value):
            return len(value_of(value, state))
        case Lower(value):
            return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in value_of(value, state))
        case Number(value, whole):
            pattern = r"[+-]?[0-9]{1,18}" if whole else r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?"
            text = value_of(value, state)
            if re.fullmatch(pattern, text, re.ASCII) is None:
                raise ValueError(text)
            return float(text)
        case Negative(value):
            return -value_of(value, state)
        case Sum(sign, left, right):
            one, other = value_of(left, state), value_of(right, state)
            if sign == "/":
                return one / other
            return one + other if sign == "+" else one - other if sign == "-" else one * other
    raise AssertionError(node)


def in_networks(address: str, networks: Anything) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks if network.version == parsed.version)


def tested(test: str, text: str, argument: str) -> bool:
    if test == "matches":
        return re2.search(argument, text) is not None
    if test == "contains":
        return argument in text
    return text.startswith(argument) if test == "startsWith" else text.endswith(argument)


def decide(rules: Sequence[Rule], entries: Sequence[Entry], facts: Facts, errors: list[int]) -> Decision:
    state = State(facts)
    weighed: tuple[Weighed, ...] = ()
    added: tuple[str, ...] = ()
    shadow: tuple[Shadow, ...] = ()

    def decided(action: Anything, rule: str) -> Decision:
        return Decision(action, rule, state.score, state.evidence, weighed, added, shadow)

    for index, rule in enumerate(rules):
        try:
            matches = value_of(rule.when, state)
        except (ValueError, ZeroDivisionError):
            errors[index] += 1
            continue
        if not matches:
            continue
        if rule.shadow:
            shadow += (Shadow(rule.name, rule.action, rule.weigh),)
            continue
        if rule.label:
            state.labels.add(rule.label)
            added += (rule.label,)
        if rule.action is not None:
            return decided(rule.action, rule.name)
        if rule.weigh:
            weighed += (Weighed(rule.name, rule.weigh),)
            state.evidence = min(max(state.evidence + rule.weigh, 0.0), 16.0)
            state.score = score_of(state.evidence)
    for index, entry in enumerate(entries, len(rules)):
        try:
            if not value_of(entry.when, state):
                continue
        except (ValueError, ZeroDivisionError):
            errors[index] += 1
            continue
        reached = [step for step in entry.steps if state.score >= step[0]]
        if entry.shadow:
            shadow += tuple(Shadow(f"{entry.name}-{score:g}", action, 0.0) for score, action in reached[-1:])
            continue
        if reached:
            score, action = reached[-1]
            return decided(action, f"{entry.name}-{score:g}")
        return decided(PassAction(), DEFAULT)
    return decided(PassAction(), DEFAULT)
