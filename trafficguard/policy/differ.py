"""What changes from one policy to another, and what one rule means, as lines for operators.

Promises: two policies between which nothing is said decide the same; a condition that is only written differently is
said to mean the same. Never: asks a request; whose verdict changes is what a backtest shows.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from trafficguard.policy.atoms import cases_of, without_places
from trafficguard.policy.emit import subjects
from trafficguard.policy.engine import Policy
from trafficguard.policy.facts import FIELDS
from trafficguard.policy.model import PolicyFile, RuleSettings, ThresholdSettings
from trafficguard.policy.nodes import Node, can_fail
from trafficguard.policy.overrides import SIGNALS
from trafficguard.policy.reading import Lists, read_condition
from trafficguard.policy.words import (
    case_in_words,
    condition_in_words,
    effect_in_words,
    escalation_in_words,
    is_simple,
    one_line,
    scope_in_words,
    steps_in_words,
)


def differences(old: Policy, new: Policy) -> list[str]:
    """All that changes; nothing when both decide the same."""
    before, after = old.file, new.file
    lines = [
        f"policy: {name} was {getattr(before, name)}, is {getattr(after, name)}"
        for name in ("name", "mode")
        if getattr(before, name) != getattr(after, name)
    ]
    lines += _site_changes(before, after)
    lines += _signal_changes(before, after)
    lines += _list_changes(old, new)
    lines += _rule_changes(old, new)
    lines += _threshold_changes(old, new)
    lines += _escalation_changes(before, after)
    return lines


def _site_changes(before: PolicyFile, after: PolicyFile) -> Iterator[str]:
    for name in sorted({*before.sites, *after.sites}):
        was, now = before.sites.get(name), after.sites.get(name)
        one, other = (site.mode if site else "that of the policy" for site in (was, now))
        if one != other:
            yield f"site {name}: mode was {one}, is {other}"


def _signal_changes(before: PolicyFile, after: PolicyFile) -> Iterator[str]:
    for name in sorted({*before.signals, *after.signals}):
        was, now = (_signal(file, name) for file in (before, after))
        for what, one, other in zip(("mode", "weight"), was, now, strict=True):
            if one != other:
                yield f"signal {name}: {what} was {one}, is {other}"


def _signal(file: PolicyFile, name: str) -> tuple[str, str]:
    override, signal = file.signals.get(name), SIGNALS[name]
    mode = (override.mode if override else None) or signal.mode
    weight = override.weight if override and override.weight is not None else signal.weight
    return mode, f"{weight:g} nats"


def _list_changes(old: Policy, new: Policy) -> Iterator[str]:
    for name in sorted({*old.lists, *new.lists}):
        was, now = old.lists.get(name), new.lists.get(name)
        if was is None or now is None:
            one = now or was
            count = len(one.networks) + len(one.texts) if one else 0
            yield f"list {name}: is {'new' if was is None else 'gone'}, with {count} entries"
            continue
        entries, more = {*map(str, was.networks), *was.texts}, {*map(str, now.networks), *now.texts}
        for verb, found in (("comes in", sorted(more - entries)), ("goes out", sorted(entries - more))):
            if found:
                rest = f" and {len(found) - 3} more" if len(found) > 3 else ""
                yield f"list {name}: {', '.join(found[:3])}{rest} {verb}"


def _rule_changes(old: Policy, new: Policy) -> Iterator[str]:
    was, now = ({rule.name: rule for rule in policy.file.rules} for policy in (old, new))
    for name, rule in was.items():
        if name not in now:
            yield f"rule {name}: is gone (it was: when {one_line(rule.when)}, {effect_in_words(rule)})"
    for name, rule in now.items():
        if name not in was:
            mode = "" if rule.mode == "enforce" else f", in mode {rule.mode}"
            yield f"rule {name}: is new{mode}: when {one_line(rule.when)}, {effect_in_words(rule)}"
        elif was[name] != rule:
            yield from _rule_change(was[name], rule, old.lists, new.lists)
    yield from _moved("rule", list(was), list(now))


def _rule_change(was: RuleSettings, now: RuleSettings, old: Lists, new: Lists) -> Iterator[str]:
    yield from _condition_change(f"rule {now.name}", was.when, now.when, old, new)
    if effect_in_words(was) != effect_in_words(now):
        yield f"rule {now.name}: was {effect_in_words(was)}; is {effect_in_words(now)}"
    if was.mode != now.mode:
        yield f"rule {now.name}: mode was {was.mode}, is {now.mode}"


def _condition_change(what: str, was: str, now: str, old: Lists, new: Lists) -> Iterator[str]:
    if was == now:
        return
    if without_places(_node(was, old)) != without_places(_node(now, new)):
        yield f"{what}: held when {one_line(was)}; holds when {one_line(now)}"


def _node(text: str, lists: Lists) -> Node | None:
    return read_condition(text, lists)[0]


def _threshold_changes(old: Policy, new: Policy) -> Iterator[str]:
    was, now = ({entry.name: entry for entry in policy.file.thresholds} for policy in (old, new))
    for name in was:
        if name not in now:
            yield f"threshold {name}: is gone (it was for {scope_in_words(was[name])})"
    for name, entry in now.items():
        if name not in was:
            yield f"threshold {name}: is new, for {scope_in_words(entry)}"
            for score, action in steps_in_words(entry).items():
                yield f"threshold {name}: from {score:g} on {action}"
        elif was[name] != entry:
            yield from _threshold_change(was[name], entry)
    yield from _moved("threshold", list(was), list(now))


def _threshold_change(was: ThresholdSettings, now: ThresholdSettings) -> Iterator[str]:
    if scope_in_words(was) != scope_in_words(now):
        yield f"threshold {now.name}: was for {scope_in_words(was)}; is for {scope_in_words(now)}"
    if was.mode != now.mode:
        yield f"threshold {now.name}: mode was {was.mode}, is {now.mode}"
    before, after = steps_in_words(was), steps_in_words(now)
    for score in sorted({*before, *after}):
        one, other = _reached(before, score), _reached(after, score)
        if one != other:
            yield f"threshold {now.name}: from {score:g} on was {one}; is {other}"


def _escalation_changes(before: PolicyFile, after: PolicyFile) -> Iterator[str]:
    was, now = ({one.name: one for one in file.escalations} for file in (before, after))
    for name, one in was.items():
        if name not in now:
            yield f"escalation {name}: is gone (it was: {escalation_in_words(one)})"
    for name, one in now.items():
        mode = "" if one.mode == "enforce" else f", in mode {one.mode}"
        if name not in was:
            yield f"escalation {name}: is new{mode}: {escalation_in_words(one)}"
            continue
        words, others = escalation_in_words(was[name]), escalation_in_words(one)
        if words != others:
            yield f"escalation {name}: was {words}; is {others}"
        if was[name].mode != one.mode:
            yield f"escalation {name}: mode was {was[name].mode}, is {one.mode}"


def _reached(steps: dict[float, str], score: float) -> str:
    """What the highest step that `score` reaches does."""
    reached = [step for step in steps if step <= score]
    return steps[max(reached)] if reached else "pass"


def _moved(what: str, was: list[str], now: list[str]) -> Iterator[str]:
    """Those that stand elsewhere among those that stayed."""
    before, after = [name for name in was if name in now], [name for name in now if name in was]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, _, _, first, last in matcher.get_opcodes():
        for name in after[first:last] if tag in ("insert", "replace") else []:
            index = now.index(name)
            where = f"right below {now[index - 1]}" if index else "first of all"
            yield f"{what} {name}: is asked in another place now, {where}"


# ---- one rule


def explain(policy: Policy, name: str) -> list[tuple[str, str]] | None:
    """What the rule, threshold or escalation `name` means, as headings and texts; None when there is no such."""
    for index, rule in enumerate(policy.file.rules, 1):
        if rule.name == name:
            place = f"{index} of {len(policy.file.rules)}"
            end = "nothing below is asked any more" if rule.action else "what stands below is asked with the new score"
            then = [("then", effect_in_words(rule)), ("after it", end), ("mode", _mode(policy, rule.mode))]
            return [("rule", f"{name}, {place}"), *_meaning(rule.when, policy), *then]
    for index, entry in enumerate(policy.file.thresholds, 1):
        if entry.name == name:
            scope = [("threshold", f"{name}, {index} of {len(policy.file.thresholds)}"), ("for", scope_in_words(entry))]
            steps = [(f"from {score:g}", action) for score, action in steps_in_words(entry).items()]
            return [*scope, *_meaning(entry.when, policy), *steps, ("mode", _mode(policy, entry.mode))]
    for index, one in enumerate(policy.file.escalations, 1):
        if one.name == name:
            place = f"{name}, {index} of {len(policy.file.escalations)}"
            return [("escalation", place), ("then", escalation_in_words(one)), ("mode", _mode(policy, one.mode))]
    return None


def _mode(policy: Policy, mode: str) -> str:
    return mode if policy.file.mode == "enforce" else f"{mode}, but the policy's is {policy.file.mode}"


def _meaning(text: str, policy: Policy) -> Iterator[tuple[str, str]]:
    node = _node(text, policy.lists)
    assert node is not None  # noqa: S101 - the policy was built
    yield "written", one_line(text)
    yield "when", condition_in_words(node)
    cases = cases_of(node, lambda _: 0)
    if cases is not None and len(cases) > 1 and all(is_simple(atom) for case in cases for atom in case):
        for number, case in enumerate(cases, 1):
            yield f"case {number}", " and ".join(case_in_words(case))
    headers, fields = subjects([node])
    asked = [*sorted(fields - {"headers"}), *(f'headers["{header}"]' for header in sorted(headers))]
    yield "needs", "; ".join(f"{one} ({FIELDS[one].text})" if one in FIELDS else one for one in asked) or "nothing"
    if can_fail(node):
        yield "note", "it can fail at run time (a number that is none, a division by zero): then it does not match"
