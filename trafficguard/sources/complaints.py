"""What pydantic found wrong with a tree, said to people: one place, one sentence, one remedy.

Promises: every error becomes a complaint, in plain words and with the place of the value or key that is at
fault. Never: two complaints about one place, or a word of pydantic's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trafficguard.errors import Complaint
from trafficguard.settings import Settings
from trafficguard.sources.schema import group_at, names_in
from trafficguard.sources.tree import Tree
from trafficguard.values import BadValueError, Steps, shown


def complaints_of(
    failure: ValidationError, tree: Tree, root: type[BaseModel] = Settings
) -> list[Complaint]:
    """The complaints behind `failure` to make a `root` of `tree`."""
    return [_complaint(error, tree, root) for error in failure.errors(include_url=False)]


def spelled(steps: Steps) -> str:
    """A path as people write it: `sites[0].upstreams[1].servers`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _complaint(error: ErrorDetails, tree: Tree, root: type[BaseModel]) -> Complaint:
    kind, steps = error["type"], error["loc"]
    of_key = steps[-1:] == ("[key]",)
    steps = steps[:-1] if of_key else steps
    cause = error.get("ctx", {}).get("error")
    if kind == "extra_forbidden":
        return _unknown(steps, tree, root)
    if kind == "missing":
        return _missing(steps, tree)
    if isinstance(cause, BadValueError):
        steps = (*steps, *cause.steps)
        place = tree.place_of_key(steps) if of_key else tree.place_of(steps)
        return Complaint(place, _about(steps, tree, str(cause)), cause.remedy)
    message, remedy = _KINDS.get(kind, _anything)(error["input"], error.get("ctx", {}))
    return Complaint(tree.place_of(steps), _about(steps, tree, message), remedy)


def _about(steps: Steps, tree: Tree, message: str) -> str:
    """`message` with the setting's name in front, unless the place (a flag, a variable) names it."""
    return message if tree.place_of(steps).line is None else f"{spelled(steps)}: {message}"


def _unknown(steps: Steps, tree: Tree, root: type[BaseModel]) -> Complaint:
    group, name = group_at(steps[:-1], root), str(steps[-1])
    known = sorted(names_in(group)) if group is not None else []
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    otherwise = f"known here: {', '.join(known)}" if known else "remove it"
    remedy = f"did you mean '{close[0]}'?" if close else otherwise
    where = f" in {spelled(steps[:-1])}" if steps[:-1] else ""
    return Complaint(tree.place_of_key(steps), f"there is no setting {shown(name)}{where}", remedy)


def _missing(steps: Steps, tree: Tree) -> Complaint:
    if steps == ("sites",):
        message = "no upstream is given, so there is nothing to protect"
        remedy = "add --upstream http://127.0.0.1:9000, or TRAFFICGUARD_UPSTREAM, or `sites` in a file"
        return Complaint(tree.origin, message, remedy)
    example = ", a list of origins such as [http://127.0.0.1:9000]" if steps[-1] == "servers" else ""
    place = tree.place_of(steps[:-1])
    return Complaint(place, f"{spelled(steps[:-1])} has no '{steps[-1]}'", f"add `{steps[-1]}:`{example}")


_Told = tuple[str, str]


def _choice(value: Any, context: Mapping[str, Any]) -> _Told:
    expected = str(context["expected"])
    close = difflib.get_close_matches(str(value), re.findall("'([^']*)'", expected), n=1)
    remedy = f"did you mean '{close[0]}'?" if close else f"write {expected}"
    return f"{shown(value)} is not {expected}", remedy


def _list(value: Any, _context: Mapping[str, Any]) -> _Told:
    example = value if isinstance(value, str) else "first, second"
    return f"expected a list, found {shown(value)}", f"write a list: [{example}]"


def _group(value: Any, _context: Mapping[str, Any]) -> _Told:
    remedy = "indent `name: value` lines under it, or remove it"
    return f"expected a group of settings, found {shown(value)}", remedy


def _text(value: Any, _context: Mapping[str, Any]) -> _Told:
    remedy = f'put it into quotes: "{value}"' if isinstance(value, int | float) else "write text"
    return f"expected text, found {shown(value)}", remedy


def _empty(_value: Any, _context: Mapping[str, Any]) -> _Told:
    return "there must be something in it", "write at least one entry or remove the setting"


def _low(value: Any, context: Mapping[str, Any]) -> _Told:
    return f"{value} is too small", f"write {context['ge']} or more"


def _high(value: Any, context: Mapping[str, Any]) -> _Told:
    return f"{value} is too large", f"write {context['le']} or less"


def _above(value: Any, context: Mapping[str, Any]) -> _Told:
    return f"{value} is too small", f"write more than {context['gt']}"


def _long(_value: Any, context: Mapping[str, Any]) -> _Told:
    return "the text is too long", f"write up to {context['max_length']} letters"


def _truth(value: Any, _context: Mapping[str, Any]) -> _Told:
    return f"{shown(value)} is neither true nor false", "write true or false"


def _anything(value: Any, _context: Mapping[str, Any]) -> _Told:
    return f"{shown(value)} cannot be used here", "the files under config/ show every setting"


_KINDS: Final[dict[str, Callable[[Any, Mapping[str, Any]], _Told]]] = {
    "literal_error": _choice,
    "list_type": _list,
    "model_type": _group,
    "dict_type": _group,
    "bool_type": _truth,
    "bool_parsing": _truth,
    "greater_than": _above,
    "string_too_long": _long,
    "string_type": _text,
    "string_too_short": _empty,
    "too_short": _empty,
    "greater_than_equal": _low,
    "less_than_equal": _high,
}
