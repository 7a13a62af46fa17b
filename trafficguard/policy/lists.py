"""The lists of a policy: entries of the policy file and of a file beside it, checked and guarded.

Promises: a list that ran away (too large, too many, mostly doubles) or broke off (too few) is refused as a whole; every
entry that means nothing is told with its place, up to `MOST_PROBLEMS`. Never: opens a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from trafficguard.errors import Place
from trafficguard.policy.model import ListSettings
from trafficguard.policy.nodes import Network
from trafficguard.policy.reading import Listed
from trafficguard.values import BadValueError, Steps, parse_network, shown

MOST_PROBLEMS: Final = 5
"""Bad entries of one list that are told one by one."""
FREE_DOUBLES: Final = 3
"""Doubles that are allowed whatever their share: small lists are written by hand."""


class Problem(NamedTuple):
    """One thing wrong with a policy."""

    steps: Steps
    """The way to the setting it is about."""
    message: str
    remedy: str
    at: int = 0
    """Letter of that setting's text at which it stands."""
    place: Place | None = None
    """Where it stands, when that is outside the policy file."""
    of_key: bool = False
    """Whether it stands at the name of the setting and not at its value."""


class Source(NamedTuple):
    """The text of a list's file."""

    path: str
    text: str


def read_list(name: str, settings: ListSettings, source: Source | None) -> tuple[Listed, list[Problem]]:
    """The entries of the list `name`, or what is wrong with it."""
    problems: list[Problem] = []
    networks: set[Network] = set()
    texts: set[str] = set()
    count = doubles = 0
    for text, steps, place in _entries(name, settings, source):
        count += 1
        known = len(networks) + len(texts)
        if settings.kind == "texts":
            texts.add(text)
        else:
            try:
                networks.add(parse_network(text))
            except BadValueError as error:
                problems.append(Problem(steps, str(error), error.remedy, place=place))
                continue
        if known == len(networks) + len(texts):
            doubles += 1
            if place is None:
                problems.append(Problem(steps, f"{shown(text)} is there twice", "write each entry once"))
    problems = _shortened(problems, name)
    if source is not None or not problems:
        problems += _guards(name, settings, count, doubles)
    return Listed(settings.kind, frozenset(networks), frozenset(texts)), problems


def _entries(
    name: str, settings: ListSettings, source: Source | None
) -> Iterator[tuple[str, Steps, Place | None]]:
    for index, text in enumerate(settings.entries):
        yield text, ("lists", name, "entries", index), None
    if source is None:
        return
    for number, line in enumerate(source.text.split("\n"), 1):
        text = line.split("#", 1)[0].strip()
        if text:
            column = len(line) - len(line.lstrip()) + 1
            yield text, ("lists", name, "file"), Place(source.path, number, column)


def _guards(name: str, settings: ListSettings, count: int, doubles: int) -> list[Problem]:
    steps: Steps = ("lists", name)
    remedy = "check what writes the list; the last good policy stays in force"
    if count > settings.max_entries:
        message = f"the list has {count} entries, more than max_entries ({settings.max_entries})"
        return [Problem(steps, message, remedy, of_key=True)]
    if count < settings.min_entries:
        message = f"the list has {count} entries, fewer than min_entries ({settings.min_entries})"
        return [Problem(steps, message, remedy, of_key=True)]
    if doubles > FREE_DOUBLES and doubles > settings.max_doubles * count:
        message = f"{doubles} of {count} entries are there twice, more than max_doubles"
        return [Problem(steps, message, remedy, of_key=True)]
    return []


def _shortened(problems: list[Problem], name: str) -> list[Problem]:
    rest = len(problems) - MOST_PROBLEMS
    if rest <= 0:
        return problems
    message = f"{rest} more entries of the list are bad"
    return [*problems[:MOST_PROBLEMS], Problem(("lists", name), message, "check what writes the list", of_key=True)]
