"""Policy files and their lists: what is read, and where every mistake is said to stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trafficguard.errors import Complaint
from trafficguard.policy.engine import plain_facts
from trafficguard.sources.policy_file import read_policy, read_policy_text

CORPUS = Path(__file__).parents[1] / "corpus"
BAD = sorted((CORPUS / "bad").glob("*.yaml"))
GOOD = sorted((CORPUS / "good").glob("*.yaml"))


def expectations(file: Path) -> list[str]:
    """What lines `# expect [FILE:]LINE:COLUMN message => remedy` say; `-` for a place without line."""
    return re.findall(r"(?m)^# expect (.*)$", file.read_text())


def told(complaint: Complaint, file: Path) -> str:
    place = "-" if complaint.place.line is None else f"{complaint.place.line}:{complaint.place.column}"
    source = complaint.place.source
    beside = "" if source == str(file) else f"{Path(source).relative_to(file.parent)}:"
    return f"{beside}{place} {complaint.message} => {complaint.remedy}".replace(f"{file.parent}/", "")


def test_there_are_a_hundred_bad_policies() -> None:
    assert len(BAD) >= 100


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_policy_gives_exactly_the_complaints_it_names(file: Path) -> None:
    read, expected = read_policy(file), expectations(file)
    assert expected, "a bad policy names what it expects"
    assert read.policy is None
    assert [told(one, file) for one in read.complaints] == expected


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_policy_gives_none(file: Path) -> None:
    read = read_policy(file)
    assert read.complaints == []
    assert read.policy is not None
    read.policy.self_test()


def test_the_files_of_a_policy_are_those_of_its_lists_as_well(tmp_path: Path) -> None:
    (tmp_path / "office.txt").write_text("192.0.2.0/24\n")
    file = tmp_path / "policy.yaml"
    file.write_text(
        "lists: {office: {file: office.txt}}\n"
        "rules: [{name: a, when: 'address in list(\"office\")', action: block}]\n"
    )
    read = read_policy(file)
    assert read.files == (file, tmp_path / "office.txt")
    assert read.policy is not None
    facts = plain_facts(address="192.0.2.7")
    assert read.policy.decide(facts, read.policy.new_errors()).rule == "a"


def test_complaints_come_in_the_order_of_the_file() -> None:
    read = read_policy_text("rules:\n- {name: A, when: scor > 1}\n- {name: b, when: scor > 1, action: block}\nx: 1\n")
    places = [(one.place.line, one.place.column) for one in read.complaints]
    assert places == sorted(places)
    assert len(places) == 4


def test_a_file_of_a_list_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("lists: {a: {file: gone}}\nrules: [{name: a, when: 'address in list(\"a\")', action: block}]\n")
    [complaint] = read_policy(file).complaints
    assert complaint.message == "the list cannot be read: no such file or directory"
