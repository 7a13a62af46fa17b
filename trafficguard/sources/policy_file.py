"""A policy file and the files of its lists, read and built.

Promises: either a policy that decides, with every file it came from, or all complaints: what is wrong with the YAML,
with its settings, with conditions (at the letter), with lists, and what could never have an effect. Never: keeps a file
open, or reads more of a list than its guard allows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from trafficguard.errors import Complaint, Place
from trafficguard.policy.build import PolicyError, build, condition_problems
from trafficguard.policy.engine import Policy
from trafficguard.policy.lists import Problem, Source
from trafficguard.policy.model import ListSettings, PolicyFile
from trafficguard.sources.complaints import complaints_of
from trafficguard.sources.document import read_document, read_text
from trafficguard.sources.tree import Tree, Value


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """What a policy file amounts to."""

    policy: Policy | None
    """None when there are complaints."""
    complaints: list[Complaint]
    """In the order of the file."""
    files: tuple[Path, ...]
    """The policy file and the files of its lists: when one changes, the policy may have."""


def read_policy(file: Path, sites: Collection[str] | None = None) -> PolicyRead:
    """The policy in `file`; `sites` are the first hosts of all sites, where they are known."""
    tree = Tree(Place(str(file)))
    return _read(read_document(file, tree), tree, file, sites)


def read_policy_text(text: str, source: str = "policy") -> PolicyRead:
    """The policy in YAML `text`; files of lists are found beside `source`."""
    tree = Tree(Place(source))
    return _read(read_text(text, source, tree), tree, Path(source), None)


def _read(complaints: list[Complaint], tree: Tree, file: Path, sites: Collection[str] | None) -> PolicyRead:
    if complaints and not tree.values:
        return PolicyRead(None, complaints, (file,))
    try:
        model = PolicyFile.model_validate(tree.values)
    except ValidationError as failure:
        complaints += complaints_of(failure, tree, PolicyFile)
        complaints += _conditions_of(tree)
        return PolicyRead(None, _in_order(complaints), (file,))
    paths = {name: _beside(file, one) for name, one in model.lists.items() if one.file is not None}
    sources = _read_sources(model.lists, paths, tree, complaints)
    policy: Policy | None = None
    try:
        policy = build(model, sources, sites)
    except PolicyError as error:
        broken = {name for name in paths if name not in sources}
        complaints += [_placed(problem, tree) for problem in error.problems if not _follows(problem, broken)]
    files = (file, *dict.fromkeys(paths.values()))
    return PolicyRead(policy if not complaints else None, _in_order(complaints), files)


def _conditions_of(tree: Tree) -> list[Complaint]:
    """What is wrong with conditions in a file whose settings are wrong: each is read as if all around it were right."""
    groups = {name: _stand_ins(tree.values.get(name), more) for name, more in _STAND_INS.items()}
    try:
        lists = _stand_ins_of_lists(tree.values.get("lists", {}))
        model = PolicyFile.model_validate({name: list(group.values()) for name, group in groups.items()} | lists)
    except ValidationError:
        return []
    complaints = []
    for problem in condition_problems(model):
        named, number, *rest = problem.steps
        steps = (named, list(groups[str(named)])[int(number)], *rest)
        complaints.append(_placed(problem._replace(steps=steps), tree))
    return complaints


_STAND_INS: Final[dict[str, dict[str, Value]]] = {
    "rules": {"action": "pass"},
    "thresholds": {"steps": [{"score": 50, "action": "block"}]},
}


def _stand_ins(items: Value, more: dict[str, Value]) -> dict[int, Value]:
    """By their place in the file: items with nothing but a condition of their own."""
    return {
        index: {"name": f"item-{index}", "when": item["when"]} | more
        for index, item in enumerate(items if isinstance(items, list) else [])
        if isinstance(item, dict) and isinstance(item.get("when"), str | bool)
    }


def _stand_ins_of_lists(lists: Value) -> dict[str, Value]:
    """Lists with nothing but a kind of their own."""
    named = lists if isinstance(lists, dict) else {}
    kinds = {name: one.get("kind", "networks") if isinstance(one, dict) else None for name, one in named.items()}
    return {"lists": {name: {"kind": kind, "file": "none"} for name, kind in kinds.items()}}


def _follows(problem: Problem, broken: Collection[str]) -> bool:
    """Whether a problem is only that a list whose file could not be read has no entries."""
    return len(problem.steps) > 1 and problem.steps[0] == "lists" and problem.steps[1] in broken


def _beside(file: Path, settings: ListSettings) -> Path:
    return file.parent / (settings.file or "")


def _read_sources(
    lists: Mapping[str, ListSettings], paths: Mapping[str, Path], tree: Tree, complaints: list[Complaint]
) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for name, path in paths.items():
        limit = int(lists[name].max_size)
        place = tree.place_of(("lists", name, "file"))
        try:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            complaints.append(Complaint(place, f"the list cannot be read: {reason}", f"check the path {path}"))
            continue
        if len(data) > limit:
            message = f"the list is larger than max_size ({lists[name].max_size.human_readable()})"
            complaints.append(Complaint(place, message, "check what writes the list, or raise max_size"))
            continue
        try:
            sources[name] = Source(str(path), data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            complaints.append(Complaint(place, "the list is not UTF-8 text", "save the file as UTF-8"))
    return sources


def _placed(problem: Problem, tree: Tree) -> Complaint:
    if problem.place is not None:
        place = problem.place
    elif problem.of_key:
        place = tree.place_of_key(problem.steps)
    elif problem.at:
        place = tree.place_in(problem.steps, problem.at)
    else:
        place = tree.place_in(problem.steps, 0)
    return Complaint(place, problem.message, problem.remedy)


def _in_order(complaints: list[Complaint]) -> list[Complaint]:
    """As a reader meets them, each file for itself, once for each place and message."""
    ordered = sorted(complaints, key=lambda one: (one.place.source, one.place.line or 0, one.place.column or 0))
    seen: set[tuple[Place, str]] = set()
    kept = []
    for complaint in ordered:
        if (complaint.place, complaint.message) not in seen:
            kept.append(complaint)
        seen.add((complaint.place, complaint.message))
    return kept
