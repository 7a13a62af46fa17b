"""What is wrong with settings, in words for people."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import BaseModel, ValidationError

from trafficguard.errors import Place
from trafficguard.settings import Settings
from trafficguard.sources.complaints import complaints_of, spelled
from trafficguard.sources.document import read_text
from trafficguard.sources.schema import scalar_settings
from trafficguard.sources.tree import Tree

IN_A_SITE = (
    "sites: ODD",
    "sites: [ODD]",
    "sites: [{hosts: ODD, upstreams: [{servers: [http://a]}]}]",
    "sites: [{hosts: [ODD], upstreams: [{servers: [http://a]}]}]",
    "sites: [{upstreams: ODD}]",
    "sites: [{upstreams: [ODD]}]",
    "sites: [{upstreams: [{path: ODD, servers: ODD}]}]",
    "sites: [{upstreams: [{servers: [ODD]}]}]",
    "sites: [{upstreams: [{servers: [http://a], health: ODD}]}]",
    "sites: [{upstreams: [{servers: [http://a], health: {path: ODD, interval: ODD, rise: ODD}}]}]",
    "sites: [{upstreams: [{servers: [http://a]}], bodies: ODD}]",
    "sites: [{upstreams: [{servers: [http://a]}], bodies: [{path: ODD, limit: ODD}]}]",
)
PLAIN = [": {".join(steps) + ": ODD" + "}" * (len(steps) - 1) for steps, _ in scalar_settings()]


@pytest.mark.parametrize(
    "odd",
    ["", "null", "[]", "{}", "true", "-1", "1.5", ".inf", "1e400", "word", "''", "[1]", "[null]", "{a: 1}"],
)
def test_every_odd_value_of_every_setting_is_either_taken_or_explained(odd: str) -> None:
    for text in (*PLAIN, *IN_A_SITE):
        tree = Tree(Place("text"))
        assert read_text(text.replace("ODD", odd), "text", tree) == []
        try:
            Settings.model_validate(tree.values)
        except ValidationError as failure:
            for complaint in complaints_of(failure, tree):
                assert complaint.remedy
                assert "cannot be used here" not in complaint.message, (text, odd)


def test_an_error_of_an_unforeseen_kind_is_said_plainly() -> None:
    class Odd(BaseModel):
        day: date

    with pytest.raises(ValidationError) as caught:
        Odd.model_validate({"day": "noon"})
    [complaint] = complaints_of(
        caught.value, Tree(Place("text", 3, 1), places={("day",): Place("text", 3, 6)})
    )
    assert str(complaint.place) == "text:3:6"
    assert complaint.message == "day: 'noon' cannot be used here"


def test_a_path_is_spelled_as_people_write_it() -> None:
    assert spelled(("sites", 0, "upstreams", 1, "servers")) == "sites[0].upstreams[1].servers"
