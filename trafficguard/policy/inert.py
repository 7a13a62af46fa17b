"""What can never matter in a policy: rules, thresholds, lists and settings without effect.

A rule never fires when its condition never holds, or when each of its cases is within a case of a rule above that ends.
Rules above that can fail, or that are in shadow or off, take nothing away.

Promises: what is reported is inert for every request; what is not found may be inert all the same. Never: asks a
request, or changes a policy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from trafficguard.policy.atoms import Atom, Case, Cases, Truth, cases_of, follows, split
from trafficguard.policy.engine import weaker
from trafficguard.policy.facts import FIELDS, ROUTES, VERIFIED
from trafficguard.policy.lists import Problem
from trafficguard.policy.model import PolicyFile, ThresholdSettings
from trafficguard.policy.nodes import InNetworks, Node, OneOf, can_fail, parts_of
from trafficguard.policy.overrides import SIGNALS
from trafficguard.scoring.score import score_of
from trafficguard.scoring.weigh import MOST_EVIDENCE
from trafficguard.values import shown

HIGHEST: Final = score_of(MOST_EVIDENCE)
"""The highest score there is."""
LOWEST: Final = score_of(0.0)
"""The score without any evidence."""


class Ending(NamedTuple):
    """A rule that ends, and when."""

    name: str
    cases: Cases


class Change(NamedTuple):
    """How often score and labels may have changed above a rule."""

    score: int
    labels: dict[str, int]

    def generation(self, name: str) -> int:
        """Of `score`, of a label, or of anything (an empty name)."""
        if name == "score":
            return self.score
        return self.labels.get(name, 0) if name else self.score + sum(self.labels.values())


def find_inert(file: PolicyFile, conditions: dict[int, Node], entries: dict[int, Node]) -> list[Problem]:
    """What is inert in `file`; conditions of rules and of thresholds by their place in it, where they could be read."""
    problems = [
        *_inert_rules(file, conditions), *_inert_entries(file, entries), *_inert_signals(file), *_inert_sites(file),
    ]  # fmt: skip
    nodes = [*conditions.values(), *entries.values()]
    complete = len(conditions) == len(file.rules) and len(entries) == len(file.thresholds)
    return problems + (list(_unused_lists(file, nodes)) if complete else [])


def _inert_rules(file: PolicyFile, conditions: dict[int, Node]) -> Iterator[Problem]:
    above: list[Ending] = []
    change = Change(0, {})
    for index, rule in enumerate(file.rules):
        node = conditions.get(index)
        cases = None if node is None else cases_of(node, change.generation)
        if node is not None and cases is not None:
            if not cases:
                yield Problem(
                    ("rules", index, "when"), "this condition never holds, so the rule never fires",
                    "correct the condition or remove the rule",
                )  # fmt: skip
            elif rule.mode != "off":
                yield from _covered(("rules", index, "when"), f"the rule {shown(rule.name)}", cases, above)
                yield from _for_free(index, rule.weigh, cases)
            if rule.action is not None and rule.mode == "enforce" and not can_fail(node):
                above.append(Ending(rule.name, cases))
        if rule.mode == "enforce" and rule.weigh:
            change = change._replace(score=change.score + 1)
        if rule.mode == "enforce" and rule.label:
            labels = change.labels | {rule.label: change.labels.get(rule.label, 0) + 1}
            change = change._replace(labels=labels)


def _covered(steps: tuple[str | int, ...], what: str, cases: Cases, above: list[Ending]) -> Iterator[Problem]:
    """A problem when every case is within one that ended above."""
    culprits: set[str] = set()
    for case in cases:
        ending = _ending(case, above)
        endings = [ending] if ending is not None else [_ending(part, above) for part in split(case)]
        for one in endings:
            if one is None:
                return
            culprits.add(one)
    names = " and ".join(shown(one.name) for one in above if one.name in culprits)
    verb = "ends" if len(culprits) == 1 else "end"
    yield Problem(
        steps, f"{what} never fires: {names} above {verb} for all that it matches",
        "move it up, narrow the rule above, or remove one of them",
    )  # fmt: skip


def _ending(case: Case, above: list[Ending]) -> str | None:
    """The first rule above that ends wherever `case` holds."""
    subjects = {atom.subject for atom in case}
    for one in above:
        for wider in one.cases:
            # Most rules are about something else altogether, which the first statement shows.
            if (not wider or wider[0].subject in subjects or wider[0].subject[0] == "has") and _within(case, wider):
                return one.name
    return None


def _within(case: Case, wider: Case) -> bool:
    return all(any(_akin(atom, other) and follows(atom, other) for atom in case) for other in wider)


def _akin(atom: Atom, other: Atom) -> bool:
    """Whether one can follow from the other at all. What is always so is no part of a case, so nothing else is lost."""
    return bool(atom.subject == other.subject or other.subject[0] == "has")


def _for_free(index: int, weigh: float | None, cases: Cases) -> Iterator[Problem]:
    """A problem when a client gets evidence taken away by what it can copy."""
    if weigh is None or weigh >= 0 or all(any(_proves(atom) for atom in case) for case in cases):
        return
    fields = ", ".join(name for name, fact in FIELDS.items() if fact.proves)
    yield Problem(
        ("rules", index, "weigh"), "whoever copies what this rule looks at gets evidence taken away",
        f"let it ask {fields} or a label {VERIFIED}* as well",
    )  # fmt: skip


def _proves(atom: Atom) -> bool:
    if atom.subject == "address":
        return atom.holds
    if not isinstance(atom.subject, tuple):
        return False
    if atom.subject[0] == "label":
        return atom.holds and str(atom.subject[1]).startswith(VERIFIED)
    if atom.subject[0] != "field" or not FIELDS[atom.subject[1]].proves:
        return False
    return atom.holds and (isinstance(atom.claim, Truth) or atom.subject[1] == "network")


# ---- thresholds


def _inert_entries(file: PolicyFile, entries: dict[int, Node]) -> Iterator[Problem]:
    for index, entry in enumerate(file.thresholds):
        yield from _inert_steps(index, entry)
        for number, earlier in enumerate(file.thresholds[:index]):
            if earlier.mode == "enforce" and _wider(earlier, entry) and _holds_wherever(
                entries.get(number), entries.get(index)
            ):
                message = f"these thresholds never count: {shown(earlier.name)} above fits all their requests"
                yield Problem(("thresholds", index), message, "move them up or remove them")
                break
        else:
            node = entries.get(index)
            if node is not None and cases_of(node, lambda _: 0) == ():
                message = "this condition never holds, so the thresholds never count"
                yield Problem(("thresholds", index, "when"), message, "correct the condition or remove them")


def _holds_wherever(earlier: Node | None, node: Node | None) -> bool:
    """Whether the condition of an earlier entry holds wherever that of another does. No rule stands between them."""
    if earlier is None or node is None or can_fail(earlier):
        return False
    wider, cases = cases_of(earlier, lambda _: 0), cases_of(node, lambda _: 0)
    if wider is None or cases is None:
        return False
    return all(any(_within(case, one) for one in wider) for case in cases)


def _wider(earlier: ThresholdSettings, entry: ThresholdSettings) -> bool:
    """Whether an entry fits whatever another fits, apart from its condition."""
    routes = set(entry.routes or ROUTES) <= set(earlier.routes or ROUTES)
    sites = not earlier.sites or (bool(entry.sites) and set(entry.sites) <= set(earlier.sites))
    return routes and sites


def _inert_steps(index: int, entry: ThresholdSettings) -> Iterator[Problem]:
    before: float | None = None
    action = None
    for number, step in enumerate(entry.steps):
        steps = ("thresholds", index, "steps", number)
        if step.score > HIGHEST:
            remedy = f"scores end at {int(HIGHEST * 1000) / 1000:g}; write 99.9 or less"
            yield Problem((*steps, "score"), f"no request has a score of {step.score:g}", remedy)
        elif before is not None and step.score <= before:
            message = f"{step.score:g} is not above the step before it ({before:g}), so one of them never counts"
            yield Problem((*steps, "score"), message, "write the steps with ascending scores")
        elif step.action.value == action or (action is None and step.action.value.word == "pass"):
            yield Problem((*steps, "action"), "the step before it does the same already", "remove this step")
        before, action = step.score, step.action.value


# ---- settings


def _inert_signals(file: PolicyFile) -> Iterator[Problem]:
    for name, override in file.signals.items():
        signal = SIGNALS.get(name)
        if signal is None:
            continue
        mode = override.mode or signal.mode
        if mode == "off" and override.weight is not None:
            message = f"{name} is off, so its weight changes nothing"
            yield Problem(("signals", name, "weight"), message, "give it a mode or remove the weight")
        elif mode == signal.mode and override.weight in (None, signal.weight):
            message = f"{name} is so by itself, so this changes nothing"
            yield Problem(("signals", name), message, "change it or remove it", of_key=True)


def _inert_sites(file: PolicyFile) -> Iterator[Problem]:
    for name, site in file.sites.items():
        if weaker(site.mode, file.mode) == file.mode:
            message = f"the policy's mode is {file.mode}, so {site.mode} changes nothing for this site"
            yield Problem(("sites", name, "mode"), message, "write a weaker mode (shadow, off) or remove the site")


def _unused_lists(file: PolicyFile, nodes: Collection[Node]) -> Iterator[Problem]:
    used = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        todo += parts_of(node)
        if isinstance(node, OneOf | InNetworks) and node.list_name:
            used.add(node.list_name)
    for name in file.lists:
        if name not in used:
            remedy = f'use it in a condition, such as `address in list("{name}")`, or remove it'
            yield Problem(("lists", name), f"no condition looks into the list {shown(name)}", remedy, of_key=True)
