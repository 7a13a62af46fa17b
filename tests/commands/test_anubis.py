"""`trafficguard import anubis`: what becomes of a peer's policy, and what is told about the rest."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from trafficguard.cli import main
from trafficguard.commands.anubis import Converted, convert
from trafficguard.errors import ConfigError
from trafficguard.policy.engine import Policy, plain_facts
from trafficguard.scoring.score import score_of
from trafficguard.sources.policy_file import read_policy_text

SAMPLE = Path(__file__).parents[1] / "corpus" / "anubis" / "botPolicies.yaml"


@pytest.fixture(scope="module")
def sample() -> Converted:
    return convert(SAMPLE, None)


def policy_of(converted: Converted) -> Policy:
    read = read_policy_text(converted.text)
    assert read.complaints == []
    assert read.policy is not None
    return read.policy


def decided(policy: Policy, **facts: Any) -> tuple[str, str]:
    decision = policy.decide(plain_facts(**facts), policy.new_errors())
    return decision.action.word, decision.rule


def written(folder: Path, *bots: dict[str, Any], **more: Any) -> Path:
    file = folder / "botPolicies.yaml"
    with file.open("w") as stream:
        YAML(typ="safe", pure=True).dump({"bots": list(bots), **more}, stream)
    return file


def test_rules_decide_what_they_did(sample: Converted) -> None:
    policy = policy_of(sample)
    crawler = {"user-agent": "X/1 (+https://crawler.example/about)"}
    assert decided(policy, headers=crawler, address="192.0.2.9") == ("pass", "good-crawler")
    assert decided(policy, headers=crawler, address="192.0.3.9")[1] != "good-crawler"
    assert decided(policy, headers={"user-agent": "Grabber", "accept": "*/*"}) == ("block", "bad-crawler")
    assert decided(policy, headers={"user-agent": 'say "quoted"', "accept": "*/*"}) == ("block", "bad-crawler")
    assert decided(policy, path="/.git/config") == ("block", "hidden-files")
    assert decided(policy, headers={"cf-worker": "", "x-kind": "odd"}) == ("block", "workers")
    assert decided(policy, headers={"cf-worker": "", "x-kind": "even", "accept": "a"})[1] == "default"
    assert decided(policy, method="POST", path="/api/x", headers={"accept": "a"}) == ("pass", "api")
    assert decided(policy, headers={"user-agent": "Mozilla/5.0 (bot)"}, address="2001:db8::1") == ("pass", "irc")
    assert decided(policy, headers={"user-agent": "Mozilla", "accept": "a"}) == ("challenge", "generic")


def test_weights_reach_the_thresholds_that_they_reached(sample: Converted) -> None:
    policy = policy_of(sample)
    nothing = {"accept": "a"}
    for weight, action in ((0, "pass"), (1, "challenge"), (9, "challenge"), (20, "pass"), (29, "pass"), (30, "block")):
        facts = plain_facts(score=score_of(weight * 0.15), evidence=weight * 0.15, headers=nothing)
        assert policy.decide(facts, policy.new_errors()).action.word == action, weight
    lacking = policy.decide(plain_facts(headers={}), policy.new_errors())
    assert [(one.rule, one.nats) for one in lacking.weighed] == [("no-accept", 3.0)]


@pytest.mark.parametrize(
    "remark",
    [
        "import (data)/bots/own.yaml: left out: name the folder",
        "import tools.yaml: left out: it was imported before",
        "rule good-crawler: 'not a network' is not a network",
        "rule proved: left out: there is no function 'verifyFCrDNS'",
        "rule busy: left out: there is no field 'load_1m'",
        "rule countries: left out: geoip cannot be asked here",
        "rule debug: left out: there is no action DEBUG_BENCHMARK",
        "rule pattern: left out: RE2 refuses the pattern",
        "rule bad-crawler-2: left out: the rule 'bad-crawler-2' never fires",
        "rule looks-like-a-browser: left out: whoever copies",
        "threshold odd: left out: 'weight == 7' is no span",
        "dnsbl: not imported",
        "status_codes: a block answers with 403",
    ],
)
def test_what_cannot_be_expressed_is_told(sample: Converted, remark: str) -> None:
    assert [one for one in sample.remarks if one.startswith(remark)] != []


def test_nothing_else_is_told(sample: Converted) -> None:
    assert len(sample.remarks) == 13


def test_the_command_prints_the_policy_and_tells_the_rest_on_stderr(sample: Converted, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["import", "anubis", str(SAMPLE)])
    assert result.exit_code == 0
    assert result.stdout == sample.text
    assert result.stderr.splitlines() == [f"{SAMPLE}: {remark}" for remark in sample.remarks]
    file = tmp_path / "policy.yaml"
    file.write_text(result.stdout)
    assert CliRunner().invoke(main, ["check", str(file)]).exit_code == 0


@pytest.mark.parametrize("text", ["", "a: 1", "bots: 7", "bots: [", "\x00", "- 1"])
def test_a_file_that_is_no_policy_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        convert(file, None)
    assert CliRunner().invoke(main, ["import", "anubis", str(file)]).exit_code == 2


@pytest.mark.parametrize(
    "bot",
    [
        {"name": 7, "action": "DENY", "user_agent_regex": 8},
        {"action": "DENY"},
        {"name": "a", "action": "WEIGH", "path_regex": "x", "weight": {"adjust": "lots"}},
        {"name": "a", "action": "DENY", "expression": {"none": ["true"]}},
        {"name": "a", "action": "DENY", "expression": "'"},
        {"name": "a", "action": "DENY", "expression": {"any": []}},
        {"name": "Ä ö", "action": "DENY", "path_regex": "\\"},
        {"name": "a", "action": "DENY", "remote_addresses": ["x"]},
        {"import": "."},
        {"import": "../../nowhere.yaml"},
        {"name": "a", "action": "WEIGH", "path_regex": "x", "weight": {"adjust": 1000}},
    ],
)
def test_whatever_stands_in_a_rule_the_rest_can_be_used(bot: dict[str, Any], tmp_path: Path) -> None:
    good = {"name": "good", "action": "DENY", "path_regex": "^/x"}
    policy = policy_of(convert(written(tmp_path, bot, good), None))
    assert "good" in [rule.name for rule in policy.file.rules]


def test_the_rules_of_the_peer_itself_can_be_imported(shared_data: Path, tmp_path: Path) -> None:
    """All of its published rules, laid out as its own data folder; addresses are not among the data, so they are made up."""
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, rule in enumerate(json.loads((shared_data / "anubis" / "policy_rules.json").read_text())):
        bot = {name: value for name, value in rule.items() if value is not None and name not in ("file", "remote_addresses")}
        if rule["remote_addresses"]:
            bot["remote_addresses"] = [f"10.{number}.0.0/16"]
        files[rule["file"]].append(bot)
    data = tmp_path / "data"
    for name, bots in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        with (data / name).open("w") as stream:
            YAML(typ="safe", pure=True).dump(bots, stream)
    top = written(tmp_path, *({"import": f"(data)/{name}"} for name in files))
    converted = convert(top, data)
    policy = policy_of(converted)
    total = sum(map(len, files.values()))
    left_out = [remark for remark in converted.remarks if remark.startswith("rule ")]
    assert len(policy.file.rules) + len(left_out) == total
    assert len(policy.file.rules) > 0.6 * total


def test_the_policy_of_the_peer_itself_passes_check(shared_data: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["import", "anubis", str(shared_data / "anubis" / "botPolicies.yaml")])
    assert result.exit_code == 0
    file = tmp_path / "policy.yaml"
    file.write_text(result.stdout)
    assert CliRunner().invoke(main, ["check", str(file)]).exit_code == 0
    assert "geoip cannot be asked here" in result.stderr
