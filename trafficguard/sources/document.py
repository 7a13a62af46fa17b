"""Configuration files: YAML 1.2 text to a tree of values with line and column of every key and value.

Promises: whatever the file holds, the result is a tree, complaints or both, and time and memory are
bounded: by the size of the file, the number of values (aliases counted out in full) and their depth. Never:
raises, runs a YAML tag, or keeps silent about a key that is there twice.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from trafficguard.errors import Complaint, Place
from trafficguard.sources.scalars import Scalar
from trafficguard.sources.tree import Tree, Value
from trafficguard.values import Steps, shown

LARGEST_FILE: Final = 256 * 1024
"""Bytes; a file of this size takes seconds to read already, and thousands of sites fit in."""
MOST_VALUES: Final = 20_000
DEEPEST: Final = 24

_TAG: Final = "tag:yaml.org,2002:"
_GROUP_TAGS: Final = frozenset((f"{_TAG}map", f"{_TAG}seq"))
_PLAIN_TAGS: Final = {
    f"{_TAG}int": "a whole number",
    f"{_TAG}float": "a number",
    f"{_TAG}bool": "true or false",
    f"{_TAG}null": "nothing",
}
# Dates and merge keys mean nothing here: they are read as the text they are written in.
_TEXT_TAGS: Final = frozenset((f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}merge", f"{_TAG}value"))


def read_document(file: Path, tree: Tree) -> list[Complaint]:
    """Fills `tree` from `file`; what is wrong with the file. An unreadable file leaves `tree` empty."""
    top = Place(str(file))
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        return [_unreadable(top, error)]
    if len(data) > LARGEST_FILE:
        message = f"the file is larger than {LARGEST_FILE // 1024} KiB"
        return [Complaint(top, message, "name a configuration file")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        return [Complaint(Place(str(file), line, column), "the text is not UTF-8", "save the file as UTF-8")]
    return read_text(text, str(file), tree)


def read_text(text: str, source: str, tree: Tree) -> list[Complaint]:
    """Fills `tree` from YAML `text` that stands in `source`; what is wrong with it."""
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        root = yaml.compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        return [_not_yaml(error, text, source)]
    if root is None:
        remedy = "write settings into it or do without --config"
        return [Complaint(Place(source), "the file is empty", remedy)]
    if not isinstance(root, MappingNode):
        remedy = "write lines of the form `name: value`, such as `workers: 2`"
        return [Complaint(_start(root, source), f"expected settings, found {_kind(root)}", remedy)]
    tree.text = text
    reading = _Reading(source, tree)
    values = reading.value(root, ())
    if isinstance(values, dict) and reading.left > 0:
        tree.values = values
    return reading.complaints


class _Reading:
    """One walk from the YAML nodes of a file to plain values."""

    def __init__(self, source: str, tree: Tree) -> None:
        self._source = source
        self._tree = tree
        self._constructor = SafeConstructor(loader=YAML(typ="safe", pure=True))
        self.complaints: list[Complaint] = []
        self.left = MOST_VALUES
        """Values that may still be read; every visit of an alias counts."""

    def value(self, node: Node, steps: Steps) -> Value:
        """The value of `node`, which stands at `steps` of the tree."""
        self._tree.places[steps] = _start(node, self._source)
        if self.left <= 0:
            return None
        self.left -= 1
        if self.left == 0 or len(steps) > DEEPEST:
            remedy = "check for an alias (*name) that contains itself or repeats itself many times"
            self._complain(node, "the settings are nested too deeply or too many", remedy)
            self.left = 0
            return None
        if not isinstance(node, ScalarNode) and str(node.tag) not in _GROUP_TAGS:
            self._complain_of_tag(node)
        if isinstance(node, MappingNode):
            return self._group(node, steps)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*steps, index)) for index, item in enumerate(node.value)]
        style = getattr(node, "style", None) or ""
        self._tree.scalars[steps] = Scalar(node.start_mark.index, node.end_mark.index, style)
        return self._scalar(node, str(node.tag), str(node.value))

    def _group(self, node: MappingNode, steps: Steps) -> dict[str, Value]:
        group: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in group:
                first = self._tree.key_places[*steps, key]
                remedy = f"keep one of them; the other is in line {first.line}"
                self._complain(key_node, f"'{key}' is there twice", remedy)
                continue
            self._tree.key_places[*steps, key] = _start(key_node, self._source)
            group[key] = self.value(value_node, (*steps, key))
            if value_node.value == "" and group[key] is None:
                # YAML places a value that was left out at the next thing it reads.
                self._tree.places[*steps, key] = _start(key_node, self._source)
        return group

    def _key(self, node: Node) -> str | None:
        if isinstance(node, ScalarNode):
            return str(node.value)
        self._complain(node, f"expected the name of a setting, found {_kind(node)}", "write `name: value`")
        return None

    def _scalar(self, node: Node, tag: str, text: str) -> Value:
        if tag in _TEXT_TAGS:
            return text
        if tag not in _PLAIN_TAGS:
            self._complain_of_tag(node)
            return text
        try:
            value: Value = self._constructor.construct_object(node)
        except (ConstructorError, ValueError, KeyError, IndexError):
            message = f"{shown(text)} cannot be read as {_PLAIN_TAGS[tag]}"
            self._complain(node, message, "put text into quotes")
            return text
        return value

    def _complain_of_tag(self, node: Node) -> None:
        tag = str(node.tag).replace(_TAG, "!!")
        self._complain(node, f"the tag {shown(tag)} is not understood", "write the value without a ! tag")

    def _complain(self, node: Node, message: str, remedy: str) -> None:
        self.complaints.append(Complaint(_start(node, self._source), message, remedy))


def _start(node: Node, source: str) -> Place:
    return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a group of settings"
    return "a list" if isinstance(node, SequenceNode) else "a single value"


def _unreadable(place: Place, error: OSError) -> Complaint:
    if isinstance(error, FileNotFoundError):
        remedy = "check the path given with --config or TRAFFICGUARD_CONFIG"
        return Complaint(place, "there is no such file", remedy)
    if isinstance(error, IsADirectoryError):
        remedy = f"name a file in it: {place.source.rstrip('/')}/trafficguard.yaml"
        return Complaint(place, "this is a directory", remedy)
    if isinstance(error, PermissionError):
        remedy = f"allow the user with id {os.geteuid()}, who runs this, to read it"
        return Complaint(place, "the file may not be read", remedy)
    reason = os.strerror(error.errno or errno.EIO).lower()
    return Complaint(place, f"the file cannot be read: {reason}", "check the path and the file system")


def _not_yaml(error: Exception, text: str, source: str) -> Complaint:
    """A syntax error in the words of the YAML reader, which name what was expected, with a place of ours."""
    place = Place(source)
    problem = "brackets or lists are nested too deeply" if isinstance(error, RecursionError) else str(error)
    remedy = "check indentation, quotes and brackets at this place and just above it"
    if isinstance(error, ReaderError):
        before = text[: error.position]
        place = Place(source, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        problem, remedy = "there is a control character in the text", "remove it; indent with spaces"
    elif isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark is not None else place
        start = error.context_mark
        since = f" (from line {start.line + 1})" if start is not None and error.context else ""
        problem = f"{error.context or ''}{since}, {error.problem or ''}".strip(", ")
    return Complaint(place, f"not valid YAML: {problem}", remedy)
