"""Random conditions, rules and facts out of small pools, so that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from trafficguard.policy.engine import network_of
from trafficguard.policy.facts import ROUTES, WEEKDAYS, Facts
from trafficguard.policy.networks import number_of
from trafficguard.scoring.score import score_of

WORDS = ("/a", "/ab", "/a/b", "/", "/B")
AGENTS = ("bot", "Bot/1.0", "Mozilla", "", "7", "é")
ADDRESSES = ("10.0.0.1", "10.1.2.3", "192.0.2.9", "2001:db8::1", "unix", "::ffff:10.0.0.1")
NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.0.2.0/24", "2001:db8::/32")
LABELS = ("ua.library", "bot.search", "ua.automation")
PATTERNS = ("^/a", "b$", "o[tT]", "(?i)bot", "^$", "[0-9]")
HEADERS = ("user-agent", "x-test")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def one_of(pool: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(pool)


paths = one_of(WORDS)
headers = one_of(HEADERS).map(lambda name: f"headers[{quoted(name)}]")
texts = st.one_of(st.just("path"), headers, headers.map(lambda text: f"{text}.lowerAscii()"), st.just("host"))
numbers = st.one_of(
    st.sampled_from(("score", "time.hour", "load.host", "size(path)", "size(labels)")),
    headers.map(lambda text: f"int({text})"),
    st.integers(-2, 101).map(str),
    st.just("60 / (time.hour - 3)"),
)
tests = ("startsWith", "endsWith", "contains")
atoms = st.one_of(
    st.builds(lambda p: f"path == {quoted(p)}", paths),
    st.builds(lambda ps: f"path in [{', '.join(map(quoted, ps))}]", st.sets(paths, min_size=1).map(sorted)),
    st.builds(lambda p, t: f"path.{t}({quoted(p)})", paths, st.sampled_from(tests)),
    st.builds(lambda t, p, f: f"{t}.{f}({quoted(p)})", headers, one_of(("bot", "B", "7")), st.sampled_from(tests)),
    st.builds(lambda t, p: f"{t}.matches({quoted(p)})", texts, one_of(PATTERNS)),
    st.builds(lambda t, v: f"{t} == {quoted(v)}", headers, one_of(AGENTS)),
    st.builds(lambda t, v: f"{t} != {quoted(v)}", headers, one_of(AGENTS)),
    st.builds(lambda ns: f"address in [{', '.join(map(quoted, ns))}]", st.sets(one_of(NETWORKS), min_size=1).map(sorted)),
    st.builds(lambda name: f"{quoted(name)} in headers", one_of(HEADERS)),
    st.builds(lambda label: f"{quoted(label)} in labels", one_of(LABELS)),
    st.builds(lambda a, o, b: f"{a} {o} {b}", numbers, st.sampled_from(("<", "<=", ">", ">=")), numbers),
    st.builds(lambda r: f"route == {quoted(r)}", one_of(ROUTES[:3])),
    st.sampled_from(("secure", "account.known", "true", "false", "time.weekday in [\"sat\", \"sun\"]", "path == host")),
)  # fmt: skip
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a}) && ({b})", inner, inner),
        st.builds(lambda a, b: f"({a}) || ({b})", inner, inner),
        st.builds(lambda a: f"!({a})", inner),
        st.builds(lambda a, b, c: f"({a}) ? ({b}) : ({c})", inner, inner, inner),
    ),
    max_leaves=5,
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    evidence = draw(st.sampled_from((0.0, 2.0, 4.55, 7.0, 16.0)))
    agent = draw(one_of(AGENTS))
    address = draw(one_of(ADDRESSES))
    present: dict[str, str] = {"user-agent": agent} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        present["x-test"] = draw(one_of(AGENTS))
    return Facts(
        score_of(evidence), evidence, frozenset(draw(st.sets(one_of(LABELS)))), draw(one_of(ROUTES[:3])), "GET",
        draw(paths), "", present, address, number_of(address), network_of(address), draw(one_of(("/a", "shop"))),
        "shop", draw(st.booleans()), "", "", draw(st.booleans()), False, False, draw(st.integers(0, 5)),
        draw(one_of(WEEKDAYS)), draw(st.sampled_from((0.0, 0.5, 2.0))), 0.0, 0.0, 1.0,
    )  # fmt: skip


@st.composite
def rule_lists(draw: st.DrawFn, most: int = 8) -> list[dict[str, Any]]:
    rules = []
    for index in range(draw(st.integers(1, most))):
        rule: dict[str, Any] = {"name": f"r{index}", "when": draw(conditions)}
        if draw(st.booleans()):
            rule["action"] = draw(st.sampled_from(("pass", "block", "challenge", "throttle")))
        else:
            rule["weigh"] = draw(st.sampled_from((2, 5)))
        if draw(st.integers(0, 3)) == 0:
            rule["label"] = draw(one_of(LABELS))
        rule["mode"] = draw(st.sampled_from(("enforce", "enforce", "enforce", "shadow")))
        rules.append(rule)
    return rules
