"""What the README shows can be used as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from trafficguard.actions import WORDS
from trafficguard.cli import main
from trafficguard.policy.engine import plain_facts
from trafficguard.sources.policy_file import read_policy_text

README = (Path(__file__).parents[1] / "README.md").read_text()
STEERING = README.split("### Steering it")[1].split("\n### ")[0]
POLICY = STEERING.split("```yaml\n")[1].split("```")[0]
COMMANDS = sorted(set(re.findall(r"trafficguard ([a-z]+)", re.sub(r"python -m \S+|docker .*|\w+: trafficguard", "", README))))


def test_the_policy_it_shows_decides_as_it_says() -> None:
    read = read_policy_text(POLICY, "README.md")
    assert read.complaints == []
    assert read.policy is not None
    read.policy.self_test()
    partner = plain_facts(score=99.0, evidence=10.0, route="api", address="203.0.113.5")
    assert read.policy.decide(partner, read.policy.new_errors()).rule == "partner-api"
    app = plain_facts(score=75.6, evidence=5.65, route="api", headers={"user-agent": "ShopApp/3 okhttp/4"})
    assert read.policy.decide(app, read.policy.new_errors()).action.word == "throttle"
    scraper = plain_facts(route="item", labels=("ua.library",))
    decision = read.policy.decide(scraper, read.policy.new_errors())
    assert (decision.action.word, [noted.rule for noted in decision.shadow]) == ("pass", ["price-scrapers"])


def test_its_table_has_every_action() -> None:
    assert [word for word in WORDS if f"| `{word}` |" not in STEERING] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_it_names_is_there(command: str) -> None:
    assert command in main.commands


def test_the_commands_of_the_night_are_understood() -> None:
    lines = [line for line in STEERING.splitlines() if re.match(r"trafficguard (status|mode|block|allow|forget)", line)]
    assert len(lines) == 5
    for line in lines:
        words = [text.strip('"') for text in re.findall(r'"[^"]*"|\S+', line.partition("#")[0])][1:]
        result = CliRunner().invoke(main, [*words, "--admin", "127.0.0.1:9"])
        assert "nothing listens at 127.0.0.1:9" in result.stderr, line
