"""Where each letter of a YAML text stands in its file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.errors import Place
from trafficguard.sources.document import read_text
from trafficguard.sources.tree import Tree


def mark(text: str, letter: str) -> tuple[int | None, int | None]:
    """Line and column where `letter` of the value of `when` is found to stand."""
    tree = Tree(Place("x"))
    assert read_text(text, "x", tree) == []
    value = tree.values["when"]
    assert isinstance(value, str)
    place = tree.place_in(("when",), value.index(letter))
    return place.line, place.column


@pytest.mark.parametrize(
    "text",
    [
        "when: path == Z",
        "when:   'it''s == Z'",
        'when: "a \\"b\\" \\x41\\u00e9\\n == Z"',
        "when: a ==\n  b ==\n    Z",
        "when: 'a ==\n\n  b == Z'",
        'when: "a == \\\n  b == Z"',
        "when: >\n  a ==\n  b == Z\n",
        "when: >-   # folded\n  a ==\n\n  b ==\n  Z\n",
        "when: |\n  a ==\n    b == Z\n",
        "x: {y: 1}\nwhen: 'Z' # a\n",
        "when: é == Z",
    ],
)
def test_a_letter_is_found_where_it_was_typed(text: str) -> None:
    lines = text.split("\n")
    expected = next((n, line.index("Z") + 1) for n, line in enumerate(lines, 1) if "Z" in line)
    assert mark(text, "Z") == expected


@given(st.text(st.sampled_from("ab'\"\\ \n#:"), min_size=1, max_size=12))
def test_a_place_is_given_for_every_letter_of_whatever_is_written(body: str) -> None:
    for text in (f"when: '{body}Z'", f'when: "{body}Z"', f"when: >\n  {body}Z", f"when: |\n  {body}Z"):
        tree = Tree(Place("x"))
        if read_text(text, "x", tree) or not isinstance(tree.values.get("when"), str):
            continue
        value = str(tree.values["when"])
        for at in range(len(value) + 2):
            place = tree.place_in(("when",), at)
            assert place.line is not None and 1 <= place.line <= text.count("\n") + 1
