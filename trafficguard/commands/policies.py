"""`trafficguard check` and `diff` of policy files.

Promises: says what a policy does and what changes, in words. Never: judges a request.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trafficguard.errors import Complaint, ConfigError, Place
from trafficguard.load import load_policy
from trafficguard.policy.differ import differences, explain
from trafficguard.policy.engine import Policy
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.words import effect_in_words, one_line, scope_in_words, steps_in_words
from trafficguard.settings import Settings
from trafficguard.sources.document import read_document
from trafficguard.sources.schema import names_in
from trafficguard.sources.tree import Tree


def is_policy(file: Path) -> bool:
    """Whether `file` is a policy and not settings, by the names that stand at its top; misspelt ones count as well."""
    tree = Tree(Place(str(file)))
    read_document(file, tree)
    of_policy, of_settings = (set(names_in(group)) for group in (PolicyFile, Settings))
    both = of_policy & of_settings
    votes = 0
    for name in set(tree.values) - both:
        close = difflib.get_close_matches(name, [*(of_policy ^ of_settings)], n=1, cutoff=0.6)
        votes += 0 if not close else 1 if close[0] in of_policy else -1
    return votes > 0 or (votes == 0 and isinstance(tree.values.get("sites"), dict))


def check(file: Path, sites: Sequence[str] | None, rule: str | None, console: Console) -> None:
    """Shows a policy that can be used, or one rule of it. Raises ConfigError with all that is wrong with it."""
    policy = load_policy(file, sites)
    policy.self_test()
    if rule is None:
        _show(file, policy, console)
        return
    told = explain(policy, rule)
    if told is None:
        made = policy.file
        names = [rule.name for rule in made.rules] + [entry.name for entry in made.thresholds]
        names += [one.name for one in made.escalations]
        close = difflib.get_close_matches(rule, names, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(names) or 'none'}"
        raise ConfigError([Complaint(Place(str(file)), f"there is no rule {rule}", remedy)])
    table = Table.grid(padding=(0, 2))
    for heading, text in told:
        table.add_row(Text(heading), Text(text))
    console.print(table)


def _show(file: Path, policy: Policy, console: Console) -> None:
    made = policy.file
    table = Table.grid(padding=(0, 2))
    for index, rule in enumerate(made.rules, 1):
        mode = "" if rule.mode == "enforce" else f" ({rule.mode})"
        table.add_row(f"{index}.", Text(rule.name + mode), Text(f"when {one_line(rule.when)}: {effect_in_words(rule)}"))
    for entry in made.thresholds:
        mode = "" if entry.mode == "enforce" else f" ({entry.mode})"
        steps = "; ".join(f"from {score:g} {action}" for score, action in steps_in_words(entry).items())
        table.add_row("-", Text(entry.name + mode), Text(f"for {scope_in_words(entry)}: {steps}"))
    console.print(f"File: {file}")
    console.print(f"Policy {made.name}, mode {made.mode}:")
    console.print(table)
    asks = ", ".join(sorted(policy.fields)) or "nothing"
    console.print(f"It asks for: {asks}")
    console.print("The policy can be used.")


def diff(old: Path, new: Path, console: Console) -> None:
    """Shows what changes. Raises ConfigError when one of the two cannot be used."""
    complaints: list[Complaint] = []
    read: list[Policy] = []
    for file in (old, new):
        try:
            read.append(load_policy(file))
        except ConfigError as error:
            complaints += error.complaints
    if complaints:
        raise ConfigError(complaints)
    for line in differences(*read) or ["nothing changes: both decide the same"]:
        console.print(Text(line))
