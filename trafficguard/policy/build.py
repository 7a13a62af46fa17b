"""A policy file and the texts of its lists to a policy that decides, or every problem that there is.

Promises: a policy comes out only when nothing is wrong; otherwise all problems do, those of conditions with the letter
at which they stand. Never: reads a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from trafficguard.policy.emit import Entry, Rule, emit, subjects
from trafficguard.policy.engine import Policy
from trafficguard.policy.facts import VERIFIED, Kind
from trafficguard.policy.inert import find_inert
from trafficguard.policy.lists import Problem, Source, read_list
from trafficguard.policy.model import PolicyFile, RuleSettings, ThresholdSettings
from trafficguard.policy.nodes import All, Constant, Field, HasLabel, Node, OneOf, parts_of
from trafficguard.policy.overrides import SIGNALS
from trafficguard.policy.reading import Listed, Lists, read_condition
from trafficguard.signals.labels import KNOWN
from trafficguard.values import Steps, shown


class PolicyError(Exception):
    """A policy cannot be used; carries every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def build(
    file: PolicyFile, sources: Mapping[str, Source] | None = None, sites: Collection[str] | None = None
) -> Policy:
    """The policy that `file` describes. Raises PolicyError.

    `sources` are the files of its lists by the lists' names; `sites` the first hosts of all sites, where known.
    """
    problems: list[Problem] = []
    lists = _read_lists(file, sources or {}, problems)
    conditions = _read_conditions("rules", file.rules, lists, problems)
    entries = _read_conditions("thresholds", file.thresholds, lists, problems)
    problems += _unknown_labels(file, conditions, entries)
    problems += _unknown_signals(file)
    problems += _unknown_sites(file, sites)
    problems += find_inert(file, conditions, entries)
    if problems:
        raise PolicyError(problems)
    rules = [_rule(rule, conditions[index]) for index, rule in enumerate(file.rules) if rule.mode != "off"]
    asked = [_entry(entry, entries[index]) for index, entry in enumerate(file.thresholds) if entry.mode != "off"]
    headers, fields = subjects([rule.when for rule in rules] + [entry.when for entry in asked])
    names = (*(rule.name for rule in rules), *(entry.name for entry in asked))
    return Policy(file, emit(rules, asked), names, headers, fields, lists)


def condition_problems(file: PolicyFile) -> list[Problem]:
    """What is wrong with the conditions of `file`, each for itself, whatever its lists hold."""
    lists = {name: Listed(settings.kind) for name, settings in file.lists.items()}
    problems: list[Problem] = []
    _read_conditions("rules", file.rules, lists, problems)
    _read_conditions("thresholds", file.thresholds, lists, problems)
    return problems


def _read_lists(file: PolicyFile, sources: Mapping[str, Source], problems: list[Problem]) -> Lists:
    lists: dict[str, Listed] = {}
    for name, settings in file.lists.items():
        lists[name], found = read_list(name, settings, sources.get(name))
        problems += found
    return lists


def _read_conditions(
    group: str, items: Sequence[RuleSettings | ThresholdSettings], lists: Lists, problems: list[Problem]
) -> dict[int, Node]:
    conditions: dict[int, Node] = {}
    for index, item in enumerate(items):
        node, flaws = read_condition(item.when, lists)
        steps: Steps = (group, index, "when")
        problems += [Problem(steps, flaw.message, flaw.remedy, flaw.at) for flaw in flaws]
        if node is not None:
            conditions[index] = node
    return conditions


def _unknown_labels(file: PolicyFile, conditions: dict[int, Node], entries: dict[int, Node]) -> list[Problem]:
    """Labels that are asked for and that neither a signal nor a rule above gives."""
    known = set(KNOWN)
    problems: list[Problem] = []
    for index, rule in enumerate(file.rules):
        if index in conditions:
            problems += _strange_labels(("rules", index, "when"), conditions[index], known)
        known |= {rule.label} if rule.label else set()
    for index, node in entries.items():
        problems += _strange_labels(("thresholds", index, "when"), node, known)
    return problems


def _strange_labels(steps: Steps, node: Node, known: Collection[str]) -> list[Problem]:
    if isinstance(node, HasLabel) and node.label not in known and not node.label.startswith(VERIFIED):
        close = difflib.get_close_matches(node.label, sorted(known), n=1, cutoff=0.6)
        remedy = f"did you mean {shown(close[0])}?" if close else f"known here: {', '.join(sorted(known))}"
        return [Problem(steps, f"nothing above gives a label {shown(node.label)}", remedy, node.at)]
    return [problem for part in parts_of(node) for problem in _strange_labels(steps, part, known)]


def _unknown_signals(file: PolicyFile) -> list[Problem]:
    return [
        Problem(("signals", name), f"there is no signal {shown(name)}", _close(name, SIGNALS), of_key=True)
        for name in file.signals
        if name not in SIGNALS
    ]


def _unknown_sites(file: PolicyFile, sites: Collection[str] | None) -> list[Problem]:
    if sites is None:
        return []
    named: list[tuple[Steps, str, bool]] = [(("sites", name), name, True) for name in file.sites]
    for index, entry in enumerate(file.thresholds):
        named += [(("thresholds", index, "sites", at), name, False) for at, name in enumerate(entry.sites)]
    return [
        Problem(steps, f"no site has the first host {shown(name)}", _close(name, sites), of_key=of_key)
        for steps, name, of_key in named
        if name not in sites
    ]


def _close(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {shown(close[0])}?" if close else f"known are {', '.join(known)}"


def _rule(rule: RuleSettings, node: Node) -> Rule:
    action = rule.action.value if rule.action is not None else None
    return Rule(rule.name, node, action, rule.weigh or 0.0, rule.label or "", rule.mode == "shadow")


def _entry(entry: ThresholdSettings, node: Node) -> Entry:
    parts: list[Node] = []
    if entry.routes:
        parts.append(OneOf(Field("route", Kind.TEXT), frozenset(entry.routes)))
    if entry.sites:
        parts.append(OneOf(Field("site", Kind.TEXT), frozenset(entry.sites)))
    if not (isinstance(node, Constant) and node.value is True):
        parts.append(node)
    when = All(tuple(parts)) if len(parts) > 1 else parts[0] if parts else Constant(True, Kind.BOOL)
    steps = tuple((step.score, step.action.value) for step in entry.steps)
    return Entry(entry.name, when, steps, entry.mode == "shadow")
