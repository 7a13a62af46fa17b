"""`trafficguard import anubis`: a policy of Anubis as one of ours, and what could not be expressed.

Rules keep their order: ALLOW passes, DENY blocks, CHALLENGE challenges, WEIGH weighs. Anubis adds whole numbers and
asks at 30 for its hardest challenge; here one of its units is `NATS`, so that 30 of them are the bot score 49. Its
matchers of one rule must all match. A rule that our reader refuses (it could never fire, takes evidence away for what
anybody can copy, asks for something that is no fact here) is left out, with the reader's reason.

Promises: what is printed passes `check`; what is missing is told. Never: reads a file twice, or runs anything.
"""

from __future__ import annotations

import io
import ipaddress
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trafficguard.errors import Complaint, ConfigError, Place
from trafficguard.policy.build import PolicyError, build
from trafficguard.policy.lists import Problem
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.reading import Listed, read_condition
from trafficguard.scoring.score import score_of
from trafficguard.sources.document import LARGEST_FILE

NATS: Final = 0.15
"""Evidence of one unit of Anubis's weight."""
DEEPEST: Final = 8
"""Imports inside each other."""

_ACTIONS: Final = {"ALLOW": "pass", "DENY": "block", "CHALLENGE": "challenge"}
_KINDS: Final = {"metarefresh": "refresh", "preact": "pow", "fast": "pow", "slow": "pow"}
_ELSEWHERE: Final = ("bots", "thresholds", "status_codes")
"""What is converted; all else at the top of a file is told."""
_MATCHERS: Final = frozenset(
    ("name", "action", "user_agent_regex", "path_regex", "headers_regex", "expression", "remote_addresses", "weight",
     "challenge")
)  # fmt: skip
_TOKENS: Final = re.compile(r"""[rR]?"(?:\\.|[^"\\])*"|[rR]?'(?:\\.|[^'\\])*'|[A-Za-z_][\w.]*|\s+|.""", re.DOTALL)
_MISSING: Final = re.compile(r"""missingHeader\(\s*headers\s*,\s*("[^"\\]*"|'[^'\\]*')\s*\)""")
_COMPARED: Final = re.compile(r"weight\s*(<=|>=|<|>)\s*(-?[0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Converted:
    """A policy of ours, and what is not in it."""

    text: str
    remarks: tuple[str, ...]


@dataclass(slots=True)
class _State:
    """What has been converted."""

    data: Path | None
    rules: list[dict[str, Any]] = field(default_factory=list)
    lists: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


class _LeftOutError(Exception):
    """A rule cannot be expressed."""


def convert(file: Path, data: Path | None) -> Converted:
    """The policy in `file`; `data` is the folder of Anubis's own rules. Raises ConfigError when it cannot be read."""
    top = _load(file)
    if not isinstance(top, dict) or not isinstance(top.get("bots"), list):
        raise ConfigError([Complaint(Place(str(file)), "there are no `bots` in it", "name a policy of Anubis")])
    state = _State(data)
    _add_rules(top["bots"], file, state, 0)
    thresholds = _thresholds(top.get("thresholds"), state)
    state.remarks += [f"{name}: not imported" for name in top if name not in _ELSEWHERE]
    if (top.get("status_codes") or {}).get("DENY", 403) != 403:
        state.remarks.append("status_codes: a block answers with 403 here, unless a rule names another status from 400")
    values = {"name": "anubis", "lists": state.lists, "rules": state.rules, "thresholds": thresholds}
    values = _without_what_is_refused(values, state)
    return Converted(_written(values), tuple(state.remarks))


def _load(file: Path) -> Any:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE * 4 + 1)
        if len(data) > LARGEST_FILE * 4:
            raise ConfigError([Complaint(Place(str(file)), "the file is too large for a policy", "name another file")])
        return YAML(typ="safe", pure=True).load(data.decode("utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise ConfigError([Complaint(Place(str(file)), reason, "check the path")]) from error
    except (YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ConfigError([Complaint(Place(str(file)), f"not valid YAML: {problem}", "check the file")]) from error


# ---- rules


def _add_rules(items: Any, file: Path, state: _State, depth: int) -> None:
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            state.remarks.append(f"{file.name}: {str(item)[:40]!r} is no rule")
        elif "import" in item:
            _import(str(item["import"]), file, state, depth)
        else:
            name = _name(str(item.get("name", "rule")), state.names)
            try:
                state.rules.append(_rule(item, name, state))
            except _LeftOutError as error:
                state.remarks.append(f"rule {name}: left out: {error}")


def _import(named: str, file: Path, state: _State, depth: int) -> None:
    if named.startswith("(data)/"):
        if state.data is None:
            state.remarks.append(f"import {named}: left out: name the folder of Anubis's own rules with --data")
            return
        path = state.data / named.removeprefix("(data)/")
    else:
        path = file.parent / named
    if depth >= DEEPEST or path.resolve() in state.seen:
        state.remarks.append(f"import {named}: left out: it was imported before, or too deep inside others")
        return
    state.seen.add(path.resolve())
    try:
        loaded = _load(path)
    except ConfigError as error:
        state.remarks.append(f"import {named}: left out: {error.complaints[0].message}")
        return
    _add_rules(loaded.get("bots") if isinstance(loaded, dict) else loaded, path, state, depth + 1)


def _name(text: str, taken: set[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:56] or "rule"
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def _rule(item: dict[str, Any], name: str, state: _State) -> dict[str, Any]:
    unknown = sorted(set(item) - _MATCHERS)
    if unknown:
        raise _LeftOutError(f"{', '.join(unknown)} cannot be asked here")
    effect = _effect(item)
    networks = _networks(item.get("remote_addresses") or [], name, state)
    parts = [f'address in list("{name}")'] if networks else []
    if item.get("user_agent_regex"):
        parts.append(f'headers["user-agent"].matches({_quoted(item["user_agent_regex"])})')
    if item.get("path_regex"):
        parts.append(f"path.matches({_quoted(item['path_regex'])})")
    for header, pattern in (item.get("headers_regex") or {}).items():
        quoted = _quoted(str(header).lower())
        matches = "" if pattern == ".*" else f" && headers[{quoted}].matches({_quoted(pattern)})"
        parts.append(f"{quoted} in headers{matches}")
    if item.get("expression"):
        parts.append(_expression(item["expression"]))
    if not parts:
        raise _LeftOutError("nothing is left that it asks for")
    when = " && ".join(f"({part})" if len(parts) > 1 and "||" in part else part for part in parts)
    lists = {name: Listed("networks", networks)} if networks else {}
    _, flaws = read_condition(when, lists)
    if flaws:
        raise _LeftOutError(flaws[0].message)
    if networks:
        state.lists[name] = {"entries": sorted(map(str, networks))}
    return {"name": name, "when": when, **effect}


def _effect(item: dict[str, Any]) -> dict[str, Any]:
    action = str(item.get("action", "")).upper()
    if action == "WEIGH":
        adjust = (item.get("weight") or {}).get("adjust", 5)
        if not isinstance(adjust, int | float) or not adjust:
            raise _LeftOutError("it has no weight")
        return {"weigh": max(-16.0, min(16.0, round(adjust * NATS, 2)))}
    if action not in _ACTIONS:
        raise _LeftOutError(f"there is no action {action or 'at all'}")
    return {"action": _challenge(item) if action == "CHALLENGE" else _ACTIONS[action]}


def _challenge(item: dict[str, Any]) -> dict[str, Any]:
    algorithm = str((item.get("challenge") or {}).get("algorithm", "fast"))
    return {"challenge": {"kind": _KINDS.get(algorithm, "pow")}}


def _networks(entries: list[Any], name: str, state: _State) -> frozenset[Any]:
    found = set()
    for entry in entries:
        try:
            found.add(ipaddress.ip_network(str(entry), strict=False))
        except ValueError:
            state.remarks.append(f"rule {name}: {str(entry)[:40]!r} is not a network")
    if entries and not found:
        raise _LeftOutError("none of its networks can be read")
    return frozenset(found)


def _quoted(text: Any) -> str:
    text = str(text)
    for quote in ('"', "'"):
        if quote not in text and not text.endswith("\\") and "\n" not in text:
            return f"r{quote}{text}{quote}" if "\\" in text else f"{quote}{text}{quote}"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _expression(expression: Any) -> str:
    """A CEL expression, or several that must hold together or one by one, in our names."""
    if isinstance(expression, dict):
        word = " && " if "all" in expression else " || "
        parts = expression.get("all") or expression.get("any")
        if set(expression) - {"all", "any"} or len(expression) != 1 or not isinstance(parts, list):
            raise _LeftOutError("its expression is neither `all` nor `any`")
        return word.join(f"({part})" if "||" in part or "&&" in part else part for part in map(_translated, parts))
    return _translated(expression)


def _translated(text: Any) -> str:
    text = _MISSING.sub(r"!(\1 in headers)", " ".join(str(text).split()))
    words = {"userAgent": 'headers["user-agent"]', "remoteAddress": "address"}
    parts = []
    for token in _TOKENS.findall(text):
        first, dot, rest = token.partition(".")
        parts.append(words[first] + dot + rest if first in words else token)
    return "".join(parts)


# ---- thresholds


def _thresholds(items: Any, state: _State) -> list[dict[str, Any]]:
    """Spans of weight as steps of scores, from the lowest."""
    spans = []
    for item in items if isinstance(items, list) else []:
        name = str(item.get("name", "threshold")) if isinstance(item, dict) else "threshold"
        try:
            spans.append((_span(item), _threshold_action(item)))
        except (_LeftOutError, AttributeError) as error:
            state.remarks.append(f"threshold {name}: left out: {error}")
    steps: list[dict[str, Any]] = []
    for (low, high), action in sorted(spans, key=lambda one: one[0]):
        if steps and steps[-1]["upto"] < low:
            steps.append({"score": _score(steps[-1]["upto"]), "action": "pass", "upto": low})
        if high > 0:
            steps.append({"score": _score(low), "action": action, "upto": high})
    kept: list[dict[str, Any]] = []
    for step in steps:
        before = kept[-1]["action"] if kept else "pass"
        if step["action"] != before:
            kept.append({"score": step["score"], "action": step["action"]})
    return [{"name": "anubis", "steps": kept}] if kept else []


def _threshold_action(item: dict[str, Any]) -> Any:
    action = str(item.get("action", "")).upper()
    if action not in _ACTIONS:
        raise _LeftOutError(f"there is no action {action or 'at all'}")
    return _challenge(item) if action == "CHALLENGE" else _ACTIONS[action]


def _span(item: dict[str, Any]) -> tuple[float, float]:
    """The weights from which and up to which a threshold counts. Weights are whole: above 5 is from 6 on."""
    expression = item.get("expression")
    parts = expression.get("all") if isinstance(expression, dict) else str(expression).split("&&")
    low, high = -math.inf, math.inf
    for part in parts if isinstance(parts, list) else [""]:
        found = _COMPARED.fullmatch(str(part).strip())
        if found is None:
            raise _LeftOutError(f"{str(part).strip()!r} is no span of weights")
        sign, number = found[1], float(found[2])
        if sign in (">", ">="):
            low = max(low, number + 1 if sign == ">" else number)
        else:
            high = min(high, number if sign == "<" else number + 1)
    return low, high


def _score(weight: float) -> float:
    """The bot score of a weight, rounded down so that the weight itself reaches it."""
    evidence = max(0.0, min(16.0, weight * NATS))
    return math.floor(score_of(evidence) * 100) / 100 if evidence else 0.0


# ---- the result


def _without_what_is_refused(values: dict[str, Any], state: _State) -> dict[str, Any]:
    """`values` without what our reader refuses, each with its reason among the remarks."""
    while True:
        try:
            build(PolicyFile.model_validate(values))
        except PolicyError as error:
            problems = error.problems
        except ValidationError as error:
            problems = [Problem(one["loc"], one["msg"], "") for one in error.errors(include_url=False)]
        else:
            return values
        for problem in sorted(problems, key=_place, reverse=True):
            _drop(problem, values, state)


def _place(problem: Problem) -> tuple[str, str]:
    return str(problem.steps[0]), f"{problem.steps[1]:06}" if isinstance(problem.steps[1], int) else problem.steps[1]


def _drop(problem: Problem, values: dict[str, Any], state: _State) -> None:
    group, which = problem.steps[0], problem.steps[1]
    items = values[str(group)]
    if isinstance(items, dict):
        items.pop(str(which), None)
    elif isinstance(which, int) and which < len(items):
        dropped = items.pop(which)
        state.remarks.append(f"{str(group)[:-1]} {dropped.get('name')}: left out: {problem.message}")


def _written(values: dict[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    yaml.dump({name: value for name, value in values.items() if value}, stream)
    return f"# Imported from a policy of Anubis; one unit of its weight is {NATS:g} nats.\n{stream.getvalue()}"
