"""Conditions: what they mean, and what is said of mistakes in them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.policy import naive
from tests.policy.naive import State
from trafficguard.policy.engine import plain_facts
from trafficguard.policy.facts import FIELDS
from trafficguard.policy.reading import DEEPEST, LONGEST, Listed, read_condition
from trafficguard.values import parse_network

LISTS = {
    "office": Listed("networks", networks=frozenset((parse_network("192.0.2.0/24"),))),
    "hooks": Listed("texts", texts=frozenset(("/hook",))),
}
FACTS = plain_facts(
    address="192.0.2.9", path="/a/b", labels=("ua.library", "route.item"), route="item", method="POST",
    headers={"user-agent": "Bot/1.0", "x-count": "7"}, score=60.0, evidence=5.0,
)  # fmt: skip


def holds(text: str) -> bool:
    node, flaws = read_condition(text, LISTS)
    assert node is not None, flaws
    return bool(naive.value_of(node, State(FACTS)))


@pytest.mark.parametrize(
    "text",
    [
        'path == "/a/b"',
        '"/a/b" == path',
        "path == '/a/b'",
        'path == r"/a/b"',
        r'path == "\x2fa\u002fb"',
        'path != "/a"',
        'path in ["/", "/a/b"]',
        'path.startsWith("/a") && path.endsWith("b") && path.contains("a/")',
        'path.matches("^/[a-c]/")',
        'headers["User-Agent"].lowerAscii() == "bot/1.0"',
        'headers["x-none"] == ""',
        '!("x-none" in headers) && "X-Count" in headers',
        '!has(headers["x-none"]) && has(headers["x-count"])',
        'int(headers["x-count"]) > 6.5',
        'double(headers["x-count"]) == 7.0',
        '"ua.library" in labels',
        "size(labels) == 2 && labels.size() == 2 && size(path) == 4",
        'address in list("office")',
        'address in ["10.0.0.0/8", "192.0.2.9"]',
        'address == "192.0.2.9"',
        'path in list("hooks") || network == "192.0.2.0/24"',
        "score > 50 && score >= 60 && score < 61 && score <= 60",
        "50 < score",
        "score > -1",
        "-score < 0",
        "(score + 20 - 10) * 2 / 10 == 14",
        'route == "item" ? score > 50 : false',
        "true || 1 / (score - 60) > 0",
        "secure == true && account.known == false",
        'time.weekday in ["mon", "tue"]',
        "load.host < 1 && load.origins_up == 1",
        "score == 0x3c",
        'path\n  == "/a/b" // as the shop has it\n',
    ],
)
def test_a_condition_means_what_cel_says(text: str) -> None:
    assert holds(text)
    assert not holds(f"!({text.split('//')[0] if text.endswith(chr(10)) else text})")


@pytest.mark.parametrize(
    ("text", "at", "message", "remedy"),
    [
        ("", 0, "is empty", "`true`"),
        ("path", 0, "must be true or false, this is text", "compare it"),
        ("scor > 1", 0, "no field 'scor'", "did you mean 'score'?"),
        ("secure && user_agent == 1", 10, "no field 'user_agent'", "known here"),
        ("load > 1", 0, "no field 'load'", "load.host"),
        ("headers.user_agent == 'x'", 0, "headers have no fields", 'headers["user-agent"]'),
        ('path = "/"', 5, "'=' is no operator", "=="),
        ('secure and path == "/"', 7, "'and' is no operator", "&&"),
        ('path == "/', 8, "cannot read on", "quotes"),
        ("score >", 7, "breaks off", ""),
        ("(score > 1", 10, "breaks off", "brackets"),
        ('score > "50"', 8, "only numbers have an order", "=="),
        ("path == 1", 8, "cannot compare text and a number", "quotes"),
        ("labels == 'x'", 10, "cannot compare a set of labels and text", "in labels"),
        ("path in []", 8, "the list is empty", ""),
        ("path in ['/a', 1]", 15, "this is a number, looked for is text", ""),
        ("path in ['/a', '/a']", 15, "'/a' is there twice", ""),
        ("path in ['a']", 9, "path is never 'a'", "slash"),
        ("method == 'get'", 10, "method is never 'get'", "capitals"),
        ("host == 'Shop.example'", 8, "host is never", "lower case"),
        ("route == 'product'", 9, "route is never 'product'", "write one of"),
        ("time.weekday == 'monday'", 16, "never 'monday'", "did you mean 'mon'?"),
        ("network == '10.0.0.0/8'", 11, "network is never", "/24 or a /48"),
        ("address in ['10.0.0.0/33']", 12, "10.0.0.0/33", ""),
        ("address.startsWith('10.')", 0, "startsWith() is for text", "in list"),
        ("address in list('offices')", 16, "no list 'offices'", "did you mean 'office'?"),
        ("path in list('office')", 0, "holds networks, looked for is text", "address"),
        ("list('office') == 1", 0, "a list stands behind `in`", ""),
        ("path.matches('(?=x)')", 13, "RE2 refuses the pattern", "look-around"),
        ("path.startswith('/')", 5, "no function 'startswith'", "did you mean 'startsWith'?"),
        ("path.startsWith('cart')", 16, "path never starts with 'cart'", '"/cart"'),
        ("path.contains('')", 14, "every text has an empty text in it", ""),
        ("path.contains(host)", 14, "must be a constant", ""),
        ("path.contains('a', 'b')", 5, "takes one argument, 2 are given", ""),
        ("lower(path) == 'a'", 0, "no function 'lower'", "lowerAscii"),
        ("int(score) > 1", 4, "expected text, found a number", ""),
        ("size(score) > 1", 5, "counts letters or labels", ""),
        ("has(path)", 4, "has() asks for a header", ""),
        ("secure ? 1 : 'a'", 13, "must be of one kind", ""),
        ("score / 0 > 1", 8, "divides by zero", ""),
        ("score % 2 == 1", 0, "no remainder", ""),
        ("path + 'x' == '/x'", 0, "expected a number, found text", ""),
        ("'Bad Label' in labels", 0, "is not a label", ""),
        ("'a b' in headers", 0, "is not a header's name", ""),
        ("path == null", 8, "null cannot be used here", ""),
        ("score == 1u", 9, "an unsigned number cannot be used here", ""),
        ("{'a': 1} == 1", 0, "a map cannot be used here", ""),
        ("[1].exists(x, x > 0)", 0, "a list outside of `in` cannot be used here", ""),
        (r"path.matches('\d')", 14, "is no escape", "r"),
        (r"path == '\ud800'", 8, "half a letter", ""),
    ],
)
def test_a_mistake_is_told_at_its_letter_with_a_remedy(text: str, at: int, message: str, remedy: str) -> None:
    node, flaws = read_condition(text, LISTS)
    assert node is None
    told = [(one.at, one.message, one.remedy) for one in flaws]
    assert any(one[0] == at and message in one[1] and remedy in one[2] for one in told), told


def test_several_mistakes_are_told_together() -> None:
    _, flaws = read_condition("path in ['a', '/b'] && method == 'get' && secure", {})
    assert [one.at for one in flaws] == [33, 9] or [one.at for one in flaws] == [9, 33]


def test_a_condition_is_bounded_in_length_and_depth() -> None:
    assert "longer than" in read_condition("true" + " " * LONGEST, {})[1][0].message
    assert "nested too deeply" in read_condition("(" * (DEEPEST + 2) + "true" + ")" * (DEEPEST + 2), {})[1][0].message
    long_chain = " || ".join(f"score > {n}" for n in range(400))
    assert read_condition(long_chain, {})[0] is not None


PIECES = [*"abc\"'()[]&|!<>=.,?:%+-*/ \\\n1", *FIELDS, " in ", " == ", " && ", "matches", "list", "true", '"x"']


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example("a\\")
@example('"\\')
@example("'''")
@example('r"')
@example("\t")
@example("(" * 200)
@example("!" * 300)
@example("-" * 300 + "1")
@example("a." * 300 + "b")
@example("a" + "[1" * 200)
def test_whatever_the_text_it_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    node, flaws = read_condition(text, LISTS)
    assert (node is None) == bool(flaws)
    assert all(0 <= one.at <= len(text) and one.message for one in flaws)
