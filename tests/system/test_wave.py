"""The wave of the demo, as a newcomer sees it."""

from __future__ import annotations

import re
import signal

from tests.system.program import Program, free_port

_ROW = re.compile(r" *(people|loop|claimant|scraper|rotator|stuffer) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\S.*?) *")


def wave(*flags: str) -> Program:
    return Program("demo", "--wave", "--listen", f"127.0.0.1:{free_port()}", "--products", "300", *flags)


def figures(program: Program) -> dict[str, tuple[int, int, int, int, int, int, str]]:
    """By role: requests, passed, throttled, challenged, blocked, items, first action."""
    rows = [match.groups() for line in program.output if (match := _ROW.fullmatch(line))]
    return {name: (*map(int, numbers), first) for name, *numbers, first in rows}  # type: ignore[misc]


def test_it_ends_by_itself_with_figures_in_which_people_pass_and_crawlers_are_stopped() -> None:
    with wave("--seconds", "12") as program:
        assert program.wait(60) == 0
        assert program.processes() == []
        found = figures(program)
        assert list(found) == ["people", "loop", "claimant", "scraper", "rotator", "stuffer"]
        people = found["people"]
        assert people[0] == people[1] > 0, program.said()
        assert people[-1] == "never"
        assert found["loop"][:2] == (25, 0)
        assert found["claimant"][0] == found["claimant"][2] > 0
        assert found["scraper"][4] > 0, program.said()
        assert found["stuffer"][4] > 0, program.said()
        assert "requests of people was held up." in program.output[-1]
        lines = [line for line in program.output if re.match(r"\w+ +\d\d:\d\d:\d\d", line)]
        assert len(lines) < 12 * 12, "more than one can read"
        assert any(re.search(r"throttle .* held back \d", line) for line in lines)
        assert any(line.startswith("loop     gives up") for line in program.output)
        assert program.errors == []


def test_ctrl_c_ends_it_with_the_figures_so_far_and_nothing_is_left() -> None:
    with wave("--seconds", "600") as program:
        program.wait_for(lambda: any(line.startswith("loop ") and "block" in line for line in program.output), "the loop")
        program.send(signal.SIGINT)
        assert program.wait() == 0
        assert program.processes() == []
        found = figures(program)
        assert found["loop"][4] > 0
        assert found["people"][0] == found["people"][1]
        assert not any("gives up" in line for line in program.output)
        assert program.errors == []
