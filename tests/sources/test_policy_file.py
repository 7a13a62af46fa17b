"""Policy files and their lists: what is read, and where every mistake is said to stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from trafficguard.policy.engine import plain_facts
from trafficguard.sources.policy_file import read_policy, read_policy_text

CORPUS = Path(__file__).parents[1] / "corpus"
BAD = sorted((CORPUS / "bad").glob("*.yaml"))
GOOD = sorted((CORPUS / "good").glob("*.yaml"))


class Expected(NamedTuple):
    """A line `# expect LINE:COLUMN message => remedy` of a bad policy."""

    place: str
    message: str
    remedy: str


def expectations(file: Path) -> list[Expected]:
    return [Expected(*found) for found in re.findall(r"(?m)^# expect (\S+) (.*?) => (.*)$", file.read_text())]


def test_there_are_a_hundred_bad_policies() -> None:
    assert len(BAD) >= 100


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_policy_gives_exactly_the_complaints_it_names(file: Path) -> None:
    read, expected = read_policy(file), expectations(file)
    assert expected, "a bad policy names what it expects"
    assert read.policy is None
    places = [f"{one.place.line}:{one.place.column}" for one in read.complaints]
    assert places == [one.place for one in expected], "\n".join(map(str, read.complaints))
    for complaint, one in zip(read.complaints, expected, strict=True):
        assert complaint.place.source == str(file)
        assert one.message in complaint.message
        assert one.remedy in complaint.remedy
