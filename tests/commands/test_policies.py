"""`trafficguard check`, `diff`, `schema` and `completion` of policies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trafficguard.cli import main

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
BAD = ROOT / "tests" / "corpus" / "bad"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for name in [name for name in os.environ if name.startswith("TRAFFICGUARD_")]:
        monkeypatch.delenv(name)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_check_says_what_a_policy_does() -> None:
    result = run("check", CONFIG / "balanced.yaml")
    assert result.exit_code == 0
    assert "Policy balanced, mode enforce:" in result.stdout
    assert "The policy can be used." in result.stdout
    assert "declared-bots" in result.stdout


def test_policies_that_come_with_the_program_go_by_their_names() -> None:
    result = run("check", "strict", "--explain-rule", "libraries")
    assert (result.exit_code, "block with 403" in result.stdout) == (0, True)
    assert "policy: name was balanced, is monitor" in run("diff", "balanced", "monitor").stdout


def test_check_of_settings_checks_the_policy_that_they_name(tmp_path: Path) -> None:
    settings, policy = tmp_path / "settings.yaml", tmp_path / "own.yaml"
    settings.write_text("workers: 0\npolicy: own.yaml\nsites: [{upstreams: [{servers: ['http://a']}]}]\n")
    policy.write_text("rules: [{name: a, when: pth == '/', action: block}]\n")
    result = run("check", settings)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{settings}:1:10: workers: 0 is too small" in result.stderr
    assert f"{policy}:1:25: " in result.stderr
    assert "2 things are wrong" in result.stderr


def test_check_of_settings_says_which_policy_is_in_force(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("policy: strict\nsites: [{upstreams: [{servers: ['http://a']}]}]\n")
    assert "Policy strict: mode enforce, rules: 2, thresholds: 5." in run("check", settings).stdout


def test_check_of_a_file_of_settings_shows_settings() -> None:
    result = run("check", CONFIG / "trafficguard.yaml")
    assert result.exit_code == 0
    assert "The settings can be used" in result.stdout


def test_check_tells_all_mistakes_at_once_with_their_places() -> None:
    file = BAD / "several_at_once.yaml"
    result = run("check", file)
    assert (result.exit_code, result.stdout) == (2, "")
    for place in ("1:7", "4:11", "8:13"):
        assert f"{file}:{place}: " in result.stderr


def test_a_policy_whose_names_are_all_misspelt_is_taken_for_a_policy() -> None:
    result = run("check", BAD / "unknown_setting.yaml")
    assert result.exit_code == 2
    assert "did you mean 'thresholds'?" in result.stderr


def test_every_bad_policy_ends_check_with_code_2() -> None:
    for file in BAD.glob("inert_*.yaml"):
        assert run("check", file).exit_code == 2, file


def test_check_explains_one_rule() -> None:
    result = run("check", CONFIG / "strict.yaml", "--explain-rule", "libraries")
    assert result.exit_code == 0
    assert "case 3" in result.stdout
    assert "block with 403" in result.stdout


def test_check_of_a_rule_that_is_not_there_names_a_close_one() -> None:
    result = run("check", CONFIG / "strict.yaml", "--explain-rule", "library")
    assert result.exit_code == 2
    assert "did you mean libraries?" in result.stderr


def test_check_against_settings_knows_their_sites(tmp_path: Path) -> None:
    policy, settings = tmp_path / "policy.yaml", tmp_path / "settings.yaml"
    policy.write_text("sites: {shop.exampel: {mode: shadow}}\n")
    settings.write_text("sites: [{hosts: [shop.example], upstreams: [{servers: ['http://a']}]}]\n")
    assert run("check", policy).exit_code == 0
    result = run("check", policy, "--config", settings)
    assert result.exit_code == 2
    assert f"{policy}:1:9: no site has the first host 'shop.exampel'" in result.stderr


def test_explaining_a_rule_needs_a_policy() -> None:
    assert "needs the FILE of a policy" in run("check", "--explain-rule", "a").stderr


def test_diff_says_what_changes() -> None:
    result = run("diff", CONFIG / "balanced.yaml", CONFIG / "monitor.yaml")
    assert result.exit_code == 0
    assert result.stdout == "policy: name was balanced, is monitor\npolicy: mode was enforce, is shadow\n"
    same = run("diff", CONFIG / "strict.yaml", CONFIG / "strict.yaml")
    assert (same.exit_code, same.stdout) == (0, "nothing changes: both decide the same\n")


def test_diff_tells_the_mistakes_of_both_files() -> None:
    first, second = BAD / "inert_false.yaml", BAD / "cel_null.yaml"
    result = run("diff", first, second)
    assert result.exit_code == 2
    assert f"{first}:3:11: " in result.stderr
    assert f"{second}:3:19: " in result.stderr


def test_schema_prints_what_the_repository_holds() -> None:
    assert run("schema").stdout == (CONFIG / "policy.schema.json").read_text()


@pytest.mark.parametrize(("shell", "sign"), [("bash", "complete -"), ("zsh", "#compdef trafficguard"), ("fish", "--arguments")])
def test_completion_is_what_the_shell_reads(shell: str, sign: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert sign in result.stdout
    assert "_TRAFFICGUARD_COMPLETE" in result.stdout


def test_the_program_answers_what_a_shell_asks_of_it() -> None:
    asked = {"_TRAFFICGUARD_COMPLETE": "bash_complete", "COMP_WORDS": "trafficguard che", "COMP_CWORD": "1"}
    result = CliRunner().invoke(main, [], prog_name="trafficguard", env=asked)
    assert result.stdout == "plain,check\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_the_words_that_it_takes(shell: str) -> None:
    def completed(words: str) -> str:
        # Fish tells what the last word begins with, the others where it is.
        at = "" if shell == "fish" else str(len(words.split()))
        asked = {"_TRAFFICGUARD_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": at}
        return CliRunner().invoke(main, [], prog_name="trafficguard", env=asked).stdout

    offered = completed("trafficguard ")
    assert [name for name in main.commands if name not in offered] == []
    modes = completed("trafficguard mode ")
    assert all(word in modes for word in ("off", "shadow", "enforce", "configured"))


@pytest.mark.parametrize("command", ["diff", "import", "schema", "completion"])
def test_every_help_ends_with_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"trafficguard {command}" in result.output.split("Example")[-1]
